"""`photostyle batch`: styles whole sets of photos."""

from __future__ import annotations

import argparse
import os
import secrets
import signal
import time
from collections.abc import Sequence
from functools import partial
from types import FrameType, TracebackType
from typing import TYPE_CHECKING, Any, Self

from photostyle.cli.batch_progress import BatchProgress, JsonProgress, TextProgress
from photostyle.cli.cluster import add_cluster_options, check_cluster_options, cluster_workers, output_folders
from photostyle.cli.common import INTERRUPTED, Commands, add_output_options
from photostyle.cli.options import add_settings, settings_of
from photostyle.cli.output import add_file_options
from photostyle.cli.styles import STREAM, add_style_options, styles_of
from photostyle.errors import OutputError, SettingsError

if TYPE_CHECKING:
    from photostyle.batch.job import StyleSource
    from photostyle.batch.plan import Plan
    from photostyle.batch.resume import Digests, RemainingWork
    from photostyle.batch.worker_messages import Workers
    from photostyle.settings import Settings

SOME_FAILED = 5
"""Exit code if some photos failed and the others are done."""


def add_to(commands: Commands) -> None:
    parser = commands.add_parser(
        "batch",
        help="style whole sets of photos",
        description="Gives every photo of a set the look of a style. Results keep the folders of the photos. Run the "
        "same command again to do what is missing or has changed. Ctrl-C finishes the photos at work and stops; a "
        "second Ctrl-C stops at once. Finished results are never lost.",
    )
    parser.add_argument(
        "--content",
        metavar="FOLDER|PHOTO",
        nargs="+",
        action="extend",
        default=[],
        help="photos, folders (with all folders below them) and patterns such as 'trip/*.jpg'",
    )
    parser.add_argument(
        "--list",
        metavar="FILE",
        action="append",
        default=[],
        help="a file with more names, one in each line, or each followed by NUL; - is standard input",
    )
    add_style_options(parser)
    parser.add_argument(
        "--pair-by-name",
        action="store_true",
        help="with a folder as --style: use for each photo the style with the same name, instead of all styles",
    )
    parser.add_argument(
        "--masks", action="store_true", help="read the regions from NAME.mask.png beside every photo and every style"
    )
    parser.add_argument(
        "--consistent",
        action="store_true",
        help="find one look for all photos together: for a burst, a panorama or a time lapse",
    )
    parser.add_argument("-o", "--output", metavar="FOLDER", required=True, help="folder for the results")
    add_settings(parser)
    add_file_options(parser)
    parser.add_argument(
        "--dry-run", action="store_true", help="show what would be done, and estimate the time and memory"
    )
    parser.add_argument("--workers", type=int, metavar="N", help="photos at a time (default: as many as fit)")
    add_cluster_options(parser)
    parser.add_argument("--retry-failed", action="store_true", help="also try the photos that failed before")
    parser.add_argument("--force", action="store_true", help="do all photos again")
    parser.add_argument("--overwrite", action="store_true", help="also replace files that photostyle has not written")
    parser.add_argument("--report", metavar="FOLDER", help="also write a page that shows the results, the worst first")
    add_output_options(parser, "one JSON object for each event, each in a line,")
    parser.set_defaults(execute=execute)


def execute(arguments: argparse.Namespace) -> int:
    """Runs a batch; returns the exit code.

    Raises:
        PhotostyleError: the command, a setting, the inputs, the weights or the output cannot be used.
    """
    from photostyle.batch.inputs import read_list
    from photostyle.batch.manifest import read_records
    from photostyle.batch.output_folder import check_result_places
    from photostyle.batch.plan import make_plan
    from photostyle.batch.resume import Digests, remaining_work
    from photostyle.batch.storage import plain
    from photostyle.photo.encode import depth_of
    from photostyle.photo.photo import format_of
    from photostyle.settings import check_one_look

    settings, styles = settings_of(arguments), _styles(arguments)
    named = (*arguments.content, *(word for name in arguments.list for word in read_list(name)))
    words = [plain(word) for word in named]
    arguments.output, arguments.manifest = output_folders(arguments)
    if not words:
        raise SettingsError(
            "--content FOLDER|PHOTO or --list FILE", "neither", "batch", "See `photostyle batch --help`."
        )
    if arguments.workers is not None and arguments.workers < 1:
        raise SettingsError("1 or more", str(arguments.workers), "--workers")
    if arguments.consistent:
        check_one_look(settings)
    check_cluster_options(arguments)
    output, kept = arguments.output, arguments.manifest
    _check_folder(kept, arguments)
    plan = make_plan(
        words, styles, output,
        pair_by_name=arguments.pair_by_name, masks=arguments.masks, format=settings.output.format,
        consistent=arguments.consistent,
    )  # fmt: skip
    for format in {format_of(item.output) for item in plan.items}:
        depth_of(format, settings.output.depth, 8)
    check_result_places(output, [item.output for item in plan.items])
    _check_styles(plan.styles())
    digests = Digests(settings)
    choose = partial(
        remaining_work, plan.items, digests=digests, output=output,
        force=arguments.force, retry_failed=arguments.retry_failed, overwrite=arguments.overwrite,
    )  # fmt: skip
    progress: BatchProgress = JsonProgress() if arguments.json else TextProgress(arguments)
    if arguments.dry_run:
        return _dry_run(arguments, settings, plan, choose(read_records(kept)), progress)
    return _run(arguments, settings, plan, digests, choose, progress)


def _run(
    arguments: argparse.Namespace,
    settings: Settings,
    plan: Plan,
    digests: Digests,
    choose: Any,
    progress: BatchProgress,
) -> int:
    from photostyle.batch.driver import Driver
    from photostyle.batch.manifest import Manifest
    from photostyle.batch.output_folder import check_store_takes_writes, remove_leftovers
    from photostyle.batch.resume import rename_finished_results

    output, began = arguments.output, time.perf_counter()
    _make_folder(arguments.manifest)
    with StopSignals(progress) as stopping, Manifest(arguments.manifest) as manifest:
        if manifest.damaged:
            progress.damaged(manifest.damaged)
        work: RemainingWork = choose(manifest.records)
        rename_finished_results(work)
        for folder in {output, arguments.manifest}:
            remove_leftovers(folder)
        progress.planned(plan, work)
        waiting, driver = {item.output for item, _ in work.todo}, None
        try:
            if waiting:
                check_store_takes_writes(output, secrets.token_hex(4))
                workers, count = _workers(arguments, settings, work)
                progress.working(count)
                driver = Driver(output, manifest, workers, digests, progress.event, stopping)
                driver.run([item for item, _ in work.todo], work.replaceable)
        finally:
            waiting -= driver.ended if driver else set()
            records = [manifest.records[item.output] for item in plan.items if item.output not in waiting]
            progress.summary(plan, records, time.perf_counter() - began, driver.peak_bytes if driver else 0)
        for folder in {output, arguments.manifest}:
            remove_leftovers(folder)
        if arguments.report:
            from photostyle.batch.report import write_report

            write_report(arguments.report, output, len(plan.items), records)
    if stopping.asked and waiting:
        return INTERRUPTED
    return SOME_FAILED if any(record.status == "failed" for record in records) else 0


def _dry_run(
    arguments: argparse.Namespace, settings: Settings, plan: Plan, work: RemainingWork, progress: BatchProgress
) -> int:
    """Shows what would be done, and estimates time and memory. Writes nothing, and needs no lock."""
    from photostyle.batch.capacity import estimate, pixels_of
    from photostyle.batch.driver import look_jobs
    from photostyle.batch.trial import run_trial

    progress.planned(plan, work)
    progress.listed(work)
    items = [item for item, _ in work.todo]
    if items:
        workers, count = _workers(arguments, settings, work)
        progress.working(count)
        samples = run_trial(items, workers, count)
        looks = len(set(look_jobs(items).values()))
        progress.estimated(estimate(samples, [pixels_of(item.content) for item in items], count, looks), count)
    return 0


def _workers(arguments: argparse.Namespace, settings: Settings, work: RemainingWork) -> tuple[Workers, int]:
    from photostyle.batch.capacity import pixels_of, worker_count
    from photostyle.batch.job import WorkerOptions
    from photostyle.batch.local_workers import LocalWorkers
    from segmentation.threads import available_cores

    photos = {item.content for item, _ in work.todo}
    largest = max(map(pixels_of, photos))
    if arguments.cluster:
        return cluster_workers(arguments, settings, largest, len(work.todo))
    count = arguments.workers or worker_count(settings, largest, len(work.todo))
    return LocalWorkers(count, WorkerOptions(settings, max(1, available_cores() // count))), count


def _styles(arguments: argparse.Namespace) -> list[StyleSource]:
    """The styles of the options. A folder is not expanded yet.

    Raises:
        SettingsError: there is no style, a style is standard input, or the masks do not fit the styles.
    """
    from photostyle.batch.job import StyleSource
    from photostyle.batch.storage import plain

    given, masks = arguments.style or [], arguments.style_mask or []
    if not given:
        raise SettingsError("--style PHOTO|FOLDER", "no --style", "batch", "See `photostyle batch --help`.")
    if masks and not arguments.masks:
        raise SettingsError("--masks together with it", "no --masks", "--style-mask",
                            "With --masks every photo has its own mask beside it, NAME.mask.png.")  # fmt: skip
    styles = styles_of(given, arguments.style_weights, masks, "beside" if masks else None)
    if any(style.path == STREAM for style in styles):
        raise SettingsError("a file or a folder", "standard input", "--style")
    return [StyleSource(plain(style.path), style.mask, style.weight, style.region) for style in styles]


def _check_styles(styles: Sequence[StyleSource]) -> None:
    """Raises InputError, before any work, if a style cannot be used."""
    from photostyle.batch.storage import fetched
    from photostyle.photo.photo import Photo
    from photostyle.regions.mask_files import read_mask
    from photostyle.styles.look_file import is_look, read_look

    for style in styles:
        with fetched(style.path) as path:
            if is_look(path):
                read_look(path)
            else:
                photo = Photo.read(path)
                if style.mask is not None:
                    read_mask(style.mask, photo.height, photo.width, photo.orientation)


def _check_folder(output: str, arguments: argparse.Namespace) -> None:
    """Raises OutputError if the output folder or the report's folder cannot be made or written to."""
    from photostyle.files import check_target

    for folder in filter(None, (output, arguments.report)):
        if os.path.lexists(folder) and not os.path.isdir(folder):
            raise OutputError("a folder", "a file", folder)
        if os.path.isdir(folder):
            check_target(os.path.join(folder, "photo"), overwrite=True)
        elif folder == output or os.path.realpath(os.path.dirname(folder)) != os.path.realpath(output):
            check_target(folder, overwrite=False)


def _make_folder(output: str) -> None:
    try:
        os.makedirs(output, exist_ok=True)
    except OSError as error:
        raise OutputError("a folder that can be made", error.strerror or str(error), output) from error


class StopSignals:
    """Listens for SIGINT and SIGTERM. After the first signal a call returns true; the second raises KeyboardInterrupt.

    Every call also updates the line of progress.
    """

    SIGNALS = (signal.SIGINT, signal.SIGTERM)

    def __init__(self, progress: BatchProgress) -> None:
        self.asked = False
        self._progress = progress
        self._before: dict[signal.Signals, Any] = {}

    def __enter__(self) -> Self:
        self._before = {name: signal.signal(name, self._handle) for name in self.SIGNALS}
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for name, handler in self._before.items():
            signal.signal(name, handler)

    def __call__(self) -> bool:
        self._progress.tick()
        return self.asked

    def _handle(self, _: int, __: FrameType | None) -> None:
        if self.asked:
            raise KeyboardInterrupt
        self.asked = True
        self._progress.stopping()
