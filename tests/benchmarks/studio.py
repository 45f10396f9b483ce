"""How quick the studio's page is in Chromium: start, first result, sliders, brush, and its memory with many photos.

    python -m tests.benchmarks.studio [--runs 3] [--moves 100] [--photos 200] [-o FILE.json]

Everything is measured in the page itself, from the event of the hand to the frame after the picture was drawn. The
photos are the samples, enlarged with grain; the browser and the server share the machine.
"""

from __future__ import annotations

import argparse
import json
import statistics
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from PIL import Image

from tests.benchmarks.whole import SAMPLES, enlarged
from tests.browser import opened
from tests.studio.page_studio import READY, Desk, Running, studio

FILES = """
() => document.body.append(
  Object.assign(document.createElement('input'), { type: 'file', id: 'benchmark', multiple: true, hidden: true }))
"""

FIRST_RESULT = """
async ([contentName, styleName]) => {
  const canvas = document.querySelector('.pane.result canvas');
  const chosen = [...document.querySelector('#benchmark').files];
  const files = [contentName, styleName].map((name) => chosen.find((file) => file.name === name));
  const began = performance.now();
  const drawn = new Promise((done) => canvas.addEventListener('drawn', function heard({ detail }) {
    if (!detail) return;
    canvas.removeEventListener('drawn', heard);
    requestAnimationFrame(() => done(performance.now() - began));
  }));
  for (const [place, role] of ['content', 'style'].entries()) {
    const dataTransfer = new DataTransfer();
    dataTransfer.items.add(files[place]);
    const target = document.querySelector(`.strip.${role}`);
    target.dispatchEvent(new DragEvent('drop', { dataTransfer, bubbles: true, cancelable: true }));
  }
  return drawn;
}
"""

SLIDER = """
async (moves) => {
  const canvas = document.querySelector('.pane.result canvas');
  const range = document.querySelector('.slider input[type=range]');
  const times = [];
  for (let move = 0; move < moves; move += 1) {
    range.value = (1 + ((move * 37) % 97)) / 100 ;
    const wanted = encodeURIComponent(`"strength":${range.value}`);
    const began = performance.now();
    const drawn = new Promise((done) => canvas.addEventListener('drawn', function heard({ detail }) {
      if (!detail?.includes(wanted)) return;
      canvas.removeEventListener('drawn', heard);
      requestAnimationFrame(() => done(performance.now() - began));
    }));
    range.dispatchEvent(new Event('input', { bubbles: true }));
    times.push(await drawn);
  }
  return times;
}
"""

BRUSH = """
() => {
  window.strokes = [];
  const canvas = document.querySelector('.pane.content canvas');
  let began = null;
  canvas.parentElement.addEventListener('pointermove', ({ timeStamp, buttons }) => {
    if (buttons) began ??= timeStamp;
  }, { capture: true });
  canvas.addEventListener('drawn', () => {
    if (began === null) return;
    const from = began;
    began = null;
    requestAnimationFrame(() => window.strokes.push(performance.now() - from));
  });
}
"""

SCROLL = """
async () => {
  const list = document.querySelector('.strip.content .tiles');
  const frames = [];
  let last = await new Promise(requestAnimationFrame);
  for (let left = 0; left < list.scrollWidth; left += 60) {
    list.scrollLeft = left;
    const now = await new Promise(requestAnimationFrame);
    frames.push(now - last);
    last = now;
  }
  return frames;
}
"""


def percentile(values: Sequence[float], share: float) -> float:
    return sorted(values)[min(int(share * len(values)), len(values) - 1)]


def start_seconds(folder: Path) -> float:
    """From the start of the program to the usable page, in a browser that runs already."""
    with opened("about:blank") as browser:
        began = time.perf_counter()
        with studio(folder / "results") as running:
            browser.page.goto(running.address)
            browser.page.wait_for_selector(READY)
            return time.perf_counter() - began


def first_result_seconds(running: Running, photos: Sequence[Path]) -> float:
    """From the drop of two photos to the frame that shows the quick result."""
    with opened(running.address, width=1440, height=900) as browser:
        desk = Desk(running, browser).empty()
        browser.page.evaluate(FILES)
        browser.page.set_input_files("#benchmark", photos)
        return float(desk.page.evaluate(FIRST_RESULT, [photo.name for photo in photos])) / 1000


def steering(running: Running, photos: Sequence[Path], moves: int) -> tuple[list[float], list[float]]:
    """Milliseconds from each slider move to its picture, and from each move of the brush to its overlay."""
    with opened(running.address, width=1440, height=900) as browser:
        desk = Desk(running, browser).empty()
        desk.method("preview")
        desk.add(photos[:1], photos[1:])
        desk.wait_for_result()
        browser.page.evaluate(SLIDER, 5)
        sliders = browser.page.evaluate(SLIDER, moves)
        browser.page.keyboard.press("r")
        browser.page.wait_for_selector("li.region")
        browser.page.keyboard.press("p")
        desk.settle()
        browser.page.evaluate(BRUSH)
        box = browser.page.locator(".pane.content canvas").bounding_box()
        assert box is not None
        row = box["y"] + box["height"] * 0.4
        browser.page.mouse.move(box["x"] + 100, row)
        browser.page.mouse.down()
        for move in range(moves):
            browser.page.mouse.move(box["x"] + 100 + 4 * move, row + 20 * (move % 5))
        browser.page.mouse.up()
        return sliders, browser.page.evaluate("window.strokes")


def many_photos(folder: Path, count: int) -> tuple[list[float], float]:
    """Milliseconds of each frame while the strip scrolls past many photos, and the page's memory then, in MB."""
    photos = folder / "many"
    photos.mkdir()
    with Image.open(SAMPLES / "city.jpg") as photo:
        for place in range(count):
            photo.rotate(place % 4).save(photos / f"photo{place:03}.jpg", quality=80)
    with (
        studio(folder / "results", photos) as running,
        opened(running.address, width=1440, height=900) as browser,
    ):
        desk = Desk(running, browser)
        desk.until(f"document.querySelectorAll('.strip.content li').length === {count}", 60 + 5 * count)
        frames = browser.page.evaluate(SCROLL)
        browser.page.keyboard.press("q")
        for _ in range(20):
            browser.page.keyboard.press("ArrowRight")
            desk.settle()
        return frames, largest_renderer()


def largest_renderer() -> float:
    """The proportional memory of the largest process that draws a page, in MB."""
    sizes = [0.0]
    for process in Path("/proc").iterdir():
        if not process.name.isdigit():
            continue
        try:
            if b"--type=renderer" not in (process / "cmdline").read_bytes():
                continue
            lines = (process / "smaps_rollup").read_text().splitlines()
        except OSError:
            continue  # it ended, or is another user's
        sizes.append(next(float(line.split()[1]) for line in lines if line.startswith("Pss:")) / 1000)
    return max(sizes)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--moves", type=int, default=100)
    parser.add_argument("--photos", type=int, default=200)
    parser.add_argument("-o", "--output", type=Path)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        large = [enlarged(SAMPLES / photo, folder / f"large-{photo}", 12) for photo in ("city.jpg", "sunset.jpg")]
        starts = [start_seconds(folder) for _ in range(arguments.runs)]
        with studio(folder / "results") as running:
            firsts = [first_result_seconds(running, large) for _ in range(arguments.runs)]
            sliders, strokes = steering(running, large, arguments.moves)
        frames, memory = many_photos(folder, arguments.photos)
    table = [
        ("page usable after the start, median", statistics.median(starts), "s", 2),
        ("first result after two 12-megapixel photos, the first time", firsts[0], "s", 3),
        ("the same, median", statistics.median(firsts), "s", 3),
        ("slider to picture, median", statistics.median(sliders), "ms", None),
        ("slider to picture, 95th percentile", percentile(sliders, 0.95), "ms", 100),
        ("brush to overlay, median", statistics.median(strokes), "ms", None),
        ("brush to overlay, 95th percentile", percentile(strokes, 0.95), "ms", 50),
        (f"frame while {arguments.photos} photos scroll, 95th percentile", percentile(frames, 0.95), "ms", None),
        (f"memory of the page with {arguments.photos} photos", memory, "MB", 500),
    ]
    print("| what | measured | unit | aim |\n| --- | --- | --- | --- |")
    for what, value, unit, aim in table:
        print(f"| {what} | {value:.3g} | {unit} | {aim or ''} |")
    if arguments.output:
        arguments.output.write_text(json.dumps({what: value for what, value, _, _ in table}, indent=2) + "\n")


if __name__ == "__main__":
    main()
