from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

import photostyle
from photostyle.encoders import weights
from photostyle.errors import InputError, SettingsError, WeightsError
from photostyle.pipeline import pixel_method
from photostyle.pipeline import session as session_module
from photostyle.pipeline.result import Progress, Result
from photostyle.pipeline.session import Session, transfer
from photostyle.pipeline.task import SolvedTransfer, Task
from photostyle.regions.found_regions import Segmentation
from photostyle.regions.mask_files import write_mask
from photostyle.regions.region_map import RegionMap
from photostyle.settings import Settings
from segmentation.clusters import Groups

Pixels = NDArray[np.float32]
FEW = Settings().with_changes(
    {
        "encoder.dtype": "float32", "solver.method": "pixels", "solver.size": 128,
        "solver.iterations": 15, "solver.photorealistic_iterations": 15,
        "smoothing.radius": 5, "regions.segmenter": "clusters",
    }
)  # fmt: skip


GRID = FEW.with_changes({"solver.method": "grid", "grid.coarse_iterations": 8, "grid.iterations": 8})
PREVIEW = FEW.with_changes({"solver.method": "closed form"})
every_method = pytest.mark.parametrize("settings", [FEW, GRID, PREVIEW], ids=["pixels", "grid", "closed form"])


@pytest.mark.usefixtures("small_encoder")
class TestTransfer:
    @every_method
    def test_the_regions_take_the_colours_of_their_counterparts(
        self, settings: Settings, scene: Pixels, dusk: Pixels, masks: tuple[Path, Path]
    ) -> None:
        result = transfer(scene, dusk, settings=settings, content_mask=masks[0], style_mask=masks[1])
        out = result.photo.pixels
        assert out.shape == scene.shape
        assert [region.name for region in result.correspondence.regions] == ["sky", "building"]
        for rows in (slice(0, 44), slice(58, 80)):
            before = np.abs(scene[rows].mean((0, 1)) - dusk[rows].mean((0, 1))).max()
            after = np.abs(out[rows].mean((0, 1)) - dusk[rows].mean((0, 1))).max()
            assert after < 0.5 * before

    def test_the_result_says_how_it_was_made(self, scene: Pixels, dusk: Pixels) -> None:
        seen: list[Progress] = []
        result = transfer(scene, dusk, settings=FEW, progress=seen.append)
        assert [stage.name for stage in result.stages] == ["solve", "solve with photorealism"]
        assert set(result.terms) == {"content", "style", "photorealism", "total_variation"}
        assert result.stages[-1].loss == pytest.approx(sum(result.terms.values()))
        assert {"read", "regions", "objective", "solve", "apply", "total"} <= set(result.seconds)
        assert result.seconds["total"] >= result.seconds["solve"]
        assert len(result.trace) == sum(stage.iterations + 1 for stage in result.stages)
        assert len([p for p in seen if p.stage == "solve"]) == result.stages[0].iterations + 1
        assert len(result.weights["compact"]) == 64
        assert (result.device, result.dtype, result.interrupted) == ("cpu", "float32", False)

    def test_the_written_photo_is_what_was_solved_for(
        self, scene: Pixels, dusk: Pixels, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Without smoothing and at its own size the result has the very loss that the solver reports."""
        tasks: list[Task] = []

        def solve(task: Task) -> SolvedTransfer:
            tasks.append(task)
            return pixel_method.transfer(task)

        monkeypatch.setitem(session_module.METHODS, "pixels", solve)
        plain = FEW.with_changes({"smoothing.enabled": False, "regions.segmenter": "none"})
        result = transfer(scene, dusk, settings=plain)
        _, objective = pixel_method.objectives(tasks[0])
        loss, _, _ = objective(tasks[0].extract.tensor(result.photo.pixels))
        assert loss == pytest.approx(result.stages[-1].loss, rel=1e-4)
        assert result.paper_terms() == result.terms
        assert 0 <= result.photo.pixels.min() <= result.photo.pixels.max() <= 1

    @every_method
    def test_strength(self, settings: Settings, scene: Pixels, dusk: Pixels) -> None:
        results = [
            transfer(scene, dusk, settings=settings.with_changes({"strength": strength})).photo.pixels
            for strength in (0.0, 0.5, 1.0)
        ]
        assert np.array_equal(results[0], scene)
        np.testing.assert_allclose(results[1], (scene + results[2]) / 2, atol=1e-6)
        assert np.abs(results[2] - scene).max() > 0.1

    @pytest.mark.parametrize(
        "settings", [FEW.with_changes({"solver.start": "noise", "smoothing.enabled": False}), GRID]
    )
    def test_the_same_seed_gives_the_same_bytes(self, settings: Settings, scene: Pixels, dusk: Pixels) -> None:
        first, again = (transfer(scene, dusk, settings=settings).photo.pixels for _ in range(2))
        other = transfer(scene, dusk, settings=settings.with_changes({"seed": 1})).photo.pixels
        assert np.array_equal(first, again)
        assert not np.array_equal(first, other)

    @every_method
    def test_a_large_photo_keeps_its_size_and_its_detail(self, settings: Settings, scene: Pixels, dusk: Pixels) -> None:
        large = np.kron(scene, np.ones((3, 3, 1), np.float32))
        large[::2, ::2] *= 0.9
        result = transfer(large, dusk, settings=settings).photo.pixels
        assert result.shape == large.shape
        ground = slice(200, 288)
        fine, finer = (np.diff(photo[ground], axis=1).mean(2).ravel() for photo in (large, result))
        assert np.corrcoef(fine, finer)[0, 1] > 0.9

    def test_an_artistic_result_is_enlarged_with_a_warning(self, scene: Pixels, dusk: Pixels) -> None:
        settings = FEW.with_changes({"smoothing.enabled": False, "solver.size": 64})
        result = transfer(scene, dusk, settings=settings)
        assert result.photo.pixels.shape == scene.shape
        assert any("softer" in warning for warning in result.warnings)

    def test_a_region_without_counterpart_keeps_its_look_and_is_reported(
        self, scene: Pixels, dusk: Pixels, masks: tuple[Path, Path], tmp_path: Path
    ) -> None:
        labels = np.ones(scene.shape[:2], np.uint8)
        labels[:50] = 3
        write_mask(tmp_path / "other.png", RegionMap(labels, {3: "water", 1: "building"}))
        result = transfer(scene, dusk, settings=FEW, content_mask=tmp_path / "other.png", style_mask=masks[1])
        assert any("water" in warning for warning in result.warnings)
        change = np.abs(result.photo.pixels - scene)
        assert change[:40].mean() < 0.2 * change[60:].mean()

    @every_method
    def test_a_photo_as_its_own_style_stays_itself(self, settings: Settings, scene: Pixels) -> None:
        result = transfer(scene, scene, settings=settings.with_changes({"objective.total_variation": 0}))
        assert np.abs(result.photo.pixels - scene).mean() < 2 / 255

    def test_one_mask_of_two_is_refused(self, scene: Pixels, dusk: Pixels, masks: tuple[Path, Path]) -> None:
        with pytest.raises(SettingsError, match="the style has a mask, but the content has none"):
            transfer(scene, dusk, settings=FEW, style_mask=masks[1])
        with pytest.raises(SettingsError, match="the content has a mask, but the style has none"):
            transfer(scene, dusk, settings=FEW, content_mask=masks[0])

    def test_a_missing_photo_is_an_input_error(self, scene: Pixels) -> None:
        with pytest.raises(InputError, match="nowhere"):
            transfer(scene, "nowhere.jpg", settings=FEW)

    def test_an_interrupt_keeps_the_best_so_far(self, scene: Pixels, dusk: Pixels) -> None:
        def stop(progress: Progress) -> None:
            if progress.stage == "solve" and progress.iteration == 5:
                raise KeyboardInterrupt

        result = transfer(scene, dusk, settings=FEW, progress=stop)
        assert result.interrupted
        assert len(result.stages) == 1
        assert result.stages[0].iterations == 5
        assert np.abs(result.photo.pixels - scene).max() > 0.01

    def test_a_weight_too_large_leaves_the_content_and_says_so(self, scene: Pixels, dusk: Pixels) -> None:
        result = transfer(scene, dusk, settings=FEW.with_changes({"objective.style": 1e300}))
        assert any("not finite" in warning for warning in result.warnings)
        assert np.abs(result.photo.pixels - scene).mean() < 2 / 255

    def test_a_style_is_measured_once(self, scene: Pixels, dusk: Pixels) -> None:
        session = Session(settings=FEW)
        style = session.style(dusk)
        once, again = (session.transfer(scene, style).photo.pixels for _ in range(2))
        assert np.array_equal(once, again)
        assert np.array_equal(once, transfer(scene, dusk, settings=FEW).photo.pixels)

    @pytest.mark.parametrize("change", [{"solver.size": 64}, {"encoder.pooling": "average"}])
    def test_a_style_of_another_session_is_refused(
        self, scene: Pixels, dusk: Pixels, change: dict[str, object]
    ) -> None:
        style = Session(settings=FEW.with_changes(change)).style(dusk)
        with pytest.raises(SettingsError, match="measured with"):
            Session(settings=FEW).transfer(scene, style)

    def test_the_public_name_is_the_pipelines(self) -> None:
        assert photostyle.transfer is transfer


def test_groups_match_across_photos(
    small_encoder: Path, scene: Pixels, dusk: Pixels, monkeypatch: pytest.MonkeyPatch
) -> None:
    def halves(content: Pixels, style: Pixels, *, seed: int) -> Groups:
        soft = [np.zeros((2, *features.shape[1:]), np.float32) for features in (content, style)]
        for probabilities in soft:
            probabilities[0, : probabilities.shape[1] // 2] = 1
            probabilities[1] = 1 - probabilities[0]
        return Groups(tuple(each.argmax(0).astype(np.uint8) for each in soft), tuple(soft))

    monkeypatch.setattr("photostyle.styles.matching.find_groups", halves)
    result = transfer(scene, dusk, settings=FEW)
    assert [region.name for region in result.correspondence.regions] == ["group 1", "group 2"]
    assert result.correspondence.content.labels.shape == (96, 128)
    assert (result.correspondence.content.labels[:40] == 0).all()
    assert (result.correspondence.styles[0].regions.labels[50:] == 1).all()


class FakeFinder:
    """Sees two halves, of the classes that `classes` names for the photo at hand, in turn."""

    classes: tuple[tuple[int, int], ...] = ()
    loaded = 0

    def __init__(self, name: str) -> None:
        assert name == "compact"
        type(self).loaded += 1
        self.segmenter = SimpleNamespace(sha256="5" * 64)
        self.turns = iter(self.classes)

    def see(self, pixels: Pixels) -> Segmentation:
        probabilities = np.zeros((7, 12, 16), np.float32)
        upper, lower = next(self.turns)
        probabilities[upper, :6], probabilities[lower, 6:] = 1, 1
        return Segmentation(pixels, probabilities, np.zeros((4, 12, 16), np.float32))


@pytest.mark.usefixtures("small_encoder")
class TestFoundRegions:
    SETTINGS = FEW.with_changes({"regions.segmenter": "compact", "solver.iterations": 2})

    def result(self, monkeypatch: pytest.MonkeyPatch, *classes: tuple[int, int]) -> tuple[Session, list[Result]]:
        finder = type("Finder", (FakeFinder,), {"classes": classes, "loaded": 0})
        monkeypatch.setattr(session_module, "RegionFinder", finder)
        rng = np.random.default_rng(0)
        photos = [rng.random((96, 128, 3), np.float32) for _ in classes]
        session = Session(settings=self.SETTINGS)
        style = session.style(photos[0])
        results = [session.transfer(photo, style) for photo in photos[1:]]
        assert finder.loaded == 1
        return session, results

    def test_classes_are_matched_and_the_style_is_looked_at_once(self, monkeypatch: pytest.MonkeyPatch) -> None:
        _, (first, second) = self.result(monkeypatch, (0, 1), (0, 1), (0, 3))
        assert [region.name for region in first.correspondence.regions] == ["sky", "building"]
        assert [region.name for region in second.correspondence.regions] == ["sky"]
        assert first.weights["segmenter compact"] == "5" * 64

    def test_the_correspondence_alone_is_that_of_a_transfer(self, monkeypatch: pytest.MonkeyPatch) -> None:
        session, (result,) = self.result(monkeypatch, (0, 3), (0, 4))
        monkeypatch.setattr(session._finder, "turns", iter([(0, 3), (0, 4)]))
        monkeypatch.setattr(session_module, "METHODS", {})
        rng = np.random.default_rng(0)
        style, content = (rng.random((96, 128, 3), np.float32) for _ in range(2))
        found = session.correspondence(content, session.style(style))
        assert found.regions == result.correspondence.regions
        assert found.messages == result.correspondence.messages != ()

    def test_what_was_merged_is_in_the_result_and_told(self, monkeypatch: pytest.MonkeyPatch) -> None:
        _, (result,) = self.result(monkeypatch, (0, 2), (0, 5))
        assert [(part.name, part.into, part.photo) for part in result.correspondence.styles[0].matching.merged] == [
            ("vegetation", "mountain", "style")
        ]
        assert any("vegetation in the style photo" in warning for warning in result.warnings)

    def test_what_is_no_scenery_counts_as_one_region_and_says_so(self, monkeypatch: pytest.MonkeyPatch) -> None:
        _, (result,) = self.result(monkeypatch, (6, 6), (0, 4))
        assert [region.name for region in result.correspondence.regions] == ["whole photo"]
        assert "100% of the style photo is not scenery, so each photo counts as one region" in result.warnings

    def test_a_style_seen_by_another_segmenter_is_refused(self, monkeypatch: pytest.MonkeyPatch) -> None:
        session, _ = self.result(monkeypatch, (0, 1))
        other = Session(settings=self.SETTINGS.with_changes({"regions.segmenter": "none"}))
        with pytest.raises(SettingsError, match=r"regions\.segmenter"):
            session.transfer(np.zeros((96, 128, 3), np.float32), other.style(np.zeros((96, 128, 3), np.float32)))


@pytest.mark.usefixtures("small_encoder")
def test_too_little_memory_is_an_unusable_input_wherever_it_runs_out(
    monkeypatch: pytest.MonkeyPatch, scene: Pixels, dusk: Pixels
) -> None:
    def full(*_: object, **__: object) -> None:
        raise torch.cuda.OutOfMemoryError("CUDA out of memory. Tried to allocate 1.25 GiB.")

    session = Session(settings=PREVIEW.with_changes({"regions.segmenter": "none"}))
    style = session.style(dusk)
    result = session.transfer(scene, style)
    monkeypatch.setattr(pixel_method, "objectives", full)
    with pytest.raises(InputError, match="memory for 1"):
        result.paper_terms()
    monkeypatch.setattr("photostyle.pipeline.grid_method.apply_at_full_size", full)
    with pytest.raises(InputError, match="memory for 1"):
        result.rendered({"strength": 0.5})
    with pytest.raises(InputError, match="memory for 1"):
        session.transfer(scene, style)
    monkeypatch.setattr("photostyle.encoders.features.FeatureExtractor.encoded", full)
    with pytest.raises(InputError, match="memory for 1"):
        session.style(dusk)
    monkeypatch.setattr("photostyle.encoders.vgg.Encoder.to", full)
    with pytest.raises(InputError, match="memory for 1"):
        Session(settings=GRID.with_changes({"encoder.pooling": "average"}))


def test_the_closed_form_reads_the_encoder_only_for_the_terms_of_the_paper(
    small_encoder: Path, scene: Pixels, dusk: Pixels, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    damaged = tmp_path / "compact.safetensors"
    damaged.write_bytes(b"damaged")
    monkeypatch.setattr(weights, "SHIPPED", damaged)
    result = Session(settings=PREVIEW.with_changes({"regions.segmenter": "none"})).transfer(scene, dusk)
    assert result.weights == {"compact": weights.COMPACT_SHA256}
    with pytest.raises(WeightsError, match="expected a file of sha256"):
        result.paper_terms()
    with pytest.raises(WeightsError, match="expected a file of sha256"):
        Session(settings=GRID.with_changes({"encoder.pooling": "average"}))
    monkeypatch.setattr(weights, "SHIPPED", small_encoder)
    assert result.paper_terms()["photorealism"] > 0
