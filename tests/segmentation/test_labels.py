from __future__ import annotations

import json

from segmentation.labels import CLASSES, NAMES, UNLABELLED
from tests.shared import shared


def test_classes_are_those_of_the_image_data() -> None:
    classes = json.loads(shared("data", "classes.json").read_text())["classes"]
    known = [(entry["id"], entry["name"], tuple(entry["colour"])) for entry in classes if entry["id"] != UNLABELLED]
    assert [(label.id, label.name, label.colour) for label in CLASSES] == known


def test_ids_names_and_colours_are_each_used_once() -> None:
    assert len(NAMES) == len(CLASSES) == len(set(NAMES.values())) == len({label.colour for label in CLASSES})
    assert UNLABELLED not in NAMES
