"""The order of the examples in an epoch: a function of the root key and the epoch only."""

import functools

import jax
import jax.numpy as jnp

from jaxgan.config.errors import UserError
from jaxgan.parallel.quick_compile import QUICK_COMPILE
from jaxgan.types import Counter, Order, PRNGKey, Stream, stream_key


def epoch_order(key: PRNGKey, epoch: Counter, size: int, batch_size: int) -> Order:
    """Returns a permutation of 0..size-1 as rows of `batch_size`; an incomplete row is dropped.

    Args:
      key: the root key of the run.
      epoch: counted from 0; the order of earlier epochs is not needed.
      size: number of examples.
      batch_size: examples in a row.

    Raises:
      UserError: there are fewer examples than a batch needs.
    """
    _check_batch(size, batch_size)
    return _order(key, epoch, size, batch_size)


def epoch_orders(key: PRNGKey, epochs: range, size: int, batch_size: int) -> Order:
    """Returns the `epoch_order`s of consecutive epochs, one after the other, computed in one call.

    Epochs of few steps would else take a call each. Call it outside of `jax.jit` and other
    transformations.

    Raises:
      UserError: there are fewer examples than a batch needs.
    """
    _check_batch(size, batch_size)
    if len(epochs) > 1:
        return _orders(key, epochs.start, len(epochs), size, batch_size)
    order = _order_quickly if jax.default_backend() == "cpu" else _order
    return order(key, epochs.start, size, batch_size)


def _check_batch(size: int, batch_size: int) -> None:
    # Without a single full row an epoch would train nothing, and say nothing.
    if batch_size > size:
        raise UserError(
            f"config.train.batch_size = {batch_size}: the data has {size} examples; "
            f"must be at most {size}"
        )


@functools.partial(jax.jit, static_argnames=("count", "size", "batch_size"))
def _orders(key: PRNGKey, first: Counter, count: int, size: int, batch_size: int) -> Order:
    epochs = first + jnp.arange(count)
    orders = jax.vmap(lambda epoch: _order(key, epoch, size, batch_size))(epochs)
    return orders.reshape(-1, batch_size)


@functools.partial(jax.jit, static_argnames=("size", "batch_size"))
def _order(key: PRNGKey, epoch: Counter, size: int, batch_size: int) -> Order:
    order = jax.random.permutation(stream_key(key, Stream.ORDER, epoch), size)
    steps = size // batch_size
    # A shorter last row would need a second program. Each epoch drops other examples.
    return order[: steps * batch_size].reshape(steps, batch_size).astype(jnp.int32)


_order_quickly = jax.jit(
    _order, static_argnames=("size", "batch_size"), compiler_options=QUICK_COMPILE
)
