import jax.numpy as jnp
import numpy as np
import pytest

from jaxgan.config.errors import UserError
from jaxgan.config.schema import ScheduleConfig
from jaxgan.gan.schedules import images_seen, piecewise_schedule, schedule_in_images


@pytest.mark.parametrize("shape", ["linear", "cosine"])
def test_a_schedule_goes_through_its_points_and_is_constant_outside(shape):
    value = piecewise_schedule(((10, 1.0), (20, 3.0), (40, 2.0)), shape)
    seen = [float(value(jnp.float32(x))) for x in (0, 10, 15, 20, 30, 40, 99)]
    np.testing.assert_allclose(seen, [1, 1, 2, 3, 2.5, 2, 2], rtol=1e-6)


def test_a_cosine_is_flat_at_both_ends():
    value = piecewise_schedule(((0, 0.0), (1, 1.0)), "cosine")
    for x in (0.1, 0.25, 0.8):
        np.testing.assert_allclose(value(jnp.float32(x)), (1 - np.cos(np.pi * x)) / 2, rtol=1e-5)


def test_one_point_is_a_constant():
    assert piecewise_schedule(((5, 0.3),), "cosine")(jnp.float32(7)) == jnp.float32(0.3)


def test_images_are_counted_past_the_range_of_int32():
    assert images_seen(jnp.int32(2**30), 64) == 2.0**36


def test_fractions_of_a_run_are_the_same_schedule_in_images():
    fractions = ScheduleConfig(unit="run", b1=((0.25, 0.5), (1, 0.25)), shape="cosine")
    images = ScheduleConfig(b1=((2_500, 0.5), (10_000, 0.25)), shape="cosine")
    assert schedule_in_images(fractions, 10_000) == images
    assert schedule_in_images(images, 10_000) == images


def test_fractions_of_a_run_of_unknown_length_are_refused():
    with pytest.raises(UserError, match=r"schedule.unit = 'run': needs the number of images"):
        schedule_in_images(ScheduleConfig(unit="run", ema=((0, 1.0),)), 0)
