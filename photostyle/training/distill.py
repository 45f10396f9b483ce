"""Trains the `compact` encoder to reproduce the features of a reference encoder, layer by layer, then whole.

    python -m photostyle.training.distill train --photos PHOTOS --reference REFERENCE -o compact.safetensors
    python -m photostyle.training.distill evaluate --photos PHOTOS --reference REFERENCE compact.safetensors

A 1x1 head on each of the student's layers predicts the reference's features there, since the widths differ; the
heads exist in training only. The error of a layer is the share of the reference's variance that is left
unexplained, so all layers weigh alike whatever their scale. Romero et al., "FitNets", ICLR 2015, for hints
through heads; Wang et al., "Collaborative Distillation", CVPR 2020, for the reference used here.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import torch
from PIL import Image, ImageEnhance
from safetensors.torch import load_file
from torch import Tensor, nn
from tqdm import tqdm

from photostyle.encoders.fetch import read_photo
from photostyle.encoders.vgg import CONVOLUTIONS, LAYERS, Encoder, mean_activation_factors
from photostyle.encoders.weights import load_encoder, save_encoder

WIDTHS = (18, 18, 40, 40, 72, 72, 72, 72, 136, 136, 136, 136, 136)
"""Of the student: a little more than a quarter of VGG-19's, at a twelfth of its multiplications."""
JUDGED = ("relu1_1", "relu2_1", "relu3_1", "relu4_1", "relu4_2", "relu5_1")
"""The layers that the objective uses; the ones between them are taught at `between` of their weight."""


@dataclass(frozen=True)
class DistillRecipe:
    """Everything that the training depends on beside the photos and the reference."""

    layer_steps: int = 150
    steps: int = 8_000
    batch: int = 8
    crop: int = 128
    layer_rate: float = 0.1
    """Over the square root of a filter's number of inputs, as Adam moves every weight alike; so is `rate`."""
    rate: float = 0.05
    between: float = 0.3
    settle: float = 0.7
    """Share of the last stage after which the normalisations' statistics stay as they are."""
    seed: int = 0
    skip: tuple[str, ...] = ("webcam_", "daynight_")
    """Sources left out, since other parts of the project are tested on the same cameras."""


def load_reference(path: Path) -> Encoder:
    """The reference encoder: quarter-width VGG-19 with a 1x1 convolution in front, folded into conv1_1.

    Reflection padding commutes with a 1x1 convolution, so the fold is exact.
    """
    tensors = load_file(path)
    encoder = Encoder(
        [len(tensors[f"{name}.bias"]) for name in CONVOLUTIONS], mean=(0, 0, 0), std=(1, 1, 1), padding="reflect"
    )
    mixing, offset = tensors["preprocess.weight"][:, :, 0, 0], tensors["preprocess.bias"]
    first = tensors["conv1_1.weight"]
    tensors["conv1_1.bias"] = tensors["conv1_1.bias"] + torch.einsum("ocij,c->o", first, offset)
    tensors["conv1_1.weight"] = torch.einsum("ocij,cd->odij", first, mixing)
    state = {key: value for key, value in tensors.items() if key.startswith("conv")}
    encoder.load_state_dict(state | {"mean": encoder.mean, "std": encoder.std})
    return encoder.requires_grad_(False)


def photo_files(folder: Path, skip: Sequence[str], *, held_out: bool) -> list[Path]:
    """Every tenth photo of the folder by name (`held_out`), or the nine tenths that the training may see."""
    files = [path for path in sorted(folder.glob("*.jpg")) if not path.name.startswith(tuple(skip))]
    return [path for index, path in enumerate(files) if (index % 10 == 0) == held_out]


def random_crop(photo: Image.Image, size: int, rng: np.random.Generator) -> Image.Image:
    """A square of the photo at `size` px, mirrored, enlarged and relit at random.

    Enlarged, because the photos are small and sharp while a large photo's features are those of smooth
    surfaces; relit, because the results to be judged are sunsets and nights.
    """
    side = int(rng.uniform(0.35, 1.0) * min(photo.size))
    left, top = (int(rng.integers(0, extent - side + 1)) for extent in photo.size)
    crop = photo.resize((size, size), Image.Resampling.BICUBIC, (left, top, left + side, top + side))
    if rng.random() < 0.5:
        crop = crop.transpose(Image.Transpose.FLIP_LEFT_RIGHT)
    if rng.random() < 0.5:
        crop = ImageEnhance.Color(crop).enhance(rng.uniform(0.3, 1.8))
        gain, gamma = np.exp(rng.normal(0, 0.2, 3)), np.exp(rng.normal(0, 0.5))
        levels = np.clip(255 * gain[:, None] * (np.arange(256) / 255) ** gamma + 0.5, 0, 255)
        crop = crop.point(levels.astype(int).ravel().tolist())
    return crop


def batches(files: Sequence[Path], recipe: DistillRecipe) -> Iterator[Tensor]:
    """Endless `(batch, 3, crop, crop)` float32 in [0, 1], in an order that only the seed decides."""
    rng = np.random.default_rng(recipe.seed)
    photos = [Image.open(path).convert("RGB") for path in files]
    while True:
        chosen = [photos[i] for i in rng.integers(0, len(photos), recipe.batch)]
        stack = np.stack([np.asarray(random_crop(photo, recipe.crop, rng)) for photo in chosen])
        batch = torch.from_numpy(stack).permute(0, 3, 1, 2).float() / 255
        yield batch.contiguous(memory_format=torch.channels_last)


def unexplained(predicted: Tensor, target: Tensor) -> Tensor:
    """Share of the target's variance, over all channels of `(B, C, h, w)`, that the prediction leaves."""
    target = target.float()
    spread = (target - target.mean((0, 2, 3), keepdim=True)).square().mean()
    return (predicted.float() - target).square().mean() / spread.clamp_min(1e-12)


class Student(nn.Module):
    """The encoder in training, with batch normalisation before every ReLU and a head on every layer.

    The normalisation (Ioffe and Szegedy, ICML 2015) is there because the filters' inputs are never negative: a filter
    without it is soon pulled below zero on every photo, and stays there. `fold` leaves the encoder alone.
    """

    def __init__(self, reference: Encoder) -> None:
        super().__init__()
        self.encoder = Encoder(WIDTHS, padding="reflect")
        self.norms = nn.ModuleDict({name: nn.BatchNorm2d(own) for name, own in zip(CONVOLUTIONS, WIDTHS, strict=True)})
        self.heads = nn.ModuleDict(
            {
                layer: nn.Conv2d(own, wanted, 1)
                for layer, own, wanted in zip(LAYERS, WIDTHS, reference.widths, strict=True)
            }
        )
        self.hooks = []
        for name in CONVOLUTIONS:
            convolution = self.encoder.convolution(name)
            nn.init.kaiming_normal_(convolution.weight, nonlinearity="relu")
            convolution.bias = nn.Parameter(torch.zeros(convolution.out_channels))
            self.hooks.append(convolution.register_forward_hook(Normalised(self.norm(name))))

    def norm(self, name: str) -> nn.BatchNorm2d:
        module = self.norms[name]
        assert isinstance(module, nn.BatchNorm2d)
        return module

    def head(self, layer: str) -> nn.Conv2d:
        module = self.heads[layer]
        assert isinstance(module, nn.Conv2d)
        return module

    @torch.no_grad()
    def prepare(self, layer: str, image: Tensor, target: Tensor) -> None:
        """Gives a layer the head that least squares finds, so that the first steps do not follow a random one.

        Args:
            image: a batch, `(B, 3, H, W)`; target: the reference's features of it at this layer.
        """
        self.norm(layer.replace("relu", "conv")).train()
        feature, head = self.encoder(image, [layer])[layer], self.head(layer)
        own, wanted = (f.transpose(0, 1).flatten(1).double() for f in (feature, target))
        own = torch.cat([own, torch.ones_like(own[:1])])
        ridge = 1e-3 * own.shape[1] * torch.eye(len(own), dtype=own.dtype)
        solved = torch.linalg.solve(own @ own.T + ridge, own @ wanted.T)
        assert head.bias is not None
        head.weight.copy_(solved[:-1].T[:, :, None, None])
        head.bias.copy_(solved[-1])

    def errors(self, image: Tensor, targets: dict[str, Tensor]) -> dict[str, Tensor]:
        features = self.encoder(image, targets)
        return {layer: unexplained(self.head(layer)(features[layer]), target) for layer, target in targets.items()}

    @torch.no_grad()
    def fold(self) -> Encoder:
        """The encoder with the normalisations' running statistics taken into its weights, and nothing else."""
        for hook, name in zip(self.hooks, CONVOLUTIONS, strict=True):
            hook.remove()
            convolution, norm = self.encoder.convolution(name), self.norm(name)
            assert convolution.bias is not None and norm.running_mean is not None and norm.running_var is not None
            gain = norm.weight / (norm.running_var + norm.eps).sqrt()
            convolution.weight.mul_(gain[:, None, None, None])
            convolution.bias.copy_((convolution.bias - norm.running_mean) * gain + norm.bias)
        return self.encoder.eval().to(memory_format=torch.contiguous_format).requires_grad_(False)


class Normalised:
    """A forward hook that puts a convolution's output through a normalisation."""

    def __init__(self, norm: nn.BatchNorm2d) -> None:
        self.norm = norm

    def __call__(self, module: nn.Module, inputs: tuple[Tensor, ...], output: Tensor) -> Tensor:
        normalised: Tensor = self.norm(output)
        return normalised


def schedule(step: int, steps: int) -> float:
    """Share of the learning rate: a warm-up of 2 %, then half a cosine down to 0."""
    warm = max(1, steps // 50)
    return min(1.0, (step + 1) / warm) * 0.5 * (1 + float(np.cos(np.pi * step / steps)))


def fit(
    student: Student, reference: Encoder, data: Iterator[Tensor], layers: Sequence[str], weights: dict[str, float],
    rate: float, steps: int, settle: float = 1.0, checkpoint: Path | None = None,
) -> None:  # fmt: skip
    """Adam on the weighted sum of the layers' errors, for the convolutions, normalisations and heads of `layers`.

    Args:
        settle: share of the steps after which the normalisations keep the statistics that they have, since the
            encoder is used with those and not with a batch's.
    """
    student.requires_grad_(False).eval()
    names = [layer.replace("relu", "conv") for layer in layers]
    taught = [student.encoder.convolution(name) for name in names] + [student.head(layer) for layer in layers]
    norms = [student.norm(name).train() for name in names]
    rates = [rate / module.weight[0].numel() ** 0.5 for module in taught] + [rate / 10] * len(norms)
    groups = [{"params": list(module.requires_grad_(True).parameters())} for module in (*taught, *norms)]
    optimiser = torch.optim.Adam(groups)
    parameters = [parameter for group in groups for parameter in group["params"]]
    mean: dict[str, float] = {}
    progress = tqdm(range(steps), desc=layers[-1] if len(layers) == 1 else "whole", mininterval=20, file=sys.stderr)
    for step in progress:
        if step == int(settle * steps):
            student.eval()
        for group, own in zip(optimiser.param_groups, rates, strict=True):
            group["lr"] = own * schedule(step, steps)
        image = next(data)
        with torch.autocast("cpu", torch.bfloat16):
            with torch.no_grad():
                targets = reference(image, layers)
            errors = student.errors(image, targets)
        loss = torch.stack([weights[layer] * error for layer, error in errors.items()]).sum()
        optimiser.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(parameters, 1.0)
        optimiser.step()
        keep = min(step, 200) / (min(step, 200) + 1)
        for layer, error in errors.items():
            mean[layer] = keep * mean.get(layer, 0.0) + (1 - keep) * float(error.detach())
        if step % 200 == 0:
            progress.set_postfix({layer[4:]: f"{1 - mean[layer]:.3f}" for layer in layers if layer in JUDGED})
        if checkpoint and step % 1000 == 999:
            torch.save(student.state_dict(), checkpoint)


def train(photos: Path, reference_file: Path, output: Path, recipe: DistillRecipe, start: Path | None = None) -> None:
    """Trains the student, brings its mean activations to one and writes it."""
    torch.manual_seed(recipe.seed)
    files = photo_files(photos, recipe.skip, held_out=False)
    reference = load_reference(reference_file)
    scales = mean_activation_factors(reference, map(read_photo, files[::100]))
    reference.rescale({name: torch.full_like(scale, float(1 / (1 / scale).mean())) for name, scale in scales.items()})
    reference = reference.to(memory_format=torch.channels_last)
    data = batches(files, recipe)
    student = Student(reference).to(memory_format=torch.channels_last)
    checkpoint = output.with_suffix(".checkpoint.pt")
    began = time.monotonic()
    if start:
        student.load_state_dict(torch.load(start, weights_only=True))
    else:
        for layer in LAYERS:
            image = next(data)
            student.prepare(layer, image, reference(image, [layer])[layer])
            fit(student, reference, data, [layer], {layer: 1.0}, recipe.layer_rate, recipe.layer_steps)
        torch.save(student.state_dict(), checkpoint)
    weights = {layer: 1.0 if layer in JUDGED else recipe.between for layer in LAYERS}
    fit(student, reference, data, LAYERS, weights, recipe.rate, recipe.steps, recipe.settle, checkpoint)
    encoder = student.fold()
    factors = mean_activation_factors(encoder, map(read_photo, files[:: max(1, len(files) // 300)]))
    training = asdict(recipe) | {"photos": len(files), "minutes": round((time.monotonic() - began) / 60, 1)}
    save_encoder(output, encoder, factors, name="compact", training=json.dumps(training))


@torch.no_grad()
def explained_variance(
    encoder: Encoder, reference: Encoder, fitting: Sequence[Path], judging: Sequence[Path]
) -> dict[str, float]:
    """Share of the reference's feature variance that a linear map of the encoder's features explains, per layer.

    The map (a 1x1 head with a bias) is fitted by least squares on `fitting` and judged on `judging`; the
    variance is summed over channels.
    """
    moments = {layer: (torch.zeros(()), torch.zeros(())) for layer in JUDGED}
    for path in fitting:
        photo = read_photo(path)
        own, wanted = encoder(photo, JUDGED), reference(photo, JUDGED)
        for layer in JUDGED:
            x, y = with_one(own[layer]), wanted[layer][0].flatten(1).double()
            moments[layer] = moments[layer][0] + x @ x.T, moments[layer][1] + x @ y.T
    heads = {
        layer: torch.linalg.solve(xx + 1e-9 * xx.trace() / len(xx) * torch.eye(len(xx), dtype=xx.dtype), xy)
        for layer, (xx, xy) in moments.items()
    }
    left, total, mean, count = ({layer: torch.zeros(()).double() for layer in JUDGED} for _ in range(4))
    for path in judging:
        photo = read_photo(path)
        own, wanted = encoder(photo, JUDGED), reference(photo, JUDGED)
        for layer in JUDGED:
            x, y = with_one(own[layer]), wanted[layer][0].flatten(1).double()
            left[layer] = left[layer] + (y - heads[layer].T @ x).square().sum()
            total[layer] = total[layer] + y.square().sum()
            mean[layer] = mean[layer] + y.sum(1)
            count[layer] = count[layer] + y.shape[1]
    return {
        layer: float(1 - left[layer] / (total[layer] - mean[layer].square().sum() / count[layer])) for layer in JUDGED
    }


def with_one(feature: Tensor) -> Tensor:
    """`(1, C, h, w)` as `(C + 1, h w)` float64, the last row ones."""
    flat = feature[0].flatten(1).double()
    return torch.cat([flat, torch.ones(1, flat.shape[1], dtype=flat.dtype)])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(dest="command", required=True)
    training, judging = commands.add_parser("train"), commands.add_parser("evaluate")
    for command in (training, judging):
        command.add_argument("--photos", type=Path, required=True)
        command.add_argument("--reference", type=Path, required=True)
    training.add_argument("-o", "--output", type=Path, required=True)
    training.add_argument("--start", type=Path, help="a checkpoint to go on from, instead of layer by layer")
    for name in ("layer_steps", "steps", "batch", "crop", "seed"):
        training.add_argument(f"--{name.replace('_', '-')}", type=int, default=getattr(DistillRecipe, name))
    training.add_argument("--rate", type=float, default=DistillRecipe.rate)
    judging.add_argument("weights", type=Path)
    options = parser.parse_args()
    if options.command == "train":
        names = ("layer_steps", "steps", "batch", "crop", "seed", "rate")
        recipe = DistillRecipe(**{name: getattr(options, name) for name in names})
        train(options.photos, options.reference, options.output, recipe, options.start)
    else:
        fitting, judged = (photo_files(options.photos, DistillRecipe.skip, held_out=h) for h in (False, True))
        encoder, reference = load_encoder(options.weights), load_reference(options.reference)
        for layer, share in explained_variance(encoder, reference, fitting[::10], judged).items():
            print(f"{layer}  {share:.3f}")


if __name__ == "__main__":
    main()
