"""What one evaluation over the pixels costs: the objective and its gradient, by encoder and precision.

    python -m tests.benchmarks.evaluation [--runs 5]

Each line is a process of its own at 700 x 466 px with four regions: median seconds of an evaluation and of its
Matting Laplacian product alone, and the process's peak memory. `vgg19` has random weights, which cost the same.
"""

from __future__ import annotations

import argparse
import json
import resource
import statistics
import subprocess
import sys
import time
from collections.abc import Callable

import numpy as np
import torch

from photostyle.encoders.vgg import VGG19_WIDTHS, Encoder
from photostyle.encoders.weights import load
from photostyle.objective.content import ContentTerm
from photostyle.objective.laplacian import matting_laplacian
from photostyle.objective.photorealism import PhotorealismTerm
from photostyle.objective.smoothness import total_variation
from photostyle.objective.style import StyleTerm, region_grams
from photostyle.objective.total import Objective, Weights
from photostyle.regions.region_map import layer_masks

HEIGHT, WIDTH, REGIONS = 466, 700, 4
STYLE_LAYERS = ("relu1_1", "relu2_1", "relu3_1", "relu4_1", "relu5_1")


def seconds(call: Callable[[], object], runs: int) -> float:
    call()
    times = []
    for _ in range(runs):
        began = time.perf_counter()
        call()
        times.append(time.perf_counter() - began)
    return statistics.median(times)


def measure(name: str, dtype: torch.dtype, runs: int) -> dict[str, float]:
    torch.manual_seed(0)
    encoder = load("compact") if name == "compact" else Encoder(VGG19_WIDTHS).requires_grad_(False)
    encoder.compute_in(dtype).to(memory_format=torch.channels_last)
    rows = np.linspace(0, 1, HEIGHT)[:, None, None]
    photo = (0.7 * rows + 0.3 * np.random.default_rng(0).random((HEIGHT, WIDTH, 3))).astype(np.float32)
    image = torch.from_numpy(photo).permute(2, 0, 1)[None].contiguous(memory_format=torch.channels_last)
    masks = torch.zeros(REGIONS, HEIGHT, WIDTH)
    for region, band in enumerate(np.array_split(np.arange(HEIGHT), REGIONS)):
        masks[region, band] = 1
    with torch.no_grad():
        features = encoder(image, ("relu4_2", *STYLE_LAYERS))
        carried = layer_masks(masks, STYLE_LAYERS)
        targets = {layer: region_grams(features[layer], carried[layer]) for layer in STYLE_LAYERS}
    photorealism = PhotorealismTerm(matting_laplacian(photo), device=torch.device("cpu"))
    objective = Objective(
        encoder, ("relu4_2", *STYLE_LAYERS), Weights(5, 100, 1e4, 1e-3),
        content=ContentTerm({"relu4_2": features["relu4_2"]}),
        style=StyleTerm(targets, carried, dict.fromkeys(STYLE_LAYERS, 1.0)),
        photorealism=photorealism, total_variation=total_variation,
    )  # fmt: skip
    return {
        "evaluation_s": seconds(lambda: objective(image), runs),
        "laplacian_product_s": seconds(lambda: photorealism(image), runs),
        "peak_gb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6,
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--one", nargs=2, metavar=("ENCODER", "DTYPE"), help="measure one in this process, as JSON")
    options = parser.parse_args()
    if options.one:
        print(json.dumps(measure(options.one[0], getattr(torch, options.one[1]), options.runs)))
        return
    print(f"{torch.get_num_threads()} threads, {WIDTH} x {HEIGHT} px, {REGIONS} regions, median of {options.runs}")
    for name in ("compact", "vgg19"):
        for dtype in ("float32", "bfloat16"):
            itself = [sys.executable, "-m", "tests.benchmarks.evaluation", "--runs", str(options.runs)]
            done = subprocess.run([*itself, "--one", name, dtype], check=True, capture_output=True, text=True)
            figures = json.loads(done.stdout)
            print(f"{name:8}{dtype:10}" + "".join(f"{key} {value:8.3f}  " for key, value in figures.items()))


if __name__ == "__main__":
    main()
