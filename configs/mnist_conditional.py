"""Digits as asked for: configs/mnist_best.py, shorter, and both networks are told the class.

    python run.py --config configs/mnist_conditional.py

15 min 50 s on two CPU cores, from command to end (seed 0), and 27 min on one beside a run on the
other. Seeds 0 to 2, last step, 10,000 samples: 98.7 ± 0.3 % are in the class that was asked for (at
least 98.4), by the classifier of mnist-b7fa8003, which finds 99.8 % of real images in theirs;
Fréchet distance from the test images 0.308 ± 0.011, coverage 0.902 ± 0.008.

Six epochs, in which the learning rate fell to 0.1 of itself, came to 97.8 ± 0.4 % and 0.47 ± 0.05.
"""

from ml_collections import ConfigDict

from configs import mnist_best


def get_config() -> ConfigDict:
    config = mnist_best.get_config()
    config.network.conditional = True
    config.train.epochs = 10
    config.schedule.learning_rate = ((0, 1.0), (590_000, 0.35))
    config.evaluate.every = 2
    return config
