"""What a plan holds, and what is refused before any work."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from photostyle.batch.job import StyleSource
from photostyle.batch.plan import Plan, make_plan
from photostyle.errors import InputError, OutputError, PhotostyleError, SettingsError
from tests.batch.test_inputs import touch
from tests.fakes import write_photo


@pytest.fixture
def trip(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Two photos, two styles in a folder, and one beside it."""
    monkeypatch.chdir(tmp_path)
    touch(tmp_path, "trip/a.jpg", "trip/day/b.png", "looks/a.png", "looks/day/b.jpg", "dusk.jpg")
    return tmp_path


def planned(styles: list[str], *contents: str, output: str = "out", **options: Any) -> Plan:
    return make_plan(contents or ("trip",), [StyleSource(style) for style in styles], output, **options)


def rows(plan: Plan) -> list[tuple[str, str]]:
    return [(item.output, "+".join(style.path for style in item.styles)) for item in plan.items]


def test_one_style_for_all(trip: Path) -> None:
    assert rows(planned(["dusk.jpg"])) == [("a.jpg", "dusk.jpg"), ("day/b.png", "dusk.jpg")]


def test_several_styles_are_blended(trip: Path) -> None:
    plan = planned(["dusk.jpg", "looks/a.png"])
    assert rows(plan) == [("a.jpg", "dusk.jpg+looks/a.png"), ("day/b.png", "dusk.jpg+looks/a.png")]
    assert [style.path for style in plan.styles()] == ["dusk.jpg", "looks/a.png"]


def test_folder_of_styles_gives_every_photo_each_style_after_style(trip: Path) -> None:
    assert rows(planned(["looks"])) == [
        ("a.a.jpg", "looks/a.png"), ("day/b.a.png", "looks/a.png"),
        ("a.day-b.jpg", "looks/day/b.jpg"), ("day/b.day-b.png", "looks/day/b.jpg"),
    ]  # fmt: skip


def test_pairs_by_name_whatever_the_endings(trip: Path) -> None:
    assert rows(planned(["looks"], pair_by_name=True)) == [("a.jpg", "looks/a.png"), ("day/b.png", "looks/day/b.jpg")]


def test_masks_lie_beside_photos_and_styles(trip: Path) -> None:
    touch(trip, "trip/a.mask.png", "trip/day/b.mask.png", "dusk.mask.png")
    first, second = planned(["dusk.jpg"], masks=True).items
    assert (first.content_mask, second.content_mask) == ("trip/a.mask.png", "trip/day/b.mask.png")
    assert first.styles == (StyleSource("dusk.jpg", "dusk.mask.png"),)


@pytest.mark.parametrize(
    ("format", "names"),
    [
        ("auto", ["a.JPG", "b.jpg", "c.tif", "d.png"]),
        ("JPEG", ["a.JPG", "b.jpg", "c.jpg", "d.jpg"]),
        ("WEBP", ["a.webp", "b.webp", "c.webp", "d.webp"]),
    ],
)
def test_endings_of_results(format: str, names: list[str], trip: Path) -> None:
    touch(trip, "mixed/a.JPG", "mixed/b.heic", "mixed/c.CR2", "mixed/d.png")
    plan = make_plan(["mixed"], [StyleSource("dusk.jpg")], "out", format=format)
    assert [item.output for item in plan.items] == names


def test_endings_that_a_result_keeps_or_not(trip: Path) -> None:
    touch(trip, "mixed/a.JFIF", "mixed/b.jpe", "mixed/c.HIF", "mixed/d.3fr")
    for name in ("e", "f.photo", "2024.05.01 Paris"):
        write_photo(trip / "new.png", 1).rename(trip / "mixed" / name)
    plan = make_plan(["mixed"], [StyleSource("dusk.jpg")], "out")
    names = ["2024.05.01 Paris.png", "a.JFIF", "b.jpe", "c.jpg", "d.tif", "e.png", "f.png"]
    assert [item.output for item in plan.items] == names


@pytest.mark.parametrize(
    ("files", "names"),
    [
        (["set/a.JPG", "set/a.jpg"], "set/a.JPG and set/a.jpg"),
        (["set/a.HEIC", "set/a.JPG"], "set/a.HEIC and set/a.JPG"),
        (["set/e\u0301.jpg", "set/\u00e9.jpg"], "set/e\u0301.jpg and set/\u00e9.jpg"),
        (["set/Day/a.jpg", "set/day/a.jpg"], "set/Day/a.jpg and set/day/a.jpg"),
    ],
)
def test_results_that_are_one_file_elsewhere_are_refused(files: list[str], names: str, trip: Path) -> None:
    touch(trip, *files)
    if len(list((trip / "set").rglob("*.*"))) < 2:
        pytest.skip("this disk takes capitals for small letters")
    with pytest.raises(OutputError, match="nearly the same name") as caught:
        planned(["dusk.jpg"], "set")
    assert f"the results of {names} would" in str(caught.value) and "Rename one of the photos" in str(caught.value)


def test_result_that_is_an_input_elsewhere_is_refused(trip: Path) -> None:
    touch(trip, "set/a.HEIC", "set/b/A.JPG")
    with pytest.raises(OutputError, match=r"nearly the same name as the input .*A\.JPG"):
        planned(["dusk.jpg"], "set/a.HEIC", "trip/a.jpg", "set/b/A.JPG", output="set/b", format="JPEG")
    assert len(planned(["dusk.jpg"], "set/a.HEIC", output="trip/day").items) == 1


def test_saved_looks_are_styles_of_a_folder(trip: Path) -> None:
    touch(trip, "looks/dawn.photostyle", "dusk.photostyle")
    assert ("a.dawn.jpg", "looks/dawn.photostyle") in rows(planned(["looks"]))
    touch(trip, "trip/a.mask.png", "trip/day/b.mask.png")
    assert planned(["dusk.photostyle"], masks=True).items[0].styles == (StyleSource("dusk.photostyle"),)


@pytest.mark.parametrize(
    ("files", "styles", "contents", "options", "error", "says"),
    [
        ([], ["dusk.jpg"], ["empty"], {}, InputError, "photos, found none"),
        (["empty/x.txt"], ["dusk.jpg"], ["empty"], {}, InputError, "left out: 1 not photos"),
        ([], ["empty"], [], {}, InputError, "style photos"),
        ([], ["looks", "dusk.jpg"], [], {}, SettingsError, "only files, or one folder"),
        ([], ["dusk.jpg"], [], {"pair_by_name": True}, SettingsError, "a folder as --style"),
        (["trip/c.jpg"], ["looks"], [], {"pair_by_name": True}, InputError, "none for 1 photos"),
        (["looks/a.jpg"], ["looks"], [], {"pair_by_name": True}, InputError, "styles with different names"),
        (["trip/a.mask.png"], ["dusk.jpg"], [], {"masks": True}, InputError, "beside the style"),
        (["dusk.mask.png"], ["dusk.jpg"], [], {"masks": True}, InputError, "none for 2"),
        (["other/a.jpg"], ["dusk.jpg"], ["trip", "other"], {}, OutputError, "a different result for every photo"),
        ([], ["dusk.jpg"], ["trip"], {"output": "trip"}, OutputError, "results beside the inputs"),
        ([], ["looks/a.png"], ["trip/day/../a.jpg"], {"output": "trip"}, OutputError, "results beside the inputs"),
    ],
)
def test_refused_before_any_work(
    files: list[str], styles: list[str], contents: list[str], options: dict[str, Any],
    error: type[PhotostyleError], says: str, trip: Path,
) -> None:  # fmt: skip
    (trip / "empty").mkdir()
    touch(trip, *files)
    with pytest.raises(error, match=says):
        planned(styles, *contents, **options)
