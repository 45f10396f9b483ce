"""The options for a batch whose workers are on a Ray cluster."""

from __future__ import annotations

import argparse
import os
from typing import TYPE_CHECKING

from photostyle.errors import SettingsError

if TYPE_CHECKING:
    from photostyle.batch.cluster_workers import ClusterWorkers
    from photostyle.settings import Settings


def add_cluster_options(parser: argparse.ArgumentParser) -> None:
    """Adds the options to the parser of `batch`."""
    parser.add_argument(
        "--cluster",
        metavar="ADDRESS",
        help="let a Ray cluster do the work: ray://HOST:10001, or auto for the cluster of this machine. By default "
        "there are as many --workers as fit",
    )
    parser.add_argument(
        "--manifest", metavar="FOLDER", help="folder for the manifest; needed if -o is the URL of an object store"
    )
    parser.add_argument(
        "--cpus-per-worker", type=int, metavar="N", help="processors for each worker of the cluster (default: 1)"
    )
    parser.add_argument(
        "--gpus-per-worker",
        type=float,
        metavar="X",
        help="GPUs for each worker of the cluster, or a share such as 0.25 (default: 0)",
    )


def check_cluster_options(arguments: argparse.Namespace) -> None:
    """Raises SettingsError if the options do not fit together."""
    processors, gpus = arguments.cpus_per_worker, arguments.gpus_per_worker
    for option, value in (("--cpus-per-worker", processors), ("--gpus-per-worker", gpus)):
        if value is not None and arguments.cluster is None:
            raise SettingsError.stating(f"{option} needs --cluster")
    if processors is not None and processors < 1:
        raise SettingsError("1 or more", str(processors), "--cpus-per-worker")
    if gpus is not None and not (0 <= gpus < 1 or (gpus >= 1 and gpus == int(gpus))):
        raise SettingsError("a share below 1, or a whole number", f"{gpus:g}", "--gpus-per-worker")
    if arguments.cluster and arguments.dry_run:
        advice = "Without --cluster, --dry-run lists the same photos and tries one on this machine."
        raise SettingsError("either --dry-run or --cluster", "both", "batch", advice)


def output_folders(arguments: argparse.Namespace) -> tuple[str, str]:
    """The output folder, and the folder of the manifest. They differ only if the output is in an object store.

    Raises:
        SettingsError: the folder of the manifest is missing, or is given but not needed.
    """
    from photostyle.batch.storage import is_url, plain

    output = plain(arguments.output)
    if is_url(output) and (arguments.manifest is None or is_url(arguments.manifest)):
        found = "no --manifest" if arguments.manifest is None else arguments.manifest
        advice = "The manifest grows with every photo, which an object store does not support."
        raise SettingsError("--manifest with a folder on this machine", found, f"-o {output}", advice)
    if not is_url(output) and arguments.manifest is not None:
        raise SettingsError(
            "-o with the URL of an object store", "a folder, which contains its own manifest", "--manifest"
        )
    return output, arguments.manifest or output


def cluster_workers(
    arguments: argparse.Namespace, settings: Settings, pixels: int, photos: int
) -> tuple[ClusterWorkers, int]:
    """Connects to the cluster and starts workers there.

    Args:
        arguments: the options of the command.
        settings: the settings of every transfer.
        pixels: size of the largest photo.
        photos: how many photos there are.

    Returns:
        The workers, and how many they are.

    Raises:
        SettingsError: Ray is not installed, the cluster does not answer, or the workers do not have the device.
    """
    from photostyle.batch.capacity import worker_bytes
    from photostyle.batch.cluster_workers import ClusterWorkers, WorkerResources, workers_that_fit
    from photostyle.batch.job import WorkerOptions
    from photostyle.batch.output_folder import PARTS, state_folder
    from photostyle.batch.ray_connection import RayConnection
    from photostyle.batch.storage import absolute, is_url
    from segmentation.threads import available_cores

    resources = WorkerResources(
        arguments.cpus_per_worker or 1, arguments.gpus_per_worker or 0.0, worker_bytes(settings, pixels)
    )
    device = _device(settings.device, resources.gpus)
    threads, wanted = resources.processors, arguments.workers
    ray = RayConnection(arguments.cluster, max(available_cores(), threads * (wanted or 1)))
    count = wanted or min(workers_that_fit(ray.free(), resources), photos)
    options = WorkerOptions(settings.with_changes({"device": device}), threads)
    folder = "" if is_url(arguments.output) else os.path.join(absolute(state_folder(arguments.output)), PARTS)
    return ClusterWorkers(ray, count, resources, options, folder), count


def _device(asked: str, gpus: float) -> str:
    """The device of the workers: a GPU only if each worker gets one or a share, whatever else their machines have."""
    device = {True: "cuda", False: "cpu"}[gpus > 0] if asked == "auto" else asked
    if (device != "cpu") != (gpus > 0):
        advice = "Give each worker a GPU or a share with --gpus-per-worker, and leave out --device."
        raise SettingsError(f"a device of workers with {gpus:g} GPUs", asked, "--device", advice)
    return device
