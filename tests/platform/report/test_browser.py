"""The report as people see it: in a real browser, light and dark, on a desk and on a phone."""

from __future__ import annotations

import base64
import io
import itertools
import json
import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from palaestra.report import write_report
from palaestra.run import Run, start_run
from PIL import Image

FLAGS = (
    "--headless", "--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync", "--disable-dev-shm-usage", "--hide-scrollbars",
    "--remote-debugging-pipe",
)  # fmt: skip


class Browser:
    """Chromium, spoken to in its DevTools protocol over two pipes: JSON messages, each ended by NUL."""

    def __init__(self, program: str, profile: Path) -> None:
        to_child, self._out = os.pipe()
        self._in, from_child = os.pipe()
        # The protocol's descriptors are 3 and 4; the shell puts ours there.
        command = f'exec "$0" "$@" 3<&{to_child} 4>&{from_child}'
        self._process = subprocess.Popen(
            ["bash", "-c", command, program, *FLAGS, f"--user-data-dir={profile}", "about:blank"],
            pass_fds=(to_child, from_child),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        os.close(to_child)
        os.close(from_child)
        self._ids = itertools.count(1)
        self._buffer = b""
        self._session: str | None = None
        self.events: list[dict[str, Any]] = []
        target = self.call("Target.createTarget", url="about:blank")["targetId"]
        self._session = self.call("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        for domain in ("Page", "Runtime", "Log"):
            self.call(f"{domain}.enable")

    def close(self) -> None:
        self._process.kill()
        self._process.wait()
        os.close(self._out)
        os.close(self._in)

    def call(self, method: str, **parameters: Any) -> dict[str, Any]:
        """What the browser answers; what it tells meanwhile goes to `events`."""
        message: dict[str, Any] = {"id": next(self._ids), "method": method, "params": parameters}
        if self._session:
            message["sessionId"] = self._session
        os.write(self._out, json.dumps(message).encode() + b"\0")
        while True:
            answer = self._receive()
            if answer.get("id") == message["id"]:
                assert "error" not in answer, f"{method}: {answer['error']}"
                return answer["result"]
            self.events.append(answer)

    def wait_for(self, method: str) -> None:
        """Until the browser has told of it since the last `clear`."""
        while all(event.get("method") != method for event in self.events):
            self.events.append(self._receive())

    def _receive(self) -> dict[str, Any]:
        while b"\0" not in self._buffer:
            data = os.read(self._in, 1 << 16)
            assert data, "the browser has ended"
            self._buffer += data
        message, _, self._buffer = self._buffer.partition(b"\0")
        return json.loads(message)

    def show(self, page: Path, width: int, scheme: str, motion: str = "no-preference") -> None:
        """Opens a page in a window of this width, for a reader who prefers "light" or "dark"."""
        self.call(
            "Emulation.setDeviceMetricsOverride", width=width, height=900, deviceScaleFactor=1, mobile=width < 600
        )
        wishes = {"prefers-color-scheme": scheme, "prefers-reduced-motion": motion}
        features = [{"name": name, "value": value} for name, value in wishes.items()]
        self.call("Emulation.setEmulatedMedia", features=features)
        self.events.clear()
        self.call("Page.navigate", url=page.absolute().as_uri())
        self.wait_for("Page.loadEventFired")

    def evaluate(self, expression: str) -> Any:
        return self.call("Runtime.evaluate", expression=expression, returnByValue=True)["result"].get("value")

    def problems(self) -> list[dict[str, Any]]:
        """Everything that the page complained about since it was opened."""
        kinds = ("Log.entryAdded", "Runtime.exceptionThrown", "Runtime.consoleAPICalled")
        return [event for event in self.events if event.get("method") in kinds]

    def screenshot(self) -> np.ndarray:
        """What the window shows: uint8 (height, width, 3)."""
        data = self.call("Page.captureScreenshot", format="png")["data"]
        return np.asarray(Image.open(io.BytesIO(base64.b64decode(data))).convert("RGB"))


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    program = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if program is None:
        reason = "there is no chromium to look at the report with; on Debian: apt-get install chromium"
        if os.environ.get("CI"):
            pytest.fail(reason)
        pytest.skip(reason)
    browser = Browser(program, tmp_path_factory.mktemp("profile"))
    yield browser
    browser.close()


@pytest.fixture(scope="module")
def pages(whole_run: Run, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """A report of a run that is done, and one of a run that has just been started."""
    begun = start_run(whole_run.spec, tmp_path_factory.mktemp("begun"))
    return {"done": write_report(whole_run), "begun": write_report(begun)}


@pytest.mark.parametrize("page", ["done", "begun"])
@pytest.mark.parametrize("width", [1280, 400])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_page_fits_its_window_and_reports_no_error(
    browser: Browser, pages: dict[str, Path], page: str, width: int, scheme: str
) -> None:
    browser.show(pages[page], width, scheme)
    assert browser.evaluate("innerWidth") == width
    assert browser.evaluate("document.scrollingElement.scrollWidth") <= width
    wide = browser.evaluate(
        "[...document.querySelectorAll('main *')].filter(e => !e.closest('.scroll, pre, svg') && "
        "e.getBoundingClientRect().right > innerWidth + 1).map(e => e.outerHTML.slice(0, 80))"
    )
    assert wide == []
    assert browser.evaluate("[...document.images].every(image => image.naturalWidth > 0)") is True
    assert browser.problems() == []
    picture = browser.screenshot()
    assert picture.shape[:2] == (900, width)
    assert picture.std() > 10
    background = picture[2, 2].mean()
    assert background > 230 if scheme == "light" else background < 40


@pytest.mark.parametrize("width", [1280, 400])
def test_everything_can_be_read_in_both_schemes(browser: Browser, pages: dict[str, Path], width: int) -> None:
    """The contrast of all text with what is behind it is at least that of WCAG AA."""
    for scheme in ("light", "dark"):
        browser.show(pages["done"], width, scheme)
        assert browser.evaluate(_LOW_CONTRAST) == []


def test_dark_differs_from_light_and_so_do_the_curves(browser: Browser, pages: dict[str, Path]) -> None:
    found = {}
    for scheme in ("light", "dark"):
        browser.show(pages["done"], 1280, scheme)
        found[scheme] = (browser.screenshot(), browser.evaluate(_FIRST_CURVE))
    assert np.abs(found["light"][0].astype(int) - found["dark"][0]).mean() > 100
    assert found["light"][1] != found["dark"][1]


def test_films_stand_still_for_readers_who_want_no_motion(browser: Browser, pages: dict[str, Path]) -> None:
    browser.show(pages["done"], 1280, "light")
    source = "document.querySelector('.films img').currentSrc.slice(0, 15)"
    assert browser.evaluate(source) == "data:image/webp"
    browser.show(pages["done"], 1280, "light", motion="reduce")
    assert browser.evaluate(source) == "data:image/png;"


def test_it_prints(browser: Browser, pages: dict[str, Path]) -> None:
    browser.show(pages["done"], 1280, "dark")
    pdf = base64.b64decode(browser.call("Page.printToPDF", printBackground=True)["data"])
    assert pdf.startswith(b"%PDF")
    assert len(pdf) > 10_000


_FIRST_CURVE = """
getComputedStyle([...document.querySelectorAll("svg.plot path")].find(e => e.style.stroke.includes("arm-0"))).stroke
"""

_LOW_CONTRAST = r"""
(() => {
  const channels = text => (text.match(/[\d.]+/g) || [0, 0, 0, 0]).map(Number);
  const luminance = rgb => {
    const [r, g, b] = rgb.slice(0, 3).map(v => v / 255).map(v => v <= .04045 ? v / 12.92 : ((v + .055) / 1.055) ** 2.4);
    return .2126 * r + .7152 * g + .0722 * b;
  };
  const background = element => {
    for (let e = element; e; e = e.parentElement) {
      const found = channels(getComputedStyle(e).backgroundColor);
      if (found.length < 4 || found[3] > .5) return found;
    }
    return [255, 255, 255];
  };
  const low = [];
  for (const element of document.querySelectorAll("main *")) {
    if (![...element.childNodes].some(node => node.nodeType === 3 && node.textContent.trim())) continue;
    const style = getComputedStyle(element);
    const text = luminance(channels(element.closest("svg") ? style.fill : style.color));
    const behind = luminance(background(element));
    const contrast = (Math.max(text, behind) + .05) / (Math.min(text, behind) + .05);
    if (contrast < 4.5) low.push([element.outerHTML.slice(0, 80), contrast]);
  }
  return low;
})()
"""
