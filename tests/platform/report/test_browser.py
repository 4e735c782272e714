"""The report as people see it: in a real browser, light and dark, on a desk and on a phone."""

from __future__ import annotations

import base64
from pathlib import Path

import numpy as np
import pytest
from palaestra.report import write_report
from palaestra.run import Run, start_run

from .chromium import Browser


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
