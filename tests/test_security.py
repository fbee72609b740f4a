"""A run directory, an archive or a data file from a stranger runs no code and changes no file."""

import ast
import gzip
import io
import json
import os
import pickle
import shutil
import struct
import zipfile
from pathlib import Path

import numpy as np
import pytest

import jaxgan
from jaxgan.cli import main as cli
from jaxgan.cli.messages import printable
from jaxgan.config.errors import UserError
from jaxgan.config.schema import DataConfig
from jaxgan.data import load_data
from jaxgan.data.idx_files import parse_idx
from jaxgan.data.tfds_prepared import _check_feature_classes
from jaxgan.evaluation import evaluate_images
from jaxgan.evaluation.evaluate_images import read_images
from jaxgan.metrics.packaged_nets import packaged_net
from jaxgan.runs import atomic_files, directory, layout
from jaxgan.runs.environment import read_data_record
from tests import tiny

PACKAGE = Path(jaxgan.__file__).parent
# The modules that may import or run code by its name, and what each of them reads the name from.
IMPORTS_BY_NAME = {
    "__init__.py": "its own table",
    "config/files.py": "--config",
    "config/import_paths.py": "--features, --trust and the config that trains",
    "config/packages.py": "the names of packages in its callers",
}


@pytest.fixture
def stranger(finished, tmp_path):
    """A copy of a finished run, whose files a test changes as a stranger could have."""
    shutil.copytree(finished, tmp_path / "run", ignore=shutil.ignore_patterns(layout.LOCK))
    return tmp_path / "run"


def edit_json(path, *names, value):
    content = part = json.loads(path.read_text())
    for name in names[:-1]:
        part = part[name]
    part[names[-1]] = value
    path.write_text(json.dumps(content))


def error_of(capsys, *arguments):
    """The one line of a command that is refused."""
    assert cli.main(list(map(str, arguments))) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("jaxgan: error: ")
    return line


def _names_in(tree):
    for node in ast.walk(tree):
        if isinstance(node, ast.Name):
            yield node.id
        elif isinstance(node, ast.Attribute):
            yield node.attr
        elif isinstance(node, ast.keyword) and node.arg == "allow_pickle":
            # numpy's default too is False; some say so.
            assert ast.literal_eval(node.value) is False
        elif isinstance(node, ast.alias):
            yield from node.name.split(".")


def test_the_package_unpickles_nothing_and_evaluates_no_text():
    forbidden = {"eval", "exec", "compile_command", "marshal", "shelve", "yaml"}
    forbidden |= {"dill", "cloudpickle", "joblib"}
    importing = {"import_module", "__import__", "exec_module", "run_path"}
    found = {}
    for path in PACKAGE.rglob("*.py"):
        name, names = str(path.relative_to(PACKAGE)), set(_names_in(ast.parse(path.read_text())))
        assert not names & forbidden, name
        if names & importing and name != "metrics/train_features.py":  # a program of its own
            found[name] = names & importing
        # Only the reader of PyTorch's weights may, which refuses all classes but those of tensors.
        assert "pickle" not in names or name == "metrics/torch_weights.py", name
    assert found.keys() <= IMPORTS_BY_NAME.keys()


def test_an_archive_of_arrays_that_holds_a_pickle_is_not_unpickled(tmp_path):
    class Owned:
        def __reduce__(self):
            return os.mkdir, (str(tmp_path / "owned"),)

    np.savez(tmp_path / "weights.npz", np.array([Owned()], object), allow_pickle=True)
    with pytest.raises(ValueError, match="Object arrays cannot be loaded"):
        packaged_net("mnist", (tmp_path / "weights.npz").read_bytes())
    assert not (tmp_path / "owned").exists()


def test_evaluate_runs_no_code_that_only_the_record_of_a_run_names(stranger, tmp_path, capsys):
    """The pixels of a stranger's data can be a pickle, and its record can name `pickle.loads`."""
    code = pickle.dumps({})
    assert pickle.loads(np.frombuffer(code, np.uint8)) == {}
    edit_json(stranger / layout.CONFIG, "evaluate", "features", value="pickle:loads")
    line = error_of(capsys, "evaluate", "--workdir", stranger, "--num_samples", 50)
    assert line.endswith("if you trust it, add --features pickle:loads")
    edit_json(stranger / layout.CONFIG, "evaluate", "features", value="tests.owned:function")
    assert cli.main(["sample", "--workdir", str(stranger), "--out", str(tmp_path / "a.png")]) == 0
    assert cli.main(["report", "--workdir", str(stranger)]) == 0


@pytest.mark.parametrize(
    "name",
    [
        layout.LOCK,
        layout.METRICS,
        f".{layout.CONFIG}.new",
        layout.CHECKPOINTS,
        f"{layout.CHECKPOINTS}/36",
        f"{layout.SAMPLES}/epoch_0001.png",
    ],
)
def test_a_run_with_a_link_is_not_trained_and_what_it_leads_to_stays(
    finished, stranger, data, tmp_path, capsys, name
):
    mine = tmp_path / "mine"
    if name.startswith(layout.CHECKPOINTS):
        shutil.copytree(finished / layout.CHECKPOINTS, mine)
    else:
        mine.write_text("mine")
    before = sorted(mine.rglob("*")), mine.is_dir() or mine.read_text()
    path = stranger / name
    shutil.rmtree(path) if path.is_dir() else path.unlink(missing_ok=True)
    path.symlink_to(mine)
    with pytest.raises(UserError, match=f"{path}: is a link to {mine}, and training would"):
        directory.check_workdir(stranger, tiny.config(data, epochs=3))
    assert before == (sorted(mine.rglob("*")), mine.is_dir() or mine.read_text())


def test_a_pipe_in_the_place_of_a_file_keeps_nobody_waiting(stranger, data, tmp_path):
    (stranger / layout.METRICS).unlink()
    os.mkfifo(stranger / layout.METRICS)
    assert cli.main(["report", "--workdir", str(stranger)]) == 0
    with pytest.raises(UserError, match="neither a file nor a folder"):
        directory.check_workdir(stranger, tiny.config(data, epochs=3))
    (tmp_path / "images").mkdir()
    os.mkfifo(tmp_path / "images" / "1.png")
    with pytest.raises(UserError, match=r"1 is not readable \(is no file\) \(1\.png\)"):
        load_data(DataConfig(name="mine", source="folder", dir=str(tmp_path / "images")))


def test_a_run_directory_that_is_itself_a_link_is_allowed(stranger, data, tmp_path):
    (tmp_path / "link").symlink_to(stranger)
    directory.check_workdir(tmp_path / "link", tiny.config(data, epochs=3))


def test_a_link_in_the_place_of_a_temporary_file_is_not_followed(tmp_path):
    (tmp_path / "mine").write_text("mine")
    (tmp_path / ".a.json.new").symlink_to(tmp_path / "mine")
    atomic_files.write_json(tmp_path / "a.json", 5)
    assert (tmp_path / "mine").read_text() == "mine"
    assert atomic_files.read_json(tmp_path / "a.json") == 5


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("[" * 100_000, "damaged"),
        ("9" * 5000, "damaged"),
        ("\xff", "damaged"),
        ("[]", "must be a group of settings"),
        ('{"seed": {"a": 1}}', "config.seed = {'a': 1}"),
        ('{"network": {"gen_widths": [NaN]}}', "config.network.gen_widths"),
        ('{"__class__": 1}', "unknown setting config.__class__"),
    ],
)
def test_absurd_content_of_a_record_is_refused_in_one_line(stranger, capsys, text, words):
    (stranger / layout.CONFIG).write_bytes(text.encode("latin-1"))
    for verb in ("report", "sample"):
        assert words in error_of(capsys, verb, "--workdir", stranger)


@pytest.mark.parametrize(
    ("names", "value"),
    [
        ((layout.ENVIRONMENT, "data", "shape"), [2**31 - 1] * 3),
        ((layout.ENVIRONMENT, "data", "shape"), [50_000, 50_000, 3]),
        ((layout.CONFIG, "network", "latent_size"), 2**62),
        ((layout.CONFIG, "network", "gen_widths"), [2**31, 2**31]),
    ],
)
def test_a_record_of_networks_that_no_memory_holds_is_refused_before_they_are_built(
    stranger, capsys, names, value
):
    edit_json(stranger / names[0], *names[1:], value=value)
    line = error_of(capsys, "sample", "--workdir", stranger)
    assert "its record has" in line


@pytest.mark.parametrize("shape", [None, "abc", [6, 6], [6, 6, -1], [6, 6, 1.5], [True] * 3, {}])
def test_a_shape_that_no_data_have_is_refused(stranger, shape):
    edit_json(stranger / layout.ENVIRONMENT, "data", "shape", value=shape)
    with pytest.raises(UserError, match="which none have; delete it"):
        read_data_record(stranger)


@pytest.mark.parametrize(
    ("name", "value"),
    [("class_names", ["a"]), ("class_names", [1] * 10), ("class_counts", ["a"] * 10)],
)
def test_classes_that_a_record_describes_otherwise_are_refused(stranger, capsys, name, value):
    edit_json(stranger / layout.ENVIRONMENT, "data", name, value=value)
    for verb in ("report", "sample"):
        line = error_of(capsys, verb, "--workdir", stranger)
        assert f"its {name} do not describe 10 classes; delete it" in line


def test_text_of_a_run_cannot_control_the_terminal(stranger, capsys):
    name = "\x1b]0;title\x07\x9b2J\u202etiny"
    edit_json(stranger / layout.CONFIG, "data", "name", value=name)
    assert cli.main(["report", "--workdir", str(stranger)]) == 0
    out = capsys.readouterr().out
    assert all(character.isprintable() or character == "\n" for character in out)
    assert r"\x1b]0;title\x07\x9b2J\u202etiny" in out
    edit_json(stranger / layout.CONFIG, "loss", value="\x1b[31m")
    assert r"\x1b[31m" in error_of(capsys, "report", "--workdir", stranger)


def test_what_is_printable_is_printed_as_it_is():
    assert printable("naïve 数据\nè ✓") == "naïve 数据\nè ✓"
    assert printable("a\r\ud800") == r"a\r\ud800"


def test_gzip_data_that_unpack_to_more_than_their_header_says_are_not_unpacked_whole():
    header = struct.pack(">HBBI", 0, 8, 1, 10)
    bomb = gzip.compress(header + bytes(10**8))
    with pytest.raises(UserError, match="23 bytes of data where its IDX header says 10"):
        parse_idx(bomb, "bomb")
    huge = gzip.compress(struct.pack(">HBB4I", 0, 8, 4, *[2**32 - 1] * 4) + bytes(100))
    with pytest.raises(UserError, match="GB of data, and this machine has"):
        parse_idx(huge, "bomb")


def test_an_archive_of_images_larger_than_the_memory_is_refused(tmp_path, monkeypatch):
    path, header = tmp_path / "images.npz", io.BytesIO()
    shape = {"shape": (10**8, 10**4, 10**4, 3), "fortran_order": False, "descr": "|u1"}
    np.lib.format.write_array_header_1_0(header, shape)
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("images.npy", header.getvalue() + bytes(100))
    with pytest.raises(UserError, match=r"is no \.npz file of arrays"):
        read_images(path)
    np.savez_compressed(path, images=np.zeros((5, 100, 100, 3), np.uint8))
    monkeypatch.setattr(evaluate_images, "host_memory", lambda: 1e5)
    with pytest.raises(UserError, match=r"unpacks to .* GB, and this machine"):
        read_images(path)


@pytest.mark.parametrize("key", ["pythonClassName", "python_class_name"])
def test_features_of_a_prepared_set_that_name_foreign_classes_are_refused(tmp_path, key):
    features = {"featuresDict": {"features": {"image": {key: "antigravity.Image"}}}}
    (tmp_path / "features.json").write_text(json.dumps(features))
    with pytest.raises(UserError, match=r"names the class 'antigravity\.Image'"):
        _check_feature_classes(tmp_path)
