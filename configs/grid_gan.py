"""The classic GAN on the grid: 25 narrow Gaussians in the plane.

    python run.py --config configs/grid_gan.py

Time: 2 min on one CPU core that other work shared.

Result of seeds 0 to 9 at the last step, with 2,500 samples: 18 to 23 of the 25 modes (20.4 ± 1.7);
59.5 ± 11.2 % of the samples are within three standard deviations of a mode.
"""

from ml_collections import ConfigDict

from jaxgan.config.files import default_config


def get_config() -> ConfigDict:
    config = default_config()
    config.data.name = "grid"
    config.network.latent_size = 2
    config.network.gen_widths = (128, 128)
    config.network.disc_widths = (128, 128)
    config.train.epochs = 100
    config.train.batch_size = 512
    config.train.logs_per_epoch = 1
    config.save.samples_every = 10
    config.save.every = 10
    config.evaluate.every = 10
    config.evaluate.num_samples = 2500
    for adam in (config.optimizer.gen, config.optimizer.disc):
        adam.learning_rate = 1e-3
        adam.b1 = 0.5
    return config
