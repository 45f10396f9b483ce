"""Random changes of light for the training photos, because style photos are taken at sunset, at night and in fog."""

from __future__ import annotations

import io

import numpy as np
from numpy.typing import NDArray
from PIL import Image


def relit(photo: NDArray[np.float32], look: NDArray[np.uint8], rng: np.random.Generator) -> NDArray[np.float32]:
    """The photo after random changes: the colours of another photo, another light, fog, noise and JPEG compression.

    Each change is applied with its own probability.

    Args:
        photo: `(H, W, 3) float32`, sRGB-encoded, [0, 1].
        look: `(h, w, 3) uint8`, sRGB-encoded: the other photo. Its colours may be transferred, channel by channel.
        rng: the source of random numbers.

    Returns:
        `(H, W, 3) float32`, [0, 1].
    """
    if rng.random() < 0.35:
        photo = _matched(photo, look, rng.uniform(0.4, 1.0))
    if rng.random() < 0.6:
        photo = _exposed(photo, rng)
    if rng.random() < 0.2:
        photo = _hazy(photo, rng)
    if rng.random() < 0.3:
        photo = photo + rng.normal(0, rng.uniform(0.005, 0.05), photo.shape).astype(np.float32)
    photo = np.clip(photo, 0, 1).astype(np.float32)
    return _compressed(photo, rng) if rng.random() < 0.2 else photo


def _matched(photo: NDArray[np.float32], look: NDArray[np.uint8], share: float) -> NDArray[np.float32]:
    """Moves the distribution of each channel towards the distribution in the look. With `share` 1 it reaches it."""
    at = np.linspace(0, 1, 33)
    result = np.empty_like(photo)
    for channel in range(3):
        own = np.quantile(photo[::4, ::4, channel], at) + 1e-6 * np.arange(33)
        wanted = np.quantile(look[..., channel] / 255, at)
        result[..., channel] = np.interp(photo[..., channel], own, wanted)
    return np.float32(1 - share) * photo + np.float32(share) * result


def _exposed(photo: NDArray[np.float32], rng: np.random.Generator) -> NDArray[np.float32]:
    """Random exposure, colour of the light, gamma, saturation and contrast. One photo in four becomes as dark as at
    night."""
    night = rng.random() < 0.25
    linear = photo**2.2
    gain = np.exp(rng.normal(-1.8 if night else 0.0, 0.5) + rng.normal(0, 0.25, 3))
    lit: NDArray[np.float32] = np.clip(linear * gain.astype(np.float32), 0, 1) ** np.float32(1 / 2.2)
    lit = lit ** np.float32(np.exp(rng.normal(0, 0.25)))
    grey = lit.mean(2, keepdims=True)
    lit = grey + (lit - grey) * np.float32(rng.uniform(0.2, 1.6))
    middle = np.float32(lit.mean())
    contrast = np.float32(rng.uniform(0.6, 1.4))
    lit = np.clip(middle + contrast * (lit - middle), 0, 1)
    return lit.astype(np.float32)


def _hazy(photo: NDArray[np.float32], rng: np.random.Generator) -> NDArray[np.float32]:
    """Adds fog of one colour that becomes thicker towards a random side of the photo."""
    height, width = photo.shape[:2]
    rows, columns = np.mgrid[0 : 1 : height * 1j, 0 : 1 : width * 1j].astype(np.float32)
    angle = rng.uniform(0, 2 * np.pi)
    along = 0.5 + np.cos(angle) * (rows - 0.5) + np.sin(angle) * (columns - 0.5)
    thickness = (rng.uniform(0.1, 0.8) * np.clip(along, 0, 1))[..., None].astype(np.float32)
    colour = np.clip(rng.uniform(0.4, 1.0) + rng.normal(0, 0.06, 3), 0, 1).astype(np.float32)
    hazy: NDArray[np.float32] = (1 - thickness) * photo + thickness * colour
    return hazy


def _compressed(photo: NDArray[np.float32], rng: np.random.Generator) -> NDArray[np.float32]:
    file = io.BytesIO()
    Image.fromarray((photo * 255 + 0.5).astype(np.uint8)).save(file, "JPEG", quality=int(rng.integers(30, 90)))
    return np.asarray(Image.open(file), np.float32) / np.float32(255)
