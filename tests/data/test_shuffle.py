"""The order of the epochs."""

import jax
import numpy as np
import pytest

from jaxgan.config.errors import UserError
from jaxgan.data import epoch_order

KEY = jax.random.key(3)


def test_every_example_comes_once_an_epoch():
    order = epoch_order(KEY, 0, 12, 4)
    assert order.shape == (3, 4)
    assert order.dtype == np.int32
    assert sorted(np.ravel(order)) == list(range(12))


def test_an_incomplete_last_batch_is_dropped():
    order = epoch_order(KEY, 0, 11, 4)
    assert order.shape == (2, 4)
    assert len(set(np.ravel(order).tolist())) == 8
    assert np.max(order) < 11


def test_each_epoch_and_each_run_has_its_own_order():
    orders = [
        epoch_order(KEY, 0, 64, 8),
        epoch_order(KEY, 1, 64, 8),
        epoch_order(jax.random.key(4), 0, 64, 8),
    ]
    assert len({np.asarray(order).tobytes() for order in orders}) == 3


def test_an_order_is_known_without_the_epochs_before():
    again = epoch_order(KEY, np.int32(7), 64, 8)
    np.testing.assert_array_equal(epoch_order(KEY, 7, 64, 8), again)


def test_the_batch_size_does_not_change_the_permutation():
    np.testing.assert_array_equal(
        np.ravel(epoch_order(KEY, 2, 64, 8)), np.ravel(epoch_order(KEY, 2, 64, 16))
    )


def test_a_batch_larger_than_the_data_is_refused():
    with pytest.raises(UserError, match="batch_size = 70000: the data has 60000 examples"):
        epoch_order(KEY, 0, 60000, 70000)
