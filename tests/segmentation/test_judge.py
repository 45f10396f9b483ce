from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from segmentation.segmenter import Segmenter
from segmentation.training.evaluate import JUDGED, compare, confusion, figures, in_percent
from segmentation.training.samples import Sample


def test_confusion_merges_the_foreground(tmp_path: Path) -> None:
    def objects(photos: np.ndarray) -> np.ndarray:
        logits = np.zeros((len(photos), 10, 8, 8), np.float32)
        logits[:, 9] = 9
        return logits

    Image.fromarray(np.zeros((4, 4, 3), np.uint8)).save(tmp_path / "photo.png")
    label = np.array([[0, 6, 7, 254], [8, 9, 255, 255], [255] * 4, [255] * 4], np.uint8)
    table = confusion(Segmenter(objects), [Sample(tmp_path / "photo.png", label)])
    assert table.sum() == 6
    assert table[6, 6] == 5 and table[0, 6] == 1
    assert figures(table)["accuracy"] == pytest.approx(5 / 6)
    assert figures(table)["mean IoU"] == pytest.approx((0 + 5 / 6) / 2)


def test_the_matrix_in_percent_of_the_true_class() -> None:
    truth = np.array([[0, 0, 0, 1], [254, 255, 255, 255]], np.uint8)
    found = np.array([[0, 0, 1, 1], [6, 0, 0, 0]])
    table = compare(found, truth)
    assert table.sum() == 5 and table[0, 0] == 2 and table[0, 1] == 1 and table[1, 1] == 1 and table[6, 6] == 1
    lines = in_percent(table).splitlines()
    assert lines[0].startswith("| true class | of all | sky | building |")
    assert lines[2] == "| sky | 60.0 | 66.7 | 33.3 | 0.0 | 0.0 | 0.0 | 0.0 | 0.0 |"
    assert lines[4] == "| vegetation | 0.0 | 0.0 | 0.0 | 0.0 | 0.0 | 0.0 | 0.0 | 0.0 |"
    assert len(lines) == 2 + len(JUDGED)
