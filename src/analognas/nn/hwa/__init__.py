"""Hardware-aware training: weight noise, straight-through gradients, learned input ranges."""
