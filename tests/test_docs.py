"""The pages in Markdown: every relative link leads to a file that is there, and to a heading where it names one."""

from __future__ import annotations

import re
from pathlib import Path
from urllib.parse import unquote

import pytest

ROOT = Path(__file__).parents[1]
PAGES = sorted(
    path
    for pattern in ("*.md", "docs/*.md", "samples/*.md", "photostyle/**/*.md", "segmentation/**/*.md")
    for path in ROOT.glob(pattern)
)
CODE = re.compile(r"^```.*?^```|(?<=\n\n)(?: {4}.*\n|\n)+|`[^`\n]+`", re.MULTILINE | re.DOTALL)
LINK = re.compile(r"!?\[[^\]]*\]\(([^)\s]+)\)")
HEADING = re.compile(r"^#{1,6} +(.+?) *$", re.MULTILINE)

FILE = re.compile(r"(?<![\w./-])((?:photostyle|segmentation|tests|configs|samples)/[\w./-]*\w)")
MODULE = re.compile(r"python -m ((?:photostyle|segmentation|tests)[\w.]*)")

pytestmark = pytest.mark.skipif(
    not (ROOT / "docs").is_dir(), reason="a source distribution has no docs/: run this in a checkout"
)


def _links(page: Path) -> list[str]:
    return LINK.findall(CODE.sub("", page.read_text(encoding="utf-8")))


def _anchors(page: Path) -> set[str]:
    """Of its headings, as GitHub makes them: lower case, words joined by dashes, other marks left out."""
    text = re.sub(r"^```.*?^```", "", page.read_text(encoding="utf-8"), flags=re.MULTILINE | re.DOTALL)
    found: set[str] = set()
    for heading in HEADING.findall(text):
        name = re.sub(r"[^\w\- ]", "", re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", heading).lower()).replace(" ", "-")
        found.add(name if name not in found else next(n for i in range(1, 99) if (n := f"{name}-{i}") not in found))
    return found


def broken(page: Path) -> list[str]:
    """Links of a page that lead nowhere."""
    missing = []
    for link in _links(page):
        if re.match(r"[a-z]+:", link):
            continue
        place, _, anchor = unquote(link).partition("#")
        target = page.parent / place if place else page
        if not target.exists() or (anchor and anchor not in _anchors(target)):
            missing.append(link)
    return missing


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_links_lead_somewhere(page: Path) -> None:
    assert broken(page) == []


def _gone(text: str) -> list[str]:
    """Files and modules of this project that a text names and that are not there."""
    modules = [name.replace(".", "/") for name in MODULE.findall(text)]
    files = [name for name in modules if not (ROOT / name).is_dir() and not (ROOT / f"{name}.py").exists()]
    return files + [name for name in FILE.findall(text) if not (ROOT / name).exists()]


@pytest.mark.parametrize("page", [page for page in PAGES if page.name != "CHANGELOG.md"], ids=lambda page: page.stem)
def test_files_that_a_page_names_are_there(page: Path) -> None:
    assert _gone(page.read_text(encoding="utf-8")) == []


def test_file_that_has_moved_is_found() -> None:
    text = (
        "`photostyle/lut.py` and `photostyle/colour/lut.py`: `python -m tests.benchmarks.whole`, `python -m tests.gone`"
    )
    assert _gone(text) == ["tests/gone", "photostyle/lut.py"]


def test_link_to_nowhere_is_found(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    (tmp_path / "other.md").write_text("# `One` thing: and more\n\n## Again\n\n## Again\n", encoding="utf-8")
    page.write_text(
        "[a](other.md) [b](gone.md) [c](other.md#one-thing-and-more) [d](other.md#again-1) [e](other.md#never)\n"
        "[f](#here) [g](https://example.org/gone) `[h](code.md)`\n\n    [i](code.md)\n\n## Here\n",
        encoding="utf-8",
    )
    assert broken(page) == ["gone.md", "other.md#never"]


def test_every_page_is_in_the_index() -> None:
    linked = {link.partition("#")[0] for link in _links(ROOT / "docs" / "README.md")}
    assert {path.name for path in (ROOT / "docs").glob("*.md")} - {"README.md"} <= linked
