"""`photostyle doctor`: checks the installation and the machine, and says how to fix what is missing."""

from __future__ import annotations

import argparse
import json
import os
import platform
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from importlib import metadata
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from photostyle import __version__
from photostyle.cli.common import Commands, add_output_options, put
from photostyle.errors import PhotostyleError, WeightsError

if TYPE_CHECKING:
    from photostyle.settings import Settings

PACKAGES = (
    "torch", "torchvision", "onnxruntime", "opencv-python-headless", "numpy", "scipy", "Pillow", "imagecodecs",
    "simplejpeg", "tifffile", "safetensors", "threadpoolctl", "pydantic", "tqdm", "filelock", "jinja2",
)  # fmt: skip
FORMATS = {"JPEG": "jpg", "PNG": "zlib", "TIFF": "libtiff", "WebP": "webp", "AVIF": "avif"}
"""Each format, and the part of Pillow that reads and writes it."""


@dataclass(frozen=True)
class Finding:
    """The result of one check.

    Args:
        topic: what was checked.
        status: "ok"; "missing" if the preset `default` cannot run without it; "advice" if something could be better.
        found: what is there.
        advice: how to fix it; empty if there is nothing to fix.
        exit_code: the command's exit code because of this; 0 if the preset `default` runs anyway.
    """

    topic: str
    status: Literal["ok", "missing", "advice"]
    found: str
    advice: str = ""
    exit_code: int = 0


def add_to(commands: Commands) -> None:
    parser = commands.add_parser(
        "doctor",
        help="check the installation, and say how to fix what is missing",
        description="Checks the installation and the machine: what works, what is missing, and how to fix it. The exit "
        "code is 0 if the preset `default` can run.",
    )
    add_output_options(parser)
    parser.set_defaults(execute=execute)


def execute(arguments: argparse.Namespace) -> int:
    """Prints the findings; returns the exit code."""
    findings = list(diagnose())
    if arguments.json:
        put(json.dumps({"findings": [asdict(finding) for finding in findings]}, indent=2))
    else:
        width = max(len(finding.topic) for finding in findings)
        for finding in findings:
            first, *rest = finding.found.splitlines()
            put(f"{finding.status:8}{finding.topic:{width}}  {first}")
            for line in (*rest, *finding.advice.splitlines()):
                put(f"{'':8}{'':{width}}  {line}")
    return next((finding.exit_code for finding in findings if finding.exit_code), 0)


def diagnose() -> Iterator[Finding]:
    """Runs all checks, in the order in which people read them best."""
    yield Finding("python", "ok", f"{platform.python_version()} on {platform.platform()}")
    yield Finding("photostyle", "ok", f"{__version__} in {Path(__file__).parents[1]}")
    for name in PACKAGES:
        yield _package(name)
    yield Finding("memory", "ok", _memory())
    for topic, look in (("computing", _computing), ("formats", _formats), ("weights", _weights), ("cache", _cache)):
        yield from _run_check(topic, look)


def _run_check(topic: str, look: Callable[[], Iterator[Finding]]) -> Iterator[Finding]:
    """Runs one check. If a broken installation makes it fail, that is a finding too, and the other checks still run."""
    try:
        yield from look()
    except PhotostyleError as error:
        yield Finding(topic, "missing", str(error), exit_code=error.exit_code)
    except Exception as error:
        advice = "install photostyle again, in a new virtual environment"
        yield Finding(topic, "missing", f"{type(error).__name__}: {error}", advice, PhotostyleError.exit_code)


def _package(name: str) -> Finding:
    try:
        return Finding(name, "ok", metadata.version(name))
    except metadata.PackageNotFoundError:
        advice = f"python -m pip install {name}"
        return Finding(name, "missing", "not installed", advice, PhotostyleError.exit_code)


def _memory() -> str:
    """The machine's memory in GiB, or "unknown" if the system does not report it."""
    try:
        total = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (AttributeError, OSError, ValueError):
        return "unknown on this system"
    return f"{total / 2**30:.1f} GiB"


def _computing() -> Iterator[Finding]:
    import torch

    from photostyle.compute.device import chosen_dtype
    from photostyle.compute.nvidia import has_nvidia_card

    cores = os.cpu_count()
    yield Finding("processor", "ok", f"{cores} cores, torch computes on {torch.get_num_threads()} threads")
    native = chosen_dtype("auto", "cpu") == "bfloat16"
    yield Finding(
        "bfloat16", "ok", "the processor supports it" if native else "the processor lacks it: float32 is used"
    )
    for index in range(torch.cuda.device_count()):
        yield Finding(f"cuda:{index}", "ok", torch.cuda.get_device_name(index))
    if torch.backends.mps.is_available():
        yield Finding("mps", "ok", "available")
    if not torch.cuda.is_available() and has_nvidia_card():
        found = f"an NVIDIA card, but torch {torch.__version__} cannot use it: the processor is used"
        advice = "install torch with CUDA (https://pytorch.org/get-started/locally) and the newest NVIDIA driver"
        yield Finding("accelerator", "advice", found, advice)
    elif not torch.cuda.is_available() and not torch.backends.mps.is_available():
        yield Finding("accelerator", "ok", "none: the processor is used")


def _formats() -> Iterator[Finding]:
    from PIL import features

    from photostyle.photo.extras import EXTRAS

    for name, part in FORMATS.items():
        if features.check(part):
            yield Finding(name, "ok", "read and written")
        else:
            yield Finding(name, "advice", "neither read nor written", "python -m pip install --upgrade Pillow")
    for kind, (extra, module, package) in EXTRAS.items():
        if find_spec(module):
            yield Finding(kind, "ok", f"read, by {package} {metadata.version(package)}")
        else:
            yield Finding(kind, "advice", "not read", f"python -m pip install 'photostyle[{extra}]'")
    if find_spec("matplotlib"):
        yield Finding("reports", "ok", f"written, curves by matplotlib {metadata.version('matplotlib')}")
    else:
        yield Finding("reports", "advice", "not written", "python -m pip install 'photostyle[report]'")
    if find_spec("starlette") and find_spec("uvicorn"):
        yield Finding("studio", "ok", f"served by starlette {metadata.version('starlette')}")
    else:
        yield Finding("studio", "advice", "not served", "python -m pip install 'photostyle[studio]'")


def _weights() -> Iterator[Finding]:
    from photostyle.cli.weights import network_status
    from photostyle.encoders.weights import available
    from photostyle.presets import load_preset, preset_names

    presets = {name: load_preset(name) for name in preset_names()}
    for status in (*available(), network_status()):
        users = [name for name, preset in presets.items() if status.name in (preset.encoder.name, _network(preset))]
        needed = "default" in users
        if status.ok:
            yield Finding(f"weights {status.name}", "ok", str(status.path))
            continue
        found = f"{'wrong' if status.present else 'missing'}: {status.path}"
        advice = status.problem or f"photostyle weights fetch {status.name} (for the presets {', '.join(users)})"
        exit_code = WeightsError.exit_code if needed else 0
        yield Finding(f"weights {status.name}", "missing" if needed else "advice", found, advice, exit_code)


def _network(preset: Settings) -> str:
    """The name of the weights of a preset's segmenter; empty if they are not part of photostyle."""
    return "segmenter" if preset.regions.segmenter == "compact" else ""


def _cache() -> Iterator[Finding]:
    from photostyle.encoders.weights import cache_folder

    folder = cache_folder()
    existing = next(place for place in (folder, *folder.parents) if place.exists())
    if existing.is_dir() and os.access(existing, os.W_OK | os.X_OK):
        yield Finding("cache", "ok", str(folder))
    else:
        advice = "set XDG_CACHE_HOME to a folder that can be written to"
        yield Finding("cache", "advice", f"cannot be written: {existing}", advice)
