"""Settings of a transfer: frozen, validated when made, read from TOML, with every default's source named here."""

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
"""Short names of settings, as the command line and `transfer` have them, and what they stand for."""
OPEN = {("objective", "style_layers"), ("look", "regions")}
"""Tables whose keys are free, so that one of them can be set by `--set` though it is not there yet."""
Share = Annotated[float, Field(ge=0, le=1)]
LayerName = Annotated[str, Field(pattern=r"^relu([12]_[12]|[34]_[1-4]|5_1)$")]
Weight = Annotated[float, Field(ge=0)]


class Section(BaseModel):
    """Base of all settings: frozen, no unknown keys, no NaN or infinity."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class EncoderSettings(Section):
    name: Literal["compact", "vgg19"] = Field("compact", description="the encoder whose features are compared")
    pooling: Literal["max", "average"] = Field(
        "max", description="max as in VGG-19, or average as Gatys et al. 2016 prefer for smoothness"
    )
    dtype: Literal["auto", "float32", "bfloat16"] = Field(
        "auto",
        description="what the encoder computes in; auto is bfloat16 where the processor multiplies it natively "
        "(measured gain: docs/performance.md), else float32",
    )


class RegionSettings(Section):
    segmenter: str = Field(
        "compact",
        description="how regions are found where no masks are given: compact, the network that ships; clusters, of "
        "what looks alike in both photos; none, each photo as one region; OWNER/MODEL of the hub, or a folder with one",
    )
    smallest: float = Field(
        0.001, ge=0, lt=1, description="least share of either photo for a region to be measured (our choice)"
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
        description="layers of the style term with beta, their weights (authors' program: 1 each)",
    )
    photorealism: Weight = Field(
        1e4, description="lambda, weight of the photorealism term (Luan et al. 2017, section 4)"
    )
    total_variation: Weight = Field(1e-3, description="weight of the total variation (authors' program: 1e-3)")
    epsilon: float = Field(1e-7, gt=0, description="regularisation of the Matting Laplacian (authors' program)")


class SolverSettings(Section):
    method: Literal["grid", "closed form", "pixels"] = Field(
        "grid",
        description="what is solved for: affine maps on a bilateral grid (the section grid), nothing (the closed form "
        "alone), or every pixel (the sections objective and smoothing)",
    )
    size: int = Field(
        512,
        ge=64,
        le=4096,
        description="longest side in pixels at which the look is solved (our trials: docs/default.md; authors' photos: "
        "700)",
    )
    start: Literal["content", "noise"] = Field("content", description="the photo the solver starts from")
    iterations: int = Field(1000, ge=0, le=100_000, description="most iterations of the stage without photorealism")
    photorealistic_iterations: int = Field(
        1000, ge=0, le=100_000, description="most iterations of the stage with photorealism, which follows it"
    )
    history: int = Field(10, ge=1, le=100, description="pairs that L-BFGS remembers (Liu and Nocedal 1989: 3 to 20)")
    tolerance: float = Field(
        1e-3, ge=0, lt=1, description="a stage has converged when its loss fell by less than this share of itself"
    )
    patience: int = Field(20, ge=1, le=10_000, description="iterations over which the fall is measured")


class GridSettings(Section):
    """Of the methods `grid` and `closed form`; every default was chosen by trials, see docs/default.md."""

    rows: int = Field(6, ge=1, le=64, description="cells of a region's grid over the photo's rows")
    columns: int = Field(8, ge=1, le=64, description="over its columns")
    lumas: int = Field(6, ge=1, le=32, description="over its lumas")
    lightness: float = Field(0.4, ge=0, le=1, description="share of the transport of lightness in the closed form")
    style: Weight = Field(11.5, description="weight of the relative Gram distance")
    style_layers: tuple[LayerName, ...] = Field(
        ("relu1_1", "relu2_1", "relu3_1", "relu4_1"), min_length=1, description="layers of the relative Gram distance"
    )
    colours: Weight = Field(14.5, description="weight of the sliced Wasserstein distance of colours")
    structure: Weight = Field(0.6, description="weight of the correlation of edges with the content's")
    edges: Weight = Field(1.8, description="weight of the similarity of edge maps to the content's")
    photorealism: Weight = Field(9.2, description="weight of the photorealism term, in thousandths of the paper's")
    epsilon: float = Field(1e-5, gt=0, description="regularisation of the Matting Laplacian")
    across: Weight = Field(9.0, description="stiffness between neighbouring rows and columns")
    along: Weight = Field(5.0, description="stiffness between neighbouring lumas")
    prior: Weight = Field(0.2, description="weight of leaving the closed form")
    chroma: float = Field(6.0, ge=1, le=1e3, description="how many times stiffer colour is than light")
    coarse_iterations: int = Field(36, ge=0, le=10_000, description="most iterations at half the size")
    iterations: int = Field(14, ge=0, le=10_000, description="most iterations at the size of the solve")
    tolerance: float = Field(
        2e-3, ge=0, lt=1, description="a stage has converged when its loss fell by less than this share of itself"
    )
    patience: int = Field(8, ge=1, le=10_000, description="iterations over which the fall is measured")


class SmoothingSettings(Section):
    enabled: bool = Field(True, description="end with the authors' smoothing of the local affine maps")
    radius: int = Field(15, ge=1, le=100, description="radius of the smoothing in pixels (authors' program: 15)")
    edge: float = Field(
        0.01, ge=1e-3, le=10, description="colour difference that counts as an edge (authors' program: 0.01)"
    )


class LookSettings(Section):
    """How much of the look is taken, part by part; none of it decides what is solved for. See docs/looks.md."""

    lightness: Share = Field(1.0, description="share of the change of each region's mean lightness (CIELAB L*)")
    contrast: Share = Field(1.0, description="share of the rest of the change of lightness, around that mean")
    colour: Share = Field(1.0, description="share of the change of a* and b*")
    keep_luminance: bool = Field(
        False, description="keep the content's L*, as lightness and contrast of 0 do, and change its colour alone"
    )
    regions: dict[str, Share] = Field(
        {}, description="strength of single matched regions by their names, 1 for those not named"
    )
    skin: Share = Field(0.0, description="protection of colours like skin's: 0 is none, 1 leaves them as they are")
    neutrals: Share = Field(0.0, description="protection of greys: 0 is none, at 1 they take lightness and no colour")


class OutputSettings(Section):
    """How the result is written; the values are those of `Photo.encode`."""

    format: Literal["auto", "JPEG", "PNG", "TIFF", "WEBP", "AVIF"] = Field(
        "auto", description="of the file; auto is what the name ends in, else the content's"
    )
    quality: Literal["auto"] | Annotated[int, Field(ge=1, le=100)] = Field(
        "auto", description="of JPEG, WebP and AVIF, 1 to 100; auto is that of a content that is JPEG, else 95"
    )
    depth: Literal["auto", 8, 16] = Field(
        "auto", description="bits a channel; auto is 16 for PNG and TIFF where the content has more than 8"
    )
    profile: Literal["own", "srgb"] = Field("own", description="own is the content's; srgb converts to sRGB")
    metadata: Literal["all", "no gps", "none"] = Field("all", description="what is kept of EXIF, XMP and IPTC")

    @field_validator("format", mode="before")
    @classmethod
    def _any_case(cls, value: object) -> object:
        upper = value.upper() if isinstance(value, str) and value != "auto" else value
        return {"JPG": "JPEG", "TIF": "TIFF"}.get(upper, upper) if isinstance(upper, str) else upper


class _PresetAttribute:
    """`Settings.preset` makes settings of a preset; `settings.preset` is the name of the one that they started from.

    The second is a field: what stands in the instance goes before this.
    """

    @overload
    def __get__(self, settings: None, owner: type[Settings]) -> Callable[..., Settings]: ...

    @overload
    def __get__(self, settings: Settings, owner: type[Settings]) -> str: ...

    def __get__(self, settings: Settings | None, owner: type[Settings]) -> Callable[..., Settings] | str:
        return _settings_of_preset if settings is None else str(vars(settings)["preset"])


class Settings(Section):
    """Everything that decides a transfer, apart from the photos, the masks and the weights.

    `Settings()` is the preset `default`. `Settings.preset("paper", strength=0.6)` is any preset, with other values of
    some settings. Their names are those of the options (`strength`, `size`, `seed`, `segmenter`, `encoder`, `device`)
    or dotted ones, `**{"objective.photorealism": 1e5}`.
    """

    if TYPE_CHECKING:
        preset: ClassVar[_PresetAttribute] = _PresetAttribute()
    else:
        preset: str = Field("default", description="the preset these settings started from")
    seed: int = Field(0, ge=0, lt=2**63, description="everything random draws from it")
    device: str = Field(
        "auto", pattern=r"^(auto|cpu|cuda(:\d+)?|mps)$", description="auto (CUDA, else CPU), cpu, cuda, cuda:N or mps"
    )
    strength: float = Field(1.0, ge=0, le=1, description="0 leaves the content, 1 is the full look")
    encoder: EncoderSettings = EncoderSettings()
    regions: RegionSettings = RegionSettings()
    objective: ObjectiveSettings = ObjectiveSettings()
    solver: SolverSettings = SolverSettings()
    grid: GridSettings = GridSettings()
    smoothing: SmoothingSettings = SmoothingSettings()
    look: LookSettings = LookSettings()
    output: OutputSettings = OutputSettings()

    @property
    def leaves_content(self) -> bool:
        """Whether the result is the content, whatever the style."""
        look = self.look
        light = 0.0 if look.keep_luminance else max(look.lightness, look.contrast)
        return self.strength == 0 or max(light, look.colour) == 0

    @field_validator("preset")
    @classmethod
    def _one_word(cls, value: str) -> str:
        if not re.fullmatch(r"[\w-]+", value):
            raise ValueError("a preset's name has letters, digits, - and _ alone")
        return value

    def to_dict(self) -> dict[str, Any]:
        return self.model_dump(mode="json")

    def with_changes(self, changes: Mapping[str, Any]) -> Settings:
        """A copy with dotted names replaced, such as `{"objective.photorealism": 1e5}`.

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
        name: of the preset: default, preview, paper or gatys.
        changes: other values by the names of settings, short or dotted; None leaves the preset's.

    Raises:
        SettingsError: an unknown preset or setting, or a value out of its range.
    """
    return validated(preset_tree(name), f"preset {name}").with_changes(keyword_changes(changes))


if not TYPE_CHECKING:
    Settings.preset = _PresetAttribute()


def keyword_changes(keywords: Mapping[str, Any]) -> dict[str, Any]:
    """Values by dotted names, from those by the short names of `KEYWORDS` or by dotted ones; None is left out.

    `encoder` is the encoder's name, or where it is no word, the section of that name.
    """
    given = {name: value for name, value in keywords.items() if value is not None}
    return {
        name if isinstance(value, (Mapping, Section)) else KEYWORDS.get(name, name): value
        for name, value in given.items()
    }


def check_one_look(settings: Settings) -> None:
    """Raises SettingsError for settings with which no look of a set can be found.

    That is the method `pixels`, which finds a photo and no map of colours, and regions by clusters, which are of single
    photos.
    """
    if settings.solver.method == "pixels":
        advice = "Use the preset default or preview for a set: the pixels of one photo are no look for another."
        raise SettingsError.stating("the method pixels cannot find one look for a set", "solver.method", advice)
    if settings.regions.segmenter == "clusters":
        advice = "Use compact, or none to take each photo as one region."
        raise SettingsError.stating(
            "the segmenter clusters cannot find one look for a set", "regions.segmenter", advice
        )


def describe() -> list[tuple[str, str, str]]:
    """Every setting as (dotted name, default, meaning), for the documentation and `presets`."""
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
    """Settings from a tree of them.

    Args:
        tree: sections by name.
        where: it comes from, for errors.

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
