"""Trains the `compact` encoder to reproduce the features of a reference encoder: first layer by layer, then all layers
together.

    python -m photostyle.training.distill train --photos PHOTOS --reference REFERENCE -o compact.safetensors
    python -m photostyle.training.distill evaluate --photos PHOTOS --reference REFERENCE compact.safetensors

The encoder in training is the student. Its layers have fewer channels than the layers of the reference. So each layer
of the student has a head, a 1x1 convolution that predicts the reference's features of this layer. The heads are used
in training only. The error of a layer is the share of the reference's variance that the prediction does not explain.
So the scale of a layer's features does not matter.

Training through such heads is from Romero et al., "FitNets", ICLR 2015. The reference is from Wang et al.,
"Collaborative Distillation", CVPR 2020.
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

from photostyle.encoders.encoder_file import load_encoder, save_encoder
from photostyle.encoders.fetch import read_photo
from photostyle.encoders.vgg import CONVOLUTIONS, LAYERS, Encoder, mean_activation_factors

WIDTHS = (18, 18, 40, 40, 72, 72, 72, 72, 136, 136, 136, 136, 136)
"""The number of channels of each layer of the student. They are a little more than a quarter of VGG-19's. The student
needs a twelfth of VGG-19's multiplications."""
JUDGED = ("relu1_1", "relu2_1", "relu3_1", "relu4_1", "relu4_2", "relu5_1")
"""The layers that the objective of the style transfer uses. They have weight 1 in training; the layers between them
have the weight `DistillRecipe.between`."""


@dataclass(frozen=True)
class DistillRecipe:
    """All settings of the training. Together with the photos and the reference they determine the result."""

    layer_steps: int = 150
    steps: int = 8_000
    batch: int = 8
    crop: int = 128
    layer_rate: float = 0.1
    """The learning rate while single layers are trained. It is divided by the square root of the number of inputs of a
    filter, because Adam moves all weights by about the same amount."""
    rate: float = 0.05
    """The learning rate while all layers are trained together. It is divided in the same way as `layer_rate`."""
    between: float = 0.3
    """The weight of the layers that are not in `JUDGED`."""
    settle: float = 0.7
    """The share of the steps with all layers, [0, 1], after which the statistics of the batch normalisations are
    fixed."""
    seed: int = 0
    skip: tuple[str, ...] = ("webcam_", "daynight_")
    """Photos whose file names begin with one of these are left out, since other parts of the project are tested on the
    same cameras."""


def load_reference(path: Path) -> Encoder:
    """The reference encoder: VGG-19 with a quarter of the channels.

    In the file, a 1x1 convolution comes before conv1_1. It is folded into conv1_1. This is exact, because reflection
    padding commutes with a 1x1 convolution.
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
    """The photos of a folder for evaluation or for training.

    Args:
        folder: a folder with files `*.jpg`.
        skip: files whose names begin with one of these are left out.
        held_out: True for every tenth photo in the order of the names; False for the others, which are for training.
    """
    files = [path for path in sorted(folder.glob("*.jpg")) if not path.name.startswith(tuple(skip))]
    return [path for index, path in enumerate(files) if (index % 10 == 0) == held_out]


def random_crop(photo: Image.Image, size: int, rng: np.random.Generator) -> Image.Image:
    """A random square of the photo, scaled to `size` x `size` px, at random mirrored and given another light.

    The side of the square is 35 % to 100 % of the photo's shorter side. Small squares are enlarged, because the
    training photos are small and sharp, while large photos show mostly smooth surfaces. The light changes, because the
    results in use are often sunsets and nights.
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
    """An endless stream of batches, `(batch, 3, crop, crop) float32`, sRGB-encoded, [0, 1]. The same seed gives the
    same batches."""
    rng = np.random.default_rng(recipe.seed)
    photos = [Image.open(path).convert("RGB") for path in files]
    while True:
        chosen = [photos[i] for i in rng.integers(0, len(photos), recipe.batch)]
        stack = np.stack([np.asarray(random_crop(photo, recipe.crop, rng)) for photo in chosen])
        batch = torch.from_numpy(stack).permute(0, 3, 1, 2).float() / 255
        yield batch.contiguous(memory_format=torch.channels_last)


def unexplained(predicted: Tensor, target: Tensor) -> Tensor:
    """The share of the target's variance that the prediction does not explain: 0 if it is perfect.

    Args:
        predicted: `(B, C, h, w)`.
        target: `(B, C, h, w)`. Its variance is summed over all channels.
    """
    target = target.float()
    spread = (target - target.mean((0, 2, 3), keepdim=True)).square().mean()
    return (predicted.float() - target).square().mean() / spread.clamp_min(1e-12)


class Student(nn.Module):
    """The encoder in training, with a batch normalisation before every ReLU and a head on every layer.

    The batch normalisation (Ioffe and Szegedy, ICML 2015) is needed because the inputs of the filters are never
    negative. Without it, the output of a filter soon falls below zero on every photo, and stays there. `fold` removes
    the normalisations and the heads, and gives the plain encoder.

    Args:
        reference: the encoder whose features the heads predict.
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
        """Sets the head of a layer by least squares, so that the training of the layer does not start with a random
        head.

        Args:
            layer: the name of the layer.
            image: a batch, `(B, 3, H, W)`, sRGB-encoded, [0, 1].
            target: the features of the reference for this batch and layer, `(B, C, h, w)`.
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
        """The plain encoder, without heads. The batch normalisations, with their running statistics, are folded into
        the weights of its convolutions."""
        for hook, name in zip(self.hooks, CONVOLUTIONS, strict=True):
            hook.remove()
            convolution, norm = self.encoder.convolution(name), self.norm(name)
            assert convolution.bias is not None and norm.running_mean is not None and norm.running_var is not None
            gain = norm.weight / (norm.running_var + norm.eps).sqrt()
            convolution.weight.mul_(gain[:, None, None, None])
            convolution.bias.copy_((convolution.bias - norm.running_mean) * gain + norm.bias)
        return self.encoder.eval().to(memory_format=torch.contiguous_format).requires_grad_(False)


class Normalised:
    """A forward hook that applies a normalisation to the output of a convolution."""

    def __init__(self, norm: nn.BatchNorm2d) -> None:
        self.norm = norm

    def __call__(self, module: nn.Module, inputs: tuple[Tensor, ...], output: Tensor) -> Tensor:
        normalised: Tensor = self.norm(output)
        return normalised


def schedule(step: int, steps: int) -> float:
    """The factor of the learning rate at a step, [0, 1]: half a cosine from 1 down to 0, with a linear warm-up over the
    first 2 % of the steps."""
    warm = max(1, steps // 50)
    return min(1.0, (step + 1) / warm) * 0.5 * (1 + float(np.cos(np.pi * step / steps)))


def fit(
    student: Student, reference: Encoder, data: Iterator[Tensor], layers: Sequence[str], weights: dict[str, float],
    rate: float, steps: int, settle: float = 1.0, checkpoint: Path | None = None,
) -> None:  # fmt: skip
    """Trains the convolutions, normalisations and heads of `layers` with Adam on the weighted sum of the layers'
    errors.

    Args:
        student: the encoder to train.
        reference: the encoder whose features it learns.
        data: batches of photos; see `batches`.
        layers: the names of the layers to train.
        weights: the weight of each layer's error, by name.
        rate: the learning rate; see `DistillRecipe`.
        steps: the number of steps.
        settle: the share of the steps, [0, 1], after which the statistics of the normalisations are fixed. From then on
            the student uses its running statistics, as the finished encoder does, and not those of each batch.
        checkpoint: the file to which the student is written every 1000 steps. None writes none.
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
    """Trains the student and writes it, with the factors that bring the mean activation of each filter to one.

    Args:
        photos: a folder with files `*.jpg`.
        reference_file: the weights of the reference; see `load_reference`.
        output: the file to write. A checkpoint is written beside it.
        recipe: the settings.
        start: a checkpoint to go on from. Then the training layer by layer is left out.
    """
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
    """For each layer, the share of the reference's feature variance that a linear map of the encoder's features
    explains.

    The map is a 1x1 convolution with a bias, fitted by least squares. The variance is summed over channels.

    Args:
        encoder: the encoder to evaluate.
        reference: the reference encoder.
        fitting: the photos on which the map is fitted.
        judging: the photos on which the explained share is measured.

    Returns:
        `{layer: share}` for the layers in `JUDGED`. The share is at most 1.
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
    """Features `(1, C, h, w)` as a matrix `(C + 1, h w) float64`. The last row consists of ones."""
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
    training.add_argument("--start", type=Path, help="a checkpoint to continue from")
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
