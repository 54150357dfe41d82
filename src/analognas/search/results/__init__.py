"""What a search found: winners, fronts, standings, and how they are printed."""
