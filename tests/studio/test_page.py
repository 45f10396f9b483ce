"""The studio's page: from dropped photos to a result that follows the sliders, by mouse, keys and fingers."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.studio.page_studio import Desk, Running, desk, small, studio

pytestmark = [pytest.mark.slow, pytest.mark.page]


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    with studio(tmp_path_factory.mktemp("studio") / "results") as started:
        yield started


@pytest.fixture(scope="module")
def city(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return small("city.jpg", tmp_path_factory.mktemp("photos"))


@pytest.fixture(scope="module")
def sunset(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return small("sunset.jpg", tmp_path_factory.mktemp("photos"))


@pytest.fixture
def table(running: Running) -> Iterator[Desk]:
    with desk(running) as opened:
        yield opened


@pytest.fixture
def solved(table: Desk, city: Path, sunset: Path) -> Desk:
    """A table with a photo, a style and the quick result."""
    table.method("preview")
    table.add([city], [sunset])
    table.wait_for_result()
    return table


def test_first_screen_says_what_to_do(table: Desk) -> None:
    assert table.page.locator("h1").inner_text() == "Add a photo and a photo whose look you like."
    assert table.page.locator(".zone").count() == 2


def test_two_dropped_photos_give_a_first_result(table: Desk, city: Path, sunset: Path) -> None:
    table.method("preview")
    table.drop('.zone[data-role="content"]', [city])
    table.page.wait_for_selector(".strip.content li")
    table.drop(".strip.style", [sunset])
    table.wait_for_result()
    assert table.difference(table.pixels(), table.pixels(".pane.content canvas")) > 5
    table.page.wait_for_selector(".strip.style li img:nth-child(2):not([hidden])")  # the small result beside the style


def test_default_takes_the_place_of_the_quick_result(table: Desk, city: Path, sunset: Path) -> None:
    table.add([city], [sunset])
    table.page.wait_for_selector(".pane.result .line:has-text('Quick result')", timeout=120_000)
    table.settle()
    quick = table.pixels()
    table.wait_for_result("full method")
    assert table.difference(quick, table.pixels()) > 1


def test_work_can_be_stopped_and_taken_up_again(table: Desk, city: Path, sunset: Path) -> None:
    table.add([city], [sunset])
    table.page.wait_for_selector(".pane.result .line:has-text('Quick result')", timeout=120_000)
    table.page.get_by_role("button", name="Stop").click()
    table.page.wait_for_selector(".pane.result .line:has-text('Stopped')", timeout=120_000)
    table.page.get_by_role("button", name="Refine").click()
    table.wait_for_result("full method")


def test_slider_changes_the_picture_and_undo_brings_it_back(solved: Desk) -> None:
    full = solved.pixels()
    photo = solved.pixels(".pane.content canvas")
    solved.page.get_by_label("Strength", exact=True).focus()
    solved.page.keyboard.press("Home")
    solved.settle()
    content = solved.pixels()
    assert solved.difference(content, full) > 5
    solved.page.keyboard.press("Control+z")
    solved.settle()
    assert solved.pixels() == full
    solved.page.keyboard.press("Control+Shift+z")
    solved.settle()
    assert solved.pixels() == content
    assert solved.page.get_by_label("Strength in percent").input_value() == "0"
    assert len(photo) == len(content)


def test_numbers_are_typed_and_a_slider_is_reset(solved: Desk) -> None:
    typed = solved.page.get_by_label("Colour in percent")
    typed.fill("35")
    typed.press("Enter")
    slider = solved.page.get_by_label("Colour", exact=True)
    assert slider.input_value() == "0.35"
    slider.dblclick()
    assert typed.input_value() == "100"
    typed.fill("500")
    typed.press("Enter")
    assert typed.input_value() == "100"
    typed.fill("20")
    typed.press("Enter")
    solved.page.get_by_role("button", name="Reset colour").click()
    assert slider.input_value() == "1"


def test_strength_of_a_region_changes_its_place_only(solved: Desk) -> None:
    full = solved.pixels()
    sky = solved.page.get_by_label("sky", exact=True)
    sky.focus()
    solved.page.keyboard.press("Home")
    solved.settle()
    now = solved.pixels()
    rows = [solved.difference(full[40 * row : 40 * row + 40], now[40 * row : 40 * row + 40]) for row in range(40)]
    upper, lower = max(rows[:20]), sum(rows[26:34]) / 8
    assert upper > 5
    assert lower < upper / 5


def test_before_is_seen_while_its_key_is_held(solved: Desk) -> None:
    after = solved.pixels()
    solved.page.keyboard.down("b")
    solved.settle()
    before = solved.pixels()
    solved.page.keyboard.up("b")
    solved.settle()
    assert solved.difference(before, after) > 5
    assert solved.pixels() == after


def test_compared_photos_share_the_pane_at_the_handle(solved: Desk) -> None:
    solved.page.keyboard.press("4")
    solved.settle()
    after = solved.pixels()
    solved.page.keyboard.press("3")
    handle = solved.page.get_by_role("slider", name="Before and after")
    handle.focus()
    solved.page.keyboard.press("Home")
    solved.settle()
    assert solved.pixels() == after  # nothing of the photo before is left
    solved.page.keyboard.press("End")
    solved.settle()
    before = solved.pixels()
    assert solved.difference(before, after) > 5
    box = handle.bounding_box()
    pane = solved.page.locator(".pane.result .field").bounding_box()
    assert box is not None
    assert pane is not None
    middle = box["y"] + box["height"] / 2
    solved.page.mouse.move(box["x"] + box["width"] / 2, middle)
    solved.page.mouse.down()
    solved.page.mouse.move(pane["x"] + pane["width"] / 2, middle, steps=4)
    solved.page.mouse.up()
    assert handle.get_attribute("aria-valuenow") == "50"


def test_zoom_shows_real_pixels_in_both_panes(solved: Desk) -> None:
    solved.page.keyboard.press("2")
    solved.page.keyboard.press("z")
    percent = solved.page.locator("button.percent").inner_text()
    assert percent != "Fit"
    solved.settle()
    before = solved.pixels(".pane.content canvas"), solved.pixels()
    solved.page.keyboard.press("Shift+ArrowRight")
    solved.settle()
    after = solved.pixels(".pane.content canvas"), solved.pixels()
    assert all(solved.difference(one, other) > 1 for one, other in zip(before, after, strict=True))
    solved.page.keyboard.press("z")
    assert solved.page.locator("button.percent").inner_text() == "Fit"


def test_settings_are_copied_to_marked_photos(solved: Desk, city: Path, sunset: Path) -> None:
    solved.add([city, sunset])
    solved.until("document.querySelectorAll('.strip.content li').length === 3")
    solved.page.get_by_label("Contrast in percent").fill("30")
    solved.page.keyboard.press("Enter")
    solved.page.locator("body").click(position={"x": 5, "y": 5})
    solved.page.keyboard.press("c")
    tiles = solved.page.locator(".strip.content .tile")
    for place in (1, 2):
        tiles.nth(place).click(modifiers=["Control"])
    solved.page.get_by_role("button", name="Paste onto 2").click()
    for place in (1, 2):
        tiles.nth(place).click()
        assert solved.page.get_by_label("Contrast in percent").input_value() == "30"
    solved.page.keyboard.press("Control+z")
    assert solved.page.get_by_label("Contrast in percent").input_value() == "100"


def test_photo_taken_off_the_table_comes_back_by_undo(solved: Desk) -> None:
    solved.page.keyboard.press("Delete")
    assert solved.page.locator(".strip.content li").count() == 0
    assert solved.page.locator("h1").is_visible()
    solved.page.keyboard.press("Control+z")
    assert solved.page.locator(".strip.content li").count() == 1
    solved.wait_for_result()


def test_choices_outlast_a_reload(solved: Desk) -> None:
    solved.page.get_by_label("Contrast in percent").fill("30")
    solved.page.keyboard.press("Enter")
    solved.page.wait_for_timeout(500)  # they are written after a pause
    solved.page.reload()
    solved.page.wait_for_selector("body[data-ready]")
    assert solved.page.get_by_label("Contrast in percent").input_value() == "30"


def test_file_that_is_no_photo_is_refused_in_words_that_stay(running: Running, tmp_path: Path) -> None:
    text = tmp_path / "notes.jpg"
    text.write_text("not a photo")
    with desk(running) as table:
        table.drop(".strip.content", [text])
        table.page.wait_for_selector(".notice.error")
        message = table.messages()[-1]
        assert "notes.jpg" in message
        table.page.wait_for_timeout(1500)
        assert table.messages()[-1] == message
        table.page.get_by_role("button", name="Close").click()
        assert table.messages() == []
        table.browser.complaints.clear()  # the browser itself notes the refused request


def test_sheet_lists_the_keys(table: Desk) -> None:
    table.page.keyboard.press("?")
    sheet = table.page.get_by_role("dialog", name="Keys")
    assert sheet.is_visible()
    assert sheet.locator("dt").count() > 30
    table.page.keyboard.press("Escape")
    assert sheet.count() == 0
