"""The files of a report: complete, safe to open offline, and enough to repeat the run."""

from __future__ import annotations

import base64
import csv
import dataclasses
import hashlib
import io
import json
import math
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from photostyle.encoders.features import EncodedPhoto
from photostyle.errors import OutputError, SettingsError
from photostyle.export.report import FILES, LONGEST_SIDE, check_report_folder, summary, write_report
from photostyle.photo.photo import Photo
from photostyle.pipeline.result import Result
from photostyle.presets import load_preset, load_settings
from photostyle.regions.correspondence import Correspondence, MatchedStyle, combine_matchings, match_one_region
from photostyle.regions.mask_files import read_mask
from photostyle.regions.region_map import RegionMap
from photostyle.solvers.result import Outcome, Status, Step
from photostyle.styles.style import Style, StylePhoto
from segmentation.matching import match
from tests.browser import Opened, opened

NASTY = """city "<script>alert('a & b')<script>.png"""


def regions(*names: str) -> RegionMap:
    """Vertical stripes, 48 x 64 px, one a name."""
    columns = np.arange(64) * len(names) // 64
    return RegionMap(np.tile(columns.astype(np.uint8), (48, 1)), dict(enumerate(names)))


def a_photo(path: Path, height: int = 96, width: int = 128) -> Photo:
    ramp = np.linspace(0, 1, height * width * 3, dtype=np.float32).reshape(height, width, 3)
    Photo(ramp).save(path, overwrite=True)
    return Photo.read(path)


def a_style(*photos: Photo) -> Style:
    parts = [
        StylePhoto(photo, photo.path.name, photo.sha256, (EncodedPhoto(photo.pixels, {}),), None, None, 1.0, None)
        for photo in photos
        if photo.path
    ]
    return Style(tuple(parts), load_preset("default"))


def a_blend(content: RegionMap, *styles: RegionMap) -> Correspondence:
    """Of equal weights; the second style is for the sea alone."""
    counterparts = []
    for place, (each, region) in enumerate(zip(styles, (None, "sea"), strict=False)):
        matching = match(content.labels, each.labels, content.names, each.names)
        if region:
            matching = match_one_region(content, each, region, "style", 1e-3)
        counterparts.append(MatchedStyle(f"style {place}.png", 1.0, region, each, matching))
    return combine_matchings(content, counterparts, 1e-3)


def a_result(content: Photo, *style_regions: RegionMap) -> Result:
    """What two stages of three iterates might give."""
    content_map, style_maps = regions("sky", "sea"), style_regions or (regions("sky", "sea"),)
    stages = tuple(
        Outcome(
            stage, 7.0, {}, Status.CONVERGED,
            tuple(
                Step(stage, step, step + 1, 0.1 * step, 9.0 - step, {"style": 8.0 - step, "photorealism": 0.0})
                for step in range(3)
            ),
        )
        for stage in ("solve", "solve with <i>photorealism</i>")
    )  # fmt: skip
    return Result(
        photo=content.with_pixels(1 - content.pixels),
        terms={"style": 6.0, "photorealism": math.nan},
        paper_terms=lambda: {"content": 1.5},
        render=lambda *_: a_result(content, style_regions),
        seconds={"solve": 0.4, "total": 0.5},
        warnings=("the style photo has no <b>boats</b>",),
        settings=load_preset("default").with_changes({"seed": 3}),
        device="cpu",
        dtype="float32",
        weights={"compact": "0" * 64},
        stages=stages,
        correspondence=a_blend(content_map, *style_maps),
        interrupted=False,
    )


@pytest.fixture
def content(tmp_path: Path) -> Photo:
    return a_photo(tmp_path / NASTY)


@pytest.fixture
def report(tmp_path: Path, content: Photo) -> Path:
    """A report's folder."""
    style = a_photo(tmp_path / "style.png", 40, 2000)
    write(tmp_path / "report", a_result(content), content, style)
    return tmp_path / "report"


def write(folder: Path, result: Result, content: Photo, *styles: Photo, overwrite: bool = False) -> None:
    assert content.path and styles[0].path
    output = content.path.with_name("result.png")
    result.photo.save(output, overwrite=True)
    write_report(
        folder, result, content, a_style(*styles), inputs={"content": content.path, "style": styles[0].path},
        styles=[{"weight": 1.0, "region": None}], output=output, command=["photostyle", "run"],
        overwrite=overwrite,
    )  # fmt: skip


class Parsed(HTMLParser):
    """What a page shows, loads and consists of."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.addresses: list[str] = []
        self.labels: list[str] = []
        self.text = ""
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        values = dict(attrs)
        self.addresses += [values[name] or "" for name in ("src", "href") if name in values]
        self.labels += [values[name] or "" for name in ("alt", "aria-label") if name in values]

    def handle_data(self, data: str) -> None:
        self.text += data


def test_every_file_is_there(report: Path) -> None:
    assert sorted(path.name for path in report.iterdir()) == sorted(FILES)


def test_run_json_says_what_was_done(report: Path, tmp_path: Path) -> None:
    run = json.loads((report / "run.json").read_text())
    assert run["command"] == ["photostyle", "run"]
    assert (run["seed"], run["device"], run["dtype"], run["preset"]) == (3, "cpu", "float32", "default")
    assert run["terms"] == {"style": 6.0, "photorealism": None}
    assert run["paper_terms"] == {"content": 1.5}
    assert run["seconds"] == {"solve": 0.4, "total": 0.5}
    assert run["weights"] == {"compact": "0" * 64}
    assert run["warnings"] == ["the style photo has no <b>boats</b>"]
    assert [region["name"] for region in run["regions"]["regions"]] == ["sky", "sea"]
    assert set(run["versions"]) >= {"photostyle", "python", "torch", "numpy", "Pillow"}
    for entry in (*run["inputs"].values(), run["output"]):
        assert entry["sha256"] == hashlib.sha256(Path(entry["path"]).read_bytes()).hexdigest()


def test_run_json_gives_the_settings_back(report: Path) -> None:
    assert load_settings(report / "run.json") == load_preset("default").with_changes({"seed": 3})


def test_loss_csv_has_a_row_for_every_iterate(report: Path) -> None:
    rows = list(csv.DictReader((report / "loss.csv").read_text(encoding="utf-8").splitlines()))
    assert [row["iteration"] for row in rows] == ["0", "1", "2"] * 2
    assert rows[4] == {
        "stage": "solve with <i>photorealism</i>", "iteration": "1", "evaluations": "2", "seconds": "0.100",
        "loss": "8.0", "style": "7.0", "photorealism": "0.0",
    }  # fmt: skip


def test_masks_are_read_back(report: Path) -> None:
    for name in ("content_mask.png", "style_mask.png"):
        mask = read_mask(report / name, 48, 64)
        assert np.array_equal(mask.labels, regions("sky", "sea").labels)
        assert mask.names == {0: "sky", 1: "sea"}


def test_masks_whose_ids_have_other_names_share_one_file_of_names(tmp_path: Path, content: Photo) -> None:
    style = a_photo(tmp_path / "style.png")
    write(tmp_path / "report", a_result(content, regions("sea", "dune", "fog")), content, style)
    mask = read_mask(tmp_path / "report/style_mask.png", 48, 64)
    assert [mask.names[label] for label in mask.labels[0, [0, 30, 63]]] == ["sea", "dune", "fog"]
    mask = read_mask(tmp_path / "report/content_mask.png", 48, 64)
    assert [mask.names[label] for label in mask.labels[0, [0, 63]]] == ["sky", "sea"]


def test_every_style_is_shown_and_has_its_mask(tmp_path: Path, content: Photo) -> None:
    photos = [a_photo(tmp_path / name) for name in ("noon.png", "dusk.png")]
    result = a_result(content, regions("sky", "sea"), regions("sea", "dune"))
    write(tmp_path / "report", result, content, *photos)
    mask = read_mask(tmp_path / "report/style_mask_2.png", 48, 64)
    assert [mask.names[label] for label in mask.labels[0, [0, 63]]] == ["sea", "dune"]
    page = Parsed((tmp_path / "report/report.html").read_text(encoding="utf-8"))
    shown = ["The style photo (style 0.png, weight 1)", "The style photo (style 1.png, weight 1, for sea)"]
    assert [label for label in page.labels if label.startswith("The style photo")] == shown
    assert "taken from sea of style 1.png (100%)" in page.text
    run = json.loads((tmp_path / "report/run.json").read_text())
    sea = next(region for region in run["regions"]["regions"] if region["name"] == "sea")
    assert sea["sources"] == [{"style": 1, "ids": [0], "share": 1.0, "sureness": 1.0}]
    assert [style["region"] for style in run["regions"]["styles"]] == [None, "sea"]


def test_region_that_follows_the_rest_is_named(tmp_path: Path, content: Photo) -> None:
    own, other = regions("sky", "sea", "dune"), regions("sky", "dune")
    matching = match(own.labels, other.labels, own.names, other.names)
    found = combine_matchings(own, [MatchedStyle("style.png", 1.0, None, other, matching)], 1e-3, follow=True)
    result = dataclasses.replace(a_result(content), correspondence=found)
    write(tmp_path / "report", result, content, a_photo(tmp_path / "style.png"))
    page = Parsed((tmp_path / "report/report.html").read_text(encoding="utf-8"))
    assert "follows the change of the rest of the photo" in page.text and "keeps its own look" not in page.text
    run = json.loads((tmp_path / "report/run.json").read_text())
    assert [(r["name"], r["follows"]) for r in run["regions"]["regions"]] == [
        ("sky", False), ("dune", False), ("sea", True),
    ]  # fmt: skip


def test_sureness_is_in_the_page_and_in_run_json(tmp_path: Path, content: Photo) -> None:
    own, other = regions("sky", "sea"), regions("sky", "sea")
    found = combine_matchings(
        own, [MatchedStyle("style.png", 1.0, None, other, match(own.labels, other.labels, own.names, other.names))],
        1e-3, found_by="classes",
    )  # fmt: skip
    sure = tuple(
        dataclasses.replace(region, sources=(dataclasses.replace(region.sources[0], sureness=sureness),))
        for region, sureness in zip(found.regions, (0.96, 1.0), strict=True)
    )
    result = dataclasses.replace(a_result(content), correspondence=dataclasses.replace(found, regions=sure))
    write(tmp_path / "report", result, content, a_photo(tmp_path / "style.png"))
    page = Parsed((tmp_path / "report/report.html").read_text(encoding="utf-8"))
    assert "taken from sky, 96% sure" in page.text and "taken from sea" in page.text
    assert page.text.count("% sure") == 1
    run = json.loads((tmp_path / "report/run.json").read_text())["regions"]
    assert run["found_by"] == "classes"
    assert [(r["name"], r["sureness"]) for r in run["regions"]] == [("sky", 0.96), ("sea", 1.0)]


def test_report_may_replace_one_with_other_regions(report: Path, tmp_path: Path, content: Photo) -> None:
    other = dataclasses.replace(a_result(content), correspondence=a_blend(regions("fog", "ice"), regions("fog", "ice")))
    with pytest.raises(OutputError, match="in the meantime"):
        write(report, other, content, a_photo(tmp_path / "style.png"))
    write(report, other, content, a_photo(tmp_path / "style.png"), overwrite=True)
    assert read_mask(report / "content_mask.png", 48, 64).names == {0: "fog", 1: "ice"}


def test_page_loads_nothing_from_elsewhere(report: Path) -> None:
    text = (report / "report.html").read_text(encoding="utf-8")
    page = Parsed(text)
    assert page.addresses and all(address.startswith("data:") for address in page.addresses)
    assert not {"iframe", "object", "embed"} & set(page.tags)
    assert "url(" not in text and "@import" not in text and "fetch(" not in text


def test_page_shows_texts_as_texts(report: Path) -> None:
    page = Parsed((report / "report.html").read_text(encoding="utf-8"))
    assert page.tags.count("script") == 1
    assert not {"b", "i"} & set(page.tags)
    for text in (NASTY, "the style photo has no <b>boats</b>", "solve with <i>photorealism</i>"):
        assert text in page.text


def test_page_has_a_labelled_slider_over_the_two_photos(report: Path) -> None:
    page = Parsed((report / "report.html").read_text(encoding="utf-8"))
    assert page.tags.count("input") == 1
    assert "Where before ends and after begins" in page.labels
    assert "The content photo, before" in page.labels and "The result, after" in page.labels


def test_pictures_of_the_page_are_small_enough(report: Path) -> None:
    page = Parsed((report / "report.html").read_text(encoding="utf-8"))
    sizes = []
    for address in page.addresses:
        if address.startswith("data:image/jpeg"):
            with Image.open(io.BytesIO(base64.b64decode(address.partition(",")[2]))) as image:
                sizes.append(image.size)
    assert sizes == [(128, 96), (128, 96), (1600, 32), (128, 96), (1600, 32)]
    assert LONGEST_SIDE == 1400  # a panorama keeps the 32 px that a photo's shorter side must have


def test_report_of_a_run_without_iterations(tmp_path: Path, content: Photo) -> None:
    result = dataclasses.replace(a_result(content), stages=(), terms={})
    write(tmp_path / "report", result, content, a_photo(tmp_path / "style.png"))
    assert (tmp_path / "report/loss.csv").read_text() == "stage,iteration,evaluations,seconds,loss\n"
    assert summary(result)["terms"] == {}


def test_photo_from_standard_input_is_recorded_with_its_sum(tmp_path: Path, content: Photo) -> None:
    write_report(
        tmp_path / "report", a_result(content), dataclasses.replace(content, path=None),
        a_style(a_photo(tmp_path / "style.png")), inputs={"content": "-"}, styles=[], output=None, command=[],
    )  # fmt: skip
    run = json.loads((tmp_path / "report/run.json").read_text())
    assert run["inputs"] == {"content": {"path": "-", "sha256": content.sha256}}
    assert run["output"] is None


def test_without_matplotlib_a_report_is_refused_before_the_work(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("photostyle.export.report.find_spec", lambda name: None)
    with pytest.raises(SettingsError, match=r"photostyle\[report\]") as caught:
        check_report_folder(tmp_path / "report", overwrite=False)
    assert caught.value.exit_code == 2 and not (tmp_path / "report").exists()


def test_folder_is_checked_ahead(report: Path, tmp_path: Path) -> None:
    check_report_folder(tmp_path / "new", overwrite=False)
    check_report_folder(report, overwrite=True)
    with pytest.raises(OutputError, match="Create the folder first"):
        check_report_folder(tmp_path / "none/report", overwrite=True)
    with pytest.raises(OutputError, match="this file exists already"):
        check_report_folder(report, overwrite=False)
    with pytest.raises(OutputError, match="one of the inputs"):
        check_report_folder(report, overwrite=True, inputs=[report / "content_mask.png"])
    with pytest.raises(OutputError, match="expected a folder"):
        check_report_folder(tmp_path / "style.png", overwrite=True)
    (tmp_path / "other").mkdir()
    (tmp_path / "other/style_mask_2.png").write_bytes(b"mine")
    with pytest.raises(OutputError, match=r"style_mask_2\.png: this file exists already"):
        check_report_folder(tmp_path / "other", overwrite=False)


def test_missing_parent_is_an_error(tmp_path: Path, content: Photo) -> None:
    with pytest.raises(OutputError, match="No such file"):
        write_report(
            tmp_path / "none/report", a_result(content), content, a_style(content),
            inputs={}, styles=[], output=None, command=[],
        )  # fmt: skip


def cut(page: Opened) -> tuple[int, str, str]:
    """Where the slider stands, what it tells those who cannot see it, and where the pictures are cut."""
    shown = "getComputedStyle(document.querySelector('.after')).clipPath"
    return int(page.value("cut.value")), page.value("cut.getAttribute('aria-valuetext')"), page.value(shown)


def at(share: int) -> tuple[int, str, str]:
    return share, f"{share}% before", f"inset(0px 0px 0px {share}%)"


def place(page: Opened, share: float) -> tuple[float, float]:
    """A point of the pictures, at a share of their width."""
    left, top, width, height = page.value("(b => [b.left, b.top, b.width, b.height])(stage.getBoundingClientRect())")
    return left + share * width, top + height / 2


@pytest.fixture
def page(report: Path) -> Iterator[Opened]:
    """The report in a browser."""
    with opened(report / "report.html", touch=True) as page:
        yield page


@pytest.mark.slow
class TestSlider:
    def test_begins_in_the_middle_without_a_complaint_or_a_request(self, page: Opened, report: Path) -> None:
        assert cut(page) == at(50)
        assert page.complaints == []
        assert {url for url in page.requests if not url.startswith("data:")} == {(report / "report.html").as_uri()}

    def test_follows_the_mouse_while_it_is_held(self, page: Opened) -> None:
        page.page.mouse.move(*place(page, 0.1))
        assert cut(page) == at(50)
        page.page.mouse.move(*place(page, 0.3))
        page.page.mouse.down()
        assert cut(page) == at(30)
        page.page.mouse.move(*place(page, 0.8))
        assert cut(page) == at(80)
        page.page.mouse.move(*place(page, 1.4))
        assert cut(page) == at(100)
        page.page.mouse.move(*place(page, 0.7))
        page.page.mouse.up()
        page.page.mouse.move(*place(page, 0.2))
        assert cut(page)[0] in (70, 100)
        assert page.complaints == []

    def test_follows_a_finger(self, page: Opened) -> None:
        page.touch("touchStart", place(page, 0.6))
        assert cut(page) == at(60)
        page.touch("touchMove", place(page, 0.25))
        assert cut(page) == at(25)
        page.touch("touchEnd")
        assert cut(page) == at(25)
        assert page.complaints == []

    def test_follows_the_keys(self, page: Opened) -> None:
        page.page.keyboard.press("Tab")
        assert page.value("document.activeElement.id") == "cut"
        page.page.keyboard.press("ArrowRight")
        assert cut(page) == at(51)
        for name, share in (("End", 100), ("Home", 0), ("ArrowUp", 1), ("PageUp", 11)):
            page.page.keyboard.press(name)
            assert cut(page) == at(share)
        assert page.complaints == []

    def test_shows_the_content_on_its_left_and_the_result_on_its_right(self, page: Opened) -> None:
        page.page.mouse.move(*place(page, 0.5))
        page.page.mouse.down()
        page.page.mouse.move(*place(page, 0.5))
        page.page.mouse.up()
        down = 0.3 * page.value("stage.getBoundingClientRect().height")  # clear of the labels
        with Image.open(io.BytesIO(page.page.screenshot())) as picture:
            grey = picture.convert("L")
        before, after = (
            grey.getpixel((round(column), round(row + down)))
            for column, row in (place(page, share) for share in (0.3, 0.7))
        )
        # The content is a ramp from black at the top to white, and the result its negative.
        assert isinstance(before, int) and isinstance(after, int)
        assert after < 90 < 160 < before


@pytest.mark.slow
@pytest.mark.parametrize("dark", [False, True])
@pytest.mark.parametrize("width", [360, 1200])
def test_page_is_light_or_dark_and_fits_its_screen(dark: bool, width: int, report: Path) -> None:
    with opened(report / "report.html", width=width, dark=dark) as page:
        ground, ink = (page.value(f"getComputedStyle(document.body).{name}") for name in ("backgroundColor", "color"))
        ground, ink = (sum(int(part) for part in colour[4:-1].split(",")) / 3 for colour in (ground, ink))
        assert (ground < 60 and ink > 180) if dark else (ground > 240 and ink < 60)
        assert page.value("document.documentElement.scrollWidth") <= width
        assert page.complaints == []


@pytest.mark.slow
def test_page_that_throws_is_noticed(report: Path) -> None:
    copy = report / "copy.html"
    text = (report / "report.html").read_text(encoding="utf-8")
    torn = "<script>setTimeout(() => { throw new Error('the page is torn') })</script>"
    copy.write_text(f"{text}{torn}", encoding="utf-8")
    with opened(copy) as page:
        assert cut(page) == at(50)
        page.value("new Promise(done => setTimeout(done, 50))")
        assert len(page.complaints) == 1 and "the page is torn" in page.complaints[0]
