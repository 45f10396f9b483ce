from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from photostyle.errors import SettingsError
from photostyle.pipeline.grid_method import apply_at_full_size
from photostyle.pipeline.result import Progress
from photostyle.pipeline.session import Session, transfer
from photostyle.presets import load_preset
from photostyle.regions.mask_files import write_mask
from photostyle.regions.region_map import RegionMap
from photostyle.settings import Settings
from segmentation.refine import refine

Pixels = NDArray[np.float32]
FEW = Settings().with_changes(
    {
        "encoder.dtype": "float32", "solver.method": "grid", "solver.size": 128, "regions.segmenter": "clusters",
        "grid.coarse_iterations": 8, "grid.iterations": 8,
    }
)  # fmt: skip
PREVIEW = FEW.with_changes({"solver.method": "closed form"})


@pytest.mark.usefixtures("small_encoder")
class TestTransfer:
    def test_the_solver_gains_on_the_closed_form_and_says_how_it_went(self, scene: Pixels, dusk: Pixels) -> None:
        seen: list[Progress] = []
        result = transfer(scene, dusk, settings=FEW, progress=seen.append)
        assert [stage.name for stage in result.stages] == ["solve, coarse", "solve, fine"]
        assert set(result.terms) == {"style", "colours", "structure", "edges", "photorealism", "stiffness"}
        assert result.stages[-1].loss == pytest.approx(sum(result.terms.values()))
        coarse = [row.loss for row in result.trace if row.stage == "solve, coarse"]
        assert coarse[-1] < 0.9 * coarse[0]
        assert {"closed form", "solve, coarse", "solve, fine", "apply", "total"} <= set(result.seconds)
        assert len([p for p in seen if p.stage == "solve, fine"]) == result.stages[1].iterations + 1

    def test_the_full_size_pass_tells_its_rows(self, scene: Pixels, dusk: Pixels) -> None:
        seen: list[Progress] = []
        large = np.ascontiguousarray(np.tile(scene, (6, 6, 1)))
        transfer(large, dusk, settings=PREVIEW, progress=seen.append)
        rows = [p.iteration for p in seen if p.stage == "apply"]
        assert rows[0] == 0 and rows[-1] == len(large) and len(rows) > 3
        assert rows == sorted(rows) and {p.iterations for p in seen if p.stage == "apply"} == {len(large)}

    def test_the_preview_solves_nothing(self, scene: Pixels, dusk: Pixels) -> None:
        result = transfer(scene, dusk, settings=PREVIEW)
        assert (result.stages, result.terms, result.trace) == ((), {}, ())

    @pytest.mark.parametrize("settings", [FEW, PREVIEW])
    def test_the_papers_style_term_is_far_below_the_contents(
        self, settings: Settings, scene: Pixels, dusk: Pixels
    ) -> None:
        once = settings.with_changes({"solver.method": "pixels", "solver.iterations": 0,
                                      "solver.photorealistic_iterations": 1})  # fmt: skip
        before = transfer(scene, dusk, settings=once).trace[0].terms
        after = transfer(scene, dusk, settings=settings).paper_terms()
        assert set(after) == set(before) == {"content", "style", "photorealism", "total_variation"}
        assert after["style"] < 0.3 * before["style"]

    def test_threads_change_next_to_nothing(self, scene: Pixels, dusk: Pixels) -> None:
        before = torch.get_num_threads()
        results = []
        try:
            for threads in (1, 2):
                torch.set_num_threads(threads)
                results.append(transfer(scene, dusk, settings=FEW).photo.pixels)
        finally:
            torch.set_num_threads(before)
        assert np.abs(results[0] - results[1]).mean() < 1 / 255

    def test_a_region_without_counterpart_keeps_its_look(
        self, scene: Pixels, dusk: Pixels, masks: tuple[Path, Path], tmp_path: Path
    ) -> None:
        labels = np.ones(scene.shape[:2], np.uint8)
        labels[:50] = 3
        write_mask(tmp_path / "other.png", RegionMap(labels, {3: "water", 1: "building"}))
        result = transfer(scene, dusk, settings=FEW, content_mask=tmp_path / "other.png", style_mask=masks[1])
        assert any("water" in warning for warning in result.warnings)
        change = np.abs(result.photo.pixels - scene)
        assert change[:40].max() == 0
        assert change[60:].mean() > 0.05

    def test_an_interrupt_keeps_the_best_so_far(self, scene: Pixels, dusk: Pixels) -> None:
        def stop(progress: Progress) -> None:
            if progress.stage == "solve, coarse" and progress.iteration == 3:
                raise KeyboardInterrupt

        result = transfer(scene, dusk, settings=FEW, progress=stop)
        assert result.interrupted
        assert [stage.iterations for stage in result.stages] == [3]
        assert np.abs(result.photo.pixels - scene).max() > 0.01

    def test_a_weight_too_large_hands_over_the_closed_form_and_says_so(self, scene: Pixels, dusk: Pixels) -> None:
        result = transfer(scene, dusk, settings=FEW.with_changes({"grid.style": 1e300}))
        assert any("not finite" in warning for warning in result.warnings)
        assert np.isfinite(result.photo.pixels).all()

    def test_a_style_measured_for_another_method_is_refused(self, scene: Pixels, dusk: Pixels) -> None:
        style = Session(settings=PREVIEW).style(dusk)
        with pytest.raises(SettingsError, match=r"solver\.method"):
            Session(settings=FEW).transfer(scene, style)


@pytest.mark.parametrize("strip", [1, 128 * 7, 128 * 64])
def test_strips_are_what_they_are_in_the_whole(strip: int, scene: Pixels) -> None:
    rng = np.random.default_rng(0)
    grids = rng.normal(0.2, 0.3, (2, 3, 4, 5, 4, 3))
    coarse = rng.dirichlet(np.ones(3), (12, 16)).astype(np.float32).transpose(2, 0, 1)
    refined = refine(np.ascontiguousarray(coarse), scene)
    cpu = torch.device("cpu")
    for strengths in ([1, 1], [0, 0.7]):
        whole, parts = (apply_at_full_size(scene, refined, grids, cpu, strengths, size) for size in (scene.size, strip))
        assert np.array_equal(whole, parts)
    whole = apply_at_full_size(scene, refined, grids, cpu, [1, 1])
    assert 0 <= whole.min() < 0.02 < 0.98 < whole.max() <= 1


def test_presets() -> None:
    assert [load_preset(name).solver.method for name in ("default", "preview", "paper", "gatys")] == [
        "grid", "closed form", "pixels", "pixels",
    ]  # fmt: skip
