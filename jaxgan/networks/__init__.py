"""Networks by name: from the config and the images' shape to the two Linen modules.

A generator is called as `gen(z, train, labels)` and returns images in [-1, 1] or thereabouts, or
points; a discriminator as `disc(images, train, labels)` and returns one
logit per image. Networks of no classes take no labels, others need them. What is not trained by
gradients lies in collections of variables besides `params`, which change where `train` is true.
"""

from jaxgan.networks.build import NETWORKS, Networks
from jaxgan.networks.resolution import ImageShape

__all__ = ["NETWORKS", "ImageShape", "Networks"]
