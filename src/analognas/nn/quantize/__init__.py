"""Integer layers for quantized networks, and quantization-aware training through them."""
