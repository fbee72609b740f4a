import re

import pytest

from jaxgan.config.checks import check_horizon
from jaxgan.config.errors import UserError
from jaxgan.config.schema import Config, EmaConfig, ScheduleConfig, TrainConfig
from jaxgan.config.warnings import config_warnings
from jaxgan.runs.plan import (
    StepPlan,
    chunks,
    ema_halvings,
    epochs_of,
    images_in_run,
    make_step_plan,
    row_bounds,
)


def make_plan(**train):
    return make_step_plan(TrainConfig(**train), 60_000)


def test_an_epoch_of_mnist_is_937_steps_of_64():
    assert make_plan(batch_size=64).epoch == 937


def test_an_epoch_is_one_device_call_by_default():
    assert [(c.start, c.stop) for c in chunks(make_plan(epochs=2), 0)] == [(0, 937), (937, 1874)]


@pytest.mark.parametrize("chunks_per_epoch", [1, 3, 10, 5000])
@pytest.mark.parametrize("logs_per_epoch", [1, 7, 10, 5000])
@pytest.mark.parametrize("length", [{"epochs": 3}, {"images": 150_000}], ids=["epochs", "images"])
def test_chunks_and_rows_cover_every_step_once(length, chunks_per_epoch, logs_per_epoch):
    plan = make_plan(**length, chunks_per_epoch=chunks_per_epoch, logs_per_epoch=logs_per_epoch)
    steps, row_ends = 0, []
    for chunk in chunks(plan, 0):
        assert chunk.start == steps
        assert chunk.interval == 1 + steps // plan.interval
        row_ends += [steps + stop for _, stop in row_bounds(plan, chunk)]
        steps = chunk.stop
        assert chunk.ends_interval == (steps % plan.interval == 0 or steps == plan.total)
    assert steps == plan.total == (150_000 // 64 + 1 if "images" in length else 3 * 937)
    within = [*range(plan.row, plan.interval, plan.row), plan.interval]
    starts = range(0, plan.total, plan.interval)
    expected = {min(start + end, plan.total) for start in starts for end in within}
    assert row_ends == sorted(expected)


@pytest.mark.parametrize("start", [1, 37, 781, 800, 2343])
def test_a_run_goes_on_anywhere_with_the_rows_that_it_would_have(start):
    """As after a signal, or with other settings than before."""
    plan = make_plan(images=150_000, chunks_per_epoch=4)

    def row_ends(start):
        return [
            chunk.start + stop
            for chunk in chunks(plan, start)
            for _, stop in row_bounds(plan, chunk)
        ]

    assert row_ends(start) == [end for end in row_ends(0) if end > start]


def test_a_run_resumes_in_the_middle_of_an_epoch():
    plan = make_plan(chunks_per_epoch=10, epochs=1)
    assert [tuple(c) for c in chunks(plan, 94 * 9)] == [(1, 846, 937, True)]


def test_nothing_is_left_to_do_after_the_last_epoch():
    assert list(chunks(make_plan(epochs=5), 937 * 5)) == []
    assert list(chunks(make_plan(epochs=3), 937 * 5)) == []


@pytest.mark.parametrize("examples", [100, 60_000, 10_000_000])
def test_a_length_in_images_gives_the_same_steps_rows_and_calls_for_any_set(examples):
    plan = make_step_plan(TrainConfig(images=100_000, interval_images=20_000), examples)
    assert plan == StepPlan(epoch=examples // 64, interval=313, row=32, chunk=320, total=1563)
    assert [chunk.stop for chunk in chunks(plan, 0)] == [313, 626, 939, 1252, 1563]


def test_the_steps_of_a_run_are_in_as_many_passes_as_it_takes():
    plan = make_step_plan(TrainConfig(images=1000), 200)
    assert plan.epoch == 3
    assert [epochs_of(plan, *steps) for steps in ((0, 3), (2, 4), (6, 16))] == [
        range(1),
        range(2),
        range(2, 6),
    ]


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


def test_a_schedule_in_fractions_fits_any_run():
    check_horizon(*run_of_180_images(schedule=ScheduleConfig(unit="run", b2=((0, 0.9), (1, 0.5)))))


def test_a_schedule_that_ends_at_the_first_image_gives_a_warning():
    (warning,) = config_warnings(Config(schedule=ScheduleConfig(b2=((0, 0.9), (1, 0.5)))))
    assert "config.schedule.b2 = ((0, 0.9), (1, 0.5)): ends at the first image" in warning
    assert config_warnings(Config(schedule=ScheduleConfig(b2=((0, 0.9),)))) == []


@pytest.mark.parametrize(
    ("train", "text"),
    [
        (
            {},
            "config.train.epochs = 50: the run has only 50 steps, since an epoch of the 100 "
            "examples is 1 step of 64 and leaves out 36, others each time; config.train.images",
        ),
        (
            {"batch_size": 50},
            "only 100 steps, since an epoch of the 100 examples is 2 steps of 50;",
        ),
        ({"images": 10_000}, "an epoch of the 100 examples is 1 step of 64 and leaves out 36"),
        ({"images": 10_000, "batch_size": 50}, ""),
        ({"batch_size": 10}, ""),
    ],
    ids=["epochs", "nothing left out", "images", "images, nothing left out", "enough steps"],
)
def test_a_small_set_is_named_with_what_an_epoch_leaves_out(train, text):
    warnings = config_warnings(Config(train=TrainConfig(**train)), examples=100)
    assert [text in warning for warning in warnings] == [True] * bool(text)


def test_settings_of_the_other_length_have_no_effect():
    both = Config(train=TrainConfig(epochs=3, images=1000))
    assert (
        "config.train.epochs = 3: has no effect with config.train.images"
        in config_warnings(both)[0]
    )
    alone = Config(train=TrainConfig(interval_images=7))
    assert (
        "interval_images = 7: has no effect without config.train.images"
        in config_warnings(alone)[0]
    )


def test_an_average_longer_than_the_run_gives_a_warning():
    warning = ema_warnings(ema=EmaConfig(half_life=360))
    assert "half_life = 360: is too long for the run's 180 images" in warning
    assert "the first weights are 71% of the average" in warning
    assert ema_warnings(ema=EmaConfig(half_life=181))
    assert ema_warnings(ema=EmaConfig(half_life=180)) == ""


def test_a_run_may_have_more_images_than_32_bits_count():
    config = Config(ema=EmaConfig(half_life=1000))
    assert ema_halvings(config, 3 * 10**9) == pytest.approx(3e6)


@pytest.mark.parametrize(
    ("points", "share"),
    [(((0, 0.0), (180, 2.0)), ""), (((0, 100.0), (180, 0.5)), "9[56]%"), (((0, 2.0),), "66%")],
    ids=["growing", "shrinking", "constant"],
)
def test_the_length_of_a_scheduled_average_is_that_over_the_whole_run(points, share):
    fractions = tuple((when / 180, value) for when, value in points)
    for schedule in (ScheduleConfig(ema=points), ScheduleConfig(unit="run", ema=fractions)):
        warning = ema_warnings(ema=EmaConfig(half_life=150), schedule=schedule)
        assert bool(warning) == bool(share)
        assert re.search(share, warning)
