"""The verb `bench`: times training steps against their matrix products and against PyTorch.

It times an MLP GAN and a DCGAN on MNIST. What is compared is timed in turn within one process, so
that the ratios hold on a machine whose speed drifts.
"""

import contextlib
import dataclasses
import io
import tempfile
import time
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Float

from jaxgan.cli import bench_pytorch
from jaxgan.config.schema import Config
from jaxgan.data import Dataset, epoch_order, load_data
from jaxgan.gan.steps import train_epoch
from jaxgan.runs import row_files
from jaxgan.runs.program import build_program, initial_state, training_examples
from jaxgan.training.loop import train

ROUNDS = 7
MATRIX_SIDE = 2048  # of the product that measures the machine's speed
DCGAN_STEPS = 20  # per measurement
PYTORCH_STEPS = 100  # per measurement, at most
LOOP_EPOCHS = 11  # one to warm up and ten that are timed, in which two checkpoints are saved


def bench() -> None:
    """Prints the time of a step as milliseconds and as ratios to what it is compared with.

    For the MLP GAN: a step of the jitted epoch against its matrix products, and of the training
    loop against the jitted epoch. For both GANs: a step in PyTorch, where that is installed.
    """
    config = Config()
    dcgan = dataclasses.replace(config, network=dataclasses.replace(config.network, name="dcgan"))
    device = jax.devices()[0]
    print(f"jax {jax.__version__} on {device.platform} ({device.device_kind}), medians:")
    # Not a dependency: it is large, and only this comparison uses it.
    try:
        import torch
    except ImportError:
        torch = None
        print("  PyTorch is not installed: no comparison")
    data = load_data(config.data)
    steps = len(data.pixels) // config.train.batch_size
    run_epoch = _step_runner(config, steps)
    step_seconds = _bench_products(config, run_epoch, steps)
    _bench_loop(config, run_epoch, steps, step_seconds)
    _bench_pytorch(torch, config, data, run_epoch, steps)
    run_steps = _step_runner(dcgan, DCGAN_STEPS)
    step = np.median(_time_in_turn(run_steps)) / DCGAN_STEPS
    print(f"  a step of the DCGAN, {config.network.gen_channels} channels: {step * 1e3:.1f} ms")
    _bench_pytorch(torch, dcgan, data, run_steps, DCGAN_STEPS)


def _bench_products(config: Config, run_epoch: Callable[[], None], steps: int) -> float:
    """Compares a step with its matrix products; returns the seconds of a step, measured last."""
    flops = classic_flops(config)
    product_times, step_times = _time_in_turn(_product_runner(), run_epoch)
    product_times, step_times = product_times * flops / (2 * MATRIX_SIDE**3), step_times / steps
    products, step = np.median(product_times), np.median(step_times)
    # The median of the ratios and not the ratio of the medians: the machine's speed can change
    # between two rounds, but hardly within one.
    ratio = np.median(step_times / product_times)
    print(f"  matrix products of a step: {products * 1e3:.2f} ms ", end="")
    print(f"({flops / 1e9:.2f} GFLOP at {flops / products / 1e9:.0f} GFLOP/s)")
    print(f"  a step of the jitted epoch: {step * 1e3:.2f} ms, {1 / step:.0f} steps/s, ", end="")
    print(f"{ratio:.2f} times its products")
    return float(step_times[-1])


def _bench_loop(
    config: Config, run_epoch: Callable[[], None], steps: int, seconds_before: float
) -> None:
    """Compares a step of the training loop with one of the epoch, timed before and after it."""
    loop = _loop_seconds_per_step(config)
    # The loop takes long enough for the machine's speed to drift, so it is set between two timings.
    step = (seconds_before + _seconds(run_epoch) / steps) / 2
    print(f"  a step of the whole training loop: {loop * 1e3:.2f} ms, ", end="")
    print(f"{loop / step:.2f} times the jitted epoch timed before and after it")


def _bench_pytorch(
    torch: Any, config: Config, data: Dataset, run: Callable[[], None], steps: int
) -> None:
    """Compares a step in PyTorch with `run`, which takes so many steps of ours."""
    if torch is None:
        return
    device = "cuda" if jax.devices()[0].platform == "gpu" else "cpu"
    run_torch = bench_pytorch.step_runner(torch, config, data.pixels.shape[1:], device)
    torch_steps = min(steps, PYTORCH_STEPS)
    torch_times, our_times = _time_in_turn(lambda: run_torch(torch_steps), run)
    times = torch_times / torch_steps
    print(f"  PyTorch {torch.__version__} eager, same device: ", end="")
    print(
        f"{np.median(times) * 1e3:.2f} ms, {np.median(times / (our_times / steps)):.2f} times ours"
    )


def classic_flops(config: Config) -> float:
    """Returns the floating-point operations in the matrix products of one step of the MLP GAN.

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
    """Returns a function that runs the first steps of an epoch in one call."""
    program = build_program(config)
    state = initial_state(program)
    pixels, _ = training_examples(program)
    order = epoch_order(state.key, 0, len(pixels), config.train.batch_size)[:steps]

    def run() -> None:
        nonlocal state
        # The new state replaces the old one, whose buffers are donated.
        state, output = train_epoch(program.gan, state, pixels, order)
        # JAX returns before the device is done; without this only the call would be timed.
        jax.block_until_ready((state, output))

    return run


def _product_runner() -> Callable[[], None]:
    """Returns a function that multiplies two square matrices."""
    matrix = jax.random.normal(jax.random.key(0), (MATRIX_SIDE, MATRIX_SIDE))
    product = jax.jit(jnp.matmul)
    return lambda: jax.block_until_ready(product(matrix, matrix))


def _loop_seconds_per_step(config: Config) -> float:
    """Times `train` and all that it writes, from the end of its first epoch to its last."""
    # From its own log, since a call of `train` also compiles and reads the data.
    train_config = dataclasses.replace(config.train, epochs=LOOP_EPOCHS)
    with tempfile.TemporaryDirectory() as folder, contextlib.redirect_stderr(io.StringIO()):
        train(dataclasses.replace(config, train=train_config), Path(folder) / "run")
        rows = row_files.read_rows(Path(folder) / "run")
    first, *_, last = (row for row in rows if row["epoch"] == int(row["epoch"]))
    return (last["seconds"] - first["seconds"]) / (last["step"] - first["step"])


def _time_in_turn(*runs: Callable[[], object]) -> Float[np.ndarray, "runs rounds"]:
    """Returns the seconds that each of the runs takes in each round."""
    # The first calls compile, and are not timed.
    for run in runs:
        run()
    return np.array([[_seconds(run) for run in runs] for _ in range(ROUNDS)]).T


def _seconds(action: Callable[[], object]) -> float:
    start = time.perf_counter()
    action()
    return time.perf_counter() - start
