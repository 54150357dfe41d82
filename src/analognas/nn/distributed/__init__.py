"""Analog layers in several processes: equal input ranges, sharded weights."""
