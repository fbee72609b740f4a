"""A headless Chromium for the tests of pages, and what a page must not do in it.

Tests that need it are skipped where there is none. With JAXGAN_TESTS_BROWSER=1 they fail instead.
"""

import contextlib
import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

NAMES = ("chromium", "chromium-browser", "google-chrome-stable", "google-chrome")
FLAGS = (
    "--headless",
    "--no-sandbox",  # which root cannot have
    "--disable-gpu",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-dev-shm-usage",  # too small in containers
)
TIMEOUT = 60_000  # milliseconds, for a machine that is shared


@contextlib.contextmanager
def start_chromium() -> Iterator:
    """Starts a browser for several pages; skips the test where none is installed."""
    path = next(filter(None, map(shutil.which, NAMES)), None)
    if path is None:
        reason = "no Chromium: `apt-get install chromium`, or another of " + ", ".join(NAMES)
        if os.environ.get("JAXGAN_TESTS_BROWSER"):
            pytest.fail(reason)
        pytest.skip(reason)
    # Here, since its import takes long and few tests need it.
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=FLAGS, timeout=TIMEOUT)
        yield browser
        browser.close()


@contextlib.contextmanager
def open_page(chromium, path: Path, width: int = 1400, dark: bool = False) -> Iterator:
    """Opens an HTML file from the disk; at the end, refuses errors and requests to elsewhere.

    Yields:
      Playwright's page, in a window of the given width in pixels.
    """
    errors, requests = [], []
    scheme = "dark" if dark else "light"
    page = chromium.new_page(viewport={"width": width, "height": 900}, color_scheme=scheme)
    page.set_default_timeout(TIMEOUT)
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.on("console", lambda said: errors.append(said.text) if _is_bad(said) else None)
    page.on("request", lambda request: requests.append(request.url))
    page.goto(url := path.absolute().as_uri())
    yield page
    page.close()
    assert errors == []
    inline = ("data:", "blob:")
    assert [x for x in requests if x.split("#")[0] != url and not x.startswith(inline)] == []


def _is_bad(message) -> bool:
    return message.type in ("error", "warning")
