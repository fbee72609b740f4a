"""The report page: what it holds, what it says is missing, and that no text becomes markup."""

import dataclasses
import html.parser
import json
import re
import shlex
import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from jaxgan.cli.main import main
from jaxgan.config.errors import UserError
from jaxgan.config.fields import iter_settings
from jaxgan.config.files import load_config
from jaxgan.config.seeds import expand_seeds
from jaxgan.metrics import inception_weights
from jaxgan.plots import save_samples
from jaxgan.plots.grids import read_grid
from jaxgan.reports import charts, pictures, thin
from jaxgan.reports.baselines import real_baseline
from jaxgan.reports.commands import training_command
from jaxgan.reports.findings import _mark_code
from jaxgan.reports.page import _short_names, build_sections, read_runs, write_page
from jaxgan.reports.run import read_run
from jaxgan.reports.scores import scores_section
from jaxgan.runs import layout
from jaxgan.runs.atomic_files import read_json, write_json
from jaxgan.runs.directory import read_config
from jaxgan.training.train_seeds import train_seeds
from tests import tiny

CHART = r'data-kind="chart">(.*?)</script>'
ATTACK = "</script><img src=x onerror=alert(1)>\"'&`x`"


class Reader(html.parser.HTMLParser):
    """Collects the elements, the attributes and the text of a page."""

    def __init__(self, page):
        super().__init__()
        self.elements, self.ids, self.stack, self.text = [], [], [], []
        self.feed(page)

    def handle_starttag(self, tag, attributes):
        self.elements.append((tag, dict(attributes)))
        self.ids += [value for name, value in attributes if name == "id"]
        self.stack.append(tag)

    def handle_endtag(self, tag):
        while self.stack and self.stack.pop() != tag:
            pass

    def handle_data(self, data):
        if "script" not in self.stack and "style" not in self.stack:
            self.text.append(data)


@pytest.fixture
def copy(finished, tmp_path):
    """A copy of a finished run, for tests that take away or change parts of it."""
    shutil.copytree(finished, tmp_path / "run")
    return tmp_path / "run"


@pytest.fixture(scope="module")
def page(finished, tmp_path_factory):
    """The page of a finished run."""
    return page_of(finished, out=tmp_path_factory.mktemp("page") / "page.html")


def snapshot(folder):
    return {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def page_of(*workdirs, out):
    write_page(list(workdirs), out)
    return out.read_text()


def text_of(page):
    return " ".join("".join(Reader(page).text).split())


def test_a_page_has_every_section_and_loads_nothing(page):
    titles = (
        "Samples over training",
        "Curves",
        "Evaluation",
        "Playground",
        "Interpolations",
        "Reproduce",
    )
    read = Reader(page)
    for title in (*titles, "Nearest training images"):
        assert title in text_of(page)
    assert len(read.ids) == len(set(read.ids))
    for tag, attributes in read.elements:
        assert tag not in ("iframe", "object", "embed", "base", "form")
        for name in ("src", "href", "srcset", "action"):
            assert attributes.get(name, "#").startswith(("#", "data:")), (tag, attributes)
        if tag == "img":
            assert attributes["alt"]
    assert "url(" not in page.split("<body>")[0]


def test_each_picture_is_in_the_page_once(page):
    uris = re.findall(r"data:image/webp;base64,[\w+/=]+", page)
    assert len(uris) == len(set(uris)) > 3


def test_a_page_changes_nothing_in_the_runs_folder(copy):
    before = snapshot(copy)
    assert main(["report", "--workdir", str(copy)]) == 0
    after = snapshot(copy)
    assert after.pop(copy / layout.REPORT)
    assert after == before


def test_the_command_in_the_page_gives_the_config_of_the_run(finished):
    config = read_config(finished)
    words = shlex.split(training_command(config, finished))
    assert words[:3] == ["jaxgan", "train", "--config"]
    flags = [word.removeprefix("--config.").partition("=") for word in words[6:]]
    again = load_config(Path(words[3]), [(a, b) for a, _, b in flags])
    assert dict(settings(expand_seeds(again))) == dict(settings(config))


def settings(config):
    return ((name, value) for name, _, value in iter_settings(config))


def test_text_of_a_run_never_becomes_markup(copy, tmp_path):
    record = read_json(copy / layout.ENVIRONMENT)
    record["data"]["class_names"] = [ATTACK] * record["data"]["classes"]
    record["versions"][ATTACK] = record["git_commit"] = ATTACK
    write_json(copy / layout.ENVIRONMENT, record)
    config = read_json(copy / layout.CONFIG)
    config["data"]["name"] = ATTACK
    write_json(copy / layout.CONFIG, config)
    rows = [json.loads(line) for line in (copy / layout.METRICS).read_text().splitlines()]
    fractions = [1 / record["data"]["classes"]] * record["data"]["classes"]
    rows[-1][f"eval/class_fractions/generated/{ATTACK}"] = fractions
    rows[-1][f"eval/frechet/test/{ATTACK}"] = 1.0
    (copy / layout.METRICS).write_text("".join(json.dumps(row) + "\n" for row in rows))
    (copy / "evaluation.json").write_text(json.dumps({"protocol": {"steps": ATTACK}}))
    evil = tmp_path / "<img src=x onerror=alert(2)>"
    copy.rename(evil)
    page = page_of(evil, out=tmp_path / "page.html")
    plain = Reader(page)
    assert "onerror" not in {name for _, attributes in plain.elements for name in attributes}
    assert ATTACK in "".join(plain.text)
    assert "x onerror=alert(2)>" in "".join(plain.text)
    scripts = sum(tag == "script" for tag, _ in plain.elements)
    assert scripts == page.count("</script>") == page.count("<script")


@pytest.mark.parametrize(
    ("remove", "words"),
    [
        (layout.CHECKPOINTS, "Interpolations need a checkpoint"),
        (layout.SAMPLES, "has saved no samples yet. --config.save.samples_every=1"),
        (layout.METRICS, "no metrics have been written yet"),
        (layout.ENVIRONMENT, "environment.json does not exist"),
        ("evaluation.json", "no evaluation of this run yet. jaxgan evaluate --workdir"),
    ],
)
def test_a_page_says_what_is_missing_and_shows_the_rest(copy, tmp_path, remove, words):
    path = copy / remove
    shutil.rmtree(path) if path.is_dir() else path.unlink(missing_ok=True)
    text = text_of(page_of(copy, out=tmp_path / "page.html"))
    assert words in text
    assert "All settings" in text


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        (layout.METRICS, "{\n{}\n", "line 1 is damaged"),
        (layout.ENVIRONMENT, "[]", "environment.json: damaged"),
        (f"{layout.SAMPLES}/epoch_0002.png", "no picture", "epoch_0002.png: is damaged"),
        ("evaluation.json", "[1, 2", "evaluation.json: damaged"),
        ("evaluation.json", '{"protocol": 3}', "evaluation.json: is damaged"),
    ],
)
def test_a_damaged_file_is_named_and_the_rest_is_shown(copy, tmp_path, name, content, words):
    (copy / name).write_text(content)
    text = text_of(page_of(copy, out=tmp_path / "page.html"))
    assert words in text
    assert "All settings" in text


def test_the_rows_before_a_damaged_line_are_shown(copy, tmp_path):
    lines = (copy / layout.METRICS).read_text().splitlines()
    (copy / layout.METRICS).write_text("\n".join([*lines[:4], "{", *lines[5:]]) + "\n")
    text = text_of(page_of(copy, out=tmp_path / "page.html"))
    assert "line 5 is damaged" in text
    assert "Here are the 4 rows before it." in text
    assert "Losses (nats)" in text


def test_many_seeds_have_a_band_and_a_value_each(data, tmp_path):
    config = dataclasses.replace(tiny.config(data, epochs=1), seeds=(3, 5))
    train_seeds(config, tmp_path / "seeds")
    page = page_of(tmp_path / "seeds", out=tmp_path / "page.html")
    (losses, *_) = (json.loads(found) for found in re.findall(CHART, page))
    labels = [line["label"] for line in losses["lines"]]
    assert labels[:3] == ["discriminator: median", *(f"discriminator: seed {x}" for x in (3, 5))]
    low, high = losses["lines"][0]["band"]
    assert all(np.array(low) <= np.array(losses["lines"][0]["y"]))
    assert all(np.array(high) >= np.array(losses["lines"][0]["y"]))
    assert "At the end of training, over 2 seeds" in page
    assert "seeds have no warning" in page


def test_an_advice_names_the_runs_folder_and_marks_settings_as_code():
    advice = "`jaxgan evaluate --workdir RUN` measures it now. Try --config.packing=2, or more."
    marked = _mark_code(advice, Path("my run"))
    assert "`jaxgan evaluate --workdir 'my run'` measures it now" in marked
    assert marked.endswith("Try `--config.packing=2`, or more")


def test_the_page_is_where_the_command_says_and_is_opened(copy, tmp_path, monkeypatch, capsys):
    opened = []
    monkeypatch.setattr("webbrowser.open", lambda uri: opened.append(uri) or len(opened) == 1)
    monkeypatch.chdir(tmp_path)
    assert main(["report", "--workdir", "run", "run", "--out", "a b.html", "--open"]) == 0
    assert opened == [(tmp_path / "a b.html").as_uri()]
    shutil.copytree(copy, "other")
    assert main(["report", "--workdir", "run", "other", "--open"]) == 0
    assert "no browser was found" in capsys.readouterr().out
    assert (tmp_path / layout.REPORT).is_file()
    assert main(["report", "--workdir", "run", "--out", "page.txt"]) == 2
    assert "--out page.txt: must end in .html" in capsys.readouterr().err


def test_a_page_downloads_no_weights_of_features(copy, monkeypatch, caplog):
    config = read_json(copy / layout.CONFIG)
    config["evaluate"]["features"] = "inception"
    write_json(copy / layout.CONFIG, config)
    monkeypatch.setenv("XDG_CACHE_HOME", str(copy))
    monkeypatch.setattr(inception_weights, "_download", lambda path: pytest.fail("a download"))
    run = dataclasses.replace(read_run(copy, "run", "r"), rows=[{"eval/frechet/test": 2.0}])
    assert real_baseline(run) == {}
    assert "a page downloads nothing" in caplog.text


def test_an_empty_histogram_is_left_out(finished):
    rows = [{"epoch": 1.0, "eval/class_fractions/generated/n": []}]
    run = dataclasses.replace(read_run(finished, "run", "r"), rows=rows)
    assert "Fraction in each" not in scores_section(run).html


def test_the_verb_writes_the_page_of_a_damaged_run_and_fails_as_before(copy, capsys):
    (copy / layout.METRICS).write_text("{\n{}\n")
    assert main(["report", "--workdir", str(copy)]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert "line 1 is damaged" in line
    assert "line 1 is damaged" in (copy / layout.REPORT).read_text()


def test_an_unfinished_run_says_how_far_it_is(copy, tmp_path):
    config = read_json(copy / layout.CONFIG)
    config["train"]["epochs"] = 9
    write_json(copy / layout.CONFIG, config)
    text = text_of(page_of(copy, out=tmp_path / "page.html"))
    assert "This run is not finished: it is at step 36 of 108." in text


def test_several_runs_are_compared_on_one_page(finished, copy, tmp_path):
    config = read_json(copy / layout.CONFIG)
    config["loss"] = "hinge"
    write_json(copy / layout.CONFIG, config)
    text = text_of(page_of(finished, copy, out=tmp_path / "page.html"))
    assert re.search(r"config\.loss ?non_saturating ?hinge", text)
    assert "Losses (nats): discriminator" in text


def test_runs_of_one_name_are_told_apart_by_their_folders(tmp_path):
    paths = [tmp_path / name / "run" for name in ("a", "b")]
    assert _short_names(paths) == ["a/run", "b/run"]


def test_a_grid_is_read_as_it_was_drawn(tmp_path, drawn_figures):
    pixels = np.random.RandomState(0).randint(0, 256, (9, 6, 5, 3)).astype(np.uint8)
    save_samples(tmp_path / "grid.png", pixels, pixels)
    np.testing.assert_array_equal(read_grid(tmp_path / "grid.png", (6, 5)), pixels)
    with pytest.raises(UserError, match="is no grid of images of 7x7"):
        read_grid(tmp_path / "grid.png", (7, 7))


def test_pictures_that_fit_keep_every_pixel():
    pixels = np.random.RandomState(0).randint(0, 256, (4, 6, 6, 1)).astype(np.uint8)
    encoded = pictures.encode([pictures.tile(pixels, 2)], 10_000)
    assert encoded.quality == 0
    assert encoded.sizes == [(13, 13)]


def test_pictures_that_do_not_fit_lose_quality():
    noise = np.random.RandomState(0).randint(0, 256, (200, 200, 3)).astype(np.uint8)
    encoded = pictures.encode([Image.fromarray(noise)], 30_000)
    assert encoded.quality in pictures.QUALITIES


def test_a_thinned_curve_keeps_its_ends_its_spikes_and_its_gaps():
    values = list(np.sin(np.arange(50_000) / 3000))
    values[12_345], values[40_000], values[20_001] = 99.0, -99.0, None
    kept = thin.thin(range(50_000), [values])
    assert len(kept) <= thin.LIMIT
    assert {0, 12_345, 20_001, 40_000, 49_999} <= set(kept)
    assert kept == sorted(set(kept))


def test_a_short_curve_is_not_thinned():
    assert thin.thin(range(thin.LIMIT), [[0.0] * thin.LIMIT]) == list(range(thin.LIMIT))


def test_a_chart_is_described_in_words():
    line = charts.Line("D", [0.0, 1.0, 2.0], [3.0, None, 1.0])
    text = charts.describe(charts.Chart("Loss", (line,)))
    assert text == "Loss, over epoch. D: 3 at 0, 1 at 2, lowest 1, highest 3."


def test_sections_have_ids_of_their_own(finished):
    ids = [section.id for section in build_sections(read_runs([finished, finished]))]
    assert len(ids) == len(set(ids))
