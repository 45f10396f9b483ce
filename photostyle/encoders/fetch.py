"""torchvision's VGG-19: found or downloaded, verified, cut to relu5_1, its mean activations measured.

The weights are `VGG19_Weights.IMAGENET1K_V1` of torchvision, trained on ImageNet. torchvision publishes the first eight
digits of the file's sha256, in its name; we hold the file to all 64, which agree with them.
"""

from __future__ import annotations

import hashlib
import pickle
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from http.client import HTTPException
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from photostyle.encoders.vgg import CONVOLUTIONS, Encoder, level, mean_activation_factors
from photostyle.errors import WeightsError

SHA256 = "dcbb9e9dad569fff7a846263a77324fc34978fea2bfb039c012d710e1776ae44"
FILE = f"vgg19-{SHA256[:8]}.pth"
CALIBRATION = Path(__file__).with_name("calibration")
"""Photos of our own to measure mean activations on; see the README there."""


def vgg19(folders: Iterable[Path], workplace: Path, progress: bool) -> tuple[Encoder, dict[str, Tensor]]:
    """VGG-19 up to relu5_1 as torchvision has it, and the factors that bring its mean activations to one.

    Args:
        folders: where torchvision's file may lie already, the first that has it wins.
        workplace: an existing folder with 550 MB to spare, for a download, which does not stay.
        progress: whether a download shows how far it is, on standard error.

    Returns:
        The encoder, not yet rescaled, and `{convolution: (C,) float32}` for `Encoder.rescale`.

    Raises:
        WeightsError: the file is not the one it should be, or cannot be downloaded.
    """
    present = next((folder / FILE for folder in folders if (folder / FILE).is_file()), None)
    if present:
        encoder = read(present)
    else:
        with tempfile.TemporaryDirectory(dir=workplace, prefix="download.") as folder:
            encoder = read(download(Path(folder), workplace, progress))
    return encoder, mean_activation_factors(encoder, calibration_photos())


def url() -> str:
    """Where torchvision keeps the file."""
    from torchvision.models import VGG19_Weights

    return str(VGG19_Weights.IMAGENET1K_V1.url)


def download(folder: Path, keep: Path, progress: bool) -> Path:
    """Downloads torchvision's file into `folder`.

    Args:
        folder: an existing folder.
        keep: where a user may put the file by hand; the error names it.
        progress: whether to show how far it is, on standard error.

    Raises:
        WeightsError: no network, an interrupted or altered download, no space.
    """
    path = folder / FILE
    try:
        torch.hub.download_url_to_file(url(), str(path), SHA256, progress)
    except (OSError, HTTPException, RuntimeError) as error:
        advice = (
            f"Fetch {url()} (548 MB) in another way and put it, as {FILE}, into {keep} "
            "or into a folder that PHOTOSTYLE_WEIGHTS names.\nOr use the encoder that ships: --encoder compact"
        )
        raise WeightsError(f"to download {url()}", f"{type(error).__name__}: {error}", "vgg19", advice) from error
    return path


def read(path: Path) -> Encoder:
    """The encoder in torchvision's file, on the CPU, in float32 and frozen.

    The file is a pickle: it is opened only when its sha256 is right, and then with tensors alone allowed.

    Raises:
        WeightsError: another sha256, or not torchvision's VGG-19.
    """
    advice = f"Remove the file, or put in its place the one from {url()}"
    try:
        with path.open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
        if digest != SHA256:
            found = f"{digest}: the file is another one, altered or cut short"
            raise WeightsError(f"torchvision's VGG-19, of sha256 {SHA256}", found, str(path), advice)
        return encoder_of(torch.load(path, map_location="cpu", weights_only=True))
    except (OSError, pickle.UnpicklingError, RuntimeError, EOFError, LookupError, TypeError, ValueError) as error:
        found = f"{type(error).__name__}: {error}".splitlines()[0]
        raise WeightsError("torchvision's VGG-19", found, str(path), advice) from error


def encoder_of(state: Mapping[str, Tensor]) -> Encoder:
    """The encoder with the convolutions of torchvision's `vgg19`, at whatever widths they have.

    torchvision numbers convolutions, ReLUs and poolings together: `features.0` is conv1_1, `features.28` conv5_1.

    Raises:
        KeyError, RuntimeError: a convolution is missing or of an unfit shape.
    """
    tensors, index = {}, 0
    for name in CONVOLUTIONS:
        if name.endswith("_1") and level(name):
            index += 1
        for part in ("weight", "bias"):
            tensors[f"{name}.{part}"] = state[f"features.{index}.{part}"].float()
        index += 2
    encoder = Encoder([len(tensors[f"{name}.bias"]) for name in CONVOLUTIONS])
    encoder.load_state_dict(tensors | {"mean": encoder.mean, "std": encoder.std})
    return encoder.eval().requires_grad_(False)


def calibration_photos() -> Iterator[Tensor]:
    """The calibration photos, each `(1, 3, H, W)` float32, sRGB-encoded, [0, 1], in the order of their names.

    Raises:
        WeightsError: the package lacks them.
    """
    paths = sorted(CALIBRATION.glob("*.jpg"))
    if not paths:
        raise WeightsError("calibration photos", "none", str(CALIBRATION), "Install photostyle anew.")
    yield from map(read_photo, paths)


def read_photo(path: Path) -> Tensor:
    """A photo's file as `(1, 3, H, W)` float32, [0, 1], as stored: unlike `Photo.read`, its profile is not looked at.

    Raises:
        OSError: the file is missing or no photo.
    """
    with Image.open(path) as image:
        pixels = np.array(image.convert("RGB"))
    return torch.from_numpy(pixels).permute(2, 0, 1)[None].float() / 255
