import base64
import dataclasses
import io
import shutil

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from PIL import Image

from jaxgan.config.errors import UserError
from jaxgan.gan.directions import latent_directions
from jaxgan.gan.sampling import generate, sample_pixels
from jaxgan.gan.standing_stats import inference_variables
from jaxgan.gan.state import Player, TrainState
from jaxgan.reports import page as report_page
from jaxgan.reports import playable, playground
from jaxgan.reports.run import read_run
from jaxgan.runs.checkpoints import load_run
from jaxgan.types import Stream, stream_key, to_pixels
from tests.browser import open_page
from tests.drawn_generators import CLASSES, KINDS, SIDE, drawn_variables, gan_of

COUNT = playable.SAMPLES


def state_of(gan):
    """A state with averaged weights, whose statistics are those of other weights."""
    params, stats = drawn_variables(gan)
    averaged = jax.tree.map(lambda leaf: 0.9 * leaf, params)
    step, key = jnp.zeros((), jnp.int32), jax.random.key(5)
    return TrainState(step, key, Player(params, stats, {}), None, averaged)


def write_page(path, parts):
    """Writes an HTML file with playgrounds, as a report page has them."""
    style, script = playground.static_file("playground.css"), playground.playground_script()
    start = '<!doctype html><html lang="en"><meta charset="utf-8"><title>Playgrounds</title>'
    head = f'{start}<meta name="viewport" content="width=device-width"><style>{style}</style>'
    body = "".join(parts)
    path.write_text(f"{head}<body>{body}<script>{script}</script></body></html>")
    return path


def canvas_pixels(canvas, shape):
    """The pixels (height, width, channels) of a canvas that shows one image."""
    _, data = canvas.evaluate("canvas => canvas.toDataURL()").split(",")
    rgba = np.asarray(Image.open(io.BytesIO(base64.b64decode(data))).convert("RGBA"))
    assert rgba.shape[:2] == shape[:2]
    return rgba[..., : shape[2]]


def wait_for(root):
    """Waits until a playground has drawn all that it begins with."""
    root.scroll_into_view_if_needed()
    root.page.wait_for_function("root => root.ariaBusy === 'false'", arg=root.element_handle())


def wait_for_frame(page):
    """Waits until what a control asked for is drawn, which is in the next frame."""
    page.evaluate("new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)))")


def html_of(gan, variables, classes, room=None):
    """The playground of a generator, in which classes have names."""
    names = {number: f"kind {number}" for number in range(classes)}
    fitted = playable.fit_into_page(gan, *variables, room or playable.Room())
    return playground.playground_html(fitted, names, np.zeros((0, 2), np.float32))


def check_first_samples(root, pixels):
    """Compares what a playground begins with, in its large and its small canvases."""
    wait_for(root)
    canvases = root.locator("canvas")
    assert canvases.count() == 1 + len(pixels)
    first, *samples = (canvas_pixels(canvases.nth(i), pixels.shape[1:]) for i in range(1 + COUNT))
    assert np.abs(np.int16(samples) - np.int16(pixels)).max() <= 1
    np.testing.assert_array_equal(first, samples[0])


def samples_of(gan, variables, count=COUNT):
    """The first samples that `jaxgan sample --seed 0` writes."""
    key = stream_key(jax.random.key(0), Stream.SAMPLE, 0)
    return np.asarray(sample_pixels(gan, *variables, count, key))


@pytest.mark.slow
def test_the_browser_draws_the_pixels_of_sample_for_every_network(chromium, tmp_path):
    parts, expected = [], []
    for name, classes in KINDS:
        gan = gan_of(name, classes, shape=(SIDE, SIDE, 3 if classes else 1))
        variables = inference_variables(gan, state_of(gan))
        parts.append(html_of(gan, variables, classes))
        expected.append(samples_of(gan, variables))
        assert expected[-1].std() > 5
    with open_page(chromium, write_page(tmp_path / "page.html", parts)) as page:
        for index, pixels in enumerate(expected):
            check_first_samples(page.locator(".playground").nth(index), pixels)


def test_weights_of_16_bits_give_the_pixels_of_the_same_weights(chromium, tmp_path):
    gan = gan_of("infogan", CLASSES)
    variables = drawn_variables(gan)
    room = playable.Room(exact=10)
    fitted = playable.fit_into_page(gan, *variables, room)
    assert fitted.half
    assert room.left == playable.WEIGHTS - len(fitted.layers["content"])
    expected = samples_of(gan, (fitted.params, variables[1]))
    change = np.abs(np.int16(expected) - np.int16(samples_of(gan, variables))).max()
    assert 0 < change == playable.rounding_error(fitted, variables[0])
    part = html_of(gan, variables, CLASSES, playable.Room(exact=10))
    page = write_page(tmp_path / "page.html", [part])
    with open_page(chromium, page) as page:
        check_first_samples(page.locator(".playground"), expected)


def test_several_runs_share_the_room_of_a_page():
    gan = gan_of("mlp")
    variables = drawn_variables(gan)
    alone, room = playable.room_for(1), playable.room_for(2)
    assert not playable.fit_into_page(gan, *variables, alone).half
    assert not playable.fit_into_page(gan, *variables, room).half  # small enough
    room.exact, room.left = 10, 10_000
    assert playable.fit_into_page(gan, *variables, room).half
    with pytest.raises(UserError, match=r"its weights take .* the page has .* left"):
        playable.fit_into_page(gan, *variables, room)


def test_points_move_with_the_pad(chromium, tmp_path):
    gan = gan_of("mlp", shape=(2,))
    variables = drawn_variables(gan)
    with open_page(
        chromium, write_page(tmp_path / "page.html", [html_of(gan, variables, 0)])
    ) as page:
        root = page.locator(".playground")
        wait_for(root)
        points = samples_of(gan, variables, playable.POINTS)
        np.testing.assert_allclose(shown_points(root), points, atol=1e-5)
        root.locator(".playground-pad").press("Shift+ArrowUp")
        wait_for_frame(page)
        z = (
            np.asarray(playable.first_latents(gan, (2,)))
            + latent_directions(gan, variables[0]).vectors[1]
        )
        moved = generate(gan, *variables, z)
        np.testing.assert_allclose(shown_points(root), moved, atol=1e-5)


def test_points_of_all_classes_are_shown_until_one_is_chosen(chromium, tmp_path):
    gan = gan_of("mlp", CLASSES, shape=(2,))
    variables = drawn_variables(gan)
    part = html_of(gan, variables, CLASSES)
    with open_page(chromium, write_page(tmp_path / "page.html", [part])) as page:
        root = page.locator(".playground")
        wait_for(root)
        points = samples_of(gan, variables, playable.POINTS)
        np.testing.assert_allclose(shown_points(root), points, atol=1e-5)
        root.locator("[name=label]").select_option("kind 2")
        wait_for_frame(page)
        z = playable.first_latents(gan, (2,))
        of_class = generate(gan, *variables, z, jnp.full(len(z), 2))
        np.testing.assert_allclose(shown_points(root), of_class, atol=1e-5)
        root.locator("[name=start]").click()
        wait_for_frame(page)
        np.testing.assert_allclose(shown_points(root), points, atol=1e-5)


def shown_points(root):
    return np.array(root.evaluate("root => [...root.generated]")).reshape(-1, 2)


def test_controls_change_the_image(chromium, tmp_path):
    gan = gan_of("mlp", CLASSES)
    page = write_page(tmp_path / "page.html", [html_of(gan, drawn_variables(gan), CLASSES)])
    with open_page(chromium, page) as page:
        root = page.locator(".playground")
        wait_for(root)
        first = image = root.evaluate("root => [...root.generated]")
        for change in (
            lambda: root.locator("[name=label]").select_option("kind 2"),
            lambda: root.locator("[name=truncation]").fill("0.5"),
            lambda: root.locator("[data-direction='2']").fill("3"),
            lambda: root.locator("[name=seed]").click(),
            lambda: root.locator(".playground-pad").click(position={"x": 5, "y": 5}),
            lambda: root.locator(".playground-samples button").nth(5).click(),
        ):
            change()
            wait_for_frame(page)
            before, image = image, root.evaluate("root => [...root.generated]")
            assert image != before
        label = root.locator(".playground-parts canvas").get_attribute("aria-label")
        assert label.startswith("Generated image of class kind 2, from sample 6 of the run")
        root.locator("[name=start]").click()
        wait_for_frame(page)
        assert root.evaluate("root => [...root.generated]") == first


@pytest.mark.parametrize(
    ("name", "most", "reason"),
    [("MULTIPLICATIONS", 10, "an image takes"), ("WEIGHTS", 50, "its weights take")],
)
def test_a_generator_that_is_too_large_is_refused_with_the_verb_that_exports_it(
    name, most, reason, monkeypatch
):
    monkeypatch.setattr(playable, name, most)
    gan = gan_of("mlp")
    with pytest.raises(UserError, match=rf"too large for this page: {reason} .*`jaxgan export`"):
        playable.fit_into_page(gan, *drawn_variables(gan), playable.Room(left=playable.WEIGHTS))


def test_points_that_are_not_in_the_plane_are_not_drawn_as_if_they_were(finished):
    gan = gan_of("mlp", shape=(5,))
    fitted = playable.fit_into_page(gan, *drawn_variables(gan), playable.Room())
    with pytest.raises(UserError, match="these points have 5 values"):
        playground._real_points(read_run(finished, "tiny", "r0"), fitted)


def test_a_run_without_a_checkpoint_says_so(finished, tmp_path):
    shutil.copytree(finished, tmp_path / "run", ignore=shutil.ignore_patterns("[0-9]*"))
    section = playground.playground_section(read_run(tmp_path / "run", "tiny", "r0"))
    assert "no checkpoint yet" in section.html


def test_classes_without_an_image_cannot_be_chosen(finished):
    run = read_run(finished, "tiny", "r0")
    run = dataclasses.replace(run, data={"class_names": ["cat", "dog", "ox"]})
    gan = dataclasses.replace(gan_of("mlp", CLASSES), class_counts=(5, 0, 2))
    assert playground.class_names(run, gan) == {0: "cat", 2: "ox"}


def test_a_run_is_played_by_keyboard(chromium, finished, tmp_path):
    report_page.write_page([finished], tmp_path / "page.html")
    _, gan, state = load_run(finished)
    variables = inference_variables(gan, state)
    with open_page(chromium, tmp_path / "page.html", width=400) as page:
        assert "its weights of step 36" in page.locator("section:has(.playground)").inner_text()
        root, pad = page.locator(".playground"), page.locator(".playground-pad")
        check_first_samples(root, samples_of(gan, variables))
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
        root.locator("[name=y]").select_option("direction 2")
        for key in ("ArrowLeft", "Shift+ArrowUp", "ArrowDown"):
            pad.press(key)
        assert pad.get_attribute("aria-valuetext") == "direction 0 at -0.1, direction 2 at 0.9"
        wait_for_frame(page)
        first, _, third = latent_directions(gan, variables[0]).vectors[:3]
        z = np.asarray(playable.first_latents(gan, (6, 6, 1)))[:1] - 0.1 * first + 0.9 * third
        expected = to_pixels(generate(gan, *variables, z))[0]
        canvas = root.locator(".playground-parts canvas")
        difference = np.int16(canvas_pixels(canvas, (6, 6, 1))) - np.int16(expected)
        assert np.abs(difference).max() <= 1
        assert "sample 1 of the run; direction 0 at -0.1" in canvas.get_attribute("aria-label")
