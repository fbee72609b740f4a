"""The diagnosis of a run in words, on rows made for each case."""

import dataclasses
import math

import numpy as np
import pytest

from jaxgan.config.choices import LOSSES
from jaxgan.config.files import to_config_dict
from jaxgan.config.network import NetworkConfig
from jaxgan.config.schema import Config, ScheduleConfig, TrainConfig
from jaxgan.metrics import example_spread
from jaxgan.runs import layout, row_files
from jaxgan.runs.atomic_files import write_json
from jaxgan.runs.diagnosis import QUESTIONS, Alarms, RunRecord, collapse, diagnose, read_record
from jaxgan.runs.diagnosis.collapse import effective_number
from jaxgan.runs.diagnosis.discriminator import SIGNALS, WON
from jaxgan.training.loop import train
from jaxgan.training.progress import Progress
from jaxgan.training.verdict import log_diagnosis, log_seed_diagnoses
from tests import prepared_runs, tiny

FRECHET = "eval/frechet/test/n2000/mnist"
COPYING = "eval/copying/train/n500"
SPREAD = "samples/spread"
CLASSES = "eval/class_fractions/generated/n2000/mnist"
LEARNING, WINS, COLLAPSE, COPIES, BETTER = QUESTIONS
EPOCHS = 10


def row(epoch, **columns):
    """A row of a healthy classic run; two rows an epoch, 500 steps each."""
    healthy = {"disc/loss": 1.1, "gen/loss": 0.9, "disc/prob_fake": 0.3, "disc/prob_real": 0.7}
    return (
        {"step": int(1000 * epoch), "epoch": epoch, "images": int(60_000 * epoch)}
        | healthy
        | {
            "disc/logit_real": 1.0,
            "disc/logit_fake": -1.0,
            "skipped_in_a_row": 0,
            **columns,
        }
    )


def rows(distances=range(100, 0, -10), **columns):
    """Rows of as many epochs as there are distances, each scored at its end."""
    found = []
    for epoch, distance in enumerate(distances, start=1):
        scores = {FRECHET: float(distance), COPYING: 1.1, CLASSES: [0.1] * 10}
        found += [
            row(epoch - 0.5, **{k: v for k, v in columns.items() if k != SPREAD}),
            row(epoch, **{SPREAD: 0.9} | scores | columns),
        ]
    return found


def findings(run_rows, config=None, evaluation=None, data=None):
    config = config or Config(train=TrainConfig(epochs=EPOCHS))
    return diagnose(RunRecord(config, run_rows, evaluation or {}, data or {}))


def warned(found):
    return [finding.question for finding in found if finding.level == "warning"]


def answer(found, question):
    return next(finding for finding in found if finding.question == question)


def test_a_healthy_run_gets_no_warning_and_an_answer_to_every_question():
    found = findings(rows())
    assert [finding.question for finding in found] == [
        LEARNING,
        WINS,
        COLLAPSE,
        COLLAPSE,
        COPIES,
        BETTER,
    ]
    assert {finding.level for finding in found} == {"good"}
    assert answer(found, LEARNING).figures == {FRECHET: 10.0}
    assert "from 100 at epoch 1 to 10 at epoch 10" in answer(found, LEARNING).sentence


@pytest.mark.parametrize(
    "run_rows",
    [
        rows(),
        rows([50]),
        rows(range(10, 110, 10)),
        rows(**{"disc/prob_fake": 1e-5, SPREAD: 0.01, COPYING: 0.1}),
        [{"step": 1, "epoch": 0.1}],
        [],
    ],
)
@pytest.mark.parametrize("loss", LOSSES)
def test_every_sentence_is_whole_and_has_a_figure_in_it(loss, run_rows):
    for finding in findings(run_rows, Config(loss=loss)):
        assert finding.sentence[0].isupper()
        assert finding.sentence.endswith(".")
        assert any(character.isdigit() for character in finding.sentence), finding
        assert all(map(math.isfinite, finding.figures.values()))
        assert finding.advice or finding.level != "warning"


def test_a_distance_that_never_falls_is_not_learning():
    assert LEARNING in warned(findings(rows([100, 101, 99, 100])))
    # Networks of another run may be good already.
    start = Config(start_from="/runs/other")
    assert LEARNING not in warned(findings(rows([100, 101, 99, 100]), start))


def test_a_distance_above_its_lowest_for_a_third_of_the_run_is_a_warning():
    assert warned(findings(rows([100, 80, 40, 20, 22, 20, 30, 31, 35, 40]))) == [BETTER]
    # One evaluation of the last third is as low as before.
    falls_back = findings(rows([100, 80, 40, 20, 22, 20, 30, 31, 21, 40]))
    assert warned(falls_back) == []
    assert answer(falls_back, BETTER).sentence.endswith("20 at epoch 4, 40 at epoch 10.")


def test_a_distance_that_still_falls_is_good_and_the_advice_is_a_command_that_works():
    found = answer(findings(rows()), BETTER)
    assert (found.level, found.figures["before"]) == ("good", 50.0)
    assert "--config.train.epochs=20" in found.advice
    schedule = ScheduleConfig(unit="run", learning_rate=((0.5, 1.0), (1.0, 0.1)))
    assert not answer(findings(rows(), Config(schedule=schedule)), BETTER).advice


def test_distances_of_another_protocol_are_not_compared():
    before = [row(epoch, **{"eval/frechet/test/n2000/other": 1.0}) for epoch in (1, 2, 3)]
    found = findings(before + rows()[6:])
    assert answer(found, LEARNING).figures == {FRECHET: 10.0}
    assert warned(found) == []


@pytest.mark.parametrize("loss", LOSSES)
def test_each_loss_says_by_its_own_signal_that_the_discriminator_has_won(loss):
    config = Config(loss=loss)
    # D is right about each image, with large logits.
    won = {"disc/prob_fake": 1e-5, "disc/loss": 1e-5, "disc/logit_fake": -9.0}
    assert warned(findings(rows(**won), config)) == ([] if loss == "wasserstein" else [WINS])
    assert SIGNALS.keys() == LOSSES.keys()


@pytest.mark.parametrize("loss", ["least_squares", "hinge", "relativistic"])
def test_a_sigmoid_that_means_nothing_is_no_sign_of_a_discriminator_that_has_won(loss):
    assert warned(findings(rows(**{"disc/prob_fake": 1e-9}), Config(loss=loss))) == []


@pytest.mark.parametrize(("loss", "terms"), [("relativistic", 1), ("relativistic_average", 2)])
def test_the_signal_of_relativistic_losses_is_a_probability(loss, terms):
    # Both logits are equal: each image looks real with probability 1/2, and a term is log 2.
    assert SIGNALS[loss].compute(terms * math.log(2)) == pytest.approx(0.5)


def test_the_discriminator_is_judged_by_the_last_epoch():
    early = {"disc/prob_fake": 1e-5}
    assert warned(findings([row(0.5, **early), row(1, **early), *rows()[2:]])) == []
    assert warned(findings([*rows()[:-2], row(9.5, **early), row(10, **early)])) == [WINS]


def test_batch_norm_is_named_where_it_hinders_the_advice():
    won = rows(**{"disc/prob_fake": 1e-5})
    for network, hindered in (("mlp", False), ("dcgan", True)):
        found = findings(won, Config(network=NetworkConfig(name=network)))
        assert ("disc_norm=none" in answer(found, WINS).advice) is hindered


def test_alike_samples_and_missing_classes_are_a_collapse():
    assert warned(findings(rows(**{SPREAD: 0.04}))) == [COLLAPSE]
    assert warned(findings(rows(**{CLASSES: [0.9, 0.1] + [0.0] * 8}))) == [COLLAPSE]
    # Real images are of two classes only.
    data = {"class_counts": [900, 100] + [0] * 8}
    assert warned(findings(rows(**{CLASSES: [0.9, 0.1] + [0.0] * 8}), data=data)) == []


def test_classes_of_noise_are_no_collapse_where_the_discriminator_has_won():
    noise = rows(**{"disc/prob_fake": 1e-5, CLASSES: [1.0] + [0.0] * 9})
    assert warned(findings(noise)) == [WINS]


def test_missing_modes_are_a_collapse():
    def scored(modes, divergence):
        name = "test/n2500/ring"
        return rows(**{f"eval/modes/{name}": modes, f"eval/reverse_kl/{name}": divergence})

    assert warned(findings(scored(8, 0.01))) == []
    # One mode of eight: log 8.
    one = findings(scored(1, math.log(8)))
    assert warned(one) == [COLLAPSE]
    assert "1 modes" in one[3].sentence
    assert "13%" in one[3].sentence
    # No point is near a mode, so there is no divergence.
    assert warned(findings(scored(0, None))) == []


def test_the_classes_of_the_classic_gan_are_no_collapse():
    # Total variation from equal classes: at most 0.262 in the 67 seeds of docs/results.md. Of all
    # such fractions these have the lowest entropy.
    least_even = [0.362] + [0.1] * 6 + [0.038, 0, 0]
    assert warned(findings(rows(**{CLASSES: least_even}))) == []


def test_the_effective_number_of_classes_is_the_exponential_of_the_entropy():
    assert effective_number(np.full(8, 1 / 8)) == pytest.approx(8)
    assert effective_number(np.array([1.0, 0, 0])) == 1


def test_copies_are_memorising():
    assert warned(findings(rows(**{COPYING: 0.3}))) == [COPIES]
    assert answer(findings(rows(**{COPYING: 0.6})), COPIES).level == "note"


def test_values_that_are_not_finite_or_missing_are_said_to_be_missing():
    empty = dict.fromkeys(["disc/prob_fake", "disc/loss", "gen/loss", SPREAD, FRECHET])
    found = findings(rows(**empty | {COPYING: None, CLASSES: None}))
    assert {finding.level for finding in found} == {"note"}
    assert "has a distance" in answer(found, LEARNING).sentence
    assert "no finite disc/prob_fake" in answer(found, WINS).sentence


def test_a_run_without_evaluations_says_which_command_measures():
    found = findings([row(0.5), row(1)])
    assert warned(found) == []
    for question in (LEARNING, COPIES, BETTER):
        assert "--config.evaluate.every=1" in answer(found, question).advice
    assert "jaxgan evaluate" in answer(found, LEARNING).advice


def test_steps_that_are_skipped_in_a_row_are_a_warning():
    assert warned(findings(rows(skipped_in_a_row=20)))[0] == LEARNING
    assert warned(findings(rows(skipped_in_a_row=1))) == []


def test_a_command_evaluation_gives_baseline_and_classes():
    name = "frechet/test/n10000/mnist"
    evaluation = {
        "protocol": {"step": 1000},
        "metrics": {"generator": {"frechet/train/n10000/mnist": 1.0, name: 20.0}},
        "ratios": {"generator": {name: 12.5}},
        "histograms": {"generator": [1.0, 0.0, 0.0], "test": [0.3, 0.3, 0.4]},
    }
    found = findings([row(1)], evaluation=evaluation)
    assert answer(found, LEARNING).figures == {name: 20.0, f"ratio/{name}": 12.5}
    assert warned(found) == [COLLAPSE]
    # Newer rows go before an older evaluation.
    assert warned(findings(rows(), evaluation=evaluation)) == []
    damaged = {"metrics": [], "ratios": 3, "histograms": "x", "protocol": None}
    assert findings(rows(), evaluation=damaged) == findings(rows())


def test_images_count_where_they_are_the_length_of_a_run():
    config = Config(train=TrainConfig(images=600_000, interval_images=60_000))
    found = findings(rows(), config)
    assert "at 600000 images" in answer(found, LEARNING).sentence
    assert "in the last interval" in answer(found, WINS).sentence
    assert warned(findings(rows([100, 20, 20, 20, 30, 30, 30]), config)) == [BETTER]


def test_points_are_not_searched_for_copies():
    found = findings(rows(**{COPYING: None}), data={"shape": [2], "examples": 1000})
    assert "1000" in answer(found, COPIES).sentence
    assert not answer(found, COPIES).advice


def test_without_held_out_images_the_advice_is_to_hold_some_out():
    scored = [row(epoch, **{"eval/frechet/train/n100/net": 5.0}) for epoch in (1, 2, 3)]
    assert "data.held_out" in answer(findings(scored), COPIES).advice


def test_the_diagnosis_of_a_folder_is_that_of_its_files(finished, tmp_path):
    record = read_record(finished)
    assert record.rows
    assert record.data["examples"] == 100
    assert all(0 < r[SPREAD] < 3 for r in record.rows if SPREAD in r)
    assert sum(SPREAD in r for r in record.rows) == 3
    assert diagnose(record)
    # A run that has only begun, and an evaluation that is damaged.
    (tmp_path / layout.CONFIG).write_text((finished / layout.CONFIG).read_text())
    (tmp_path / "evaluation.json").write_text("{")
    (finding,) = diagnose(read_record(tmp_path))
    assert finding.level == "note"
    assert "0 rows" in finding.sentence


def test_the_spread_is_the_root_mean_square_deviation():
    assert example_spread(np.array([[0, 0], [2, 4]], np.uint8)) == pytest.approx(math.sqrt(2.5))
    assert example_spread(np.full((5, 3, 3, 1), 7, np.uint8)) == 0
    assert math.isnan(example_spread(np.array([[np.inf, 0], [1, 1]])))


# During a run.


def alarms(run_rows, **train):
    return Alarms(Config(train=TrainConfig(**{"epochs": EPOCHS} | train))).read(run_rows)


def test_a_discriminator_that_wins_for_an_epoch_is_said_once():
    won = rows(**{"disc/prob_fake": WON / 2})
    assert alarms(won[:1]) == []
    (text,) = alarms(won)
    assert text.startswith("epoch 1: D has won")
    assert "0.0005" in text
    assert "learning_rate" in text
    # Half an epoch, again and again.
    mixed = [r | {"disc/prob_fake": 0.2 if i % 2 else 1e-5} for i, r in enumerate(won)]
    assert alarms(mixed) == []


def test_an_epoch_of_a_few_steps_is_too_short_for_an_alarm():
    few = [r | {"step": i} for i, r in enumerate(rows(**{"disc/prob_fake": 1e-5}), start=1)]
    assert alarms(few) == []


def test_samples_that_are_alike_in_several_grids_are_said_once():
    (text,) = alarms(rows(**{SPREAD: 0.02}))
    assert text.startswith("epoch 3: all samples are alike")
    assert "relativistic" in text
    early = [r | {SPREAD: 0.02} if r["epoch"] in (1, 2) else r for r in rows()]
    assert alarms(early) == []


def test_a_distance_that_has_risen_for_a_third_of_the_run_is_said_once():
    (text,) = alarms(rows([100, 20, 30, 30, 30, 30, 30, 30, 30, 30]))
    assert text.startswith("epoch 6: The Fréchet distance")
    assert "--step best" in text
    assert alarms(rows([100, 20, 30, 30, 30, 20, 30, 30, 21, 30])) == []


def test_a_resumed_run_does_not_repeat_an_alarm():
    bad = rows(**{"disc/prob_fake": 1e-5, SPREAD: 0.02})
    config = Config(train=TrainConfig(epochs=EPOCHS))
    for cut in range(len(bad)):
        again = Alarms(config, bad[:cut])
        said = len(Alarms(config).read(bad[:cut]))
        assert said + len(again.read(bad[cut:])) == 2


# Whole runs.


def write_run(folder, run_rows):
    folder.mkdir()
    config = Config(train=TrainConfig(epochs=EPOCHS))
    write_json(folder / layout.CONFIG, to_config_dict(config).to_dict())
    row_files.append_rows(folder, run_rows)
    return folder


def test_the_words_at_the_end_of_a_run_are_one_line_or_its_warnings(tmp_path, capsys):
    log_diagnosis(write_run(tmp_path / "fine", rows()))
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("no warning about this run: The Fréchet distance")
    assert "10" in line
    log_diagnosis(write_run(tmp_path / "bad", rows(**{COPYING: 0.3, SPREAD: 0.01})))
    alike, copies = capsys.readouterr().err.splitlines()
    assert alike.startswith("warning: All samples are alike")
    assert "--config.loss" in alike
    assert "0.3 times" in copies
    assert "--config.augment.policy" in copies


def test_the_words_at_the_end_of_many_seeds_say_which_seeds(tmp_path, capsys):
    runs = {3: rows(), 5: rows(**{"disc/prob_fake": 1e-5}), 8: rows()}
    log_seed_diagnoses(
        {seed: write_run(tmp_path / str(seed), found) for seed, found in runs.items()}
    )
    warning, fine = capsys.readouterr().err.splitlines()
    assert warning.startswith("warning: seed 5: D has won")
    assert fine == "no warning about 2 seeds: 3, 8"


def test_an_alarm_names_the_seed_where_there_are_several(capsys):
    for seeds, begin in (([], "warning: D has"), ([4], "warning: seed 4: D has")):
        Progress(0, TrainConfig(), 10, seeds).warn(4, ["D has won"])
        assert capsys.readouterr().err.startswith(begin)


def test_a_run_says_what_is_bad_while_it_trains_and_says_it_once(data, tmp_path, capsys):
    config = tiny.config(data, epochs=4)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(collapse, "ALIKE", 99.0)
        train(config, tmp_path / "run")
        words = capsys.readouterr().err
        assert words.count("epoch 3: all samples are alike") == 1
        assert words.splitlines()[-1].startswith("warning: All samples are alike")
        longer = dataclasses.replace(config, train=dataclasses.replace(config.train, epochs=8))
        train(longer, tmp_path / "run")
        assert "epoch 5: all samples" not in capsys.readouterr().err


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "questions"),
    [
        ("healthy", set()),
        ("collapsed", {COLLAPSE}),
        ("d_has_won", {WINS, LEARNING}),
        ("memorising", {COPIES}),
    ],
)
def test_a_prepared_run_gets_the_warnings_that_it_was_made_for(name, questions, tmp_path):
    workdir = prepared_runs.train_prepared(name, tmp_path)
    assert set(warned(diagnose(read_record(workdir)))) == questions
