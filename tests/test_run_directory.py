import contextlib
import dataclasses
import errno
import fcntl
import os

import pytest

from jaxgan.config.errors import UserError
from jaxgan.config.fields import iter_settings
from jaxgan.config.schema import SHAPES, Config, ScheduleConfig
from jaxgan.runs import atomic_files, directory
from jaxgan.runs.atomic_files import write_atomically
from jaxgan.runs.environment import read_environment

DATA = {"sha256": "a", "source": "here"}
ENVIRONMENT = {"processes": 1, "versions": {"jax": "1"}, "data": DATA}
OTHERS = {
    bool: lambda value: not value,
    int: lambda value: value + 1,
    float: lambda value: value / 2 or 0.25,
    str: lambda value: f"{value}x",
    tuple: lambda value: (*value, 3),
}
CHOICES = {
    "loss": "saturating",
    "network.name": "r3gan",
    "data.source": "idx",
    "data.fit": "contain",
    "data.background": "black",
    "network.disc_norm": "none",
    "network.stage_channels": (16,),
    "network.cardinality": (4,),
    "network.precision": "bfloat16",
    "network.matmul_precision": "high",
    "augment.policy": ("cutout",),
    "penalty.own": (("math:fsum", 0.1),),
    "schedule.shape": "cosine",
    "schedule.unit": "run",
    **{f"schedule.{name}": ((0, 0.5),) for name in vars(ScheduleConfig()) if name not in SHAPES},
}
FAMILIES = {  # that have the setting, where the default one has not
    "network.gen_channels": "dcgan",
    "network.disc_channels": "dcgan",
    "network.disc_norm": "dcgan",
    "network.blocks": "r3gan",
    "network.stage_channels": "r3gan",
    "network.cardinality": "r3gan",
    "network.remat": "r3gan",
}

NEEDS = {"network.cardinality": ("network.stage_channels", (16,))}  # else it is refused


def with_setting(config, name, value):
    group, _, rest = name.partition(".")
    if rest:
        value = with_setting(getattr(config, group), rest, value)
    return dataclasses.replace(config, **{group: value})


def start(workdir, config, environment=ENVIRONMENT):
    with directory.open_run(workdir, config, dict(environment)):
        pass


@pytest.mark.parametrize("name", [name for name, _, _ in iter_settings(Config())])
def test_every_setting_is_frozen_for_a_run_or_may_change(name, tmp_path):
    field, value = {n: (f, v) for n, f, v in iter_settings(Config())}[name]
    config = with_setting(Config(), "network.name", FAMILIES.get(name, "mlp"))
    config = with_setting(config, *NEEDS[name]) if name in NEEDS else config
    other = with_setting(config, name, CHOICES.get(name) or OTHERS[type(value)](value))
    start(tmp_path / "run", config)
    if field.metadata["may_change"]:
        start(tmp_path / "run", other)
        assert directory.read_config(tmp_path / "run") == other
    else:
        with pytest.raises(UserError, match=rf"config\.{name} = "):
            start(tmp_path / "run", other)
        assert directory.read_config(tmp_path / "run") == config


def test_the_recorded_config_rebuilds_the_config(tmp_path):
    config = dataclasses.replace(Config(), seed=7, loss="saturating")
    start(tmp_path, config)
    assert directory.read_config(tmp_path) == config


def test_a_changed_environment_is_added_to_the_first(tmp_path):
    start(tmp_path, Config())
    newer = {"versions": {"jax": "2"}, "data": DATA}
    for _ in range(2):
        start(tmp_path, Config(), newer)
    recorded = read_environment(tmp_path)
    assert recorded["versions"] == {"jax": "1"}
    assert recorded["changes"] == [{"versions": {"jax": "2"}}]


def test_a_damaged_config_is_named(tmp_path):
    start(tmp_path, Config())
    (tmp_path / "config.json").write_text('{"seed": ')
    with pytest.raises(UserError, match=r"config\.json: damaged"):
        directory.read_config(tmp_path)


def test_a_lock_left_by_a_dead_process_does_not_matter(tmp_path):
    start(tmp_path, Config())
    assert (tmp_path / ".lock").exists()
    start(tmp_path, Config())


def fail_to_lock(monkeypatch, number):
    def flock(*_):
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(fcntl, "flock", flock)


@pytest.mark.parametrize("number", [errno.ENOSYS, errno.ENOLCK, errno.EOPNOTSUPP])
def test_a_file_system_without_locks_is_told_once_and_trains(tmp_path, monkeypatch, capsys, number):
    start(tmp_path, Config())  # as a folder that comes from a file system with locks
    fail_to_lock(monkeypatch, number)
    for _ in range(2):
        start(tmp_path, Config())
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith(f"warning: --workdir {tmp_path}: its file system has no locks")


def test_a_lock_that_fails_otherwise_is_an_error(tmp_path, monkeypatch):
    fail_to_lock(monkeypatch, errno.EIO)
    with pytest.raises(OSError, match="Input/output error"):
        start(tmp_path, Config())


@pytest.mark.parametrize("written", [0, 1, 2])
def test_a_start_killed_after_any_of_its_writes_can_be_repeated(tmp_path, monkeypatch, written):
    writes = []

    def write_then_die(path, text, write=write_atomically):
        if len(writes) == written:
            raise KeyboardInterrupt
        writes.append(path)
        write(path, text)

    with monkeypatch.context() as patched, contextlib.suppress(KeyboardInterrupt):
        patched.setattr(atomic_files, "write_atomically", write_then_die)
        start(tmp_path, Config())
    start(tmp_path, Config())
    assert read_environment(tmp_path) == ENVIRONMENT


@pytest.mark.parametrize("damage", ["{}", "[]", '{"data": null}', "{"])
def test_a_damaged_environment_is_named(tmp_path, damage):
    start(tmp_path, Config())
    (tmp_path / "environment.json").write_text(damage)
    with pytest.raises(UserError, match=r"environment\.json: damaged"):
        start(tmp_path, Config())
