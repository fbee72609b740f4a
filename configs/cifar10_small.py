"""draft"""

from ml_collections import ConfigDict

from configs import images_small


def get_config() -> ConfigDict:
    config = images_small.get_config()
    config.data.name = "cifar10"
    config.data.size = 0
    config.network.conditional = True
    config.train.images = 1_500_000
    config.augment.policy = ("mirror",)
    config.augment.target = 0.0
    config.augment.ample_images = 0
    return config
