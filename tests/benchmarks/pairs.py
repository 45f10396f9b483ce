"""A preset over a folder of photo pairs, one result a pair, for a scoring program to read.

    python -m tests.benchmarks.pairs --pairs ../shared/pairs --preset paper --set encoder.name=compact -o out/paper
    python ../shared/tools/score.py out/paper pca_kd

A pair is a folder with content.png or .jpg, style likewise, content_mask.png and style_mask.png. Results that are
there already are left alone, so that a long run can be taken up again; runs.jsonl in the output folder has a line a
pair.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

from photostyle import Session
from photostyle.presets import load_preset, parse_changes


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pairs", type=Path, required=True)
    parser.add_argument("--only", nargs="*", metavar="ID", help="these pairs and no others, in this order")
    parser.add_argument("--preset", default="default")
    parser.add_argument("--set", action="append", default=[], metavar="KEY=VALUE")
    parser.add_argument("--no-masks", action="store_true", help="let the segmenter find the regions")
    parser.add_argument("-o", "--output", type=Path, required=True)
    options = parser.parse_args()
    options.output.mkdir(parents=True, exist_ok=True)
    session = Session(settings=load_preset(options.preset).with_changes(parse_changes(options.set)))
    names = options.only or sorted(path.parent.name for path in options.pairs.glob("*/content.*"))
    for name in names:
        target = options.output / f"{name}.png"
        if target.exists():
            continue
        pair = options.pairs / name
        masks = [None if options.no_masks else pair / f"{which}_mask.png" for which in ("content", "style")]
        content, style = (next(pair.glob(f"{which}.*")) for which in ("content", "style"))
        result = session.transfer(content, session.style(style, masks[1]), content_mask=masks[0])
        result.photo.save(target)
        row = {
            "pair": name, "seconds": dict(result.seconds), "terms": dict(result.terms), "dtype": result.dtype,
            "stages": [stage.summary() for stage in result.stages], "warnings": result.warnings,
        }  # fmt: skip
        with (options.output / "runs.jsonl").open("a") as log:
            log.write(json.dumps(row) + "\n")
        print(
            name, [(s.status.value, s.iterations, s.evaluations, round(s.seconds)) for s in result.stages], flush=True
        )


if __name__ == "__main__":
    main()
