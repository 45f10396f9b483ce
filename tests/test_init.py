"""The public names, and that importing them is light."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

import photostyle
from photostyle import errors
from photostyle.photo.photo import Photo

HEAVY = {
    "torch", "torchvision", "onnxruntime", "numpy", "scipy", "sklearn", "PIL", "matplotlib", "pydantic", "tqdm"
}  # fmt: skip


def modules_after(code: str) -> set[str]:
    """The names of all modules that a new interpreter has loaded when `code` has run."""
    return set(standard_error_of(f"{code}\nimport sys\nprint(*sys.modules, file=sys.__stderr__)").split())


def standard_error_of(code: str, **environment: str | None) -> str:
    """What a new interpreter prints when it runs `code`. Variables of the environment that are None are not set."""
    inherited = {name: value for name, value in os.environ.items() if name not in environment}
    set_anew = {name: value for name, value in environment.items() if value is not None}
    words = [sys.executable, "-c", code]
    return subprocess.run(words, capture_output=True, text=True, check=True, env=inherited | set_anew).stderr


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


def test_presets_load_without_torch() -> None:
    assert "torch" not in modules_after("from photostyle.cli import main\nassert main(['presets', 'paper']) == 0")


def test_regions_are_found_without_torch(scene: NDArray[np.float32], tmp_path: Path) -> None:
    photo = tmp_path / "photo.png"
    Photo(scene).save(photo)
    words = ["segment", str(photo), "--overlay", "--quiet"]
    assert "torch" not in modules_after(f"from photostyle.cli import main\nassert main({words}) == 0")
    assert (tmp_path / "photo.mask.png").exists() and (tmp_path / "photo.overlay.jpg").exists()


def test_a_preview_needs_no_torch_and_no_scipy(
    scene: NDArray[np.float32], dusk: NDArray[np.float32], tmp_path: Path
) -> None:
    for name, pixels in (("photo.png", scene), ("style.png", dusk)):
        Photo(pixels).save(tmp_path / name)
    paths = [f"--content={tmp_path / 'photo.png'}", f"--style={tmp_path / 'style.png'}", f"-o={tmp_path / 'new.png'}"]
    words = ["run", "--preset=preview", "--quiet", "--set=look.colour=0.5", *paths]
    assert not {"torch", "scipy"} & modules_after(f"from photostyle.cli import main\nassert main({words}) == 0")
    assert (tmp_path / "new.png").exists()


def test_a_subject_is_found_without_torch() -> None:
    code = """
import numpy as np
from photostyle.regions.found_regions import RegionFinder
photo = np.random.default_rng(0).random((64, 96, 3), np.float32)
assert RegionFinder("compact").see(photo).subject.labels.shape == (64, 96)
"""
    assert "torch" not in modules_after(code)


@pytest.mark.parametrize(("set_to", "found"), [(None, "PASSIVE 3000"), ("active", "active None")])
def test_threads_sleep_while_they_wait_unless_the_user_says_otherwise(set_to: str | None, found: str) -> None:
    code = """
import photostyle, os, sys
print(os.environ["OMP_WAIT_POLICY"], os.environ.get("GOMP_SPINCOUNT"), file=sys.stderr)
"""
    assert standard_error_of(code, OMP_WAIT_POLICY=set_to, GOMP_SPINCOUNT=None) == f"{found}\n"


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux's PyTorch uses GNU's OpenMP, which can be asked")
@pytest.mark.parametrize(
    "code",
    [
        "import photostyle.cli, torch",
        "import photostyle, subprocess, sys; subprocess.run([sys.executable, '-c', 'import torch'], check=True)",
    ],
    ids=["this process", "a process that it starts"],
)
def test_openmp_is_told_before_it_loads(code: str) -> None:
    told = standard_error_of(code, OMP_WAIT_POLICY=None, OMP_DISPLAY_ENV="TRUE")
    assert "OMP_WAIT_POLICY = 'PASSIVE'" in told and "'ACTIVE'" not in told
