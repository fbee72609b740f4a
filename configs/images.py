"""Your own images at 64x64 pixels, on a GPU: R3GAN's networks, R1 and R2, augmentations by ADA.

    python run.py --config configs/images.py --config.data.dir=FOLDER

FOLDER holds image files of any kind and size, in class folders or not; `python run.py prepare`
makes a large one quick to read. The networks and penalties are those of R3GAN for faces of 64x64
pixels (Huang et al. 2024, arXiv:2501.05441), with half the channels. ADA starts at a probability
that fits the number of images: none with 100,000, 0.5 with 1,000.

What you may want to change:
- Another `data.size` needs as many numbers in `stage_channels` and `cardinality` as the size can be
  halved down to 4: five for 64, four for 32.
- `network.conditional=True` lets you ask for a class, if the images are in class folders.
- `augment.policy` with `mirror` is for images whose mirror images are as good, unlike text.
- `train.images=2_000_000` makes a shorter run. The schedules are fractions of it, so a run cannot
  be made longer later.
- `start_from=RUN` begins with the networks of another run.

Time: not measured. The products of a step have 33.6 TFLOP (counted, not timed), so the 39,063 steps
take at least 219 min at 100 TFLOP/s. No seed has been trained and scored yet. Where a GPU has too
little memory, `network.remat=True` or a smaller batch takes less.
"""

from ml_collections import ConfigDict

from jaxgan.config.files import default_config


def get_config() -> ConfigDict:
    config = default_config()
    config.data.name = "images"
    config.data.size = 64
    config.loss = "relativistic"
    config.penalty.r1 = 2.0
    config.penalty.r2 = 2.0
    config.network.name = "r3gan"
    config.network.latent_size = 64
    config.network.stage_channels = (384, 384, 384, 384, 192)
    config.network.cardinality = (48, 48, 48, 48, 24)
    config.network.blocks = 2
    config.network.precision = "bfloat16"
    config.train.batch_size = 256
    config.train.images = 10_000_000
    config.train.interval_images = 100_000
    config.train.chunks_per_epoch = 10
    config.evaluate.every = 10
    config.augment.policy = ("translation", "brightness", "saturation", "contrast", "cutout")
    config.augment.target = 0.6
    config.augment.ample_images = 100_000
    config.ema.half_life = 500_000
    config.schedule.unit = "run"
    config.schedule.shape = "cosine"
    config.schedule.learning_rate = ((0, 1.0), (1, 0.25))
    config.schedule.b2 = ((0, 0.9), (1, 0.99))
    config.schedule.penalty = ((0, 1.0), (1, 0.1))
    config.schedule.ema = ((0, 0.0), (1, 1.0))
    for adam in (config.optimizer.gen, config.optimizer.disc):
        adam.learning_rate = 2e-4
        adam.b1 = 0.0
        adam.b2 = 0.9
    return config
