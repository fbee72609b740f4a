"""Half a gigabyte of images through a few megabytes of memory."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import PIL.Image
import pytest

ROOT = Path(__file__).parent.parent
SIDE, COUNT = 128, 10_923  # images of 48 KiB each: 512 MiB
CODE = """
import sys
from pathlib import Path

from jaxgan.config.network import NetworkConfig
from jaxgan.config.schema import Config, DataConfig, SaveConfig, TrainConfig
from jaxgan.training.loop import train

def memory(what):
    status = Path("/proc/self/status").read_text()
    return int(status.split(what)[1].split()[0]) * 1024  # given in KiB

folder, workdir, epochs = sys.argv[1:]
config = Config(
    data=DataConfig("mine", "folder", folder, stream=4),
    network=NetworkConfig(latent_size=4, gen_widths=(4,), disc_widths=(4,)),
    train=TrainConfig(epochs=int(epochs), batch_size=64, logs_per_epoch=2),
    save=SaveConfig(samples_every=0),
)
before = memory("VmRSS:")
train(config, Path(workdir))
print(before, memory("VmHWM:"))
"""


def write_images(folder, count):
    """Images that are told apart and compress well, so that many of them are soon written."""
    folder.mkdir()
    rows = np.random.default_rng(0).integers(0, 256, (count, SIDE * 3), np.uint8)
    for i, row in enumerate(rows):
        image = PIL.Image.fromarray(np.tile(row.reshape(1, SIDE, 3), (SIDE, 1, 1)))
        image.save(folder / f"{i:06}.png", compress_level=1)
    return folder


def growth(folder, workdir, epochs):
    """Bytes by which the most memory that a run held is above what its imports take."""
    command = [sys.executable, "-c", CODE, str(folder), str(workdir), str(epochs)]
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    done = subprocess.run(command, capture_output=True, text=True, env=environment)
    assert done.returncode == 0, done.stderr
    before, most = map(int, done.stdout.split())
    return most - before


@pytest.mark.slow
def test_half_a_gigabyte_of_images_takes_no_more_memory_than_a_thirtieth_of_it(tmp_path):
    few = write_images(tmp_path / "few", COUNT // 30)
    many = write_images(tmp_path / "many", COUNT)
    small, large = growth(few, tmp_path / "a", 3), growth(many, tmp_path / "b", 1)
    assert large - small < 100 * 2**20, (small, large)
