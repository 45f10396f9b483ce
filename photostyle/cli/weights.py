"""`photostyle weights`: lists, downloads or checks the weights of the networks: the encoders and the segmenter."""

from __future__ import annotations

import argparse
import hashlib
import json
from collections.abc import Iterable
from dataclasses import asdict
from typing import TYPE_CHECKING

from photostyle.cli.common import Commands, add_output_options, put
from photostyle.errors import WeightsError

if TYPE_CHECKING:
    from photostyle.encoders.weights import WeightsStatus


def add_to(commands: Commands) -> None:
    parser = commands.add_parser(
        "weights",
        help="list, download or check the weights of the networks",
        description="Photostyle uses neural networks: encoders, which measure a look, and a segmenter, which finds "
        "regions. Weights are the files of these networks. This command lists, downloads or checks them.",
    )
    actions = parser.add_subparsers(title="actions", metavar="ACTION", required=True)
    for name, action, short, meaning in (
        ("list", show, "list the weights", "Lists the weights: which are here, and where."),
        (
            "fetch",
            fetch,
            "download missing weights",
            "Downloads the weights that are missing, so that later runs need no internet connection.",
        ),
        (
            "verify",
            verify,
            "check that the files are right",
            "Checks the files of the weights. The exit code is 4 if a check fails.",
        ),
    ):
        chosen = actions.add_parser(name, help=short, description=meaning)
        if name == "fetch":
            chosen.add_argument("name", nargs="?", metavar="NAME", help="compact or vgg19 (default: both)")
        add_output_options(chosen)
        chosen.set_defaults(execute=action)


def show(arguments: argparse.Namespace) -> int:
    """Prints which weights are here and where; returns the exit code."""
    from photostyle.encoders.weights import available

    _print([*available(), network_status()], arguments.json)
    return 0


def fetch(arguments: argparse.Namespace) -> int:
    """Downloads the weights of one encoder, or of all; returns the exit code.

    Raises:
        SettingsError: no encoder has that name.
        WeightsError: the weights cannot be downloaded, or are the wrong ones.
        OutputError: the file cannot be written.
    """
    from photostyle.encoders import weights

    names = [arguments.name] if arguments.name else weights.NAMES
    paths = {name: str(weights.fetch(name, progress=not arguments.quiet)) for name in names}
    if arguments.json:
        put(json.dumps(paths, indent=2))
    else:
        put("\n".join(f"{name}  {path}" for name, path in paths.items()))
    return 0


def verify(arguments: argparse.Namespace) -> int:
    """Checks the files of the weights and prints the results; returns the exit code."""
    from photostyle.encoders import weights

    statuses = [*weights.verify(), network_status()]
    _print(statuses, arguments.json)
    return 0 if all(status.ok for status in statuses) else WeightsError.exit_code


def _print(statuses: Iterable[WeightsStatus], as_json: bool) -> None:
    if as_json:
        found = {status.name: asdict(status) | {"path": str(status.path)} for status in statuses}
        put(json.dumps(found, indent=2))
        return
    for status in statuses:
        state = "ok" if status.ok else "wrong" if status.present else "missing"
        size = f", {status.bytes / 1e6:.1f} MB, sha256 {status.sha256}" if status.present else ""
        put(f"{status.name:10}{state:8}{status.path}{size}")
        for line in status.problem.splitlines():
            put(f"{'':18}{line}")


def network_status() -> WeightsStatus:
    """The state of the segmenter's weights, which are part of photostyle. `available` does the same for encoders."""
    from photostyle.encoders.weights import WeightsStatus
    from segmentation.segmenter import SHIPPED, NetworkError, Segmenter

    problem = ""
    try:
        Segmenter.load()
    except NetworkError as error:
        problem = f"expected {error.expected}, found {error.found}\n{error.advice}"
    data = SHIPPED.read_bytes() if SHIPPED.is_file() else b""
    digest = hashlib.sha256(data).hexdigest() if data else ""
    return WeightsStatus("segmenter", SHIPPED, bool(data), len(data), digest, not problem, problem)
