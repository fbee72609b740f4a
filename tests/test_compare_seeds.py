"""`compare` of two folders of many seeds, whose records are written by hand."""

import dataclasses
import json

import numpy as np
import pytest

from jaxgan.config.errors import UserError
from jaxgan.config.files import to_config_dict
from jaxgan.config.seeds import config_of_seed
from jaxgan.gan.steps import CHECKSUM_COLUMNS
from jaxgan.reproducibility.compare import compare
from jaxgan.runs import layout, ledger, row_files
from jaxgan.runs.seed_folders import seed_folder
from tests import tiny

pytestmark = pytest.mark.usefixtures("drawn_figures")

STEPS = 24  # of two epochs


def write_config(folder, config):
    folder.mkdir(parents=True)
    environment = {
        "data": {"sha256": "x", "source": "made", "examples": 100, "shape": [2], "classes": 0}
    }
    (folder / layout.ENVIRONMENT).write_text(json.dumps(environment))
    (folder / layout.CONFIG).write_text(json.dumps(to_config_dict(config).to_dict()))


def write_seeds(folder, seeds, loss=0.0, bits=0, rate=2e-4):
    """Writes runs whose last D losses scatter around `loss`; `bits` seeds their checksums."""
    config = dataclasses.replace(tiny.config(folder / "data"), seed=seeds[0], seeds=seeds)
    disc = dataclasses.replace(config.optimizer.disc, learning_rate=rate)
    optimizer = dataclasses.replace(config.optimizer, disc=disc)
    config = dataclasses.replace(config, optimizer=optimizer)
    write_config(folder, config)
    for seed in seeds:
        random = np.random.RandomState(seed)
        workdir = seed_folder(folder, seed)
        write_config(workdir, config_of_seed(config, seed))
        rows = [
            {"step": 12 * e, "epoch": float(e), "disc/loss": loss + random.randn(), "gen/loss": 1.0}
            for e in (1, 2)
        ]
        row_files.append_rows(workdir, rows)
        checksums = np.random.RandomState([seed, bits]).randint(0, 2**32, STEPS, np.uint32)
        ledger.append(workdir, STEPS, dict.fromkeys(CHECKSUM_COLUMNS, checksums))
    return folder


def run_compare(a, b, tmp_path, capsys):
    same = compare(a, b, tmp_path / "compare.png", print)
    return same, capsys.readouterr().out


def test_the_same_seeds_are_the_same_bits_and_within_noise(tmp_path, capsys):
    a, b = (write_seeds(tmp_path / name, (0, 1, 2)) for name in "ab")
    same, out = run_compare(a, b, tmp_path, capsys)
    assert same
    assert "the same bits: seeds 0, 1, 2\n" in out
    assert "last rows of 3 and 3 runs" in out
    assert "differs (" not in out
    assert "disc/loss: differs in 0 of 2 epochs\n" in out
    assert (tmp_path / "compare.png").stat().st_size > 1000


def test_a_difference_beyond_the_noise_of_seeds_is_distinguished_from_one_within(tmp_path, capsys):
    a = write_seeds(tmp_path / "a", tuple(range(8)))
    b = write_seeds(tmp_path / "b", tuple(range(10, 18)), loss=4.0, rate=1e-3)
    same, out = run_compare(a, b, tmp_path, capsys)
    assert not same
    assert "config.optimizer.disc.learning_rate: 0.0002, 0.001" in out
    assert "in one folder only: seeds 0, 1, 2" in out
    lines = {line.split()[0]: line for line in out.splitlines()}
    assert "differs (p < 0.05)" in next(line for line in out.splitlines() if "[" in line)
    assert "within noise" in next(
        line for line in out.splitlines() if line.startswith("gen/loss") and "[" in line
    )
    assert lines["disc/loss:"] == "disc/loss: differs in 2 of 2 epochs (1, 2)"


def test_a_seed_with_different_bits_is_named_with_what_to_do_next(tmp_path, capsys):
    a, b = write_seeds(tmp_path / "a", (0, 1)), write_seeds(tmp_path / "b", (0, 1), bits=1)
    same, out = run_compare(a, b, tmp_path, capsys)
    assert not same
    assert f"different bits: seeds 0, 1; to see where: compare {a / 'seed_0000'} " in out


def test_many_seeds_are_not_compared_with_one(tmp_path):
    a = write_seeds(tmp_path / "a", (0, 1))
    with pytest.raises(UserError, match="holds a single run, and the other many seeds"):
        compare(a, a / "seed_0000", tmp_path / "x.png", print)
