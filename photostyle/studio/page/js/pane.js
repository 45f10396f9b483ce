// One pane: a canvas that draws a photo, what lies over it, and tells where it is touched.
import { element } from "./dom.js";
import { placed } from "./zoom.js";

export class Pane {
  /** `kind` is content, style or result; `redraw` is called when the pane has another size. */
  constructor(kind, redraw) {
    this.kind = kind;
    this.canvas = element("canvas", { tabindex: "0", role: "img" });
    this.cursor = element("div", { class: "cursor", hidden: true });
    this.note = element("div", { class: "note", hidden: true });
    this.name = element("span", { class: "name" });
    this.about = element("span", { class: "about" });
    this.bar = element("div", { class: "work", hidden: true }, element("span"));
    this.field = element("div", { class: "field" }, this.canvas, this.cursor, this.note, this.bar);
    this.caption = element("figcaption", {}, this.name, this.about);
    this.root = element("figure", { class: `pane ${kind}` }, this.caption, this.field);
    this.size = { width: 1, height: 1 };
    new ResizeObserver(() => {
      const { width, height } = this.field.getBoundingClientRect();
      if (width < 1 || height < 1) return;
      this.size = { width, height };
      this.canvas.width = Math.round(width * window.devicePixelRatio);
      this.canvas.height = Math.round(height * window.devicePixelRatio);
      redraw();
    }).observe(this.field);
  }

  get shown() {
    return this.root.offsetParent !== null && !this.root.hidden;
  }

  /**
   * Draws layers from the lowest up: `{photo, bitmap, part, from, to, pixels, alpha}`. `from` and `to` are the shares of
   * the photo's width that a layer covers; `part` is a picture of a rectangle of the photo at 100 %.
   */
  draw(layers) {
    const brush = this.canvas.getContext("2d", { alpha: false });
    const dots = this.canvas.width / this.size.width;
    brush.setTransform(1, 0, 0, 1, 0, 0);
    brush.fillStyle = getComputedStyle(this.field).backgroundColor;
    brush.fillRect(0, 0, this.canvas.width, this.canvas.height);
    brush.setTransform(dots, 0, 0, dots, 0, 0);
    for (const layer of layers) this.drawLayer(brush, layer, dots);
  }

  drawLayer(brush, { photo, bitmap, part, from = 0, to = 1, pixels = false, alpha = 1 }, dots) {
    const place = placed(this.size, photo);
    brush.save();
    brush.globalAlpha = alpha;
    if (from > 0 || to < 1) {
      brush.beginPath();
      brush.rect(place.left + from * place.width, place.top, (to - from) * place.width, place.height);
      brush.clip();
    }
    brush.imageSmoothingEnabled = !pixels;
    brush.imageSmoothingQuality = "medium";
    if (bitmap) brush.drawImage(bitmap, place.left, place.top, place.width, place.height);
    if (part?.bitmap) {
      const { rect } = part;
      brush.imageSmoothingEnabled = place.scale * dots < 2; // from 200 % on, pixels are seen as pixels
      brush.drawImage(
        part.bitmap, place.left + rect.left * place.scale, place.top + rect.top * place.scale,
        rect.width * place.scale, rect.height * place.scale,
      );
    }
    brush.restore();
  }

  /** Writes names on the photo, the first one first and none over another: `{text, row, column}` in shares of it. */
  label(photo, names) {
    const brush = this.canvas.getContext("2d", { alpha: false });
    const place = placed(this.size, photo);
    brush.font = "600 12px system-ui, sans-serif";
    brush.textAlign = "center";
    brush.textBaseline = "middle";
    const taken = [];
    for (const { text, row, column } of names) {
      const across = place.left + column * place.width;
      const down = place.top + row * place.height;
      const half = brush.measureText(text).width / 2 + 6;
      if (taken.some((other) => Math.abs(other.down - down) < 22 && Math.abs(other.across - across) < other.half + half + 2)) continue;
      taken.push({ across, down, half });
      brush.fillStyle = "rgb(0 0 0 / 75%)";
      brush.fillRect(across - half, down - 10, 2 * half, 20);
      brush.fillStyle = "#fff";
      brush.fillText(text, across, down + 0.5);
    }
  }

  /** Where an event is: `left`, `top` in the pane, `row`, `column` in shares of the photo. */
  at(event, photo) {
    const box = this.field.getBoundingClientRect();
    const left = event.clientX - box.left;
    const top = event.clientY - box.top;
    const place = placed(this.size, photo);
    return { left, top, row: (top - place.top) / place.height, column: (left - place.left) / place.width };
  }

  /** Shows progress: a share from 0 to 1, null for unknown, undefined for no work. */
  progress(share) {
    this.bar.hidden = share === undefined;
    this.bar.classList.toggle("unknown", share === null);
    if (typeof share === "number") this.bar.firstChild.style.setProperty("--done", share);
  }
}
