"""Trained generators in files that other programs use: jax.export, ONNX and safetensors."""
