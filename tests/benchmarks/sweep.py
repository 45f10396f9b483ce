"""The photorealism weight swept on one pair of photos: what lambda does, and where 10^4 stands.

    python -m tests.benchmarks.sweep -o docs/images/lambda.jpg

Writes one picture: content, style, and the result for lambda = 1, 10^2, 10^4, 10^6, 10^8, and prints the loss terms.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw

from photostyle import Photo, Session
from photostyle.presets import load_preset

LAMBDAS = (1.0, 1e2, 1e4, 1e6, 1e8)
HEIGHT = 300


def labelled(pixels: np.ndarray, label: str) -> Image.Image:
    """A picture of `HEIGHT` px with a line of text under it."""
    picture = Image.fromarray(np.round(pixels * 255).astype(np.uint8))
    picture = picture.resize((round(picture.width * HEIGHT / picture.height), HEIGHT), Image.Resampling.LANCZOS)
    framed = Image.new("RGB", (picture.width + 6, HEIGHT + 22), "white")
    framed.paste(picture, (3, 3))
    ImageDraw.Draw(framed).text((6, HEIGHT + 7), label, fill="black")
    return framed


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    samples = Path(__file__).parents[2] / "samples"
    for name, default in (("content", "city"), ("style", "sunset")):
        parser.add_argument(f"--{name}", type=Path, default=samples / f"{default}.jpg")
        parser.add_argument(f"--{name}-mask", type=Path, default=samples / f"{default}_mask.png")
    parser.add_argument("--size", type=int, default=384)
    parser.add_argument("-o", "--output", type=Path, required=True)
    options = parser.parse_args()
    base = load_preset("paper").with_changes({"encoder.name": "compact", "solver.size": options.size})
    content, style = Photo.read(options.content), Photo.read(options.style)
    tiles = [labelled(content.pixels, "content"), labelled(style.pixels, "style")]
    for weight in LAMBDAS:
        session = Session(settings=base.with_changes({"objective.photorealism": weight}))
        measured = session.style(style, options.style_mask)
        result = session.transfer(content, measured, content_mask=options.content_mask)
        terms = ", ".join(f"{name} {value:.3g}" for name, value in result.terms.items())
        print(f"lambda {weight:g}: {terms}, {[stage.iterations for stage in result.stages]} iterations", flush=True)
        tiles.append(labelled(result.photo.pixels, f"lambda = {weight:g}"))
    columns = 4
    width, height = max(tile.width for tile in tiles), tiles[0].height
    sheet = Image.new("RGB", (columns * width, -(-len(tiles) // columns) * height), "white")
    for index, tile in enumerate(tiles):
        sheet.paste(tile, ((index % columns) * width, (index // columns) * height))
    options.output.parent.mkdir(parents=True, exist_ok=True)
    sheet.save(options.output, quality=88)


if __name__ == "__main__":
    main()
