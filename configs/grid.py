"""DOC"""

from ml_collections import ConfigDict

from jaxgan.config import default_config


def get_config() -> ConfigDict:
    config = default_config()
    config.data.name = "grid"
    config.loss = "relativistic"
    config.penalty.r1 = 0.03
    config.penalty.r2 = 0.03
    config.network.latent_size = 2
    config.network.gen_widths = (64, 64, 64, 64, 64)
    config.network.disc_widths = (96, 96, 96)
    config.train.epochs = 40
    config.train.batch_size = 128
    config.train.logs_per_epoch = 1
    config.ema.half_life = 50_000
    config.schedule.shape = "cosine"
    config.schedule.learning_rate = ((1_500_000, 1.0), (3_900_000, 0.05))
    config.save.samples_every = 10
    config.save.every = 10
    config.evaluate.every = 10
    config.evaluate.num_samples = 2500
    for adam in (config.optimizer.gen, config.optimizer.disc):
        adam.learning_rate = 2e-3
        adam.b1 = 0.5
    return config
