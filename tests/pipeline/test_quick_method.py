from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from photostyle.errors import SettingsError
from photostyle.photo.photo import Photo
from photostyle.pipeline.result import Progress
from photostyle.pipeline.session import Session, transfer
from photostyle.regions.mask_files import write_mask
from photostyle.regions.region_map import RegionMap
from photostyle.settings import Settings

Pixels = NDArray[np.float32]
FAST = Settings.preset("fast").with_changes(
    {"solver.size": 128, "regions.segmenter": "none", "grid.coarse_iterations": 6, "grid.denoise": 0}
)
SAME_GRIDS = {"solver.method": "grid", "grid.coarse_iterations": 6, "grid.iterations": 0}


def test_it_gains_on_the_closed_form_and_says_how_it_went(scene: Pixels, dusk: Pixels) -> None:
    seen: list[Progress] = []
    result = transfer(scene, dusk, settings=FAST, progress=seen.append)
    (stage,) = result.stages
    assert stage.name == "solve, quick" and stage.iterations == 6
    assert stage.loss == pytest.approx(sum(result.terms.values())) and stage.loss < 0.95 * stage.trace[0].loss
    assert set(result.terms) == {"style", "colours", "structure", "edges", "photorealism", "drift", "stiffness"}
    assert len([each for each in seen if each.stage == "solve, quick"]) == 7


def test_it_is_the_first_stage_of_the_method_grid(scene: Pixels, dusk: Pixels) -> None:
    """The sizes differ by up to 4 px and the encoder is rounded, so the two are not the same to the byte."""
    fast = transfer(scene, dusk, settings=FAST)
    grid = transfer(scene, dusk, settings=FAST.with_changes(SAME_GRIDS))
    preview = transfer(scene, dusk, settings=FAST.with_changes({"solver.method": "closed form"}))
    assert fast.stages[0].trace[0].loss == pytest.approx(grid.stages[0].trace[0].loss, rel=0.02)
    assert fast.stages[0].loss == pytest.approx(grid.stages[0].loss, rel=0.05)
    apart = np.abs(fast.photo.pixels - grid.photo.pixels).mean()
    assert apart < 0.5 * np.abs(fast.photo.pixels - preview.photo.pixels).mean()


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
    assert look.stages[0].name == "solve, quick" and look.stages[0].loss < look.stages[0].trace[0].loss
    results = [session.transfer(photo, look).photo.pixels for photo in photos]
    assert all(np.isfinite(pixels).all() for pixels in results)
    assert np.abs(results[0] - scene).mean() > 0.02


def test_it_needs_no_pytorch(scene: Pixels, dusk: Pixels, tmp_path: Path) -> None:
    for name, pixels in (("photo.png", scene), ("style.png", dusk)):
        Photo(pixels).save(tmp_path / name)
    words = [
        "run", "--preset=fast", "--quiet", "--set=grid.coarse_iterations=2", f"--content={tmp_path / 'photo.png'}",
        f"--style={tmp_path / 'style.png'}", f"-o={tmp_path / 'new.png'}",
    ]  # fmt: skip
    code = f"import sys\nfrom photostyle.cli import main\nassert main({words}) == 0\nsys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
    assert (tmp_path / "new.png").exists()


@pytest.mark.parametrize(
    ("changes", "words"),
    [({"encoder.name": "vgg19"}, "expected compact.*found vgg19"), ({"grid.style_layers": ["relu1_1"]}, "relu4_1")],
)
def test_another_encoder_and_other_layers_are_refused(changes: dict[str, object], words: str) -> None:
    with pytest.raises(SettingsError, match=rf"(?s){words}.*preset default"):
        Session(settings=FAST.with_changes(changes))
