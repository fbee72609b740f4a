import re

import pytest

from jaxgan.config.checks import check_horizon
from jaxgan.config.errors import UserError
from jaxgan.config.schema import Config, EmaConfig, ScheduleConfig, TrainConfig
from jaxgan.config.warnings import config_warnings
from jaxgan.runs.plan import (
    chunks,
    ema_halvings,
    images_in_run,
    make_step_plan,
    row_bounds,
    row_steps,
)


def make_plan(**train):
    return make_step_plan(TrainConfig(**train), 60_000)


def test_an_epoch_of_mnist_is_937_steps_of_64():
    assert make_plan(batch_size=64).epoch == 937


def test_an_epoch_is_one_device_call_by_default():
    assert [(c.start, c.stop) for c in chunks(make_plan(), 0, 2)] == [(0, 937), (0, 937)]


@pytest.mark.parametrize("chunks_per_epoch", [1, 3, 10, 5000])
@pytest.mark.parametrize("logs_per_epoch", [1, 7, 10, 5000])
def test_chunks_and_rows_cover_every_step_once(chunks_per_epoch, logs_per_epoch):
    plan = make_plan(chunks_per_epoch=chunks_per_epoch, logs_per_epoch=logs_per_epoch)
    steps, row_ends = 0, []
    for chunk in chunks(plan, 0, 3):
        assert chunk.epoch * plan.epoch + chunk.start == steps
        row_ends += [steps + stop for _, stop in row_bounds(plan, chunk)]
        steps += chunk.stop - chunk.start
        assert chunk.ends_epoch == (steps % plan.epoch == 0)
    assert steps == 3 * 937
    per_epoch = make_plan(logs_per_epoch=logs_per_epoch)
    expected = [
        epoch * 937 + stop
        for epoch, chunk in enumerate(chunks(per_epoch, 0, 3))
        for _, stop in row_bounds(per_epoch, chunk)
    ]
    assert row_ends == expected == row_steps(plan, steps)
    middle = len(expected) // 2
    assert row_steps(plan, expected[middle]) == expected[: middle + 1]


def test_a_run_resumes_in_the_middle_of_an_epoch():
    plan = make_plan(chunks_per_epoch=10)
    assert [tuple(c) for c in chunks(plan, 94 * 9, 1)] == [(0, 846, 937, True)]


def test_nothing_is_left_to_do_after_the_last_epoch():
    assert list(chunks(make_plan(), 937 * 5, 5)) == []
    assert list(chunks(make_plan(), 937 * 5, 3)) == []


def test_a_step_takes_a_batch_for_each_d_step():
    assert make_plan(batch_size=64, d_steps=5).epoch == 60_000 // 320


@pytest.mark.parametrize(
    ("train", "named"),
    [({"batch_size": 60_001}, "60001"), ({"batch_size": 30_001, "d_steps": 2}, "d_steps = 2")],
)
def test_a_batch_larger_than_the_data_is_refused(train, named):
    with pytest.raises(UserError, match=rf"{named}.*60000 examples"):
        make_plan(**train)


def run_of_180_images(**changes):
    """Returns a config of 2 epochs of 3 steps of 30 images, and its number of images."""
    config = Config(train=TrainConfig(epochs=2, batch_size=10, d_steps=3), **changes)
    return config, images_in_run(config.train, make_step_plan(config.train, 100))


def ema_warnings(**changes):
    config, images = run_of_180_images(**changes)
    halvings = ema_halvings(config, images)
    return "".join(config_warnings(config, images=images, ema_halvings=halvings))


def test_a_schedule_may_end_with_the_run_and_not_after_it():
    check_horizon(*run_of_180_images(schedule=ScheduleConfig(b2=((0, 0.9), (180, 0.5)))))
    with pytest.raises(UserError, match=r"schedule\.b2 .* ends at 181 .* within the run's 180"):
        check_horizon(*run_of_180_images(schedule=ScheduleConfig(b2=((0, 0.9), (181, 0.5)))))


def test_an_average_longer_than_the_run_gives_a_warning():
    warning = ema_warnings(ema=EmaConfig(half_life=360))
    assert "half_life = 360: is too long for the run's 180 images" in warning
    assert "the first weights are 71% of the average" in warning
    assert ema_warnings(ema=EmaConfig(half_life=181))
    assert ema_warnings(ema=EmaConfig(half_life=180)) == ""


@pytest.mark.parametrize(
    ("points", "share"),
    [(((0, 0.0), (180, 2.0)), ""), (((0, 100.0), (180, 0.5)), "9[56]%"), (((0, 2.0),), "66%")],
    ids=["growing", "shrinking", "constant"],
)
def test_the_length_of_a_scheduled_average_is_that_over_the_whole_run(points, share):
    schedule = ScheduleConfig(ema=points)
    warning = ema_warnings(ema=EmaConfig(half_life=150), schedule=schedule)
    assert bool(warning) == bool(share)
    assert re.search(share, warning)
