"""The studio's page for hands and eyes: names, contrast, focus, narrow screens, fingers."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.studio.page_studio import Desk, Running, desk, small, studio

pytestmark = [pytest.mark.slow, pytest.mark.page]
TABS = ("Adjust", "Regions", "Save", "Many")
ACTING = {
    "button", "checkbox", "combobox", "link", "menuitem", "menuitemcheckbox", "searchbox", "slider", "spinbutton",
    "switch", "tab", "textbox", "listbox", "progressbar",
}  # fmt: skip

CONTRAST = """
() => {
  const numbers = (colour) => {
    const [red, green, blue, alpha = 1] = colour.match(/[\\d.]+/g).map(Number);
    return { red, green, blue, alpha };
  };
  const over = (top, below) => Object.fromEntries(
    ['red', 'green', 'blue'].map((key) => [key, top[key] * top.alpha + below[key] * (1 - top.alpha)]));
  const ground = (element) => {
    const layers = [];
    for (let each = element; each; each = each.parentElement) {
      const colour = numbers(getComputedStyle(each).backgroundColor);
      if (colour.alpha > 0) layers.push(colour);
      if (colour.alpha === 1) break;
    }
    return layers.reverse().reduce((below, top) => over(top, below), { red: 255, green: 255, blue: 255 });
  };
  const light = ({ red, green, blue }) => {
    const [r, g, b] = [red, green, blue].map((value) => {
      const share = value / 255;
      return share <= 0.04045 ? share / 12.92 : ((share + 0.055) / 1.055) ** 2.4;
    });
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const poor = [];
  let seen = 0;
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  for (let node = walker.nextNode(); node; node = walker.nextNode()) {
    const element = node.parentElement;
    if (!node.textContent.trim()) continue;
    if (!element.checkVisibility({ visibilityProperty: true, opacityProperty: true })) continue;
    if (element.closest(':disabled, .spoken, option')) continue;
    const below = ground(element);
    const text = over(numbers(getComputedStyle(element).color), below);
    const [high, low] = [light(text), light(below)].sort((a, b) => b - a);
    seen += 1;
    const ratio = (high + 0.05) / (low + 0.05);
    if (ratio < 4.5) poor.push(`${node.textContent.trim()}: ${ratio.toFixed(2)}`);
  }
  return { seen, poor };
}
"""


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    with studio(tmp_path_factory.mktemp("studio") / "results") as started:
        yield started


@pytest.fixture(scope="module")
def photos(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    folder = tmp_path_factory.mktemp("photos")
    return small("city.jpg", folder), small("sunset.jpg", folder)


def filled(table: Desk, photos: tuple[Path, Path]) -> Desk:
    table.method("preview")
    table.add([photos[0]], [photos[1]])
    table.wait_for_result()
    return table


def open_tab(table: Desk, name: str) -> None:
    table.page.get_by_role("tab", name=name).click()
    if name == "Regions":
        table.page.wait_for_selector("li.region", timeout=60_000)
    table.settle()


def unnamed(table: Desk) -> list[str]:
    """What acts and has no name for a screen reader, as the browser itself computes it."""
    nodes: list[dict[str, Any]] = table.browser.accessibility()
    acting = [node for node in nodes if not node.get("ignored") and node.get("role", {}).get("value") in ACTING]
    assert len(acting) > 15
    return [node["role"]["value"] for node in acting if not node.get("name", {}).get("value", "").strip()]


def test_every_control_has_a_name(running: Running, photos: tuple[Path, Path]) -> None:
    with desk(running) as table:
        assert unnamed(table) == []
        filled(table, photos)
        for tab in TABS:
            open_tab(table, tab)
            assert unnamed(table) == [], tab


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
def test_text_stands_out(running: Running, photos: tuple[Path, Path], dark: bool) -> None:
    with desk(running, dark=dark) as table:
        first = table.value(CONTRAST)
        assert first["seen"] > 10
        assert first["poor"] == []
        filled(table, photos)
        for tab in TABS:
            open_tab(table, tab)
            found = table.value(CONTRAST)
            assert found["seen"] > 20
            assert found["poor"] == [], tab


def test_switch_of_light_and_dark_wins_over_the_system(running: Running) -> None:
    with desk(running, dark=True) as table:
        ground = "getComputedStyle(document.body).backgroundColor"
        dark = table.value(ground)
        table.page.keyboard.press("l")
        light = table.value(ground)
        table.page.keyboard.press("l")
        assert light != dark
        assert table.value(ground) == dark


def test_grounds_around_photos_are_neutral(running: Running, photos: tuple[Path, Path]) -> None:
    with desk(running) as table:
        filled(table, photos)
        for selector in ("body", ".table", ".field", ".panel", ".strips", ".bar"):
            colour = table.value(f"getComputedStyle(document.querySelector('{selector}')).backgroundColor")
            red, green, blue = (int(word) for word in colour[4:-1].split(","))
            assert red == green == blue, selector


def test_narrow_page_does_not_scroll_sideways(running: Running, photos: tuple[Path, Path]) -> None:
    with desk(running, width=360, height=740, touch=True) as table:
        wide = "document.documentElement.scrollWidth"
        assert table.value(wide) <= 360
        filled(table, photos)
        for tab in TABS:
            open_tab(table, tab)
            assert table.value(wide) <= 360, tab
        table.page.keyboard.press("?")
        assert table.value(wide) <= 360
        assert table.value("document.querySelector('.sheet').scrollWidth <= 360")


def test_narrow_page_keeps_the_result_in_view_while_sliders_move(running: Running, photos: tuple[Path, Path]) -> None:
    with desk(running, width=360, height=740, touch=True) as table:
        filled(table, photos)
        table.page.get_by_label("Colour", exact=True).scroll_into_view_if_needed()
        box = table.page.locator(".pane.result canvas").bounding_box()
        assert box is not None
        assert box["y"] >= 0
        assert box["y"] + box["height"] <= 740


def test_two_fingers_zoom(running: Running, photos: tuple[Path, Path]) -> None:
    with desk(running, width=360, height=740, touch=True) as table:
        filled(table, photos)
        box = table.page.locator(".pane.result canvas").bounding_box()
        assert box is not None
        x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
        table.browser.touch("touchStart", (x - 20, y), (x + 20, y))
        for apart in range(30, 100, 10):
            table.browser.touch("touchMove", (x - apart, y), (x + apart, y))
        table.browser.touch("touchEnd")
        table.settle()
        assert table.page.locator("button.percent").inner_text() != "Fit"


def test_focus_is_seen(running: Running) -> None:
    with desk(running) as table:
        for _ in range(12):
            table.page.keyboard.press("Tab")
            outline = table.value("getComputedStyle(document.activeElement).outlineStyle")
            assert outline == "solid", table.value("document.activeElement.outerHTML")
