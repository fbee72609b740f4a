"""Your own images at 32x32 pixels, on a CPU: InfoGAN's networks, R1 and R2, augmentations by ADA.

    python run.py --config configs/images_small.py --config.data.dir=FOLDER

FOLDER holds image files of any kind and size, in class folders or not. ADA starts at a probability
that fits the number of images: none with 100,000, 0.5 with 1,000. The penalties are computed in
every fourth step, so that a step takes 140 ms of an idle CPU core and not 204.

Time: 46 min on one CPU core beside a run on the other, with five evaluations in place of two. By
the steps of its first minute it takes 24 min on two idle cores.

Results on 3,786 emoji (Twemoji, npm package emoji-datasource-twitter 16.0.0) at the last step, with
1,893 samples against as many training images: Fréchet distance 1.51 and 1.82 (seeds 0 and 1) in the
features colour-a98262f8, where other real images have 0.15; coverage 0.52 and 0.51.
configs/dcgan_small.py has 6.68 and 0.23 after about the time of seed 0, and 5.39 and 0.28 at its
best checkpoint. Half the channels and penalties in every step gave three times the distance, 5.85
for 1.79 in the features of an earlier net.
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
