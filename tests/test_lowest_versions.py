from __future__ import annotations

import pytest

from tests.lowest_versions import ROOT, constraints

PROJECT = """
[project]
name = "thing"
dependencies = ["numpy>=2.0", "ray[client] >= 2.30"]
[project.optional-dependencies]
all = ["thing[more]"]
more = ["ruff~=0.17.5"]
"""


def test_every_requirement_has_its_lower_bound() -> None:
    assert constraints(PROJECT) == ["numpy==2.0", "ray==2.30", "ruff==0.17.5"]


@pytest.mark.parametrize("requirement", ["numpy", "numpy<3", "numpy>=2,<3"])
def test_a_requirement_without_one_alone_is_refused(requirement: str) -> None:
    with pytest.raises(ValueError, match=f"found '{requirement}'"):
        constraints(PROJECT.replace("numpy>=2.0", requirement))


def test_those_of_the_project_are_understood() -> None:
    found = constraints((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    assert {name.partition("==")[0] for name in found} >= {"numpy", "torch", "ray", "pillow-heif", "rawpy", "pytest"}
