"""The public names, and that importing them is light."""

import subprocess
import sys

import pytest

import photostyle
from photostyle import errors

HEAVY = {"torch", "torchvision", "numpy", "scipy", "sklearn", "PIL", "matplotlib", "pydantic", "tqdm"}


def modules_after(code: str) -> set[str]:
    """The names of all modules that a new interpreter has loaded when `code` has run."""
    program = f"{code}\nimport sys\nprint(*sys.modules, file=sys.__stderr__)"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    return set(done.stderr.split())


def test_public_names_are_these() -> None:
    names = {
        "Correspondence", "InputError", "OutputError", "Photo", "PhotostyleError", "Progress", "RegionMap", "Result",
        "Session", "SetLook", "Settings", "SettingsError", "Style", "WeightsError", "__version__", "transfer",
    }  # fmt: skip
    assert set(photostyle.__all__) == names
    assert len(photostyle.__all__) == len(names)


def test_every_public_name_is_there() -> None:
    for name in photostyle.__all__:
        assert getattr(photostyle, name) is not None
        assert name in dir(photostyle)
    assert photostyle.InputError is errors.InputError


def test_unknown_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="no attribute 'shade'"):
        photostyle.shade  # noqa: B018


def test_import_is_light() -> None:
    assert not HEAVY & modules_after("import photostyle")


def test_help_is_light() -> None:
    assert not HEAVY & modules_after("from photostyle.cli import main\nassert main(['run', '--help']) == 0")
