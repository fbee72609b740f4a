"""CIFAR-10 with labels, as published for R3GAN (Huang et al. 2024, arXiv:2501.05441); for a GPU.

    python run.py --config configs/cifar10.py                           # downloads CIFAR-10
    python run.py --config configs/cifar10.py --config.data.dir=FOLDER  # train/, test/ of classes

Networks, batch, rates, penalties, their schedules and the latents' length are those of the authors'
code for CIFAR-10, which goes on until it is stopped; this run ends after 200 million images, of
which the schedules take the first 20 million. Two things differ: the penalties are taken at images
with augmentations, and the augmentations are those of DiffAugment and not of ADA.

Time: not measured. The products of a step have 129 TFLOP (counted, not timed), so 200 million
images take at least 8,400 min (six days) at 100 TFLOP/s. No seed has been trained and scored here;
the published FID is 1.96. Where a GPU has too little memory, `network.remat=True` takes less.
"""

from ml_collections import ConfigDict

from jaxgan.config.files import default_config

SCHEDULED = 20_000_000  # images in which the schedules go from their first to their last value


def get_config() -> ConfigDict:
    config = default_config()
    config.data.name = "cifar10"
    config.loss = "relativistic"
    config.penalty.r1 = 0.05
    config.penalty.r2 = 0.05
    config.network.name = "r3gan"
    config.network.conditional = True
    config.network.latent_size = 64
    config.network.stage_channels = (768, 768, 768, 768)
    config.network.cardinality = (96, 96, 96, 96)
    config.network.blocks = 2
    config.network.precision = "bfloat16"
    config.train.batch_size = 512
    config.train.images = 200_000_000
    config.train.interval_images = 1_000_000
    config.train.chunks_per_epoch = 20
    config.save.every = 1
    config.evaluate.every = 5
    config.augment.policy = (
        "mirror",
        "translation",
        "brightness",
        "saturation",
        "contrast",
        "cutout",
    )
    config.ema.half_life = 5_000_000
    config.schedule.shape = "cosine"
    config.schedule.learning_rate = ((0, 1.0), (SCHEDULED, 0.25))
    config.schedule.b2 = ((0, 0.9), (SCHEDULED, 0.99))
    config.schedule.penalty = ((0, 1.0), (SCHEDULED, 0.1))
    config.schedule.augment = ((0, 0.0), (SCHEDULED, 0.55))
    config.schedule.ema = ((0, 0.0), (SCHEDULED, 1.0))
    for adam in (config.optimizer.gen, config.optimizer.disc):
        adam.learning_rate = 2e-4
        adam.b1 = 0.0
        adam.b2 = 0.9
    return config
