"""The log of trials: its schema, writing, reading and export."""
