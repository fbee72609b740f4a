"""The optax chain of one player."""

import optax

from jaxgan.config import AdamConfig


def adam(config: AdamConfig) -> optax.GradientTransformation:
    """Kingma & Ba 2015; epsilon is added outside the root, as in the paper and in PyTorch."""
    return optax.adam(config.learning_rate, config.b1, config.b2, config.eps)
