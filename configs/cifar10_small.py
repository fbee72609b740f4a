"""CIFAR-10 with labels on a CPU: the networks of configs/images_small.py.

    python run.py --config configs/cifar10_small.py                           # downloads CIFAR-10
    python run.py --config configs/cifar10_small.py --config.data.dir=FOLDER  # of train/, test/

Time: not measured. configs/images_small.py, which has as many steps of the same networks without
labels, took 46 min on one CPU core. No seed has been trained to the end and scored yet.
"""

from ml_collections import ConfigDict

from configs import images_small


def get_config() -> ConfigDict:
    config = images_small.get_config()
    config.data.name = "cifar10"
    config.data.size = 0
    config.network.conditional = True
    # 50,000 images are seen twenty times only, and their mirror images are as good.
    config.augment.policy = ("mirror",)
    config.augment.target = 0.0
    config.augment.ample_images = 0
    return config
