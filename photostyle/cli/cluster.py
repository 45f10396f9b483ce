"""The options by which a batch has its work done by a Ray cluster."""

from __future__ import annotations

import argparse
import os
from typing import TYPE_CHECKING

from photostyle.errors import SettingsError

if TYPE_CHECKING:
    from photostyle.batch.cluster_workers import ClusterWorkers
    from photostyle.settings import Settings


def add_cluster_options(parser: argparse.ArgumentParser) -> None:
    """Adds them to the parser of `batch`."""
    parser.add_argument(
        "--cluster",
        metavar="ADDRESS",
        help="have a Ray cluster do the work: ray://HOST:10001, or auto for that of this machine; "
        "--workers then is by default as many as it has room for",
    )
    parser.add_argument(
        "--manifest", metavar="FOLDER", help="where the manifest is kept; needed where -o is the URL of an object store"
    )
    parser.add_argument("--cpus-per-worker", type=int, metavar="N", help="processors of a worker of the cluster (1)")
    parser.add_argument(
        "--gpus-per-worker", type=float, metavar="X", help="of a GPU, such as 0.25, for a worker of the cluster (0)"
    )


def check_cluster_options(arguments: argparse.Namespace) -> None:
    """Raises SettingsError for options that make no sense."""
    processors, gpus = arguments.cpus_per_worker, arguments.gpus_per_worker
    for option, value in (("--cpus-per-worker", processors), ("--gpus-per-worker", gpus)):
        if value is not None and arguments.cluster is None:
            raise SettingsError("--cluster with it", "none", option)
    if processors is not None and processors < 1:
        raise SettingsError("at least one processor", str(processors), "--cpus-per-worker")
    if gpus is not None and not (0 <= gpus < 1 or (gpus >= 1 and gpus == int(gpus))):
        raise SettingsError("a share of a GPU, or whole ones", f"{gpus:g}", "--gpus-per-worker")
    if arguments.cluster and arguments.dry_run:
        advice = "Without --cluster it lists the same photos and tries one on this machine."
        raise SettingsError("--dry-run or --cluster", "both", "--cluster", advice)


def output_folders(arguments: argparse.Namespace) -> tuple[str, str]:
    """Where the results go, and the folder that keeps the manifest: the same, but where that is no folder.

    Raises:
        SettingsError: no folder for the manifest, or one that is not needed.
    """
    from photostyle.batch.storage import is_url, plain

    output = plain(arguments.output)
    if is_url(output) and (arguments.manifest is None or is_url(arguments.manifest)):
        found = "none" if arguments.manifest is None else arguments.manifest
        advice = "A manifest is added to photo by photo, which an object store cannot do."
        raise SettingsError("--manifest FOLDER on this machine", found, f"-o {output}", advice)
    if not is_url(output) and arguments.manifest is not None:
        raise SettingsError("-o with the URL of an object store", "a folder, which keeps its manifest", "--manifest")
    return output, arguments.manifest or output


def cluster_workers(
    arguments: argparse.Namespace, settings: Settings, pixels: int, photos: int
) -> tuple[ClusterWorkers, int]:
    """Connects to the cluster and asks it for workers.

    Args:
        arguments: of the command.
        settings: of every transfer.
        pixels: of the largest photo.
        photos: how many there are.

    Returns:
        the workers and how many they are.

    Raises:
        SettingsError: Ray is not installed, the cluster does not answer, or the device is none that workers have.
    """
    from photostyle.batch.capacity import processors, worker_bytes
    from photostyle.batch.cluster_workers import ClusterWorkers, WorkerResources, workers_that_fit
    from photostyle.batch.job import WorkerOptions
    from photostyle.batch.output_folder import PARTS, state_folder
    from photostyle.batch.ray_connection import RayConnection
    from photostyle.batch.storage import absolute, is_url

    resources = WorkerResources(
        arguments.cpus_per_worker or 1, arguments.gpus_per_worker or 0.0, worker_bytes(settings, pixels)
    )
    device = _device(settings.device, resources.gpus)
    threads, wanted = resources.processors, arguments.workers
    ray = RayConnection(arguments.cluster, max(processors(), threads * (wanted or 1)))
    count = wanted or min(workers_that_fit(ray.free(), resources), photos)
    options = WorkerOptions(settings.with_changes({"device": device}), threads)
    folder = "" if is_url(arguments.output) else os.path.join(absolute(state_folder(arguments.output)), PARTS)
    return ClusterWorkers(ray, count, resources, options, folder), count


def _device(asked: str, gpus: float) -> str:
    """The device of the workers: a GPU if and only if each has one, whatever else their machines have."""
    device = {True: "cuda", False: "cpu"}[gpus > 0] if asked == "auto" else asked
    if (device != "cpu") != (gpus > 0):
        advice = "--gpus-per-worker gives each worker a GPU or a share of one; --device auto does the rest."
        raise SettingsError(f"a device that workers with {gpus:g} GPUs have", asked, "--device", advice)
    return device
