"""Networks by name: from a config and the images' shape to two Linen modules.

A generator is called as `gen(z, train, labels)` and returns images in about [-1, 1], or points. A
discriminator is called as `disc(images, train, labels)` and returns one logit per image. A network
without classes takes no labels; one with classes needs them. Everything that is not trained by
gradients lies in collections of variables besides `params`, which change if `train` is true.
"""

from jaxgan.networks.build import NETWORKS, Networks, network_pair
from jaxgan.networks.resolution import ImageShape
