"""Weights: written and read unchanged, and everything wrong refused in words."""

from __future__ import annotations

import hashlib
import json
import pickle
from collections.abc import Callable
from pathlib import Path
from urllib.error import URLError

import pytest
import torch
from safetensors.torch import save_file
from torch import Tensor

from photostyle.encoders import encoder_file, fetch, weights
from photostyle.encoders.vgg import CONVOLUTIONS, LAYERS, Encoder, mean_activation_factors
from photostyle.errors import OutputError, SettingsError, WeightsError

NARROW = (4, 4, 6, 6, 8, 8, 8, 8, 10, 10, 10, 10, 10)
TENSORS = 3 * len(CONVOLUTIONS) + 2


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty cache, and no weights of the user's in sight."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "torch"))
    monkeypatch.delenv("PHOTOSTYLE_WEIGHTS", raising=False)
    return tmp_path / "cache" / "photostyle"


@pytest.fixture
def encoder() -> Encoder:
    torch.manual_seed(0)
    return Encoder(NARROW, mean=(0.4, 0.5, 0.6), padding="reflect").eval().requires_grad_(False)


@pytest.fixture
def factors(encoder: Encoder) -> dict[str, Tensor]:
    return mean_activation_factors(encoder, [photo()])


@pytest.fixture
def file(tmp_path: Path, encoder: Encoder, factors: dict[str, Tensor]) -> Path:
    encoder_file.save_encoder(tmp_path / "own.safetensors", encoder, factors, name="own")
    return tmp_path / "own.safetensors"


@pytest.fixture
def torchvision_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """What torchvision's file looks like, with narrow random weights, in a folder that PHOTOSTYLE_WEIGHTS names."""
    torch.manual_seed(1)
    state, index = {"classifier.0.bias": torch.zeros(2)}, 0
    for name, before, after in zip(CONVOLUTIONS, (3, *NARROW), NARROW, strict=False):
        index += name in ("conv2_1", "conv3_1", "conv4_1", "conv5_1")
        state[f"features.{index}.weight"] = torch.randn(after, before, 3, 3) / (3 * before**0.5)
        state[f"features.{index}.bias"] = torch.randn(after) / 10
        index += 2
    path = tmp_path / "by_hand" / fetch.FILE
    path.parent.mkdir()
    torch.save(state, path, _use_new_zipfile_serialization=False)
    monkeypatch.setenv("PHOTOSTYLE_WEIGHTS", str(path.parent))
    monkeypatch.setattr(fetch, "SHA256", sha256(path))
    monkeypatch.setattr(fetch, "calibration_photos", lambda: iter([photo()]))
    return path


def photo() -> Tensor:
    return torch.rand(1, 3, 48, 33, generator=torch.Generator().manual_seed(5))


def sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def refuse_network(*_: object) -> None:
    pytest.fail("the network was used")


def test_loads_what_was_saved_rescaled(file: Path, encoder: Encoder, factors: dict[str, Tensor]) -> None:
    loaded = encoder_file.load_encoder(file, "average", sha256(file))
    assert (loaded.padding, loaded.pooling, loaded.widths, loaded.training) == ("reflect", "average", NARROW, False)
    assert not any(parameter.requires_grad for parameter in loaded.parameters())
    encoder.pooling = "average"
    before, after = encoder(photo(), LAYERS), loaded(photo(), LAYERS)
    for name, layer in zip(CONVOLUTIONS, LAYERS, strict=True):
        torch.testing.assert_close(after[layer], before[layer] * factors[name].view(1, -1, 1, 1))


def test_loading_leaves_the_file_and_the_random_numbers_alone(file: Path) -> None:
    digest = sha256(file)
    torch.manual_seed(7)
    expected = torch.rand(1)
    torch.manual_seed(7)
    encoder_file.load_encoder(file)
    assert torch.rand(1) == expected
    assert sha256(file) == digest


def test_the_same_encoder_makes_the_same_bytes(encoder: Encoder, factors: dict[str, Tensor]) -> None:
    notes = {key: key.upper() for key in ("name", "training", "source", "é")}
    assert len({encoder_file.encoder_bytes(encoder, factors, **notes) for _ in range(8)}) == 1


def test_shipped_weights_match_their_sha256() -> None:
    assert sha256(weights.SHIPPED) == weights.COMPACT_SHA256
    assert weights.SHIPPED.stat().st_size <= 4e6
    for layer, feature in weights.load("compact")(next(fetch.calibration_photos()), LAYERS).items():
        assert feature.isfinite().all(), layer


def test_shipped_filters_fire() -> None:
    """Nine tenths of every layer's filters have a mean activation near one on photos, as their factors promise."""
    encoder = weights.load("compact")
    features = [encoder(photo, LAYERS) for photo in fetch.calibration_photos()]
    for layer in LAYERS:
        means = torch.stack([feature[layer].mean((0, 2, 3)) for feature in features]).mean(0)
        assert (means > 0.05).float().mean() > 0.9, layer


def test_missing_file_and_folder(tmp_path: Path) -> None:
    with pytest.raises(WeightsError, match=r"none\.safetensors: expected .* found no such file"):
        encoder_file.load_encoder(tmp_path / "none.safetensors")
    with pytest.raises(WeightsError, match="directory"):
        encoder_file.load_encoder(tmp_path)


@pytest.mark.parametrize("length", [0, 1, 7, 8, 100, 5000, -1])
def test_cut_short(file: Path, length: int) -> None:
    digest = sha256(file)
    file.write_bytes(file.read_bytes()[:length])
    with pytest.raises(WeightsError, match="whole safetensors file"):
        encoder_file.load_encoder(file)
    with pytest.raises(WeightsError, match=f"expected a file of sha256 {digest}, found {sha256(file)}"):
        encoder_file.load_encoder(file, sha256=digest)


def test_altered_by_one_bit(file: Path) -> None:
    digest = sha256(file)
    data = bytearray(file.read_bytes())
    data[-100] ^= 1
    file.write_bytes(data)
    with pytest.raises(WeightsError, match="altered") as caught:
        encoder_file.load_encoder(file, sha256=digest)
    assert caught.value.exit_code == 4
    assert str(file) in str(caught.value)


class Trap:
    """Creates a file when it is unpickled."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[Callable[[Path], None], tuple[Path]]:
        return Path.touch, (self.path,)


@pytest.mark.parametrize("ending", [".safetensors", ".pth", ".pkl", ""])
@pytest.mark.parametrize("protocol", [0, 1, 2, 3, 4, 5, "torch", "old torch", "no code"])
def test_a_pickle_is_never_opened(tmp_path: Path, ending: str, protocol: int | str) -> None:
    path, sprung = tmp_path / f"weights{ending}", tmp_path / "sprung"
    if isinstance(protocol, int):
        path.write_bytes(pickle.dumps(Trap(sprung), protocol=protocol))
    elif protocol == "no code":
        path.write_bytes(pickle.dumps({"conv1_1.bias": [0.0]}))
    else:
        torch.save(Trap(sprung), path, _use_new_zipfile_serialization=protocol == "torch")
    with pytest.raises(WeightsError, match="safetensors file, found") as caught:
        encoder_file.load_encoder(path)
    assert not sprung.exists()
    if protocol not in (0, 1):
        assert "pickle" in caught.value.found


def without_factor(tensors: dict[str, Tensor]) -> None:
    del tensors["factor.conv3_2"]


def without_bias(tensors: dict[str, Tensor]) -> None:
    del tensors["conv3_2.bias"]


def with_scalar_bias(tensors: dict[str, Tensor]) -> None:
    tensors["conv3_2.bias"] = torch.tensor(0.0)


def with_more(tensors: dict[str, Tensor]) -> None:
    tensors["conv5_2.bias"] = torch.zeros(4)


def with_wide_filters(tensors: dict[str, Tensor]) -> None:
    tensors["conv1_1.weight"] = torch.zeros(4, 3, 5, 5)


def with_half_precision(tensors: dict[str, Tensor]) -> None:
    tensors["conv4_1.weight"] = tensors["conv4_1.weight"].half()


def with_nan(tensors: dict[str, Tensor]) -> None:
    tensors["conv2_2.weight"][0, 0, 0, 0] = torch.nan


def with_no_spread(tensors: dict[str, Tensor]) -> None:
    tensors["std"] = torch.zeros(1, 3, 1, 1)


def with_negative_factor(tensors: dict[str, Tensor]) -> None:
    tensors["factor.conv1_1"][2] = -1


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (without_factor, r"factor\.conv3_2 missing"),
        (without_bias, r"conv3_2\.bias' missing"),
        (with_scalar_bias, "missing or a scalar"),
        (with_more, r"expected .* 41 tensors .* conv5_2\.bias one too many"),
        (with_wide_filters, r"conv1_1\.weight as float32 \(4, 3, 3, 3\), found torch\.float32 \(4, 3, 5, 5\)"),
        (with_half_precision, r"found torch\.float16 \(10, 8, 3, 3\)"),
        (with_nan, r"conv2_2\.weight of finite numbers, found NaN"),
        (with_no_spread, "std above 0, found 0"),
        (with_negative_factor, r"factor\.conv1_1 above 0, found -1"),
    ],
)
def test_wrong_tensors(
    tmp_path: Path,
    encoder: Encoder,
    factors: dict[str, Tensor],
    spoil: Callable[[dict[str, Tensor]], None],
    message: str,
) -> None:
    path = tmp_path / "spoilt.safetensors"
    tensors = {key: value.clone() for key, value in encoder.state_dict().items()}
    tensors |= {f"factor.{name}": factor.clone() for name, factor in factors.items()}
    assert len(tensors) == TENSORS
    spoil(tensors)
    save_file(tensors, path, {"format": encoder_file.FORMAT, "padding": "zeros"})
    with pytest.raises(WeightsError, match=message):
        encoder_file.load_encoder(path)


@pytest.mark.parametrize("metadata", [None, {"format": "pt"}, {"format": encoder_file.FORMAT}, {"padding": "zeros"}])
def test_a_safetensors_file_of_another_kind(tmp_path: Path, metadata: dict[str, str] | None, encoder: Encoder) -> None:
    path = tmp_path / "other.safetensors"
    tensors = encoder.state_dict() | {
        f"factor.{name}": torch.ones(width) for name, width in zip(CONVOLUTIONS, NARROW, strict=True)
    }
    save_file(tensors, path, metadata)
    with pytest.raises(WeightsError, match=r"expected a photostyle encoder with (the format|a padding)"):
        encoder_file.load_encoder(path)


def test_unwritable_place(encoder: Encoder, factors: dict[str, Tensor], tmp_path: Path) -> None:
    with pytest.raises(OutputError):
        encoder_file.save_encoder(tmp_path / "no" / "folder.safetensors", encoder, factors)


def test_unknown_encoder() -> None:
    for function in (weights.load, weights.find_weights, weights.fetch):
        with pytest.raises(SettingsError, match="compact, vgg19"):
            function("vgg16")


def test_vgg19_from_torchvisions_file_put_there_by_hand(
    torchvision_file: Path, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(torch.hub, "download_url_to_file", refuse_network)
    encoder = weights.load("vgg19", "average")
    assert (encoder.pooling, encoder.padding, encoder.widths) == ("average", "zeros", NARROW)
    expected = fetch.encoder_of(torch.load(torchvision_file, weights_only=True))
    expected.rescale(mean_activation_factors(expected, fetch.calibration_photos()))
    expected.pooling = "average"
    for layer, feature in encoder(photo(), LAYERS).items():
        torch.testing.assert_close(feature, expected(photo(), [layer])[layer])
    assert sorted(path.name for path in cache.iterdir()) == ["vgg19.safetensors", "vgg19.safetensors.sha256"]
    assert (cache / "vgg19.safetensors.sha256").read_text() == (
        f"{sha256(cache / 'vgg19.safetensors')}  vgg19.safetensors\n"
    )


def test_what_was_made_is_not_made_again(torchvision_file: Path, cache: Path) -> None:
    made = weights.find_weights("vgg19")
    torchvision_file.unlink()
    assert weights.find_weights("vgg19") == made == cache / "vgg19.safetensors"
    assert weights.fetch("vgg19") == made


def test_the_named_folder_comes_before_the_cache(
    torchvision_file: Path, cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    weights.fetch("vgg19")
    own = tmp_path / "own"
    cache.rename(own)
    monkeypatch.setenv("PHOTOSTYLE_WEIGHTS", str(own))
    assert weights.find_weights("vgg19") == own / "vgg19.safetensors"
    assert weights.load("vgg19").widths == NARROW
    (own / "vgg19.safetensors.sha256").unlink()
    with pytest.raises(WeightsError, match=r"vgg19\.safetensors\.sha256: expected the sha256"):
        weights.load("vgg19")
    with pytest.raises(WeightsError):
        weights.fetch("vgg19")


def test_the_named_folder_must_be_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PHOTOSTYLE_WEIGHTS", str(tmp_path / "none"))
    with pytest.raises(WeightsError, match="PHOTOSTYLE_WEIGHTS"):
        weights.load("vgg19")
    assert [status.problem != "" for status in weights.verify() if status.name == "vgg19"] == [True]


def test_a_damaged_cache_is_refused_and_fetch_mends_it(torchvision_file: Path, cache: Path) -> None:
    kept = weights.fetch("vgg19")
    good = kept.read_bytes()
    kept.write_bytes(good[:-8] + b"\0\0\0\0\0\0\0\1")
    with pytest.raises(WeightsError, match="photostyle weights fetch vgg19"):
        weights.load("vgg19")
    (status,) = (status for status in weights.verify() if status.name == "vgg19")
    assert (status.present, status.ok) == (True, False)
    assert "altered" in status.problem
    assert weights.fetch("vgg19").read_bytes() == good


def test_torchvisions_file_must_be_the_right_one(torchvision_file: Path, cache: Path) -> None:
    torchvision_file.write_bytes(torchvision_file.read_bytes()[:-1])
    with pytest.raises(WeightsError, match="cut short") as caught:
        weights.load("vgg19")
    assert str(torchvision_file) in str(caught.value)
    assert list(cache.iterdir()) == []


def test_code_in_torchvisions_file_is_not_run(
    torchvision_file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    torch.save({"features.0.weight": Trap(tmp_path / "sprung")}, torchvision_file)
    monkeypatch.setattr(fetch, "SHA256", sha256(torchvision_file))
    with pytest.raises(WeightsError, match="UnpicklingError"):
        weights.load("vgg19")
    assert not (tmp_path / "sprung").exists()


def test_another_network_in_torchvisions_file(torchvision_file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    torch.save({"features.0.weight": torch.zeros(4, 3, 3, 3)}, torchvision_file)
    monkeypatch.setattr(fetch, "SHA256", sha256(torchvision_file))
    with pytest.raises(WeightsError, match=r"KeyError: 'features\.0\.bias'"):
        weights.load("vgg19")


def test_a_cache_that_cannot_be_made(torchvision_file: Path, tmp_path: Path) -> None:
    (tmp_path / "cache").write_text("a file in the cache's place")
    with pytest.raises(OutputError, match="XDG_CACHE_HOME"):
        weights.load("vgg19")


def test_torchvisions_url_is_that_of_our_file() -> None:
    assert fetch.url().rsplit("/", 1)[1] == fetch.FILE


@pytest.mark.parametrize("taken", ["vgg19.safetensors", "vgg19.safetensors.sha256"])
def test_a_cache_that_cannot_be_written_is_told_before_the_download(
    taken: str, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (cache / taken).mkdir(parents=True)
    monkeypatch.setattr(fetch, "vgg19", None)
    with pytest.raises(OutputError, match="found a folder"):
        weights.fetch("vgg19", progress=False)


def test_fetched_and_cleared_away(torchvision_file: Path, cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    data = torchvision_file.read_bytes()
    torchvision_file.unlink()

    def download(url: str, path: str, digest: str, progress: bool) -> None:
        assert (url, digest, progress) == (fetch.url(), fetch.SHA256, False)
        Path(path).write_bytes(data)

    monkeypatch.setattr(torch.hub, "download_url_to_file", download)
    assert weights.load("vgg19", progress=False).widths == NARROW
    assert sorted(path.name for path in cache.iterdir()) == ["vgg19.safetensors", "vgg19.safetensors.sha256"]


@pytest.mark.parametrize(
    "failure",
    [
        URLError("Name or service not known"),
        TimeoutError("timed out"),
        RuntimeError('invalid hash value (expected "dcbb9e9d", got "00")'),
        OSError(28, "No space left on device"),
    ],
)
def test_a_failed_download_says_what_to_put_where(
    cache: Path, monkeypatch: pytest.MonkeyPatch, failure: Exception
) -> None:
    def download(url: str, path: str, *_: object) -> None:
        Path(path).write_bytes(b"the first half")
        raise failure

    monkeypatch.setattr(torch.hub, "download_url_to_file", download)
    with pytest.raises(WeightsError) as caught:
        weights.load("vgg19")
    for needed in (fetch.url(), fetch.FILE, str(cache), "PHOTOSTYLE_WEIGHTS", type(failure).__name__):
        assert needed in str(caught.value)
    assert len(str(caught.value).splitlines()) <= 3
    assert list(cache.iterdir()) == []


def test_an_interrupted_download_leaves_nothing(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def download(url: str, path: str, *_: object) -> None:
        Path(path).write_bytes(b"the first half")
        raise KeyboardInterrupt

    monkeypatch.setattr(torch.hub, "download_url_to_file", download)
    with pytest.raises(KeyboardInterrupt):
        weights.load("vgg19")
    assert list(cache.iterdir()) == []


def test_a_wrong_download_is_refused(tmp_path: Path, cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """torch.hub's own check, on a file:// address."""
    (tmp_path / "wrong.pth").write_bytes(b"not the weights")
    monkeypatch.setattr(fetch, "url", (tmp_path / "wrong.pth").as_uri)
    with pytest.raises(WeightsError, match="invalid hash value"):
        weights.load("vgg19", progress=False)
    assert list(cache.iterdir()) == []


def test_status_of_all_without_fetching(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.hub, "download_url_to_file", refuse_network)
    compact, vgg19 = weights.available()
    assert (compact.name, compact.path) == ("compact", weights.SHIPPED)
    assert vgg19 == weights.WeightsStatus("vgg19", cache / "vgg19.safetensors", False, 0, "", False, "")
    assert [status.name for status in weights.verify()] == ["compact"]
    assert not cache.exists()


def test_status_of_what_is_there(torchvision_file: Path, cache: Path) -> None:
    path = weights.fetch("vgg19")
    status = weights.verify()[1]
    assert status == weights.WeightsStatus("vgg19", path, True, path.stat().st_size, sha256(path), True, "")


def test_status_of_shipped_weights_gone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(weights, "SHIPPED", tmp_path / "compact.safetensors")
    status = weights.verify()[0]
    assert (status.present, status.ok) == (False, False)
    assert status.problem.startswith("expected the weights of an encoder, found no such file\n")
    assert "Install photostyle anew" in status.problem


def test_metadata_names_the_source(torchvision_file: Path) -> None:
    data = weights.fetch("vgg19").read_bytes()
    metadata = json.loads(data[8 : 8 + int.from_bytes(data[:8], "little")])["__metadata__"]
    assert metadata == {"format": encoder_file.FORMAT, "name": "vgg19", "padding": "zeros", "source": fetch.FILE}
