import contextlib
import dataclasses
import json
import subprocess

import pytest

from jaxgan.config.errors import UserError
from jaxgan.config.fields import iter_settings
from jaxgan.config.schema import Config, ScheduleConfig
from jaxgan.runs import directory, environment, files, layout, metrics_log
from jaxgan.runs.environment import describe_environment, read_environment
from jaxgan.runs.files import replace_file, write_atomically

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
    "network.disc_norm": "none",
    "network.precision": "bfloat16",
    "network.matmul_precision": "high",
    "augment.policy": ("cutout",),
    "schedule.shape": "cosine",
    **{f"schedule.{field.name}": ((0, 0.5),) for field in dataclasses.fields(ScheduleConfig)[1:]},
}
FAMILIES = {  # that have the setting, where the default one has not
    "network.gen_channels": "dcgan",
    "network.disc_channels": "dcgan",
    "network.disc_norm": "dcgan",
    "network.blocks": "r3gan",
    "network.remat": "r3gan",
}


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


def test_rows_after_a_step_are_dropped_with_a_row_cut_short(tmp_path):
    metrics_log.append_rows(tmp_path, [{"step": step} for step in (1, 2, 3, 4)])
    path = tmp_path / layout.METRICS
    path.write_text(path.read_text()[:-3])
    assert [row["step"] for row in metrics_log.read_rows(tmp_path)] == [1, 2, 3]
    metrics_log.drop_rows_after(tmp_path, 2)
    assert [json.loads(line)["step"] for line in path.read_text().splitlines()] == [1, 2]


def test_a_lock_left_by_a_dead_process_does_not_matter(tmp_path):
    start(tmp_path, Config())
    assert (tmp_path / ".lock").exists()
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
        patched.setattr(files, "write_atomically", write_then_die)
        start(tmp_path, Config())
    start(tmp_path, Config())
    assert read_environment(tmp_path) == ENVIRONMENT


def test_a_damaged_row_before_the_last_is_refused_by_its_number(tmp_path):
    metrics_log.append_rows(tmp_path, [{"step": step} for step in (1, 2, 3)])
    path = tmp_path / layout.METRICS
    for damage in ("{", "5", '{"x": 1}'):
        path.write_text(f'{{"step": 1}}\n{damage}\n{{"step": 3}}\n')
        with pytest.raises(UserError, match="line 2 is damaged"):
            metrics_log.read_rows(tmp_path)


@pytest.mark.parametrize("damage", ["{}", "[]", '{"data": null}', "{"])
def test_a_damaged_environment_is_named(tmp_path, damage):
    start(tmp_path, Config())
    (tmp_path / "environment.json").write_text(damage)
    with pytest.raises(UserError, match=r"environment\.json: damaged"):
        start(tmp_path, Config())


def test_a_file_that_cannot_be_written_to_the_end_leaves_the_old_one_and_nothing_else(tmp_path):
    path = tmp_path / "images.npz"
    replace_file(path, lambda file: file.write(b"old"))

    def fail(file):
        file.write(b"half")
        raise OSError(28, "No space left on device")

    with pytest.raises(OSError, match="No space"):
        replace_file(path, fail)
    assert [(file.name, file.read_bytes()) for file in tmp_path.iterdir()] == [(path.name, b"old")]


@pytest.mark.parametrize("tracked", [True, False])
def test_the_commit_is_that_of_a_repository_which_holds_the_source(tmp_path, monkeypatch, tracked):
    package = tmp_path / "lib" / "jaxgan"
    package.mkdir(parents=True)
    (package / "environment.py").write_text("")
    (tmp_path / "thesis.tex").write_text("")
    git = ["git", "-C", str(tmp_path), "-c", "user.name=a", "-c", "user.email=a@b.c"]
    added = "." if tracked else "thesis.tex"
    for command in (["init", "-q"], ["add", added], ["commit", "-q", "-m", "first"]):
        subprocess.run([*git, *command], check=True)
    monkeypatch.setattr(environment, "__file__", str(package / "environment.py"))
    commit = describe_environment([], {})["git_commit"]
    assert (len(commit) == 40) == tracked
    assert tracked or commit == ""
