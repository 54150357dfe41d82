"""From any torch network to an analog one, and back."""
