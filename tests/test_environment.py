import json
import subprocess

import pytest

from jaxgan.config.errors import UserError
from jaxgan.runs import environment, layout
from jaxgan.runs.environment import check_same_data, describe_environment


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


def test_which_gpus_are_opened_is_no_flag_that_bits_depend_on(monkeypatch):
    monkeypatch.setenv("JAX_CUDA_VISIBLE_DEVICES", "0")
    monkeypatch.setenv("JAX_DEFAULT_MATMUL_PRECISION", "high")
    flags = describe_environment([], {})["flags"]
    assert "JAX_DEFAULT_MATMUL_PRECISION" in flags
    assert "JAX_CUDA_VISIBLE_DEVICES" not in flags


def test_data_other_than_those_of_the_run_are_refused_with_both_hashes(tmp_path):
    recorded = {"data": {"sha256": "a1", "source": "here"}}
    (tmp_path / layout.ENVIRONMENT).write_text(json.dumps(recorded))
    check_same_data(tmp_path, "a1", "elsewhere")
    words = (
        r"saw other data \(SHA-256 a1, now b2 from elsewhere\); restore the data of the run, or "
    )
    with pytest.raises(UserError, match=words):
        check_same_data(tmp_path, "b2", "elsewhere")
