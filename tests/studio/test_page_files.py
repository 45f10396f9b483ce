"""The whole job on the page: photos of a folder, a look, sliders, saved files and a queue."""

from __future__ import annotations

import shlex
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from PIL import Image

from tests.studio.page_studio import Desk, Running, desk, small, studio

pytestmark = [pytest.mark.slow, pytest.mark.page]


@pytest.fixture(scope="module")
def photos(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    folder = tmp_path_factory.mktemp("photos")
    return small("city.jpg", folder), small("sunset.jpg", folder)


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory, photos: tuple[Path, Path]) -> Iterator[Running]:
    with studio(tmp_path_factory.mktemp("studio") / "results", *photos) as started:
        yield started


@pytest.fixture
def table(running: Running) -> Iterator[Desk]:
    """The photos of the command line on the table, the second of them as the style, with the quick result."""
    with desk(running, keep=True) as opened:
        opened.until("document.querySelectorAll('.strip.content li').length === 2")
        if opened.page.locator(".strip.style li").count() == 0:
            opened.page.get_by_role("button", name="More for sunset.jpg").click()
            opened.page.get_by_role("menuitemcheckbox", name="Use as a style too").click()
            opened.page.wait_for_selector(".strip.style li")
        opened.method("preview")
        opened.page.locator(".strip.content .tile", has_text="city.jpg").click()
        opened.wait_for_result()
        yield opened


def set_slider(table: Desk, name: str, percent: int) -> None:
    field = table.page.get_by_label(f"{name} in percent")
    field.fill(str(percent))
    field.press("Enter")


def test_saved_file_has_the_bytes_that_run_writes(table: Desk, running: Running, tmp_path: Path) -> None:
    table.page.get_by_role("tab", name="Adjust").click()
    set_slider(table, "Strength", 80)
    set_slider(table, "Contrast", 40)
    set_slider(table, "sky", 50)
    table.page.get_by_role("tab", name="Save").click()
    table.page.get_by_role("button", name="Save", exact=True).click()
    link = table.page.locator(".files a").first
    link.wait_for(timeout=60_000)
    saved = running.folder / link.inner_text()
    assert table.messages() == [f"Saved: {saved.name} in {running.folder.name}."]
    line = table.page.get_by_label("The command that does the same")
    table.until("document.querySelector('textarea').value !== ''")
    program, *words = shlex.split(line.input_value())
    assert program == "photostyle"
    words[words.index("-o") + 1] = str(tmp_path / saved.name)
    subprocess.run([sys.executable, "-m", "photostyle", *words, "-q"], check=True)
    assert (tmp_path / saved.name).read_bytes() == saved.read_bytes()
    with table.page.expect_download() as download:
        link.click()
    assert Path(download.value.path()).read_bytes() == saved.read_bytes()


def test_format_is_chosen(table: Desk, running: Running) -> None:
    table.page.get_by_role("tab", name="Save").click()
    panel = table.page.get_by_role("tabpanel", name="Save")
    panel.get_by_label("Format").select_option("png")
    panel.get_by_label("File name").fill("evening")
    table.page.keyboard.press("Control+s")
    panel.get_by_role("button", name="Save", exact=True).click()
    table.page.locator(".files a", has_text="evening.png").wait_for(timeout=60_000)
    with Image.open(running.folder / "evening.png") as picture:
        assert picture.format == "PNG"
        assert picture.size == (420, 280)
    table.until("document.querySelectorAll('.files a').length === 2")


def test_look_and_luts_are_saved(table: Desk) -> None:
    table.page.get_by_role("tab", name="Save").click()
    for name, ending in ((".photostyle", ".photostyle"), (".cube LUT", ".cube"), ("HaldCLUT", ".png")):
        with table.page.expect_download(timeout=60_000) as download:
            table.page.get_by_role("button", name=name).click()
        assert download.value.suggested_filename.endswith(ending)
        assert Path(download.value.path()).stat().st_size > 1000
    assert "CIEDE2000" in table.page.locator(".page [role=status].hint").inner_text()


def test_slider_preset_is_kept_applied_and_deleted(table: Desk) -> None:
    set_slider(table, "Contrast", 40)
    field = table.page.get_by_role("textbox", name="Name")
    field.fill("soft")
    table.page.get_by_role("button", name="Keep").click()
    choice = table.page.get_by_label("Slider presets")
    table.until("document.querySelector('[aria-label=\"Slider presets\"]').options.length === 2")
    table.page.get_by_role("button", name="Reset all").click()
    assert table.page.get_by_label("Contrast in percent").input_value() == "100"
    choice.select_option("soft")
    assert table.page.get_by_label("Contrast in percent").input_value() == "40"
    table.page.get_by_role("button", name="Delete").click()
    table.until("document.querySelector('[aria-label=\"Slider presets\"]').options.length === 1")


def test_queue_works_through_the_photos(table: Desk, running: Running) -> None:
    table.page.get_by_role("tab", name="Many").click()
    table.page.get_by_role("button", name="Start 2 photos").click()
    table.until("document.querySelector('.queue-line').textContent.startsWith('Done: 2 of 2')", 120)
    names = table.page.locator(".queue a").all_inner_texts()
    assert len(names) == 2
    with table.page.expect_download() as download:
        table.page.get_by_role("button", name="Zip of results").click()
    with zipfile.ZipFile(download.value.path()) as archive:
        assert archive.testzip() is None
        assert len([name for name in archive.namelist() if name.endswith(".jpg")]) == 2
    sheet = table.page.get_by_role("link", name="Contact sheet").get_attribute("href")
    assert table.value(f"fetch('{sheet}').then((answer) => answer.headers.get('content-type'))") == "image/jpeg"
