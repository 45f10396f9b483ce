"""The fast tests with the lowest versions that pyproject.toml allows: `make lowest`.

    python3 tests/lowest_versions.py FOLDER

Needs nothing but Python. Makes FOLDER anew with a file of constraints, one `name==lowest` a requirement, and a virtual
environment; installs the program with all its extras into it under those constraints; runs the tests that are not slow.
Old libraries use what is deprecated in new ones beside them, so DeprecationWarning is no error here.
"""

from __future__ import annotations

import re
import subprocess
import sys
import tomllib
import venv
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
REQUIREMENT = re.compile(r"(?P<name>[\w.-]+)(\[[\w,-]+\])?\s*[>~]=\s*(?P<lowest>\d[\w.]*)")


def constraints(pyproject: str) -> list[str]:
    """`name==lowest` of every requirement, those of the extras too; `pyproject` is the file's text.

    Raises:
        ValueError: a requirement that states no lower bound.
    """
    project = tomllib.loads(pyproject)["project"]
    extras = project["optional-dependencies"].values()
    found = set()
    for requirement in (*project["dependencies"], *(each for extra in extras for each in extra)):
        if requirement.startswith(project["name"] + "["):  # one extra names others
            continue
        match = REQUIREMENT.fullmatch(requirement)
        if match is None:
            raise ValueError(f"expected a requirement such as numpy>=1.26, found {requirement!r} in pyproject.toml")
        found.add(f"{match['name']}=={match['lowest']}")
    return sorted(found)


def main(folder: Path) -> int:
    venv.create(folder, clear=True, with_pip=True)
    python = folder / "bin" / "python"
    file = folder / "constraints.txt"
    file.write_text("\n".join(constraints((ROOT / "pyproject.toml").read_text(encoding="utf-8"))) + "\n")
    for words in (
        ["pip", "install", "--quiet", "--disable-pip-version-check", "--constraint", str(file), "--editable", ".[dev]"],
        ["pip", "list", "--disable-pip-version-check"],
        ["pytest", "-n", "2", "--dist", "loadfile", "-m", "not slow", "-W", "default::DeprecationWarning"],
    ):
        done = subprocess.run([python, "-m", *words], cwd=ROOT, check=False)
        if done.returncode:
            return done.returncode
    return 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]).resolve()))
