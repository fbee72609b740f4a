"""Records the SHA-256 of the state after the first steps of every config, to compare later.

    python -m tests.bits record bits.json      # before a change
    python -m tests.bits compare bits.json     # after it: names every config whose bits differ

The figures hold for one machine and one set of versions, so none are in the repository.
"""

import argparse
import dataclasses
import hashlib
import json
import sys
import time
from pathlib import Path

import jax
import numpy as np

from jaxgan.config.files import load_config
from jaxgan.data import epoch_order, load_data
from jaxgan.gan.state import build_gan, init_state
from jaxgan.gan.steps import train_epoch
from jaxgan.runs.plan import images_in_run, make_step_plan

CONFIGS = Path("configs")
STEPS = 30
OWN_DATA = ("cifar10", "cifar10_small", "images", "images_small")  # whose data are not in jaxgan
FEWER = {"sngan": 3}  # a step of it takes 13 s on two CPU cores


def sha256_of(tree):
    digest = hashlib.sha256()
    for path, leaf in jax.tree_util.tree_leaves_with_path(tree):
        if jax.dtypes.issubdtype(leaf.dtype, jax.dtypes.prng_key):
            leaf = jax.random.key_data(leaf)
        array = np.asarray(leaf)
        digest.update(f"{jax.tree_util.keystr(path)} {array.shape} {array.dtype}\n".encode())
        digest.update(array.tobytes())
    return digest.hexdigest()


def state_after(config, steps):
    data = load_data(config.data)
    shape = data.pixels.shape[1:]
    plan = make_step_plan(config.train, len(data.pixels))
    gan = build_gan(config, shape, data.classes, images_in_run(config.train, plan))
    state = init_state(gan, shape, jax.random.key(config.seed))
    images = config.train.batch_size * config.train.d_steps
    order = epoch_order(state.key, 0, len(data.pixels), images)[:steps]
    labels = jax.device_put(data.labels) if gan.classes else None
    return train_epoch(gan, state, jax.device_put(data.pixels[:]), order, labels)[0]


def record(names, folders):
    found = {}
    for name in names:
        start = time.perf_counter()
        config = load_config(CONFIGS / f"{name}.py", [])
        if folder := folders.get(config.data.name):
            data = dataclasses.replace(config.data, dir=folder, source="idx")
            config = dataclasses.replace(config, data=data)
        found[name] = sha256_of(state_after(config, FEWER.get(name, STEPS)))
        print(f"{name}: {found[name][:16]} ({time.perf_counter() - start:.0f} s)", flush=True)
    return found


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("what", choices=("record", "compare"))
    parser.add_argument("file", type=Path)
    parser.add_argument("--only", default="", help="names of configs, with commas between them")
    parser.add_argument("--dir", nargs="*", default=(), help="DATA=FOLDER of data not in jaxgan")
    options = parser.parse_args()
    names = sorted(p.stem for p in CONFIGS.glob("*.py") if not p.stem.startswith("features_"))
    names = [name for name in names if name not in OWN_DATA]
    if options.only:
        names = options.only.split(",")
    found = record(names, dict(text.split("=", 1) for text in options.dir))
    if options.what == "record":
        options.file.write_text(json.dumps(found, indent=2) + "\n")
        return 0
    before = json.loads(options.file.read_text())
    wrong = [name for name in found if found[name] != before.get(name)]
    print("other bits: " + ", ".join(wrong) if wrong else f"the same bits: {len(found)} configs")
    return bool(wrong)


if __name__ == "__main__":
    sys.exit(main())
