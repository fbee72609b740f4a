"""Trains a GAN, or works on a trained one: `python run.py --help`."""

import sys

try:
    from jaxgan.cli.entry import run
except KeyboardInterrupt:
    sys.exit(130)  # as after every Ctrl-C; from here on `run` sees to it

if __name__ == "__main__":
    sys.exit(run())
