from __future__ import annotations

import numpy as np
from PIL import Image

from segmentation.training.augment import recoloured, relit
from segmentation.training.samples import random_crop


def test_crops_keep_labels_on_their_pixels_and_ignore_what_is_outside() -> None:
    columns = np.broadcast_to(np.arange(90), (60, 90))
    label = (columns // 30).astype(np.uint8)
    image = Image.fromarray(np.repeat((label * 80)[..., None], 3, 2))
    rng = np.random.default_rng(0)
    beyond = 0
    for _ in range(20):
        pixels, labels = random_crop(image, Image.fromarray(label), 64, rng)
        assert pixels.shape == (64, 64, 3) and labels.shape == (64, 64)
        inside = labels != 255
        beyond += int((~inside).sum())
        assert np.mean(np.abs(pixels[inside][:, 0] * 255 - labels[inside] * 80.0) < 40) > 0.9
    assert beyond > 0


def test_relit_photos_are_photos_and_differ() -> None:
    rng = np.random.default_rng(0)
    photo = rng.random((32, 48, 3), np.float32)
    look = rng.integers(0, 256, (16, 16, 3), np.uint8)
    seen = [relit(photo, look, rng) for _ in range(30)]
    for picture in seen:
        assert picture.shape == photo.shape and picture.dtype == np.float32
        assert picture.min() >= 0 and picture.max() <= 1
    assert np.std([picture.mean() for picture in seen]) > 0.05


def test_recoloured_photos_change_class_by_class() -> None:
    rng = np.random.default_rng(0)
    photo = rng.random((40, 60, 3), np.float32)
    labels = np.full((40, 60), 255, np.uint8)
    labels[:20], labels[20:30] = 0, 4
    changed = np.zeros(40, bool)
    same = 0
    for _ in range(60):
        seen = recoloured(photo, labels, rng)
        assert seen.dtype == np.float32 and 0 <= seen.min() <= seen.max() <= 1
        rows = np.abs(seen - photo).max((1, 2)) > 0.1
        same += not rows.any()
        changed |= rows
    assert changed[:20].all() and changed[20:28].all()
    assert not changed[36:].any()  # no label, and far from a border
    assert 20 < same < 58
