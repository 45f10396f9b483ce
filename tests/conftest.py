from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from photostyle.encoders import encoder_file, weights
from photostyle.encoders.vgg import CONVOLUTIONS, Encoder
from photostyle.regions.mask_files import write_mask
from photostyle.regions.region_map import RegionMap


@pytest.fixture(scope="session")
def small_weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A file of weights like the one that ships, with eight random filters a layer."""
    torch.manual_seed(0)
    encoder = Encoder((8,) * 13, padding="reflect")
    path = tmp_path_factory.mktemp("weights") / "small.safetensors"
    encoder_file.save_encoder(path, encoder, {name: torch.full((8,), 3.0) for name in CONVOLUTIONS}, name="small")
    return path


@pytest.fixture
def small_encoder(small_weights: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Puts the small encoder in the place of `compact`, so that a transfer takes a second."""
    monkeypatch.setattr(weights, "SHIPPED", small_weights)
    monkeypatch.setattr(weights, "COMPACT_SHA256", hashlib.sha256(small_weights.read_bytes()).hexdigest())
    return small_weights


@pytest.fixture(scope="session")
def scene() -> NDArray[np.float32]:
    """`(96, 128, 3)`: a bright blue sky with a soft cloud over a dark textured ground."""
    return made_scene(np.array([0.45, 0.6, 0.9]), np.array([0.3, 0.32, 0.25]), seed=0)


@pytest.fixture(scope="session")
def dusk() -> NDArray[np.float32]:
    """`(80, 120, 3)`: an orange sky over a nearly black ground."""
    return made_scene(np.array([0.9, 0.5, 0.25]), np.array([0.12, 0.08, 0.1]), seed=1)[:80, :120].copy()


@pytest.fixture
def masks(tmp_path: Path, scene: NDArray[np.float32], dusk: NDArray[np.float32]) -> tuple[Path, Path]:
    """Of `scene` and `dusk`, sky over building."""
    paths = tmp_path / "content_mask.png", tmp_path / "style_mask.png"
    for path, photo in zip(paths, (scene, dusk), strict=True):
        labels = np.ones(photo.shape[:2], np.uint8)
        labels[:50] = 0
        write_mask(path, RegionMap(labels, {0: "sky", 1: "building"}))
    return paths


def made_scene(sky: NDArray[np.float64], ground: NDArray[np.float64], seed: int) -> NDArray[np.float32]:
    rng = np.random.default_rng(seed)
    rows, columns = np.mgrid[0:96, 0:128]
    cloud = np.exp(-((rows - 20) ** 2 + (columns - 60) ** 2) / 300)[..., None]
    light = 0.15 * cloud + 0.1 * (rows / 96)[..., None]
    texture = 0.06 * rng.normal(size=(96, 128, 1))
    horizon = 50 + 4 * np.sin(columns / 15)
    picture = np.where((rows < horizon)[..., None], sky + light, ground + texture)
    return np.clip(picture, 0, 1).astype(np.float32)
