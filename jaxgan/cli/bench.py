"""How fast the classic GAN trains on this machine, against what its matrix products must take,
and, beside it, a DCGAN; both against PyTorch, where that is installed.

Everything is timed in turn within one process, so that the ratios hold on a machine whose speed
drifts.
"""

import contextlib
import dataclasses
import io
import json
import statistics
import tempfile
import time
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp

from jaxgan.cli import bench_pytorch
from jaxgan.config.schema import Config
from jaxgan.data import Dataset, epoch_order, load_data
from jaxgan.gan.steps import train_epoch
from jaxgan.runs import layout
from jaxgan.runs.program import build_program, initial_state, training_examples
from jaxgan.training.loop import train

ROUNDS = 7
MATRIX = 2048  # side of the product that shows the machine's own speed
DCGAN_STEPS, PYTORCH_STEPS = 20, 100  # in a call; of PyTorch at most
LOOP_EPOCHS = 11  # the first warms up; two saves fall between its end and the last one's


def bench() -> None:
    """Prints milliseconds per step, and the ratios step/floor, loop/step and PyTorch/step."""
    config = Config()
    data = load_data(config.data)
    device = jax.devices()[0]
    print(f"jax {jax.__version__} on {device.platform} ({device.device_kind}), medians:")
    steps = len(data.pixels) // config.train.batch_size
    run_epoch = _step_runner(config, steps)
    product = _product_runner()
    floor_flops = classic_flops(config)
    floors, epochs = [], []
    run_epoch(), product()
    for _ in range(ROUNDS):
        floors.append(floor_flops / (2 * MATRIX**3 / _seconds(product)))
        epochs.append(_seconds(run_epoch) / steps)
    floor, step = statistics.median(floors), statistics.median(epochs)
    print(f"  matrix products of a step: {floor * 1e3:.2f} ms ", end="")
    print(f"({floor_flops / 1e9:.2f} GFLOP at {floor_flops / floor / 1e9:.0f} GFLOP/s)")
    ratio = statistics.median(e / f for e, f in zip(epochs, floors, strict=True))
    print(f"  a step of the jitted epoch: {step * 1e3:.2f} ms, {1 / step:.0f} steps/s, ", end="")
    print(f"{ratio:.2f} times its products")
    loop = _loop_seconds_per_step(config)
    after = _seconds(run_epoch) / steps
    bare = (epochs[-1] + after) / 2
    print(f"  a step of the whole training loop: {loop * 1e3:.2f} ms, ", end="")
    print(f"{loop / bare:.2f} times the jitted epoch timed before and after it")
    try:
        import torch
    except ImportError:
        torch = None
        print("  PyTorch is not installed: no comparison")
    _against_pytorch(torch, config, data, run_epoch, steps)
    dcgan = dataclasses.replace(config, network=dataclasses.replace(config.network, name="dcgan"))
    run_steps = _step_runner(dcgan, DCGAN_STEPS)
    run_steps()
    step = statistics.median(_seconds(run_steps) / DCGAN_STEPS for _ in range(ROUNDS))
    print(f"  a step of the DCGAN, {config.network.gen_channels} channels: {step * 1e3:.1f} ms")
    _against_pytorch(torch, dcgan, data, run_steps, DCGAN_STEPS)


def classic_flops(config: Config) -> float:
    """Floating-point operations in the matrix products of one step of the MLP GAN.

    A layer's forward, weight-gradient and input-gradient products cost the same. G: one forward
    pass, one backward. D: forward on real, on fake, and on fake again after its update; weight
    gradients twice; input gradients twice within D, and once through to G's images.
    """
    image = 28 * 28
    gen = _layers((config.network.latent_size, *config.network.gen_widths, image))
    disc = _layers((image, *config.network.disc_widths, 1))
    gen_products = 3 * sum(gen) - gen[0]
    disc_products = 3 * sum(disc) + 2 * sum(disc) + 2 * sum(disc[1:]) + sum(disc)
    return 2.0 * config.train.batch_size * (gen_products + disc_products)


def _layers(widths: tuple[int, ...]) -> list[int]:
    return [fan_in * fan_out for fan_in, fan_out in pairwise(widths)]


def _step_runner(config: Config, steps: int) -> Callable[[], None]:
    """A function that does the first steps of an epoch, as the body of one scan."""
    program = build_program(config)
    state = initial_state(program)
    pixels, _ = training_examples(program)
    order = epoch_order(state.key, 0, len(pixels), config.train.batch_size)[:steps]

    def run() -> None:
        nonlocal state
        state, history = train_epoch(program.gan, state, pixels, order)
        jax.block_until_ready((state, history))

    return run


def _product_runner() -> Callable[[], None]:
    matrix = jax.random.normal(jax.random.key(0), (MATRIX, MATRIX))
    product = jax.jit(jnp.matmul)
    return lambda: jax.block_until_ready(product(matrix, matrix))


def _loop_seconds_per_step(config: Config) -> float:
    """Of `train` with all it writes, from the end of its first epoch to the end of its last."""
    short = dataclasses.replace(config.train, epochs=LOOP_EPOCHS)
    with tempfile.TemporaryDirectory() as folder, contextlib.redirect_stderr(io.StringIO()):
        train(dataclasses.replace(config, train=short), Path(folder) / "run")
        lines = (Path(folder) / "run" / layout.METRICS).read_text().splitlines()
    rows = [json.loads(line) for line in lines]
    ends = [row for row in rows if row["epoch"] == int(row["epoch"])]
    return (ends[-1]["seconds"] - ends[0]["seconds"]) / (ends[-1]["step"] - ends[0]["step"])


def _against_pytorch(torch: Any, config: Config, data: Dataset, run: Callable, steps: int) -> None:
    if torch is None:
        return
    device = "cuda" if jax.devices()[0].platform == "gpu" else "cpu"
    run_theirs = bench_pytorch.step_runner(torch, config, data.pixels.shape[1:], device)
    count = min(steps, PYTORCH_STEPS)
    run_theirs(count)
    times, ratios = [], []
    for _ in range(ROUNDS):
        times.append(_seconds(lambda: run_theirs(count)) / count)
        ratios.append(times[-1] / (_seconds(run) / steps))
    theirs = statistics.median(times)
    print(f"  PyTorch {torch.__version__} eager, same device: {theirs * 1e3:.2f} ms, ", end="")
    print(f"{statistics.median(ratios):.2f} times ours")


def _seconds(action: Callable[[], object]) -> float:
    start = time.perf_counter()
    action()
    return time.perf_counter() - start
