"""jaxgan: generative adversarial networks in JAX, reproducible to the bit."""

__version__ = "0.1.0"
