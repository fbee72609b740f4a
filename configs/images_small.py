"""Your own images at 32x32 pixels, on a CPU: InfoGAN's networks, R1 and R2, augmentations by ADA.

    python run.py --config configs/images_small.py --config.data.dir=FOLDER

FOLDER holds image files of any kind and size, in class folders or not. ADA starts at a probability
that fits the number of images: none with 100,000, 0.5 with 1,000. The penalties are computed in
every fourth step, so that a step takes 140 ms of an idle CPU core and not 204.

Time: 39 min 54 s on two idle CPU cores (seed 0), 67 min on one core beside a run on the other.

Results on 3,786 emoji (Twemoji, npm package emoji-datasource-twitter 16.0.0) at the last step, with
1,893 samples against as many training images: Fréchet distance 1.89, 2.13 and 2.23 (seeds 0 to 2)
in the features colour-9c49963b, where other real images have 0.26; coverage 0.58, 0.55 and 0.54.
configs/dcgan_small.py has 10.2 after 44 min of one core, and 9.08 at its best checkpoint.
"""

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
    config.train.images = 1_500_000
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
