"""Trains small GANs on one device and on several, and prints as JSON how far the results differ.

    python -m tests.devices mlp:2,8 rows

It is run in a process of its own with the variables of ENVIRONMENT, which let one CPU act as eight
devices: JAX counts the devices only once. Each argument names one comparison.
"""

import dataclasses
import json
import re
import sys
import tempfile
from pathlib import Path

import jax
import numpy as np

from jaxgan.config.files import from_mapping
from jaxgan.config.schema import ParallelConfig
from jaxgan.data import epoch_order
from jaxgan.gan import steps
from jaxgan.gan.state import build_gan, init_state
from jaxgan.gan.steps import train_epoch, train_stacked_epoch
from jaxgan.parallel.mesh import make_mesh, replicate
from jaxgan.parallel.run_axis import stack_runs, unstack_runs
from jaxgan.reproducibility.replay import replay_step
from jaxgan.runs import checkpoints
from jaxgan.runs.environment import read_environment
from jaxgan.runs.plan import Chunk, make_step_plan
from jaxgan.training.input_pipeline import open_input_pipeline
from jaxgan.training.loop import train
from jaxgan.training.setup import TrainingSetup
from jaxgan.training.train_seeds import train_seeds
from tests import tiny
from tests.flags import QUICK

ENVIRONMENT = {
    "JAX_ENABLE_X64": "1",
    "JAX_PLATFORMS": "cpu",
    "XLA_FLAGS": f"--xla_force_host_platform_device_count=8 {QUICK}",
}
USUAL = ENVIRONMENT | {  # the settings with which a user's program is compiled
    "JAX_ENABLE_X64": "0",
    "XLA_FLAGS": "--xla_force_host_platform_device_count=8",
}
SHAPE, EXAMPLES, CLASSES = (16, 16, 1), 200, 4
SMALL = {"gen_widths": (7,), "disc_widths": (6,), "latent_size": 5}
CONV = {"gen_channels": 2, "disc_channels": 2, "latent_size": 5}
CONFIGS = {
    "mlp": {"network": SMALL},
    "everything": {
        "network": SMALL,
        "loss": "relativistic_average",
        "train": {"batch_size": 16, "d_steps": 2},
        "penalty": dict.fromkeys(("r1", "r2", "wgan_gp", "dragan", "consistency", "lecam"), 0.1),
        "augment": {"policy": ("translation", "cutout", "brightness"), "target": 0.6},
        "packing": 2,
        "ema": {"half_life": 100},
    },
    "batch norm": {"network": {"name": "dcgan", **CONV}},
    "spectral norm, labels": {"network": {"name": "sngan", "conditional": True, **CONV}},
    "infogan": {"network": {"name": "infogan", **SMALL, **CONV}},
    "r3gan": {
        "network": {"name": "r3gan", "gen_channels": 8, "disc_channels": 8, "latent_size": 5}
    },
}


def settings(name, devices, shards=0, **others):
    parallel = {"devices": devices, "shards": shards}
    values = {"train": {"batch_size": 24}, **CONFIGS[name], "parallel": parallel}
    return from_mapping(values | others)


def inputs(config):
    """Returns the GAN, the data on the devices, and a function from a seed to (state, order)."""
    mesh = make_mesh(config, jax.devices())
    gan = dataclasses.replace(build_gan(config, SHAPE, CLASSES), mesh=mesh)
    random = np.random.RandomState(0)
    pixels = random.randint(0, 256, (EXAMPLES, *SHAPE), np.uint8)
    labels = random.randint(0, CLASSES, EXAMPLES, np.int32) if gan.classes else None
    per_step = config.train.batch_size * config.train.d_steps

    def start(seed):
        state = init_state(gan, SHAPE, jax.random.key(seed))
        state = jax.tree.map(lambda x: x.astype(float) if x.dtype == np.float32 else x, state)
        order = epoch_order(state.key, 0, EXAMPLES, per_step)[:3]
        return replicate(mesh, state), order

    return gan, replicate(mesh, pixels), replicate(mesh, labels), start


def trained(config):
    """Returns the state after three steps, and their output."""
    gan, pixels, labels, start = inputs(config)
    state, order = start(0)
    return train_epoch(gan, state, pixels, order, labels)


def largest_difference(a, b):
    a, b = (checkpoints.flatten(state) for state in (a, b))
    return max(float(np.abs(a[name].astype(float) - b[name]).max()) for name in a if a[name].size)


def compared(name, counts):
    """Returns for each number of devices: are the draws equal, and how far are the states apart."""
    state, output = trained(settings(name, 1))
    found = {}
    for count in counts:
        other, others = trained(settings(name, count))
        draws = [(output.checksums[name], others.checksums[name]) for name in ("batch", "latents")]
        same = all(np.array_equal(*pair) for pair in draws)
        found[count] = {"same draws": same, "apart": largest_difference(state, other)}
    return found


def bits(name, shards, counts):
    """Returns the SHA-256 of the state after three steps, for each number of devices."""
    states = {count: trained(settings(name, count, shards))[0] for count in counts}
    return {n: checkpoints.leaves_sha256(checkpoints.flatten(one)) for n, one in states.items()}


def from_whole(name, shards, count):
    """Compares three steps in shards, on some devices, with whole batches on one device."""
    states = (trained(settings(name, *places))[0] for places in ((1,), (count, shards)))
    return largest_difference(*states)


def rows_of_products():
    """Returns how many rows the matrix products have on each of eight devices; the batch has 24."""
    gan, pixels, labels, start = inputs(settings("mlp", 8))
    state, order = start(0)
    program = train_epoch.lower(gan, state, pixels, order, labels).compile()
    return sorted({int(rows) for rows in re.findall(r"= f64\[(\d+),.* dot\(", program.as_text())})


def seeds_apart(count):
    """Compares four seeds in one program on some devices with the same on one device.

    Returns:
      "apart": the largest difference of the states; "each": for how many seeds a device computes
      the matrix products; "held": of how many seeds a device holds the arrays.
    """
    states = {}
    for devices in (1, count):
        gan, pixels, labels, start = inputs(settings("mlp", devices, seeds=4))
        begun, orders = zip(*map(start, range(4)), strict=True)
        orders = replicate(gan.mesh, np.stack(orders))
        given = (gan, stack_runs(gan.mesh, begun), pixels, orders, labels)
        held = runs_held(given[1])
        program = train_stacked_epoch.lower(*given).compile().as_text()
        stacked, _ = train_stacked_epoch(*given)
        states[devices] = list(unstack_runs(stacked, 4))
        held |= runs_held(stacked)
    done = {int(seeds) for seeds in re.findall(r"= f64\[(\d+),\d+,\d+\]\S* dot\(", program)}
    apart = max(map(largest_difference, *states.values()))
    return {"apart": apart, "each": sorted(done), "held": sorted(held)}


def runs_held(stacked):
    """Returns the numbers of runs whose arrays a device holds."""
    leaves = jax.tree.leaves(stacked.gen.params)
    return {len(shard.data) for leaf in leaves for shard in leaf.addressable_shards}


def whole_runs(folder):
    """Compares two seeds that share a program on two devices and on one; both runs are resumed.

    On two devices the examples are streamed.
    """
    data, states = tiny.write_data(folder), []
    for name, devices, stream in (("two", 2, 5), ("one", 1, 0)):
        for epochs in (1, 2):
            config = tiny.config(data, epochs=epochs, seeds_at_once=2)
            data_config = dataclasses.replace(config.data, stream=stream)
            parallel = ParallelConfig(devices)
            config = dataclasses.replace(config, seeds=2, parallel=parallel, data=data_config)
            train_seeds(config, folder / name)
        states.append([checkpoints.load_run(folder / name / f"seed_000{i}")[2] for i in (0, 1)])
    return {"apart": max(map(largest_difference, *states))}


def streamed(count):
    """Compares three steps with streamed examples on some devices with resident data on one device.

    Returns:
      "apart": the largest difference of the states; "shares": the part of the examples that is
      sent to each device.
    """
    whole, _ = trained(settings("everything", 1))
    config = settings("everything", count, data={"name": "mine", "stream": 2})
    gan, _, _, start = inputs(config)
    state, order = start(0)
    pixels = np.random.RandomState(0).randint(0, 256, (EXAMPLES, *SHAPE), np.uint8)
    plan = make_step_plan(config.train, EXAMPLES)
    setup = TrainingSetup(config, None, plan, gan, pixels, None, None, {})
    with open_input_pipeline(setup, [0]) as blocks_of:
        for block in blocks_of(Chunk(1, 0, len(order), False)):
            state, _ = train_epoch(gan, state, *block)
            parts = [part.data.nbytes for part in block.pixels.pixels.addressable_shards]
    return {
        "apart": largest_difference(whole, state),
        "shares": [part / block.pixels.pixels.nbytes for part in parts],
    }


def moved(folder, shards=0):
    """Compares a run whose three epochs are on 2, 8 and 1 devices with one that is on 1 device."""
    data = tiny.write_data(folder)
    states = []
    for name, counts in (("moved", (2, 8, 1)), ("alone", (1, 1, 1))):
        for epochs, devices in enumerate(counts, start=1):
            config = tiny.config(data, epochs=epochs)
            config = dataclasses.replace(config, parallel=ParallelConfig(devices, shards))
            train(config, folder / name)
        states.append(checkpoints.load_run(folder / name)[2])
    recorded = read_environment(folder / "moved")
    used = [len(part["devices"]) for part in (recorded, *recorded["changes"])]
    found = {"step": int(states[0].step), "apart": largest_difference(*states), "used": used}
    if shards:
        found["replay differs in"] = replay_step(folder / "moved", 5, folder / "step_5.npz")
    return found


def main(parts):
    steps.to_images = lambda pixels: pixels.astype(float) / 127.5 - 1  # in float64 throughout
    found = {}
    for part in parts:
        if part == "rows":
            found[part] = rows_of_products()
        elif part == "seeds":
            found[part] = {count: seeds_apart(count) for count in (2, 3, 4)}
        elif part == "seeds, whole":
            with tempfile.TemporaryDirectory() as folder:
                found[part] = whole_runs(Path(folder))
        elif part == "streamed":
            found[part] = streamed(4)
        elif part in ("moved", "moved in shards"):
            with tempfile.TemporaryDirectory() as folder:
                found[part] = moved(Path(folder), 8 if "shards" in part else 0)
        elif part.startswith("bits"):
            _, name, shards, counts = part.split(":")
            found[part] = bits(name, int(shards), [int(count) for count in counts.split(",")])
        elif part.startswith("whole"):
            _, name, shards, count = part.split(":")
            found[part] = from_whole(name, int(shards), int(count))
        else:
            name, counts = part.split(":")
            found[part] = compared(name, [int(count) for count in counts.split(",")])
    print(json.dumps(found))


if __name__ == "__main__":
    main(sys.argv[1:])
