"""What happens on one tile: cutting, forward, converters, drift compensation, programmed chips."""
