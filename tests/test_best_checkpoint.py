"""The state with the lowest held-out distance, kept in best/."""

import os
import shutil

import jax.numpy as jnp
import pytest

from jaxgan.runs import best_checkpoint as best_checkpoint
from jaxgan.runs import checkpoints
from jaxgan.runs.best_checkpoint import BestCheckpoint, read_best
from tests.test_periodic_evaluation import DISTANCE, make_evaluator


@pytest.fixture
def state(data):
    return make_evaluator(data)[1]


def unmeasured(state):
    raise AssertionError(f"the state of step {state.step} was measured again")


def at(state, step):
    return state.replace(step=jnp.asarray(step, jnp.int32))


def test_only_a_lower_distance_replaces_the_best(tmp_path, state):
    best = BestCheckpoint.resume(tmp_path, "frechet", state, unmeasured)
    for step, value in ((1, 3.0), (2, 3.0), (3, None), (4, float("nan")), (5, 2.5), (6, 2.6)):
        best.update(at(state, step), value)
    best.close()
    assert read_best(tmp_path / "best") == (5, "frechet", 2.5)
    assert checkpoints.steps(tmp_path / "best") == [5]


def test_the_best_is_read_again_and_measured_again_under_another_protocol(tmp_path, state):
    best = BestCheckpoint.resume(tmp_path, "n50", state, unmeasured)
    best.update(at(state, 7), 3.0)
    best.close()
    again = BestCheckpoint.resume(tmp_path, "n50", state, unmeasured)
    assert again.lowest == 3.0
    again.close()
    other = BestCheckpoint.resume(tmp_path, "n40", state, lambda found: float(found.step))
    assert other.lowest == 7.0
    other.update(at(state, 7), 6.0)  # the same step over again, with other bits
    other.close()
    assert read_best(tmp_path / "best") == (7, "n40", 6.0)


def test_a_damaged_best_is_set_aside_with_a_warning(tmp_path, state, capsys):
    best = BestCheckpoint.resume(tmp_path, "frechet", state, unmeasured)
    best.update(at(state, 7), 3.0)
    best.close()
    shutil.rmtree(tmp_path / "best" / "7" / "state")
    best = BestCheckpoint.resume(tmp_path, "frechet", state, unmeasured)
    best.close()
    assert best.lowest == float("inf")
    assert os.listdir(tmp_path / "best") == ["7.damaged"]
    assert "7: damaged checkpoint" in capsys.readouterr().err


def test_a_best_whose_score_cannot_be_read_is_set_aside_and_saved_again(tmp_path, state):
    for step, value in ((7, 3.0), (9, 2.5)):
        best = BestCheckpoint.resume(tmp_path, "frechet", state, unmeasured)
        best.update(at(state, step), value)
        best.close()
        shutil.rmtree(tmp_path / "best" / str(step) / "record")
    best = BestCheckpoint.resume(tmp_path, "frechet", state, unmeasured)
    best.update(at(state, 9), 2.5)
    best.close()
    assert read_best(tmp_path / "best") == (9, "frechet", 2.5)
    assert sorted(os.listdir(tmp_path / "best")) == ["7.damaged", "9", "9.damaged"]


def test_the_last_distance_is_that_of_the_newest_row_that_has_one():
    rows = [{"step": 1, DISTANCE: 5.0}, {"step": 2, DISTANCE: 4.0}, {"step": 3}]
    assert best_checkpoint.last_distance(rows) == (2, DISTANCE, 4.0)
    assert best_checkpoint.last_distance([]) is None


def test_the_sentence_names_the_last_and_the_best_and_its_protocol_if_that_differs():
    last, best = (
        best_checkpoint.ScoredStep(step, DISTANCE, value) for step, value in ((9, 4.0), (6, 3.0))
    )
    words = best_checkpoint.describe_distances(last, best)
    assert words.startswith(
        f"Fréchet distance to the test set ({DISTANCE}): 4 at step 9; lowest 3 at "
    )
    assert words.endswith("at step 6, in best/, --step best")
    assert "at step 6 (n40)" in best_checkpoint.describe_distances(last, best._replace(name="n40"))
