from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from photostyle.encoders import looking, weights
from photostyle.encoders.looking import FINE_LAYERS, LAYERS, load_features, load_style_term
from photostyle.errors import WeightsError


@pytest.mark.parametrize("size", [(32, 32), (64, 120)])
def test_the_features_are_those_of_the_encoder(size: tuple[int, int]) -> None:
    image = np.random.default_rng(0).random((2, 3, *size), np.float32)
    expected = weights.load("compact")(torch.from_numpy(image), LAYERS)
    for layer, found in load_features()(image).items():
        wanted = expected[layer].numpy()
        assert found.shape == wanted.shape
        assert np.abs(found - wanted).max() < 2e-3 * wanted.max()  # the file has half precision; 1.1e-3 at relu4_1


@pytest.mark.parametrize("layers", [None, LAYERS, FINE_LAYERS])
def test_a_missing_or_changed_file_is_refused(
    layers: tuple[str, ...] | None, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    path = looking.STYLE_TERMS[layers] if layers else looking.FEATURES
    other = tmp_path / path.name
    if layers:
        monkeypatch.setitem(looking.STYLE_TERMS, layers, other)
    else:
        monkeypatch.setattr(looking, "FEATURES", other)

    def load() -> object:
        return load_style_term(layers) if layers else load_features()

    monkeypatch.setitem(looking.SHA256, other, looking.SHA256[path])
    with pytest.raises(WeightsError, match=r"(?s)No such file.*Install photostyle again"):
        load()
    other.write_bytes(path.read_bytes()[:-1] + b"x")
    with pytest.raises(WeightsError, match=r"(?s)a file of sha256.*Install photostyle again"):
        load()
