"""Random changes of light for the training photos, because style photos are taken at sunset, at night and in fog."""

from __future__ import annotations

import io

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from scipy import ndimage

from segmentation.labels import UNLABELLED


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


def recoloured(photo: NDArray[np.float32], labels: NDArray[np.uint8], rng: np.random.Generator) -> NDArray[np.float32]:
    """The photo with other colours for some of its classes: autumn leaves, a red sky, snow on the ground.

    One photo in three is changed. Borders between changed and unchanged classes are soft, so that they do not give the
    labels away.

    Args:
        photo: `(H, W, 3) float32`, sRGB-encoded, [0, 1].
        labels: `(H, W) uint8`: ids of classes; 255 is no label.
        rng: the source of random numbers.

    Returns:
        `(H, W, 3) float32`, [0, 1].
    """
    if rng.random() > 1 / 3:
        return photo
    width = rng.uniform(1, 4)
    for label in np.unique(labels[labels != UNLABELLED]).tolist():
        if rng.random() < 0.5:
            share = ndimage.gaussian_filter((labels == label).astype(np.float32), width)[..., None]
            photo = photo + share * (_turned(photo, rng) - photo)
    return np.clip(photo, 0, 1).astype(np.float32)


def _turned(photo: NDArray[np.float32], rng: np.random.Generator) -> NDArray[np.float32]:
    """Random hue, saturation, brightness, contrast and tint. One time in four all colour is lost."""
    grey = photo.mean(2, keepdims=True)
    angle = rng.normal(0, 0.8)
    third = (1 - np.cos(angle)) / 3
    turn = np.cos(angle) * np.eye(3) + third
    turn += np.sin(angle) / np.sqrt(3) * np.array([[0, -1, 1], [1, 0, -1], [-1, 1, 0]])  # about the axis of greys
    saturation = 0.0 if rng.random() < 0.25 else rng.uniform(0.3, 1.8)
    colour = saturation * ((photo - grey) @ turn.T.astype(np.float32))
    middle = grey.mean()
    light = middle * np.exp(rng.normal(0, 0.4)) + rng.uniform(0.6, 1.3) * (grey - middle)
    turned: NDArray[np.float32] = (light + colour + rng.normal(0, 0.05, 3)).astype(np.float32)
    return turned


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
