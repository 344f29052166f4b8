"""A real Chromium for the tests of pages, without a network.

Import the fixtures that a test file needs. Where there is no Chromium the tests are skipped and say so; in continuous
integration (``CI=true``) they fail instead.
"""

from __future__ import annotations

import os
import shutil
import struct
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, ConsoleMessage, Dialog, Page, Request, sync_playwright

_NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
_ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
_WATCH_POLICY = """
window.violations = [];
document.addEventListener("securitypolicyviolation", (event) => window.violations.push(event.violatedDirective));
"""


@dataclass
class Opened:
    """A page, and what went on while it was open."""

    page: Page
    errors: list[str] = field(default_factory=list)  # console errors and warnings, uncaught exceptions
    requests: list[str] = field(default_factory=list)  # all but the page itself
    dialogs: list[str] = field(default_factory=list)

    def watch(self, uri: str) -> None:
        """Open an address, and note what goes on from then on."""

        def on_request(request: Request) -> None:
            if request.url != uri:
                self.requests.append(request.url)

        def on_console(said: ConsoleMessage) -> None:
            if said.type in ("error", "warning"):
                self.errors.append(said.text)

        def on_dialog(dialog: Dialog) -> None:
            self.dialogs.append(dialog.message)
            dialog.dismiss()

        self.page.on("request", on_request)
        self.page.on("console", on_console)
        self.page.on("dialog", on_dialog)
        self.page.on("pageerror", lambda error: self.errors.append(str(error)))
        self.page.goto(uri)

    def assert_clean(self) -> None:
        """Nothing was asked of the network, nothing was refused by the page's policy, nothing went wrong."""
        assert (self.requests, self.errors, self.dialogs) == ([], [], [])
        assert self.page.evaluate("window.violations") == []


def colour_at(page: Page, x: float, y: float) -> tuple[int, ...]:
    """The colour of a pixel on the screen, from a screenshot of it alone: a PNG with one row of one pixel."""
    png = page.screenshot(clip={"x": round(x), "y": round(y), "width": 1, "height": 1}, scale="css")
    at, data = 8, b""
    while at < len(png):
        (length,) = struct.unpack(">I", png[at : at + 4])
        if png[at + 4 : at + 8] == b"IDAT":
            data += png[at + 8 : at + 8 + length]
        at += length + 12
    return tuple(zlib.decompress(data)[1:4])  # after the row's filter, which changes nothing here


Open = Callable[..., Opened]


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    """A running Chromium, for the tests of one file."""
    try:
        with launched() as browser:
            yield browser
    except NoBrowser as lack:
        if os.environ.get("CI") == "true":
            pytest.fail(str(lack))
        pytest.skip(str(lack))


class NoBrowser(RuntimeError):
    """There is no Chromium; the message says where it was looked for."""


@contextmanager
def launched() -> Iterator[Browser]:
    """A running Chromium.

    Raises:
        NoBrowser: there is none.
    """
    path = os.environ.get("CHROMIUM") or next(filter(None, map(shutil.which, _NAMES)), None)
    if path is None:
        raise NoBrowser(f"no Chromium: none of {', '.join(_NAMES)} is on the PATH, and CHROMIUM names none")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=_ARGUMENTS)
        yield browser
        browser.close()


@pytest.fixture
def open_page(chromium: Browser) -> Iterator[Open]:
    """Opens a file with the network off: ``open_page(path, width=390, height=844, **context)``."""
    contexts = []

    def opened(path: Path, width: int = 1440, height: int = 900, **options: Any) -> Opened:
        context = chromium.new_context(viewport={"width": width, "height": height}, **options)
        contexts.append(context)
        context.set_offline(True)
        context.add_init_script(_WATCH_POLICY)
        seen = Opened(context.new_page())
        seen.watch(path.as_uri())
        return seen

    yield opened
    for context in contexts:
        context.close()
