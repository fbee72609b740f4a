"""Paths as people write them: from home, with spaces and accents, relative to another folder."""

import shutil
from pathlib import Path

import pytest

from jaxgan.cli.main import main
from jaxgan.config.errors import UserError
from jaxgan.config.schema import DataConfig
from jaxgan.runs.atomic_files import read_json
from tests import tiny
from tests.test_cli import CONFIG, TINY


@pytest.fixture
def home(tmp_path, monkeypatch):
    folder = tmp_path / "Zuhause ü"
    folder.mkdir()
    monkeypatch.setenv("HOME", str(folder))
    return folder


def test_every_verb_takes_paths_from_home_and_from_another_folder(home, monkeypatch, capsys):
    tiny.write_data(home / "Bilder ä")
    shutil.copy(CONFIG, home / "meine Läufe.py")
    (home / "elsewhere").mkdir()
    monkeypatch.chdir(home / "elsewhere")
    train = ["--config=~/meine Läufe.py", *TINY, "--config.train.epochs=1", "--config.save.every=1"]
    assert main([*train, "--config.data.dir=~/Bilder ä", "--workdir=~/Läufe 1/a"]) == 0
    record = home / "Läufe 1" / "a" / "config.json"
    assert read_json(record)["data"]["dir"] == str(home / "Bilder ä")
    shutil.copytree(home / "Läufe 1" / "a", "b")
    assert not list(home.rglob("~"))

    monkeypatch.chdir(home / "Läufe 1")
    for command in (
        [*train, "--config.data.dir=../Bilder ä", "--workdir", "a"],
        ["sample", "--workdir=a", "--num=3", "--out=~/Muster é.png"],
        ["replay", "--workdir=~/Läufe 1/a", "--step=3", "--out", "../Schritt 3.npz"],
        ["compare", "a", "~/elsewhere/b", "--out=~/Vergleich.png"],
        ["report", "--workdir=./a"],
    ):
        assert main(command) == 0, (command, capsys.readouterr().err)
    assert (home / "Muster é.png").exists()
    assert (home / "Schritt 3.npz").exists()
    assert "already trained for 1 epochs" in capsys.readouterr().out
    data = Path(read_json(record)["data"]["dir"])
    assert data.is_absolute()  # and found from the folder above, where "../Bilder ä" is not
    assert data.samefile(home / "Bilder ä")
    monkeypatch.chdir(home)
    evaluate = ["evaluate", "--workdir", "Läufe 1/a", "--features=tests.tiny:flat_features"]
    assert main([*evaluate, "--num_samples=50"]) == 0


def test_a_home_folder_that_does_not_exist_is_named(home, capsys):
    text = "~nobody_of_this_name/run"
    named = "there is no home folder ~nobody_of_this_name; ./~nobody_of_this_name/run is a folder"
    assert main(["report", f"--workdir={text}"]) == 2
    assert named in capsys.readouterr().err
    with pytest.raises(UserError, match=named):
        DataConfig(dir=text)


def test_a_folder_of_data_that_is_not_named_stays_unnamed():
    assert DataConfig().dir == ""
