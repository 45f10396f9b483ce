"""Finds or downloads torchvision's VGG-19, verifies it, cuts it at relu5_1 and measures its mean activations.

The weights are `VGG19_Weights.IMAGENET1K_V1` of torchvision, trained on ImageNet. The name of torchvision's file has
the first eight digits of its sha256. We check all 64 digits, which agree with these eight.
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
"""Our own photos, on which mean activations are measured; see the README there."""


def vgg19(folders: Iterable[Path], workplace: Path, progress: bool) -> tuple[Encoder, dict[str, Tensor]]:
    """torchvision's VGG-19 up to relu5_1, and the factors that make its mean activations one.

    Args:
        folders: folders that may have torchvision's file already. The first one with the file is used.
        workplace: an existing folder with 550 MB of free space for a download. The download is deleted afterwards.
        progress: whether a download shows its progress on standard error.

    Returns:
        The encoder, not yet rescaled, and `{convolution: (C,) float32}` for `Encoder.rescale`.

    Raises:
        WeightsError: the file is the wrong one, or cannot be downloaded.
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
        keep: the folder where a user may put the file by hand. The error message names it.
        progress: whether to show the progress on standard error.

    Raises:
        WeightsError: there is no network or no space, or the download was interrupted or altered.
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

    The file is a pickle. It is opened only if its sha256 is right, and then only tensors are allowed.

    Raises:
        WeightsError: the sha256 is another one, or the file is not torchvision's VGG-19.
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
        KeyError, RuntimeError: a convolution is missing or has the wrong shape.
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
        WeightsError: the package does not have them.
    """
    paths = sorted(CALIBRATION.glob("*.jpg"))
    if not paths:
        raise WeightsError("calibration photos", "none", str(CALIBRATION), "Install photostyle anew.")
    yield from map(read_photo, paths)


def read_photo(path: Path) -> Tensor:
    """The pixels of a photo's file as `(1, 3, H, W)` float32, [0, 1]. Unlike `Photo.read`, it ignores colour profiles.

    Raises:
        OSError: the file is missing or is not a photo.
    """
    with Image.open(path) as image:
        pixels = np.array(image.convert("RGB"))
    return torch.from_numpy(pixels).permute(2, 0, 1)[None].float() / 255
