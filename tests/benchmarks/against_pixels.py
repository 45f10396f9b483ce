"""How long the pixel solver takes to the total loss, in the paper's terms, that the grid solver ends at.

    python -m tests.benchmarks.against_pixels --pairs PAIRS --only 4 16 60 [--size 512] [--iterations 300]

Both solve at the same size with `compact`. The grid solver minimises its own objective; the paper's of its result,
weighted as in `paper`, is computed afterwards. The pixel solver minimises the paper's itself, with photorealism from
the start, from the content.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from photostyle import Session
from photostyle.presets import load_preset


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pairs", type=Path, required=True)
    parser.add_argument("--only", nargs="+", required=True)
    parser.add_argument("--size", type=int, default=512)
    parser.add_argument("--iterations", type=int, default=300)
    options = parser.parse_args()
    paper = load_preset("paper").with_changes({"encoder.name": "compact", "solver.size": options.size})
    # The preset `default` with the paper's weights, so that its result is measured by the same objective.
    weights = {f"objective.{key}": value for key, value in paper.objective.model_dump().items()}
    grid = load_preset("default").with_changes({"solver.size": options.size, **weights})
    pixels = paper.with_changes({
        "solver.iterations": 0, "solver.photorealistic_iterations": options.iterations, "solver.patience": 10_000,
        "encoder.dtype": "auto", "smoothing.enabled": False,
    })  # fmt: skip
    for name in options.only:
        folder = options.pairs / name
        content, style = (next(folder.glob(f"{part}.*")) for part in ("content", "style"))
        results = []
        for settings in (grid, pixels):
            session = Session(settings=settings)
            measured = session.style(style, folder / "style_mask.png")
            results.append(session.transfer(content, measured, content_mask=folder / "content_mask.png"))
        ours, theirs = results
        wanted = sum(ours.paper_terms().values())
        taken = sum(stage.seconds for stage in ours.stages)
        reached = next((row.seconds for row in theirs.trace if row.loss <= wanted), None)
        last = theirs.trace[-1]
        when = f"reached after {reached:.1f} s, {reached / taken:.1f} times" if reached is not None else "not reached"
        print(
            f"{name}: grid {wanted:.4g} after {taken:.1f} s; pixels: {when}; "
            f"they start at {theirs.trace[0].loss:.4g} and are at {last.loss:.4g} after {last.seconds:.1f} s",
            flush=True,
        )


if __name__ == "__main__":
    main()
