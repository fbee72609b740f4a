"""draft"""

from ml_collections import ConfigDict

from jaxgan.config.files import default_config


def get_config() -> ConfigDict:
    config = default_config()
    config.data.name = "images"
    config.data.size = 32
    config.loss = "relativistic"
    config.penalty.r1 = 0.2
    config.penalty.r2 = 0.2
    config.penalty.every = 4
    config.network.name = "infogan"
    config.network.gen_widths = (512,)
    config.network.disc_widths = (256,)
    config.network.gen_channels = 32
    config.network.disc_channels = 32
    config.network.disc_norm = "none"
    config.train.images = 1_000_000
    config.train.chunks_per_epoch = 10
    config.evaluate.every = 10
    config.augment.ample_images = 100_000
    config.augment.policy = ("translation", "brightness", "saturation", "contrast", "cutout")
    config.augment.target = 0.6
    config.ema.half_life = 50_000
    config.schedule.unit = "run"
    config.schedule.ema = ((0, 0.0), (0.4, 1.0))
    config.schedule.shape = "cosine"
    config.schedule.learning_rate = ((0, 1.0), (1.0, 0.35))
    for adam in (config.optimizer.gen, config.optimizer.disc):
        adam.learning_rate = 5e-4
        adam.b1 = 0.0
        adam.b2 = 0.99
    return config
