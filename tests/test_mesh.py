"""Several devices: the same draws, and the same values to rounding."""

import dataclasses
import json
import os
import subprocess
import sys
from pathlib import Path
from unittest import mock

import jax
import numpy as np
import pytest
from jax.sharding import Mesh

from jaxgan.config.errors import UserError
from jaxgan.config.schema import Config, ParallelConfig, TrainConfig
from jaxgan.parallel.mesh import local_slice, make_mesh
from tests.devices import ENVIRONMENT


def found(*parts, environment=ENVIRONMENT):
    """What `tests.devices` says of these."""
    command = [sys.executable, "-m", "tests.devices", *parts]
    root = Path(__file__).parents[1]
    env = os.environ | environment
    done = subprocess.run(command, capture_output=True, text=True, cwd=root, env=env, timeout=1200)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_devices_draw_the_same_and_compute_the_same_to_rounding_and_share_the_batch():
    seen = found("mlp:8", "rows")
    assert seen["mlp:8"]["8"]["same draws"]
    assert seen["mlp:8"]["8"]["apart"] < 1e-12
    assert 3 in seen["rows"]  # of a batch of 24
    assert not {24, 48} & set(seen["rows"])


@pytest.mark.slow
def test_every_penalty_and_network_comes_to_the_same_on_some_number_of_devices():
    parts = ["mlp:2,4", "everything:4", "batch norm:4", "spectral norm, labels:2"]
    parts += ["infogan:8", "r3gan:4"]
    seen = found(*parts, "streamed")
    assert seen["streamed"]["shares"] == [0.25] * 4
    assert seen["streamed"]["apart"] < 1e-12
    for part in parts:
        for apart in seen[part].values():
            assert apart["same draws"]
            assert apart["apart"] < 1e-12


@pytest.mark.slow
def test_seeds_in_one_program_are_spread_over_devices():
    said = found("seeds", "seeds, whole")
    assert said["seeds, whole"]["apart"] < 1e-6
    seen = said["seeds"]
    assert max(part["apart"] for part in seen.values()) < 1e-12
    assert seen["2"]["each"] == [2]
    assert [seen[count]["held"] for count in ("2", "3", "4")] == [[2], [4], [1]]
    assert seen["4"]["each"] == []  # of a single seed they are no products of several


@pytest.mark.slow
def test_a_run_moves_between_numbers_of_devices():
    moved = found("moved")["moved"]
    assert moved["step"] == 36
    assert moved["used"] == [2, 8, 1]
    assert moved["apart"] < 1e-6


@dataclasses.dataclass(frozen=True)
class Far:
    """A device of some process."""

    process_index: int


def test_a_process_has_the_rows_of_a_batch_that_are_on_its_devices(monkeypatch):
    assert local_slice(None, 6) == slice(6)
    devices = np.array([Far(i // 2) for i in range(6)])
    mesh = mock.Mock(spec=Mesh, is_multi_process=True, devices=devices)
    for process in range(3):
        monkeypatch.setattr(jax, "process_index", lambda process=process: process)
        assert local_slice(mesh, 24) == slice(8 * process, 8 * process + 8)


def asked(devices, **train):
    parallel = ParallelConfig(devices)
    return dataclasses.replace(Config(), parallel=parallel, train=TrainConfig(**train))


def test_more_devices_than_there_are_and_batches_that_they_do_not_divide_are_refused():
    with pytest.raises(
        UserError, match=r"devices = 2: there is 1 \(cpu\); must be at most 1, or 0"
    ):
        make_mesh(asked(2), jax.devices())
    three = jax.devices() * 3
    with pytest.raises(UserError, match=r"batch_size = 64: the 3 devices .* divide its 64 images"):
        make_mesh(asked(0), three)
    packs = dataclasses.replace(asked(3, batch_size=8), packing=2)
    with pytest.raises(UserError, match=r"batch_size = 8: .* divide its 4 packs of 2"):
        make_mesh(packs, three)


def test_one_device_needs_no_mesh():
    assert make_mesh(asked(1), jax.devices()) is None
    assert make_mesh(asked(0), jax.devices()) is None
