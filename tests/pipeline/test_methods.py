"""Solving without PyTorch, held to solving with it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from threadpoolctl import threadpool_info, threadpool_limits

from photostyle.photo.photo import Photo
from photostyle.photo.resizing import resize
from photostyle.pipeline import grid_method
from photostyle.pipeline import session as session_module
from photostyle.pipeline.methods import needs_pytorch, solves_on_arrays
from photostyle.pipeline.session import Session, transfer
from photostyle.regions.mask_files import write_mask
from photostyle.regions.region_map import RegionMap
from photostyle.settings import Settings

Pixels = NDArray[np.float32]
FAST = Settings.preset("fast").with_changes(
    {"device": "cpu", "solver.size": 128, "regions.segmenter": "none", "grid.coarse_iterations": 6, "grid.denoise": 0}
)
BOTH = FAST.with_changes({"grid.iterations": 3})


@pytest.mark.parametrize(
    ("changes", "arrays"),
    [
        ({}, True), ({"encoder.dtype": "float32"}, True), ({"encoder.dtype": "bfloat16"}, False),
        ({"encoder.name": "vgg19"}, False), ({"encoder.pooling": "average"}, False),
        ({"grid.style_layers": ["relu1_1"]}, False), ({"solver.method": "pixels"}, False),
    ],
)  # fmt: skip
def test_which_settings_are_solved_on_arrays(changes: dict[str, object], arrays: bool) -> None:
    settings = FAST.with_changes(changes)
    assert solves_on_arrays(settings, "cpu") is arrays and needs_pytorch(settings, "cpu") is not arrays
    assert not solves_on_arrays(settings, "cuda:0") and needs_pytorch(settings, "cuda:0")


def test_a_closed_form_needs_no_pytorch_on_any_device() -> None:
    settings = FAST.with_changes({"solver.method": "closed form"})
    assert not needs_pytorch(settings, "cuda") and not solves_on_arrays(settings, "cpu")


def test_both_ways_of_solving_find_the_same(scene: Pixels, dusk: Pixels, monkeypatch: pytest.MonkeyPatch) -> None:
    """The photos' sides are no multiples of 8, so the encoder without PyTorch sees a border beyond the photos."""
    scene, dusk, both = resize(scene, 187, 253), resize(dusk, 155, 244), BOTH.with_changes({"solver.size": 256})
    found = transfer(scene, dusk, settings=both)
    preview = transfer(scene, dusk, settings=both.with_changes({"solver.method": "closed form"}))
    monkeypatch.setattr(session_module, "solves_on_arrays", lambda *_: False)
    monkeypatch.setattr(session_module, "needs_pytorch", lambda *_: True)
    wanted = transfer(scene, dusk, settings=both.with_changes({"encoder.dtype": "float32"}))
    assert [stage.iterations for stage in found.stages] == [6, 3]
    for own, other in zip(found.stages, wanted.stages, strict=True):
        assert own.loss == pytest.approx(other.loss, rel=0.04)
        assert own.trace[0].loss == pytest.approx(other.trace[0].loss, rel=0.02)
    apart = np.abs(found.photo.pixels - wanted.photo.pixels).mean()
    assert apart < 0.25 * np.abs(wanted.photo.pixels - preview.photo.pixels).mean()


def test_linear_algebra_has_one_thread_while_grids_are_solved_for(
    scene: Pixels, dusk: Pixels, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever asks: `Session.transfer`, the studio by `solve`, and `Session.fit`."""
    counts: list[set[int]] = []

    def counted(*given: object) -> object:
        counts.append({library["num_threads"] for library in threadpool_info() if "numpy" in library["filepath"]})
        return objective(*given)

    objective = grid_method._objective
    monkeypatch.setattr(grid_method, "_objective", counted)
    session = Session(settings=FAST.with_changes({"grid.coarse_iterations": 1}))
    with threadpool_limits(2, user_api="blas"):
        session.transfer(scene, dusk)
        session_module.solve(session, scene, dusk)
        session.fit([scene], dusk)
        after = {library["num_threads"] for library in threadpool_info() if "numpy" in library["filepath"]}
    assert counts == [{1}] * 3 and after == {2}


def test_several_styles_regions_and_adjustments(
    scene: Pixels, dusk: Pixels, masks: tuple[Path, Path], tmp_path: Path
) -> None:
    labels = np.ones(scene.shape[:2], np.uint8)
    labels[:50], labels[80:] = 0, 3
    write_mask(tmp_path / "content.png", RegionMap(labels, {0: "sky", 1: "building", 3: "water"}))
    settings = FAST.with_changes({"look.regions": {"sky": 0.5}, "strength": 0.8})
    session = Session(settings=settings)
    styles = session.style(dusk, masks[1]) + session.style(dusk[:, ::-1].copy(), masks[1], weight=2)
    result = session.transfer(scene, styles, content_mask=tmp_path / "content.png")
    assert result.stages[0].loss < result.stages[0].trace[0].loss
    full = result.rendered(strength=1, regions={})
    assert not np.array_equal(full.photo.pixels, result.photo.pixels)


def test_one_look_for_a_set(scene: Pixels, dusk: Pixels) -> None:
    session = Session(settings=FAST)
    photos = [scene, np.clip(1.1 * scene, 0, 1).astype(np.float32)]
    look = session.fit(photos, dusk)
    assert look.stages[0].name == "solve, coarse" and look.stages[0].loss < look.stages[0].trace[0].loss
    results = [session.transfer(photo, look).photo.pixels for photo in photos]
    assert all(np.isfinite(pixels).all() for pixels in results)
    assert np.abs(results[0] - scene).mean() > 0.02


@pytest.mark.parametrize("preset", ["fast", "default"])
def test_the_processor_needs_no_pytorch(preset: str, scene: Pixels, dusk: Pixels, tmp_path: Path) -> None:
    for name, pixels in (("photo.png", scene), ("style.png", dusk)):
        Photo(pixels).save(tmp_path / name)
    words = [
        "run", f"--preset={preset}", "--quiet", "--device=cpu", "--set=grid.coarse_iterations=2", "--size=128",
        f"--content={tmp_path / 'photo.png'}", f"--style={tmp_path / 'style.png'}", f"-o={tmp_path / 'new.png'}",
    ]  # fmt: skip
    code = f"import sys\nfrom photostyle.cli import main\nassert main({words}) == 0\nsys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
    assert (tmp_path / "new.png").exists()
