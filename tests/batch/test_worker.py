"""One job: its result, its thumbnails, its figures; what goes wrong is told and never raised."""

from __future__ import annotations

import dataclasses
import hashlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from photostyle.batch.job import LookJob, PhotoJob, StyleSource, WorkerOptions
from photostyle.batch.quality_figures import quality_figures
from photostyle.batch.thumbnails import THUMBNAIL, thumbnail
from photostyle.batch.worker import MOST_LOOKS, Worker
from photostyle.errors import OutputError, WeightsError
from photostyle.photo.photo import Photo
from photostyle.pipeline.session import Session
from photostyle.presets import load_preset
from photostyle.settings import Settings
from tests.fakes import write_photo


@pytest.fixture
def settings() -> Settings:
    return load_preset("preview").with_changes({"solver.size": 64})


@pytest.fixture
def worker(small_encoder: Path, settings: Settings) -> Worker:
    return Worker(WorkerOptions(settings, threads=1))


@pytest.fixture
def job(tmp_path: Path) -> PhotoJob:
    content, style = write_photo(tmp_path / "a.png", 1), write_photo(tmp_path / "b.png", 2)
    thumbnails = str(tmp_path / "0.jpg"), str(tmp_path / "1.jpg")
    return PhotoJob(str(content), "deep/a.png", (StyleSource(str(style)),), None, str(tmp_path / "part"), thumbnails)


def test_result_is_that_of_a_run(worker: Worker, job: PhotoJob, settings: Settings) -> None:
    outcome = worker.do(job)
    session = Session(settings=settings)
    session.transfer(job.content, job.styles[0].path).photo.save(job.part + ".png")
    data = Path(job.part).read_bytes()
    assert data == Path(job.part + ".png").read_bytes()
    assert outcome.failure is None and outcome.sha256 == hashlib.sha256(data).hexdigest()
    assert outcome.content_sha256 == hashlib.sha256(Path(job.content).read_bytes()).hexdigest()
    assert (outcome.height, outcome.width) == (72, 96)
    assert outcome.seconds and outcome.seconds.keys() >= {"read", "apply", "write", "total"}
    assert outcome.figures and set(outcome.figures) == {"clipped", "halo", "unmatched"}
    for path in job.thumbnails:
        with Image.open(path) as image:
            assert image.size == (96, 72)


def test_steps_may_be_taken_apart(worker: Worker, job: PhotoJob) -> None:
    whole = worker.do(job)
    apart = worker.write(worker.solve(worker.read(job)))
    assert (apart.sha256, apart.figures) == (whole.sha256, whole.figures)


def test_style_is_measured_once(worker: Worker, job: PhotoJob, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    measured: list[str] = []
    style = worker.session.style

    def counted(source: Any, *rest: Any, **options: Any) -> Any:
        measured.append(str(source))
        return style(source, *rest, **options)

    monkeypatch.setattr(worker.session, "style", counted)
    others = [(StyleSource(str(write_photo(tmp_path / f"s{n}.png", n))),) for n in range(MOST_LOOKS)]
    for look in (job.styles, job.styles, *others, others[-1], job.styles):
        assert worker.do(dataclasses.replace(job, styles=look)).failure is None
    assert len(measured) == 1 + MOST_LOOKS + 1


def test_several_styles_are_blended(worker: Worker, job: PhotoJob, tmp_path: Path) -> None:
    one = worker.do(job)
    other = StyleSource(str(write_photo(tmp_path / "c.png", 3)), weight=2)
    both = worker.do(dataclasses.replace(job, styles=(*job.styles, other)))
    assert both.failure is None and both.sha256 != one.sha256


@pytest.mark.parametrize(
    ("content", "says"),
    [(b"no photo", "expected a JPEG, PNG, WebP"), (None, "there is no such file")],
)
def test_photo_that_cannot_be_read_is_a_failure(
    content: bytes | None, says: str, worker: Worker, job: PhotoJob
) -> None:
    if content is None:
        Path(job.content).unlink()
    else:
        Path(job.content).write_bytes(content)
    outcome = worker.do(job)
    assert outcome.failure and outcome.failure.kind == "InputError" and outcome.failure.fatal is None
    assert outcome.failure.message.startswith(says)
    assert not Path(job.part).exists()


def test_bug_is_a_failure_that_says_where(worker: Worker, job: PhotoJob, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object, **__: object) -> None:
        raise ZeroDivisionError("a bug")

    monkeypatch.setattr(worker.session, "transfer", broken)
    failure = worker.do(job).failure
    assert failure and failure.kind == "ZeroDivisionError" and failure.fatal is None
    assert failure.message.startswith("a bug (test_worker.py, line ")


def test_disk_that_cannot_be_written_to_concerns_all(worker: Worker, job: PhotoJob, tmp_path: Path) -> None:
    outcome = worker.do(dataclasses.replace(job, part=str(tmp_path / "gone/part")))
    assert outcome.failure and isinstance(outcome.failure.fatal, OutputError)


def test_missing_weights_concern_all(worker: Worker, job: PhotoJob, monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(*_: object, **__: object) -> None:
        raise WeightsError("weights", "none")

    monkeypatch.setattr(worker.session, "transfer", missing)
    failure = worker.do(job).failure
    assert failure and isinstance(failure.fatal, WeightsError)


def test_photo_that_its_format_cannot_hold_is_a_failure_of_its_own(
    worker: Worker, job: PhotoJob, monkeypatch: pytest.MonkeyPatch
) -> None:
    def too_large(*_: object, **__: object) -> None:
        raise OutputError("sides of at most 65,500 px in JPEG", "70,000")

    monkeypatch.setattr(Photo, "encode", too_large)
    failure = worker.do(job).failure
    assert failure and failure.kind == "OutputError" and failure.fatal is None


def test_photo_that_is_too_large_for_its_format_is_not_solved(
    worker: Worker, job: PhotoJob, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    wide = write_photo(tmp_path / "wide.png", 3, height=32, width=16_384)
    monkeypatch.setattr(Session, "transfer", lambda *_, **__: pytest.fail("it was solved"))
    failure = worker.do(dataclasses.replace(job, content=str(wide), output="wide.webp")).failure
    assert failure and failure.kind == "OutputError" and failure.fatal is None
    assert "at most 16,383 px in WEBP" in failure.message


def test_figures_see_clipping_and_turned_edges(small_encoder: Path, settings: Settings) -> None:
    columns = np.mgrid[0:72, 0:96][1]
    ramp = (0.2 + 0.6 * ((columns // 12) % 2))[..., None].repeat(3, 2).astype(np.float32)
    content = Photo(ramp)
    result = Session(settings=settings).transfer(content, content)
    same = quality_figures(content, dataclasses.replace(result, photo=content))
    assert same["clipped"] == same["halo"] == 0
    turned = quality_figures(content, dataclasses.replace(result, photo=content.with_pixels(1 - ramp)))
    assert turned["halo"] == 1
    clipped = ramp.copy()
    clipped[:36, :, 0] = 1
    assert quality_figures(content, dataclasses.replace(result, photo=content.with_pixels(clipped)))["clipped"] == 0.5
    no_regions = dataclasses.replace(result.correspondence, regions=())
    assert quality_figures(content, dataclasses.replace(result, correspondence=no_regions))["unmatched"] == 1


def test_thumbnails_are_small(tmp_path: Path) -> None:
    (tmp_path / "small.jpg").write_bytes(thumbnail(Photo(np.full((600, 900, 3), 0.5, np.float32))))
    with Image.open(tmp_path / "small.jpg") as image:
        assert image.size == (THUMBNAIL, THUMBNAIL * 2 // 3)


class TestOneLook:
    @pytest.fixture
    def settings(self) -> Settings:
        return load_preset("preview").with_changes({"solver.size": 64, "regions.segmenter": "none"})

    def test_result_is_that_of_the_set(self, worker: Worker, job: PhotoJob, settings: Settings, tmp_path: Path) -> None:
        other = write_photo(tmp_path / "c.png", 3)
        alone = worker.do(job)
        found = worker.do(LookJob("look 0", job.styles, ((job.content, None), (str(other), None))))
        in_set = worker.do(dataclasses.replace(job, look=found.look))
        session = Session(settings=settings)
        look = session.fit([job.content, other], job.styles[0].path)
        session.transfer(job.content, look).photo.save(job.part + ".png")
        assert in_set.sha256 == hashlib.sha256(Path(job.part + ".png").read_bytes()).hexdigest() != alone.sha256

    def test_photos_that_cannot_be_read_have_no_part_in_it(self, worker: Worker, job: PhotoJob, tmp_path: Path) -> None:
        torn, other = tmp_path / "torn.png", write_photo(tmp_path / "c.png", 3)
        torn.write_bytes(b"torn")
        readable = ((job.content, None), (str(other), None))
        whole = worker.do(LookJob("look 0", job.styles, readable))
        assert whole.seconds and whole.seconds["total"] > 0
        without = worker.do(LookJob("look 1", job.styles, ((str(torn), None), *readable)))
        bytes_of = {worker.do(dataclasses.replace(job, look=found.look)).sha256 for found in (whole, without)}
        assert len(bytes_of) == 1 and whole.look
        none = worker.do(LookJob("look 2", job.styles, ((str(torn), None),)))
        assert none.look is None and none.failure and none.failure.kind == "InputError" and not none.failure.fatal

    def test_look_is_read_and_the_style_measured_once(
        self, worker: Worker, job: PhotoJob, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        measure, measured = worker.session.style, list[str]()

        def counted(source: str, *rest: Any, **options: Any) -> Any:
            measured.append(Path(source).name)
            return measure(source, *rest, **options)

        monkeypatch.setattr(worker.session, "style", counted)
        found = worker.do(LookJob("look 0", job.styles, ((job.content, None),)))
        monkeypatch.setattr("photostyle.batch.worker.MOST_LOOKS", 1)
        for _ in range(2):
            assert worker.do(dataclasses.replace(job, look=found.look)).failure is None
        assert len(measured) == 1 and len(worker._looks) == 1
