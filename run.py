"""Trains a GAN, or works on a trained one: `python run.py --help`."""

import sys

from jaxgan.cli.main import main

if __name__ == "__main__":
    sys.exit(main())
