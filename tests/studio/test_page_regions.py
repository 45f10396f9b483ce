"""The page of regions: mended with brush, eraser, fill and the rest, and told to the server."""

from __future__ import annotations

import io
import json
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from tests.studio.page_studio import Desk, Running, desk, small, studio

pytestmark = [pytest.mark.slow, pytest.mark.page]
CONTENT = ".pane.content canvas"


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    with studio(tmp_path_factory.mktemp("studio") / "results") as started:
        yield started


@pytest.fixture
def mending(running: Running, tmp_path: Path) -> Iterator[Desk]:
    """The open page of regions, with a photo, a style and the quick result."""
    with desk(running) as table:
        table.method("preview")
        table.add([small("city.jpg", tmp_path)], [small("sunset.jpg", tmp_path)])
        table.wait_for_result()
        table.page.keyboard.press("r")
        table.page.wait_for_selector("li.region", timeout=60_000)
        table.settle()
        yield table


def labels(table: Desk) -> NDArray[np.uint8]:
    """The label map of the photo on the table, as the server has it."""
    png = table.value(
        """async () => {
          const id = document.querySelector('.strip.content li.now').dataset.id;
          return [...new Uint8Array(await (await fetch(`/api/photos/${id}/labels`)).arrayBuffer())];
        }"""
    )
    return np.asarray(Image.open(io.BytesIO(bytes(png))))


def names(table: Desk) -> list[str]:
    found: list[str] = table.page.locator("li.region .name").all_inner_texts()
    return found


def sent(table: Desk) -> NDArray[np.uint8]:
    """The server's label map once what was mended has been sent."""
    table.page.wait_for_timeout(900)
    table.page.wait_for_load_state("domcontentloaded")
    table.until("document.querySelector('.pane.content .about').textContent.includes('mended')")
    return labels(table)


def stroke(table: Desk, *places: tuple[float, float]) -> None:
    """A stroke of the mouse through places of the photo: shares of its height and width."""
    table.settle()
    points = [on_screen(table, row, column) for row, column in places]
    table.page.mouse.move(*points[0])
    table.page.mouse.down()
    for point in points[1:]:
        table.page.mouse.move(*point, steps=4)
    table.page.mouse.up()


def on_screen(table: Desk, row: float, column: float) -> tuple[float, float]:
    """Where a place of the photo is on the screen: it fits its pane and is centred. The sample has 3 to 2."""
    box = table.page.locator(CONTENT).bounding_box()
    assert box is not None
    width = min(box["width"], box["height"] * 1.5)
    left, top = box["x"] + (box["width"] - width) / 2, box["y"] + (box["height"] - width / 1.5) / 2
    return left + column * width, top + row * width / 1.5


def choose(table: Desk, name: str) -> None:
    table.page.locator("li.region", has_text=name).locator(".pick").click()


def at(found: NDArray[np.uint8], row: float, column: float) -> int:
    return int(found[int(row * found.shape[0]), int(column * found.shape[1])])


def test_brush_changes_the_labels_and_the_result(mending: Desk) -> None:
    before, result = labels(mending), mending.pixels()
    assert at(before, 0.9, 0.5) == 3  # water
    choose(mending, "sky")
    mending.page.get_by_role("button", name="Brush").click()
    mending.page.get_by_label("Keep to edges").uncheck()
    mending.page.get_by_label("Size").fill("100")
    stroke(mending, (0.9, 0.3), (0.9, 0.7))
    after = sent(mending)
    assert at(after, 0.9, 0.5) == 0  # sky
    assert at(after, 0.5, 0.5) == at(before, 0.5, 0.5)
    changed = float((after != before).mean())
    assert 0.02 < changed < 0.3
    mending.wait_for_result()
    mending.until("document.querySelector('#table').getAttribute('aria-busy') === 'false'")
    assert mending.difference(result, mending.pixels()) > 0.5


def test_stroke_is_undone_and_done_again(mending: Desk) -> None:
    before = labels(mending)
    choose(mending, "sky")
    mending.page.get_by_role("button", name="Brush").click()
    stroke(mending, (0.9, 0.3), (0.9, 0.7))
    painted = sent(mending)
    assert (painted != before).any()
    mending.page.keyboard.press("Control+z")
    assert np.array_equal(sent(mending), before)
    mending.page.keyboard.press("Control+Shift+z")
    assert np.array_equal(sent(mending), painted)


def test_snapping_brush_stops_at_an_edge(mending: Desk) -> None:
    """A large brush on the sky beside the towers takes the sky and leaves the towers."""
    before = labels(mending)
    choose(mending, "water")
    mending.page.get_by_role("button", name="Brush").click()
    mending.page.get_by_label("Size").fill("160")
    stroke(mending, (0.25, 0.3))
    after = sent(mending)
    taken = Counter(before[after != before].tolist())
    assert taken[0] > 500  # of the sky
    assert taken[1] < taken[0] / 10  # of the towers


def test_eraser_takes_pixels_out_of_their_region(mending: Desk) -> None:
    mending.page.get_by_role("button", name="Eraser").click()
    mending.page.get_by_label("Keep to edges").uncheck()
    stroke(mending, (0.1, 0.5))
    assert at(sent(mending), 0.1, 0.5) == 255


def test_fill_gives_the_whole_piece(mending: Desk) -> None:
    before = labels(mending)
    choose(mending, "building")
    mending.page.get_by_role("button", name="Fill").click()
    mending.page.get_by_label("Keep to edges").uncheck()
    stroke(mending, (0.9, 0.5))
    after = sent(mending)
    water = before == 3
    assert (after[water] == 1).mean() > 0.9
    assert np.array_equal(after[~water], before[~water])


def test_fill_keeps_to_the_colour(mending: Desk) -> None:
    before = labels(mending)
    choose(mending, "object")
    mending.page.get_by_role("button", name="Fill").click()
    stroke(mending, (0.05, 0.5))
    after = sent(mending)
    changed = after != before
    assert changed.any()
    assert (before[changed] == 0).mean() > 0.95  # sky, and no tower


def test_piece_is_split_off_renamed_and_merged(mending: Desk) -> None:
    before = labels(mending)
    mending.page.get_by_role("button", name="Split off", exact=True).click()
    mending.page.get_by_label("Keep to edges").uncheck()
    stroke(mending, (0.9, 0.5))
    new = at(sent(mending), 0.9, 0.5)
    assert new not in np.unique(before)
    row = mending.page.locator("li.region.chosen")
    row.get_by_role("button", name="More for").click()
    mending.page.get_by_role("menuitem", name="Rename").click()
    mending.page.get_by_label("Rename").fill("lake")
    mending.page.keyboard.press("Enter")
    assert "lake" in names(mending)
    sent(mending)
    mending.page.locator("li.region", has_text="lake").get_by_role("button", name="More for").click()
    mending.page.get_by_role("menuitem", name="Merge into sky").click()
    assert "lake" not in names(mending)
    assert at(sent(mending), 0.9, 0.5) == 0
    for _ in range(3):
        mending.page.keyboard.press("Control+z")
    assert np.array_equal(sent(mending), before)


def test_name_that_is_taken_is_refused_in_words(mending: Desk) -> None:
    mending.page.locator("li.region", has_text="water").get_by_role("button", name="More for").click()
    mending.page.get_by_role("menuitem", name="Rename").click()
    mending.page.get_by_label("Rename").fill("sky")
    mending.page.keyboard.press("Enter")
    assert mending.messages() == ["There is a region named sky already. Merge the two, or take another name."]


def test_going_back_to_found_regions(mending: Desk) -> None:
    before = labels(mending)
    choose(mending, "sky")
    mending.page.get_by_role("button", name="Brush").click()
    stroke(mending, (0.9, 0.3), (0.9, 0.7))
    painted = sent(mending)
    mending.page.get_by_role("button", name="Back to found").click()
    mending.until("!document.querySelector('.pane.content .about').textContent.includes('mended')")
    assert np.array_equal(labels(mending), before)
    mending.page.keyboard.press("Control+z")
    assert np.array_equal(sent(mending), painted)


def test_match_is_chosen_in_a_list_and_by_dragging(mending: Desk) -> None:
    choice = mending.page.get_by_label("What sky takes its look from")
    result = mending.pixels()
    choice.select_option("water")
    mending.wait_for_result()
    mending.settle()
    assert choice.input_value() == "water"
    mending.until("document.querySelector('#table').getAttribute('aria-busy') === 'false'")
    assert mending.difference(result, mending.pixels()) > 1
    mending.page.keyboard.press("Control+z")
    assert choice.input_value() == ""
    chip, row = mending.page.locator(".chip", has_text="water"), mending.page.locator("li.match", has_text="sky").first
    chip.scroll_into_view_if_needed()
    source, target = chip.bounding_box(), row.bounding_box()
    assert source is not None
    assert target is not None
    mending.page.mouse.move(source["x"] + 10, source["y"] + 10)
    mending.page.mouse.down()
    mending.page.mouse.move(target["x"] + 20, target["y"] + 10, steps=5)
    mending.page.mouse.up()
    assert choice.input_value() == "water"


def test_regions_are_painted_with_keys(mending: Desk) -> None:
    before = labels(mending)
    choose(mending, "water")
    mending.page.keyboard.press("p")
    mending.page.locator(CONTENT).focus()
    for _ in range(8):
        mending.page.keyboard.press("Shift+ArrowUp")
    mending.page.keyboard.press("Enter")
    after = sent(mending)
    assert at(before, 0.1, 0.5) == 0
    assert at(after, 0.1, 0.5) == 3


def test_overlay_and_names_can_be_hidden(mending: Desk) -> None:
    seen = mending.pixels(CONTENT)
    mending.page.get_by_label("Opacity").fill("1")
    mending.settle()
    assert mending.difference(seen, mending.pixels(CONTENT)) > 5
    mending.page.keyboard.press("o")
    mending.settle()
    plain = mending.pixels(CONTENT)
    assert mending.difference(seen, plain) > 5


def test_grey_pngs_are_read_and_written_exactly(running: Running) -> None:
    rng = np.random.default_rng(0)
    smooth = np.add.outer(np.arange(61), np.arange(83)).astype(np.uint8)
    noisy = rng.integers(0, 256, (61, 83), np.uint8)
    with desk(running) as table:
        for values in (smooth, noisy):
            file = io.BytesIO()
            Image.fromarray(values).save(file, "PNG")  # with filters of all kinds
            script = """async () => {
              const { readGrey, writeGrey } = await import('/js/png.js');
              const grey = await readGrey(Uint8Array.from(BYTES));
              return [[...grey.values], [...new Uint8Array(await (await writeGrey(grey)).arrayBuffer())]];
            }""".replace("BYTES", json.dumps(list(file.getvalue())))
            read, written = table.value(script)
            assert np.array_equal(np.reshape(read, values.shape), values)
            assert np.array_equal(np.asarray(Image.open(io.BytesIO(bytes(written)))), values)
