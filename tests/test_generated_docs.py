"""Pages that are made from the code are what the code says today."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from types import ModuleType

import pytest

DOCS = Path(__file__).parents[1] / "docs"


def generator() -> ModuleType:
    spec = importlib.util.spec_from_file_location("generate", DOCS / "generate.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize("name", ["settings.md", "api.md"])
def test_a_page_is_what_the_code_says(name: str) -> None:
    page = generator().PAGES[name]()
    assert (DOCS / name).read_text(encoding="utf-8") == page, "run: python docs/generate.py"


def test_pages_name_every_setting_and_every_public_name() -> None:
    import photostyle
    from photostyle.settings import describe

    settings, api = ((DOCS / name).read_text(encoding="utf-8") for name in ("settings.md", "api.md"))
    assert all(f"`{name}`" in settings for name, _, _ in describe())
    assert all(f"## `{name}`" in api for name in photostyle.__all__ if name != "__version__")
