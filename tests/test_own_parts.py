"""Code of the user's own in a run: the examples of the manual, from a folder beside the command."""

import contextlib
import dataclasses
import hashlib
import json
import re
import shutil
import sys
from pathlib import Path

import jax
import numpy as np
import pytest

from jaxgan.cli.main import main
from jaxgan.config import import_paths, trust
from jaxgan.config.errors import UserError
from jaxgan.config.files import load_config
from jaxgan.config.network import NetworkConfig
from jaxgan.config.own_parts import check_own_parts, own_parts
from jaxgan.config.schema import AugmentConfig, Config, DataConfig, PenaltyConfig
from jaxgan.data import load_data, splits_of
from jaxgan.export.safetensors_file import load_generator
from jaxgan.gan.augment import augment
from jaxgan.gan.losses import LOSSES, find_loss
from jaxgan.gan.state import _build_gan, build_gan, init_state
from jaxgan.gan.steps import train_step
from jaxgan.networks import network_pair
from jaxgan.runs import directory, layout, row_files
from jaxgan.training.setup import _shared_facts
from jaxgan.types import Batch
from tests.test_docs import EXTENDING

EXAMPLES = "\n".join(re.findall(r"```python\n(.*?)```", EXTENDING, re.DOTALL)[:-1])
PATHS = "mine:bars,mine:linear_pair,mine:pearson,mine:drift,mine:invert"
OWN = {
    "loss": "mine:pearson",
    "penalty.own": "(('mine:drift', 0.001),)",
    "network.name": "mine:linear_pair",
    "augment.policy": "('mine:invert',)",
    "data.name": "mine:bars",
}
FEW = {"train.epochs": 1, "train.batch_size": 100, "train.logs_per_epoch": 2, "evaluate.every": 0}


def flags(**settings):
    return [f"--config.{name}={value}" for name, value in (OWN | FEW | settings).items()]


def forget():
    """Returns to what a new process knows of the user's modules."""
    for name in [name for name in sys.modules if name.partition(".")[0] in ("mine", "other")]:
        del sys.modules[name]
    import_paths._trusted.clear()
    import_paths._from_records.clear()
    _build_gan.cache_clear()


@pytest.fixture(autouse=True)
def new_process():
    forget()
    yield
    forget()


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """A folder with the examples of the manual in a file, and a run that was trained with them."""
    forget()  # another file's tests can have a module of the same name
    folder = tmp_path_factory.mktemp("own")
    (folder / "mine.py").write_text(EXAMPLES)
    with pytest.MonkeyPatch.context() as patched:
        patched.chdir(folder)
        with open("said.txt", "w") as said, contextlib.redirect_stdout(said):
            assert main(["--config", "mnist", "--workdir", "run", *flags()]) == 0
    return folder


@pytest.fixture
def folder(trained, tmp_path, monkeypatch):
    """A copy of that folder, where the test's commands run."""
    shutil.copytree(trained, tmp_path / "own")
    monkeypatch.chdir(tmp_path / "own")
    return tmp_path / "own"


@pytest.fixture
def module(tmp_path, monkeypatch):
    """Writes a module other.py beside the command."""
    monkeypatch.chdir(tmp_path)
    return (tmp_path / "other.py").write_text


def environment(folder):
    return json.loads((folder / "run" / layout.ENVIRONMENT).read_text())


def digest(folder):
    return hashlib.sha256((folder / "mine.py").read_bytes()).hexdigest()


def error_of(capsys, *arguments):
    forget()
    assert main(list(arguments)) == 2
    return capsys.readouterr().err.splitlines()[-1]


def test_the_examples_of_the_manual_train_and_are_recorded_with_their_file(folder):
    with_trust = f" sample --workdir run --trust {PATHS} --num 64"
    assert with_trust in (folder / "said.txt").read_text()
    rows = row_files.read_rows(folder / "run")
    assert [row["step"] for row in rows] == [5, 10]
    assert rows[-1]["disc/mine:drift"] > 0
    recorded = environment(folder)
    assert recorded["data"]["shape"] == [8, 8, 1]
    own = {name: value for name, value in recorded["mathematics"].items() if "mine:" in name}
    assert own == dict.fromkeys(
        (
            "data mine:bars",
            "network mine:linear_pair",
            "loss mine:pearson",
            "penalty mine:drift",
            "augmentation mine:invert",
        ),
        digest(folder),
    )


def test_code_that_a_record_names_runs_only_if_the_command_names_it(folder, capsys):
    verbs = {
        "sample": ["--num", "4", "--out", "a.npz"],
        "replay": ["--step", "3", "--out", "step.npz"],
        "animate": ["--walk", "1,2", "--frames", "2", "--num", "1", "--out", "a.gif"],
    }
    for verb, others in verbs.items():
        command = [verb, "--workdir", "run", *others]
        line = error_of(capsys, *command)
        assert "is code that a run's record names" in line
        assert f"add --trust {','.join(sorted(PATHS.split(',')))} (in Python" in line
        assert "mine" not in sys.modules
        forget()
        assert main([*command, "--trust", PATHS]) == 0
    assert np.load("a.npz")["images"].shape == (4, 8, 8, 1)
    forget()
    assert main(["report", "--workdir", "run"]) == 0
    assert "mine" not in sys.modules
    line = error_of(capsys, "sample", "--workdir", "run", "--trust", "os.system")
    assert "'os.system': must be package.module:function" in line


def test_a_file_of_weights_needs_the_network_alone_and_that_it_is_trusted(folder):
    command = ["export", "--workdir", "run", "--format", "safetensors", "--out", "g.safetensors"]
    assert main([*command, "--trust", PATHS]) == 0
    assert main(["sample", "--workdir", "run", "--num", "4", "--out", "a.npz"]) == 0
    forget()
    with pytest.raises(UserError, match=r"network.name = 'mine:linear_pair': is code that a run's"):
        load_generator("g.safetensors")
    trust("mine:linear_pair")
    (folder / "mine.py").write_text(EXAMPLES.replace("pearson", "gone").replace("drift", "gone"))
    images = load_generator("g.safetensors").sample(4).pixels
    np.testing.assert_array_equal(images, np.load("a.npz")["images"])


def test_seeds_have_the_parts_of_their_config(folder):
    command = ["--config", "mnist", "--workdir", "seeds", *flags(seeds=2)]
    assert main(command) == 0
    forget()
    assert main(command) == 0
    for seed in (0, 1):
        workdir = folder / "seeds" / f"seed_{seed:04}"
        recorded = json.loads((workdir / layout.ENVIRONMENT).read_text())
        assert recorded["mathematics"]["loss mine:pearson"] == digest(folder)


def test_a_run_goes_on_with_changed_code_only_if_that_is_meant(folder, capsys):
    old, source = digest(folder), folder / "mine.py"
    source.write_text(f"{EXAMPLES}\n# changed\n")
    new, command = digest(folder), ["--config", "mnist", "--workdir", "run"]
    longer = flags(**{"train.epochs": 2})
    line = error_of(capsys, *command, *longer)
    assert f"loss mine:pearson: SHA-256 {old[:12]}, now {new[:12]}" in line
    assert "set config.allow_changed_code=True to go on" in line
    forget()
    assert main([*command, *longer, "--config.allow_changed_code=True"]) == 0
    assert "goes on with changed code of your own" in capsys.readouterr().err
    recorded = environment(folder)
    assert recorded["mathematics"]["loss mine:pearson"] == old
    assert recorded["changes"][-1]["mathematics"]["loss mine:pearson"] == new
    forget()
    assert main([*command, *flags(**{"train.epochs": 3})]) == 0
    assert len(environment(folder)["changes"]) == 1
    source.write_text(EXAMPLES)
    assert f"SHA-256 {new[:12]}, now {old[:12]}" in error_of(capsys, *command, *longer)


def test_changed_or_lost_code_is_warned_of_where_a_run_is_read(folder, capsys):
    (folder / "mine.py").write_text(f"{EXAMPLES}\n# changed\n")
    command = ["sample", "--workdir", "run", "--out", "a.npz", "--trust", PATHS]
    assert main(command) == 0
    said = capsys.readouterr().err
    assert "network mine:linear_pair: SHA-256" in said
    assert "what is computed now is not what the run computed" in said
    (folder / "mine.py").unlink()
    line = error_of(capsys, *command)
    assert "config.network.name = 'mine:linear_pair': cannot be imported: ModuleNotFound" in line


MODULE = """
raise RuntimeError("was run")
def two(a, b): pass
def three(a, b, c=1): pass
def keyword(a, b, *, c): pass
def any(*parts): pass
value = 1
try:
    from fast import four
except ImportError:
    def four(a, b, c, d): pass
class Net: pass
"""
WRONG = {
    "loss=other:missing": "has no missing; it has two, three, keyword, any, value, ",
    "loss=nothere:value": "there is no module nothere; it must be installed, in the folder where",
    "loss=other.part:value": "there is no module other.part",
    "network.name=other:two": "takes (a, b); must take (config, image_shape, classes)",
    "data.name=other:keyword": "takes (a, b, *, c); must take (config, split)",
    "augment.policy=('mirror','other:four')": "must take (images, key)",
    "penalty.own=(('other:three',0.1),)": "must take (critic, real, fake, key)",
    "penalty.own=(('other:any',0.0),)": "must be (path, weight) pairs",
    "penalty.own=(('drift',1.0),)": "must be (path, weight) pairs",
    "penalty.own=('other:any',1.0)": "must be a tuple of pairs such as",
    "loss=other:": "must be one of non_saturating",
    "network.name=other": "or package.module:function of your own",
}
RIGHT = (
    "loss=other:value",
    "loss=math:pi",  # which has no file of Python's
    "network.name=other:three",
    "data.name=other:three",
    "augment.policy=('other:two','other:any')",
    "penalty.own=(('other:four',0.1),('other:any',2.0))",
    "network.name=other:Net",
)


@pytest.mark.parametrize("setting", WRONG)
def test_what_does_not_exist_or_cannot_be_called_is_refused_without_running_it(setting, module):
    module(MODULE)
    name, _, value = setting.partition("=")
    with pytest.raises(UserError, match=re.escape(WRONG[setting])) as error:
        load_config(Path("mnist"), [(name, value)])
    assert len(str(error.value).splitlines()) == 1


@pytest.mark.parametrize("setting", RIGHT)
def test_what_can_be_called_passes_without_being_run(setting, module):
    module(MODULE)
    name, _, value = setting.partition("=")
    assert list(own_parts(load_config(Path("mnist"), [(name, value)])))
    assert "other" not in sys.modules


def test_a_package_is_not_run_to_find_a_module_in_it(tmp_path, monkeypatch):
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "__init__.py").write_text("raise RuntimeError('was run')")
    (tmp_path / "other" / "losses.py").write_text("from elsewhere import *")
    monkeypatch.chdir(tmp_path)
    check_own_parts(dataclasses.replace(Config(), loss="other.losses:any"))
    with pytest.raises(UserError, match="cannot be imported: RuntimeError: was run; must be inst"):
        find_loss("other.losses:any")


@pytest.mark.parametrize(
    "setting", ["penalty.own=(('other:any',0.1),)", "augment.policy=('other:any',)"]
)
def test_a_module_that_cannot_be_imported_leaves_no_run_directory(
    setting, module, tmp_path, capsys
):
    module("import nothing_here\ndef any(*parts): pass\n")
    line = error_of(capsys, "--config", "mnist", "--workdir", "run", f"--config.{setting}")
    assert "'other:any': cannot be imported: ModuleNotFoundError" in line
    assert not (tmp_path / "run").exists()


def test_an_installed_module_goes_before_one_beside_the_command(tmp_path, monkeypatch):
    (tmp_path / "json.py").write_text("raise RuntimeError('was run')")
    monkeypatch.chdir(tmp_path)
    before = list(sys.path)
    check_own_parts(dataclasses.replace(Config(), loss="json:dumps"))
    assert sys.path == before
    with pytest.raises(UserError, match=r"json.* has no own"):
        check_own_parts(dataclasses.replace(Config(), loss="json:own"))


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ("return 1", "must return two Linen modules, the generator and D, in a tuple"),
        ("return 1, 2", "must return two Linen modules"),
        ("raise KeyError('x')", "config.network.name = 'other:pair': failed: KeyError: 'x'"),
    ],
)
def test_a_network_that_is_none_is_refused(body, words, module):
    module(f"def pair(config, image_shape, classes):\n    {body}\n")
    with pytest.raises(UserError, match=re.escape(words)):
        network_pair(NetworkConfig(name="other:pair"), (8, 8, 1), 0)


DATA = """
import numpy as np
from jaxgan.data import Examples, SplitMissing
def only_train(config, split):
    if split != "train":
        raise SplitMissing("no test")
    return Examples(np.zeros((20, 2), np.float32), np.full(20, -1, np.int32), 0, "zeros")
def no_examples(config, split): return 1
def long_pixels(config, split): return only_train(config, split)._replace(pixels=np.zeros((3, 2)))
def few_labels(config, split): return only_train(config, split)._replace(labels=np.zeros(3, "i4"))
def classes(config, split): return only_train(config, split)._replace(classes=2)
def empty(config, split): return Examples(np.zeros((0, 2), "f4"), np.zeros(0, "i4"), 0, "none")
def word(config, split): return only_train(config, split)._replace(classes="2")
def names(config, split):
    return only_train(config, split)._replace(
        labels=np.zeros(20, np.int32), classes=2, class_names=("cat",)
    )
def fails(config, split): return 1 / 0
value = 3
"""


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("no_examples", "returns int; must return jaxgan.data.Examples"),
        ("long_pixels", "its pixels are float64 (3, 2); must be uint8 (n, height, width"),
        ("few_labels", "its labels have shape (3,); must be int32 of shape (20,)"),
        ("classes", "its labels are -1 to -1; with 2 classes they must be 0 to 1"),
        ("empty", "its pixels are float32 (0, 2); must be uint8 (n, height, width"),
        ("word", "its number of classes is '2'; must be a whole number, 0 without labels"),
        ("names", "its names of 2 classes are ('cat',); must be one text each, or ()"),
        ("fails", "failed on the split 'train': ZeroDivisionError"),
        ("value", "int is not callable"),
    ],
)
def test_data_that_are_none_are_refused(name, words, module):
    module(DATA)
    with pytest.raises(UserError, match=re.escape(words)):
        load_data(DataConfig(name=f"other:{name}"))


def test_data_without_a_test_split_have_none_unless_some_are_held_out(module):
    module(DATA)
    config = DataConfig(name="other:only_train")
    assert splits_of(config) == ("train",)
    assert load_data(config).pixels.shape == (20, 2)
    assert splits_of(dataclasses.replace(config, held_out=0.5)) == ("train", "test")
    # The function has these settings too, and may do what they say.
    assert (
        len(load_data(dataclasses.replace(config, fit="contain", background="grey")).pixels) == 20
    )


def test_an_augmentation_of_another_shape_is_refused(module):
    module("def grey(images, key): return images[..., :1]")
    with pytest.raises(UserError, match=r"'other:grey' returns shape \(2, 4, 4, 1\) for images of"):
        augment(jax.numpy.zeros((2, 4, 4, 3)), jax.random.key(0), ("other:grey",), 1.0)


def test_a_loss_that_is_none_is_refused(module):
    module("value = 3")
    with pytest.raises(UserError, match=r"config.loss = 'other:value': is a int; must be a jaxgan"):
        find_loss("other:value")


def test_a_copy_of_a_loss_has_the_bits_of_the_packages_own(module):
    module("from jaxgan.gan.losses import LOSSES\nhinge = LOSSES['hinge']\n")
    assert find_loss("other:hinge") is LOSSES["hinge"]
    network = NetworkConfig(latent_size=4, gen_widths=(5,), disc_widths=(5,))
    images = jax.random.uniform(jax.random.key(1), (4, 3, 3, 1))
    states = []
    for loss in ("hinge", "other:hinge"):
        gan = build_gan(dataclasses.replace(Config(), loss=loss, network=network), (3, 3, 1))
        state = init_state(gan, (3, 3, 1), jax.random.key(0))
        state, _ = jax.jit(train_step, static_argnums=0)(gan, state, Batch(images), state.key)
        states.append(state.gen)
    jax.tree.map(np.testing.assert_array_equal, *states)


def test_a_smoothed_loss_of_ones_own_is_refused():
    with pytest.raises(UserError, match="'other:value' has no targets to smooth"):
        dataclasses.replace(Config(), loss="other:value", label_smoothing=0.1)


def test_all_processes_of_a_run_must_have_the_same_file(folder):
    config = dataclasses.replace(
        Config(),
        penalty=PenaltyConfig(own=(("mine:drift", 1.0),)),
        augment=AugmentConfig(policy=("mine:invert",)),
    )
    data = load_data(DataConfig(name="mine:bars"))
    facts = dict(_shared_facts(config, data))
    for name in ("penalty mine:drift", "augmentation mine:invert"):
        assert facts[f"the source file of {name}"] == digest(folder)


def test_the_config_of_a_record_has_its_paths_without_the_files(folder):
    (folder / "mine.py").unlink()
    config = directory.read_config(folder / "run")
    assert {path for _, path in own_parts(config)} == set(PATHS.split(","))
