"""Training steps of this package as variants: the jitted epoch, for one seed or for several."""

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Int

from jaxgan.bench.timing import Measure, Variant, stopwatch
from jaxgan.config.schema import Config
from jaxgan.data.lazy_array import Array
from jaxgan.data.shuffle import epoch_orders
from jaxgan.gan.padded_steps import has_one_program
from jaxgan.gan.state import TrainState, build_gan, init_state
from jaxgan.gan.steps import train_epoch, train_stacked_epoch
from jaxgan.parallel.run_axis import stack_runs
from jaxgan.types import Order, PRNGKey


def epoch(config: Config, pixels: Array, steps: int) -> Variant:
    """Returns so many steps in one call of the epoch, as the training loop calls it."""

    def prepare() -> Measure:
        gan = build_gan(config, pixels.shape[1:])
        state = init_state(gan, pixels.shape[1:], jax.random.key(config.seed))
        order = orders(state.key, len(pixels), config.train.batch_size, steps)
        resident, num_steps = jax.device_put(pixels), steps_argument(steps)

        def run() -> None:
            nonlocal state
            # The new state replaces the old one, whose buffers are donated.
            state, output = train_epoch(gan, state, resident, order, None, num_steps)
            # JAX returns before the device is done; without this only the call would be timed.
            jax.block_until_ready((state, output))

        return stopwatch(run)

    return Variant(prepare, steps)


def stacked_epoch(config: Config, pixels: Array, steps: int, seeds: int) -> Variant:
    """Returns so many steps of several seeds in one program, per step of one seed."""

    def prepare() -> Measure:
        gan, shape = build_gan(config, pixels.shape[1:]), pixels.shape[1:]
        states: list[TrainState] = [
            init_state(gan, shape, jax.random.key(seed)) for seed in range(seeds)
        ]
        order = jnp.stack(
            [orders(state.key, len(pixels), config.train.batch_size, steps) for state in states]
        )
        stacked, resident = stack_runs(None, states), jax.device_put(pixels)
        num_steps = steps_argument(steps)

        def run() -> None:
            nonlocal stacked
            stacked, output = train_stacked_epoch(gan, stacked, resident, order, None, num_steps)
            jax.block_until_ready((stacked, output))

        return stopwatch(run)

    return Variant(prepare, steps * seeds)


def steps_argument(steps: int) -> Int[jax.Array, ""] | None:
    """Returns the number of steps as the training loop gives it to a call."""
    return jax.device_put(np.int32(steps)) if has_one_program() else None


def orders(key: PRNGKey, examples: int, batch_size: int, steps: int) -> Order:
    """Returns the indices of the first steps of a run, of as many epochs as they are."""
    epochs = range(-(-steps // (examples // batch_size)))
    return epoch_orders(key, epochs, examples, batch_size)[:steps]
