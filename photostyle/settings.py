"""The settings of a transfer. They are frozen, are validated when they are made, and can be read from TOML.

The source of each default is named here.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal, overload

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from photostyle.errors import SettingsError
from photostyle.preset_files import preset_tree

KEYWORDS = {
    "strength": "strength",
    "size": "solver.size",
    "seed": "seed",
    "segmenter": "regions.segmenter",
    "encoder": "encoder.name",
    "device": "device",
}
"""Short names of settings, for the command line and `transfer`, and the dotted names that they stand for."""
OPEN = {("objective", "style_layers"), ("look", "regions")}
"""Tables that take other keys than they have: `--set` may add a key to them."""
Share = Annotated[float, Field(ge=0, le=1)]
LayerName = Annotated[str, Field(pattern=r"^relu([12]_[12]|[34]_[1-4]|5_1)$")]
Weight = Annotated[float, Field(ge=0)]


class Section(BaseModel):
    """Base of all settings: frozen, no unknown keys, no NaN or infinity."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class EncoderSettings(Section):
    name: Literal["compact", "vgg19"] = Field("compact", description="encoder whose features are compared")
    pooling: Literal["max", "average"] = Field(
        "max", description="max, as in VGG-19; or average, which Gatys et al. 2016 prefer"
    )
    dtype: Literal["auto", "float32", "bfloat16"] = Field(
        "auto",
        description="number format of the encoder; auto is float32 where PyTorch is not needed (docs/default.md), "
        "bfloat16 if the device multiplies it natively (measured gain: docs/performance.md), else float32",
    )


class RegionSettings(Section):
    segmenter: str = Field(
        "compact",
        description="how regions are found if no masks are given: compact (the network that ships with photostyle), "
        "clusters (groups of pixels that look alike in all photos), none (each photo is one region), OWNER/MODEL (a "
        "network from the hub), or a folder with such a network",
    )
    smallest: float = Field(
        0.001,
        ge=0,
        lt=1,
        description="smallest share of the photo that a region needs, in the content and in the style, to be measured "
        "(our choice)",
    )

    unmatched: Literal["follow", "keep"] = Field(
        "follow",
        description="what happens to a region of the content that has no counterpart in any style: follow gives it the "
        "change of the rest of the photo (exposure, white balance and contrast), keep leaves it as it is. The method "
        "pixels always keeps it",
    )

    @field_validator("segmenter")
    @classmethod
    def _known(cls, value: str) -> str:
        if value not in ("compact", "clusters", "none") and not re.search(r"[/\\]", value):
            raise ValueError("a segmenter is compact, clusters, none, OWNER/MODEL of the hub, or a folder")
        return value


class ObjectiveSettings(Section):
    content: Weight = Field(5.0, description="alpha, weight of the content term (authors' program: 5)")
    content_layers: tuple[LayerName, ...] = Field(
        ("relu4_2",), min_length=1, description="layers of the content term (Luan et al. 2017, section 4)"
    )
    style: Weight = Field(100.0, description="Gamma, weight of the style term (Luan et al. 2017, section 4)")
    style_layers: dict[LayerName, Weight] = Field(
        {"relu1_1": 1.0, "relu2_1": 1.0, "relu3_1": 1.0, "relu4_1": 1.0, "relu5_1": 1.0},
        min_length=1,
        description="layers of the style term, and beta, the weight of each (authors' program: 1 each)",
    )
    photorealism: Weight = Field(
        1e4, description="lambda, weight of the photorealism term (Luan et al. 2017, section 4)"
    )
    total_variation: Weight = Field(1e-3, description="weight of the total variation (authors' program: 1e-3)")
    epsilon: float = Field(1e-7, gt=0, description="regularisation of the Matting Laplacian (authors' program)")


class SolverSettings(Section):
    method: Literal["grid", "closed form", "pixels"] = Field(
        "grid",
        description="how the look is found: grid solves for affine maps on bilateral grids (section grid), "
        "closed form uses the closed form without a solver, pixels solves for every pixel (sections objective and "
        "smoothing)",
    )
    size: int = Field(
        512,
        ge=64,
        le=4096,
        description="longest side, in pixels, of the photos that the look is found from (our trials: docs/default.md; "
        "authors' photos: 700)",
    )
    start: Literal["content", "noise"] = Field("content", description="what the method pixels starts from")
    iterations: int = Field(
        1000,
        ge=0,
        le=100_000,
        description="most iterations of the method pixels in its first stage, without photorealism",
    )
    photorealistic_iterations: int = Field(
        1000,
        ge=0,
        le=100_000,
        description="most iterations of the method pixels in its second stage, with photorealism",
    )
    history: int = Field(
        10, ge=1, le=100, description="number of pairs that L-BFGS remembers (Liu and Nocedal 1989: 3 to 20)"
    )
    tolerance: float = Field(
        1e-3,
        ge=0,
        lt=1,
        description="the method pixels: a stage has converged if, over solver.patience iterations, its loss falls by "
        "no more than this share of itself",
    )
    patience: int = Field(
        20, ge=1, le=10_000, description="number of iterations over which solver.tolerance is measured"
    )


class GridSettings(Section):
    """Settings of the methods `grid` and `closed form`. All defaults were chosen by trials, see docs/default.md."""

    rows: int = Field(6, ge=1, le=64, description="number of cells of each region's grid over the rows of the photo")
    warmths: int = Field(5, ge=1, le=64, description="number of cells over the range of warmth, red less blue")
    lumas: int = Field(6, ge=1, le=32, description="number of cells over the range of luma")
    lightness: float = Field(
        0.4, ge=0, le=1, description="share of the lightness curve that is used in the closed form"
    )
    layout: Share = Field(
        1.0,
        description="how far the colours of a region depend on height as those of the style do; see docs/default.md",
    )
    denoise: Share = Field(
        1.0,
        description="how far noise and blocks of JPEG are taken out of dark parts that become lighter: 0 not at all, "
        "1 fully",
    )
    style: Weight = Field(11.5, description="weight of the style term, a relative distance of Gram matrices")
    style_layers: tuple[LayerName, ...] = Field(
        ("relu1_1", "relu2_1", "relu3_1", "relu4_1"),
        min_length=1,
        description="layers of the style term at half the size of the solve",
    )
    fine_layers: tuple[LayerName, ...] = Field(
        ("relu1_1", "relu2_1", "relu3_1"),
        min_length=1,
        description="layers of the style term at the size of the solve; more of them cost time",
    )
    colours: Weight = Field(14.5, description="weight of the colour term, a sliced Wasserstein distance")
    structure: Weight = Field(
        0.6, description="weight of the structure term: correlation of luma gradients with those of the content"
    )
    edges: Weight = Field(1.8, description="weight of the edge term: similarity of the edge map to that of the content")
    photorealism: Weight = Field(
        8.0, description="weight of the photorealism term; 1 here is 0.001 in objective.photorealism"
    )
    drift: Weight = Field(
        3.0,
        description="weight of the drift term: hue and chroma that change from place to place, and grain",
    )
    epsilon: float = Field(1e-5, gt=0, description="regularisation of the Matting Laplacian")
    across: Weight = Field(30.0, description="stiffness between neighbouring cells over the rows")
    warmth: Weight = Field(20.0, description="stiffness between neighbouring cells in warmth")
    along: Weight = Field(5.0, description="stiffness between neighbouring cells in luma")
    prior: Weight = Field(0.2, description="weight of the distance from the closed form")
    chroma: float = Field(
        6.0, ge=1, le=1e3, description="how many times stiffer changes of colour are than changes of light"
    )
    history: int = Field(40, ge=1, le=1000, description="number of pairs that L-BFGS remembers")
    coarse_iterations: int = Field(24, ge=0, le=10_000, description="most iterations at half the size of the solve")
    iterations: int = Field(8, ge=0, le=10_000, description="most iterations at the size of the solve")
    tolerance: float = Field(
        2e-3,
        ge=0,
        lt=1,
        description="a stage has converged if, over grid.patience iterations, its loss falls by no more than this "
        "share of itself",
    )
    patience: int = Field(8, ge=1, le=10_000, description="number of iterations over which grid.tolerance is measured")

    @property
    def layers(self) -> tuple[str, ...]:
        """All layers of the style term."""
        return tuple(sorted({*self.style_layers, *self.fine_layers}))


class SmoothingSettings(Section):
    enabled: bool = Field(True, description="smooth the result at the end with the authors' local affine maps")
    radius: int = Field(15, ge=1, le=100, description="radius of the smoothing in pixels (authors' program: 15)")
    edge: float = Field(
        0.01, ge=1e-3, le=10, description="colour difference that counts as an edge (authors' program: 0.01)"
    )


class LookSettings(Section):
    """How much of each part of the look is used. These settings do not affect what is solved for. See docs/looks.md."""

    lightness: Share = Field(
        1.0, description="how much the mean lightness of each region changes (CIELAB L*): 0 not at all, 1 fully"
    )
    contrast: Share = Field(1.0, description="how much lightness changes around that mean: 0 not at all, 1 fully")
    colour: Share = Field(1.0, description="how much colour changes (CIELAB a* and b*): 0 not at all, 1 fully")
    keep_luminance: bool = Field(
        False, description="keep the content's L* and change only its colour, as lightness 0 and contrast 0 do"
    )
    regions: dict[str, Share] = Field({}, description="strength of regions by name; 1 for regions that are not named")
    skin: Share = Field(0.0, description="protection of skin colours: 0 is none, at 1 they stay unchanged")
    neutrals: Share = Field(0.0, description="protection of greys: 0 is none, at 1 only their lightness changes")


class OutputSettings(Section):
    """How the result is written. See `Photo.encode` for the values."""

    format: Literal["auto", "JPEG", "PNG", "TIFF", "WEBP", "AVIF"] = Field(
        "auto", description="file format; auto is the format of the file name's ending, or else that of the content"
    )
    quality: Literal["auto"] | Annotated[int, Field(ge=1, le=100)] = Field(
        "auto",
        description="quality of JPEG, WebP and AVIF, 1 to 100; auto keeps the content's if content and result are "
        "JPEG, else it is 95",
    )
    depth: Literal["auto", 8, 16] = Field(
        "auto", description="bits per channel; auto is 16 for PNG and TIFF if the content has more than 8, else 8"
    )
    profile: Literal["own", "srgb"] = Field(
        "own", description="colour profile: own is that of the content, srgb converts to sRGB"
    )
    metadata: Literal["all", "no gps", "none"] = Field(
        "all",
        description="which metadata are kept; no gps keeps all but what says where the photo was taken: GPS data, and "
        "properties and names of places",
    )

    @field_validator("format", mode="before")
    @classmethod
    def _any_case(cls, value: object) -> object:
        upper = value.upper() if isinstance(value, str) and value != "auto" else value
        return {"JPG": "JPEG", "TIF": "TIFF"}.get(upper, upper) if isinstance(upper, str) else upper


class _PresetAttribute:
    """The attribute `preset` of the class `Settings` and of its instances.

    `Settings.preset` is the function that makes the settings of a preset. `settings.preset` is the name of the preset
    that the settings started from. The name is a field, and Python finds fields of an instance before this attribute.
    """

    @overload
    def __get__(self, settings: None, owner: type[Settings]) -> Callable[..., Settings]: ...

    @overload
    def __get__(self, settings: Settings, owner: type[Settings]) -> str: ...

    def __get__(self, settings: Settings | None, owner: type[Settings]) -> Callable[..., Settings] | str:
        return _settings_of_preset if settings is None else str(vars(settings)["preset"])


class Settings(Section):
    """Everything that a transfer depends on, except the photos, the masks and the weights of the networks.

    `Settings()` has the values of the preset `default`. `Settings.preset("paper", strength=0.6)` has the values of any
    preset, with some of them changed. Name these settings by their short names (`strength`, `size`, `seed`,
    `segmenter`, `encoder`, `device`) or by dotted names, `**{"objective.photorealism": 1e5}`.
    """

    if TYPE_CHECKING:
        preset: ClassVar[_PresetAttribute] = _PresetAttribute()
    else:
        preset: str = Field("default", description="preset that these settings started from")
    seed: int = Field(0, ge=0, lt=2**63, description="seed of all random numbers")
    device: str = Field(
        "auto",
        pattern=r"^(auto|cpu|cuda(:\d+)?|mps)$",
        description="device that computes: auto (CUDA if there is one, else CPU), cpu, cuda, cuda:N or mps",
    )
    strength: float = Field(
        1.0, ge=0, le=1, description="strength of the look: 0 leaves the content unchanged, 1 is the full look"
    )
    encoder: EncoderSettings = EncoderSettings()
    regions: RegionSettings = RegionSettings()
    objective: ObjectiveSettings = ObjectiveSettings()
    solver: SolverSettings = SolverSettings()
    grid: GridSettings = GridSettings()
    smoothing: SmoothingSettings = SmoothingSettings()
    look: LookSettings = LookSettings()
    output: OutputSettings = OutputSettings()

    @property
    def unmatched_follow(self) -> bool:
        """Whether regions without a counterpart follow the rest of the photo.

        The method `pixels` finds no map of colours that they could follow.
        """
        return self.regions.unmatched == "follow" and self.solver.method != "pixels"

    @property
    def leaves_content(self) -> bool:
        """Whether the result is the unchanged content, for any style."""
        look = self.look
        light = 0.0 if look.keep_luminance else max(look.lightness, look.contrast)
        return self.strength == 0 or max(light, look.colour) == 0

    @field_validator("preset")
    @classmethod
    def _one_word(cls, value: str) -> str:
        if not re.fullmatch(r"[\w-]+", value):
            raise ValueError("expected a preset name of letters, digits, - and _")
        return value

    def to_dict(self) -> dict[str, Any]:
        return self.model_dump(mode="json")

    def with_changes(self, changes: Mapping[str, Any]) -> Settings:
        """A copy with other values for some settings by dotted names, such as `{"objective.photorealism": 1e5}`.

        Raises:
            SettingsError: an unknown name or a value out of its range.
        """
        tree = self.model_dump()
        for name, value in changes.items():
            *sections, last = name.split(".", 2)
            branch = tree
            for section in sections:
                branch = branch.get(section) if isinstance(branch, dict) else None  # type: ignore[assignment]
            if not isinstance(branch, dict) or (last not in branch and tuple(sections) not in OPEN):
                raise SettingsError("the name of a setting", f"{name!r}", "--set", _known_names())
            branch[last] = value
        return validated(tree, "settings")


def _settings_of_preset(name: str, /, **changes: Any) -> Settings:
    """Settings of a preset.

    Args:
        name: the name of the preset: default, preview, paper or gatys.
        changes: other values for some settings, by short or dotted name. With None, the preset's value stays.

    Raises:
        SettingsError: an unknown preset or setting, or a value out of its range.
    """
    return validated(preset_tree(name), f"preset {name}").with_changes(keyword_changes(changes))


if not TYPE_CHECKING:
    Settings.preset = _PresetAttribute()


def keyword_changes(keywords: Mapping[str, Any]) -> dict[str, Any]:
    """Values by dotted names, from values by the short names of `KEYWORDS` or by dotted names. None is left out.

    `encoder` may be the name of the encoder, or all settings of the section `encoder`.
    """
    given = {name: value for name, value in keywords.items() if value is not None}
    return {
        name if isinstance(value, (Mapping, Section)) else KEYWORDS.get(name, name): value
        for name, value in given.items()
    }


def check_one_look(settings: Settings) -> None:
    """Raises SettingsError if no look for a set can be found with these settings.

    The method `pixels` cannot find one, because it finds the pixels of one photo and not a map of colours. The
    segmenter `clusters` cannot, because its regions are those of single photos.
    """
    if settings.solver.method == "pixels":
        advice = (
            "Use the preset default or preview for a set: this preset solves for the pixels of one photo, which have "
            "no meaning for another photo."
        )
        raise SettingsError.stating("the method pixels cannot find one look for a set", "solver.method", advice)
    if settings.regions.segmenter == "clusters":
        advice = "Use compact, or none to take each photo as one region."
        raise SettingsError.stating(
            "the segmenter clusters cannot find one look for a set", "regions.segmenter", advice
        )


def describe() -> list[tuple[str, str, str]]:
    """Every setting as (dotted name, default, meaning), for the documentation and for error messages."""
    rows = []
    for name, field in Settings.model_fields.items():
        if isinstance(field.default, Section):
            rows += [
                (f"{name}.{inner}", _shown(part.default), part.description or "")
                for inner, part in type(field.default).model_fields.items()
            ]
        else:
            rows.append((name, _shown(field.default), field.description or ""))
    return rows


def _shown(value: object) -> str:
    return json.dumps(value)


def _known_names() -> str:
    return "settings: " + ", ".join(name for name, _, _ in describe())


def validated(tree: Mapping[str, Any], where: str) -> Settings:
    """Settings from nested tables.

    Args:
        tree: the settings and the sections by name.
        where: where the tables come from, for errors.

    Raises:
        SettingsError: an unknown key or a value out of its range.
    """
    try:
        return Settings.model_validate(tree)
    except ValidationError as error:
        first = error.errors()[0]
        name = ".".join(str(part) for part in first["loc"])
        if first["type"] == "extra_forbidden":
            raise SettingsError("the name of a setting", repr(name), where, _known_names()) from error
        value = first.get("input")
        message = first["msg"][0].lower() + first["msg"][1:]
        raise SettingsError(f"{name}: {message}", f"{value!r:.80}", where) from error
