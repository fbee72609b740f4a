"""The report page in a browser: no errors, no requests, and everything answers."""

import dataclasses

import pytest

from jaxgan.config.network import NetworkConfig
from jaxgan.config.schema import DataConfig, EvaluateConfig, SaveConfig, TrainConfig
from jaxgan.reports.charts import Chart, Line, charts_html
from jaxgan.reports.page import render, write_page
from jaxgan.reports.run import read_run
from jaxgan.reports.sections import Section
from jaxgan.reports.surfaces import surface_section
from jaxgan.runs import checkpoints, layout
from tests import tiny
from tests.browser import open_page

WIDTHS = (400, 1400)
READ_CURSOR = "() => document.querySelector('.position').textContent"
OVERFLOW = """() => [...document.querySelectorAll('main *')]
    .filter((element) => !element.closest('.scroll')
        && element.getBoundingClientRect().right > innerWidth + 1)
    .map((element) => element.tagName + '.' + element.className)"""


@pytest.fixture(scope="module")
def page_file(finished, tmp_path_factory):
    """The page of a run on images."""
    out = tmp_path_factory.mktemp("page") / "page.html"
    write_page([finished], out)
    return out


@pytest.fixture(scope="module")
def points_file(tmp_path_factory):
    """The page of a run on points."""
    from jaxgan.training.loop import train

    config = dataclasses.replace(
        tiny.config(tmp_path_factory.mktemp("none")),
        data=DataConfig(name="ring"),
        network=NetworkConfig(latent_size=2, gen_widths=(8,), disc_widths=(8,)),
        train=TrainConfig(epochs=2, batch_size=50_000),
        save=SaveConfig(every=1),
        evaluate=EvaluateConfig(every=1, num_samples=100),
    )
    folder = tmp_path_factory.mktemp("runs")
    train(config, folder / "ring")
    write_page([folder / "ring"], folder / "page.html")
    return folder / "page.html"


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
@pytest.mark.parametrize("width", WIDTHS)
def test_a_page_fits_its_window_and_has_no_errors(chromium, page_file, width, dark):
    with open_page(chromium, page_file, width, dark) as page:
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        assert page.evaluate(OVERFLOW) == []
        assert page.locator(".chart canvas").count() >= 3
        assert page.evaluate("document.documentElement.dataset.theme") == ["light", "dark"][dark]


def test_the_slider_shows_one_picture_at_a_time(chromium, page_file):
    with open_page(chromium, page_file) as page:
        frames = page.locator("#samples .frames")
        assert frames.locator("img:visible").count() == 1
        slider = frames.locator("input[type=range]")
        slider.focus()
        page.keyboard.press("Home")
        assert frames.locator("img:visible").count() == 1
        assert frames.locator(".caption").text_content() == "epoch 1"
        page.keyboard.press("ArrowRight")
        assert slider.get_attribute("aria-valuetext") == "epoch 2"


def test_the_button_plays_to_the_end(chromium, page_file):
    with open_page(chromium, page_file) as page:
        frames = page.locator("#samples .frames")
        frames.locator(".play").click()
        assert frames.locator(".caption").text_content() == "epoch 1"
        frames.get_by_text("epoch 3").wait_for()
        assert frames.locator(".play").text_content() == "Play"


def test_a_chart_is_read_by_mouse_and_by_keyboard(chromium, page_file):
    with open_page(chromium, page_file) as page:
        chart = page.locator(".chart").first
        chart.scroll_into_view_if_needed()
        chart.hover(position={"x": 200, "y": 100})
        page.wait_for_function(f"({READ_CURSOR})() !== ''")
        chart.focus()
        page.keyboard.press("Home")
        first = page.evaluate(READ_CURSOR)
        page.keyboard.press("ArrowRight")
        assert page.evaluate(READ_CURSOR) != first
        said = page.locator("#live").text_content()
        assert "discriminator" in said
        assert "generator" in said


def test_a_chart_is_zoomed_by_keyboard_and_by_its_buttons(chromium, page_file):
    with open_page(chromium, page_file, 400) as page:
        box = page.locator(".chart-box").first
        reset = box.locator(".reset")
        assert not reset.is_visible()
        box.locator(".chart").focus()
        page.keyboard.press("+")
        reset.wait_for()
        page.keyboard.press("0")
        reset.wait_for(state="hidden")
        box.get_by_text("+", exact=True).click()
        reset.click()
        reset.wait_for(state="hidden")


def test_a_line_is_hidden_by_its_name(chromium, page_file):
    with open_page(chromium, page_file) as page:
        name = page.locator(".legend button").first
        before = page.locator(".chart canvas").first.evaluate("canvas => canvas.toDataURL()")
        name.click()
        assert name.get_attribute("aria-pressed") == "false"
        page.wait_for_timeout(100)
        after = page.locator(".chart canvas").first.evaluate("canvas => canvas.toDataURL()")
        assert after != before


def test_the_theme_is_switched_and_the_charts_follow(chromium, page_file):
    with open_page(chromium, page_file) as page:
        canvas = page.locator(".chart canvas").first
        light = canvas.evaluate("canvas => canvas.toDataURL()")
        background = "getComputedStyle(document.body).backgroundColor"
        before = page.evaluate(background)
        page.get_by_label("Dark").check(force=True)
        assert page.evaluate(background) != before
        page.wait_for_timeout(100)
        assert canvas.evaluate("canvas => canvas.toDataURL()") != light
        page.get_by_label("Auto").check(force=True)
        assert page.evaluate(background) == before


def test_charts_of_extreme_values_are_drawn_without_errors(chromium, tmp_path):
    lines = (
        Line("one point", [5.0], [1.0]),
        Line("zeros", [1.0, 2.0], [0.0, 0.0]),
        Line("nothing finite", [1.0, 2.0], [None, None]),
        Line("sixty decades", [1.0, 2.0, 3.0], [1e-30, 1e30, -1.0]),
    )
    charts = [Chart(line.label, (line,), log=log) for line in lines for log in (False, True)]
    path = tmp_path / "page.html"
    path.write_text(render([], [Section("curves", "Curves", charts_html(charts))]))
    with open_page(chromium, path) as page:
        for chart in page.locator(".chart").all():
            chart.focus()
            for key in ("Home", "+", "ArrowRight", "End", "-", "0"):
                page.keyboard.press(key)


def test_what_is_folded_opens(chromium, page_file):
    with open_page(chromium, page_file, 400) as page:
        cell = page.get_by_text("train.batch_size", exact=True)
        assert not cell.is_visible()
        page.get_by_text("All settings").click()
        assert cell.is_visible()
        assert page.evaluate(OVERFLOW) == []


def test_the_surface_follows_the_slider_and_the_mouse(chromium, points_file):
    with open_page(chromium, points_file) as page:
        figure = page.locator(".surface")
        canvas = figure.locator("canvas")
        last = canvas.evaluate("canvas => canvas.toDataURL()")
        figure.locator("input[type=range]").focus()
        page.keyboard.press("Home")
        assert canvas.evaluate("canvas => canvas.toDataURL()") != last
        canvas.hover(position={"x": 50, "y": 50})
        assert "sure of a real point" in figure.locator(".caption").text_content()


def test_a_checkpoint_that_is_removed_meanwhile_is_left_out_of_the_surface(
    points_file, monkeypatch
):
    ring = points_file.parent / "ring"
    known = checkpoints.steps(ring / layout.CHECKPOINTS)
    monkeypatch.setattr(checkpoints, "steps", lambda folder: [1, *known])
    html = surface_section(read_run(ring, "ring", "r")).html
    assert f"at each of {len(known)} checkpoints" in html
    assert "no checkpoint of step 1;" in html


def test_the_first_view_takes_less_than_two_seconds_of_a_processor(chromium, page_file):
    with open_page(chromium, page_file) as page:
        session = page.context.new_cdp_session(page)
        # Time of the thread and not of the clock, since others use the machine too.
        session.send("Performance.enable", {"timeDomain": "threadTicks"})
        page.reload()
        metrics = {x["name"]: x["value"] for x in session.send("Performance.getMetrics")["metrics"]}
        assert 0 < metrics["TaskDuration"] < 2


def test_the_scores_of_real_data_are_drawn_beside_those_of_samples(points_file):
    assert '"label":"real data"' in points_file.read_text()
