"""The page of a set: complete, safe to open offline, the worst results first, and quick with many photos."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import pytest

from photostyle.batch.manifest import Record
from photostyle.batch.output_folder import thumbnail_paths
from photostyle.batch.report import PAGE, badness, write_report
from photostyle.batch.summary import duration_text, failures_by_reason
from photostyle.batch.thumbnails import thumbnail
from photostyle.errors import OutputError
from photostyle.photo.photo import Photo
from tests.batch.test_manifest import a_record
from tests.browser import opened
from tests.export.test_report import Parsed

NASTY = """trip/"<script>alert('a & b')<script>.jpg"""


def a_set(output: Path, count: int) -> list[Record]:
    """Records with small pictures: the later, the worse, but for the last, which has failed."""
    records = [
        a_record(
            f"trip/{number:03}.jpg" if number else NASTY,
            figures={"clipped": number / 1000, "halo": 0.0, "unmatched": 0.0},
            seconds={"read": 0.1, "solve, fine": 2.0, "total": 3.0},
            height=400, width=600,
        )
        for number in range(count)
    ]  # fmt: skip
    for record in records:
        for place, path in enumerate(thumbnail_paths(str(output), record.output)):
            Path(path).parent.mkdir(parents=True, exist_ok=True)
            ramp = np.linspace(place * 0.5, place * 0.5 + 0.5, 60 * 90 * 3, dtype=np.float32)
            Path(path).write_bytes(thumbnail(Photo(ramp.reshape(60, 90, 3))))
    failed = dataclasses.replace(
        records[-1], status="failed", error="InputError", message="expected a <photo>, found none", figures={}
    )
    return [*records[:-1], failed]


@pytest.fixture
def page(tmp_path: Path) -> Path:
    """Of five results and one failure, of eight photos."""
    write_report(str(tmp_path / "page"), str(tmp_path / "out"), 8, a_set(tmp_path / "out", 6))
    return tmp_path / "page" / PAGE


def test_page_has_every_photo_and_the_worst_first(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    assert text.count("<article ") == 5
    assert text.index("004.jpg") < text.index("003.jpg") < text.index("001.jpg") < text.index("&lt;script&gt;")
    assert "5 of 8 done, 1 failed, 2 left" in text


def test_page_loads_what_lies_beside_it_alone(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    addresses = [address for address in Parsed(text).addresses if address != "data:,"]
    assert len(addresses) == 10
    assert all((page.parent / address).is_file() and not address.startswith("/") for address in addresses)
    assert text.count('loading="lazy"') == 10 and text.count('width="360" height="240"') == 10
    assert "url(" not in text and "@import" not in text and "fetch(" not in text


def test_page_shows_texts_as_texts(page: Path) -> None:
    found = Parsed(page.read_text(encoding="utf-8"))
    assert found.tags.count("script") == 1 and "photo" not in found.tags
    assert NASTY in found.text and "InputError: expected a <photo>, found none" in found.text


def test_notable_figures_are_marked(tmp_path: Path) -> None:
    records = [a_record("a.jpg", figures={"clipped": 0.5, "halo": 0.0, "unmatched": 0.1})]
    write_report(str(tmp_path / "page"), str(tmp_path), 1, records)
    text = (tmp_path / "page" / PAGE).read_text()
    assert '<li class="notable">newly clipped 50.0%</li>' in text and "<li>no match 10.0%</li>" in text
    assert badness(records[0]) == 25 and "1 worth a look" in text


def test_small_pictures_that_are_gone_or_torn_are_told(tmp_path: Path) -> None:
    records = a_set(tmp_path, 3)
    Path(thumbnail_paths(str(tmp_path), records[0].output)[0]).unlink()
    Path(thumbnail_paths(str(tmp_path), records[1].output)[1]).write_bytes(b"torn")
    write_report(str(tmp_path / "page"), str(tmp_path), 3, records)
    text = (tmp_path / "page" / PAGE).read_text()
    assert "no picture before" in text and "no picture after" in text and text.count("<img ") == 2


def test_page_of_a_set_of_which_nothing_is_done(tmp_path: Path) -> None:
    write_report(str(tmp_path / "page"), str(tmp_path), 3, [])
    assert "Nothing is done yet" in (tmp_path / "page" / PAGE).read_text()


@pytest.mark.filterwarnings("error")
def test_names_that_are_no_unicode(tmp_path: Path) -> None:
    write_report(str(tmp_path / "page"), str(tmp_path), 1, [a_record("a\udcff.jpg")])
    assert "a\\udcff.jpg" in (tmp_path / "page" / PAGE).read_text(encoding="utf-8")


def test_folder_that_cannot_be_made(tmp_path: Path) -> None:
    (tmp_path / "page").touch()
    with pytest.raises(OutputError):
        write_report(str(tmp_path / "page"), str(tmp_path), 1, [])


def test_page_of_500_photos_is_small(tmp_path: Path) -> None:
    records = [dataclasses.replace(a_record(f"{number}.jpg"), warnings=("the same",)) for number in range(500)]
    write_report(str(tmp_path / "page"), str(tmp_path), 500, records)
    assert (tmp_path / "page" / PAGE).stat().st_size < 500_000


SHOWN = "[...document.querySelectorAll('h3')].map(head => head.textContent)"


@pytest.mark.slow
def test_order_can_be_chosen(page: Path) -> None:
    with opened(page) as shown:
        assert shown.value(SHOWN)[0] == "trip/004.jpg"
        shown.value("order.focus()")
        shown.page.keyboard.press("End")  # by name
        assert shown.value(SHOWN) == [NASTY, *(f"trip/{number:03}.jpg" for number in range(1, 5))]
        assert shown.complaints == []
        assert all(url.startswith(page.parent.as_uri()) for url in shown.requests if not url.startswith("data:"))


@pytest.mark.slow
@pytest.mark.parametrize("dark", [False, True])
@pytest.mark.parametrize("width", [360, 1200])
def test_page_is_light_or_dark_and_fits_its_screen(dark: bool, width: int, page: Path) -> None:
    with opened(page, width=width, dark=dark) as shown:
        ground = shown.value("getComputedStyle(document.body).backgroundColor")
        light = sum(int(part) for part in ground[4:-1].split(",")) / 3
        assert light < 60 if dark else light > 240
        assert shown.value("document.documentElement.scrollWidth") <= width
        assert shown.complaints == []


@pytest.mark.slow
def test_pictures_of_500_photos_load_when_they_come_into_view(tmp_path: Path) -> None:
    write_report(str(tmp_path / "page"), str(tmp_path / "out"), 500, a_set(tmp_path / "out", 500))
    with opened(tmp_path / "page" / PAGE) as shown:
        loaded = "[...document.images].filter(image => image.complete && image.naturalWidth).length"
        assert 0 < shown.value(loaded) < 300 and shown.value("document.images.length") == 998
        assert shown.value("performance.timing.loadEventEnd - performance.timing.navigationStart") < 10_000


def test_causes_are_counted_the_most_frequent_first() -> None:
    def failed(name: str, message: str) -> Record:
        return a_record(name, content=name, status="failed", error="InputError", message=message)

    records = [failed("a", "one\nadvice"), failed("b", "two"), failed("c", "one\nother"), a_record("d")]
    assert failures_by_reason(records) == {"InputError: one": ["a", "c"], "InputError: two": ["b"]}


@pytest.mark.parametrize(
    ("seconds", "text"), [(0.4, "0 s"), (99, "99 s"), (100, "2 min"), (5999, "100 min"), (7500, "2 h 5 min")]
)
def test_durations(seconds: float, text: str) -> None:
    assert duration_text(seconds) == text.replace("100 min", "1 h 40 min")
