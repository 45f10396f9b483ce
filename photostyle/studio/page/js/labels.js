// A photo's label map in typed arrays: brush, fill and split, and the picture of it that lies over the photo.

const EDGE = 34; // difference of colour, of 255, at which a snapping tool stops (our choice)
const STEP = 14; // the same between neighbouring pixels, for the fill
export const NONE = 255; // the value of pixels in no region

let shared = { seen: new Uint8Array(0), stack: new Int32Array(0) };
/** Room for a flood over so many pixels, used by one after the other. */
function room(pixels) {
  if (shared.seen.length < pixels) shared = { seen: new Uint8Array(pixels), stack: new Int32Array(pixels) };
  return shared;
}

/** A colour `#rrggbb` as the word of its four bytes RGBA. */
export function colourWord(colour) {
  const value = Number.parseInt(colour.slice(1), 16);
  return (0xff000000 | ((value & 255) << 16) | (value & 0xff00) | (value >>> 16)) >>> 0;
}

export class LabelMap {
  /** `values`: (rows * columns) ids; `guide`: RGBA bytes of the photo at the same size. */
  constructor({ rows, columns, values }, guide) {
    Object.assign(this, { rows, columns, values, guide });
    this.picture = new OffscreenCanvas(columns, rows);
    this.ink = this.picture.getContext("2d", { willReadFrequently: true });
    this.drawn = this.ink.createImageData(columns, rows);
    this.words = new Uint32Array(this.drawn.data.buffer);
    this.colours = new Uint32Array(256);
  }

  /** Colours of the overlay by id, as `#rrggbb`; what is in no region stays clear. */
  paintAll(colours) {
    this.colours.fill(0);
    for (const [id, colour] of colours) {
      this.colours[id] = colourWord(colour);
    }
    this.redraw({ top: 0, left: 0, bottom: this.rows, right: this.columns });
  }

  redraw({ top, left, bottom, right }) {
    if (bottom <= top || right <= left) return;
    const { values, words, colours, columns } = this;
    for (let row = top; row < bottom; row += 1) {
      for (let place = row * columns + left, end = row * columns + right; place < end; place += 1) {
        words[place] = colours[values[place]];
      }
    }
    this.ink.putImageData(this.drawn, 0, 0, left, top, right - left, bottom - top);
  }

  /** Gives a disc to region `id`; with `snap` only what has the colour of its middle and hangs together with it. */
  stamp(row, column, radius, id, snap) {
    const box = this.box(row - radius, column - radius, row + radius + 1, column + radius + 1);
    const inside = (place) => {
      const down = Math.floor(place / this.columns) - row;
      const across = (place % this.columns) - column;
      return down * down + across * across <= radius * radius;
    };
    if (!snap) {
      for (let down = box.top; down < box.bottom; down += 1) {
        for (let place = down * this.columns + box.left; place < down * this.columns + box.right; place += 1) {
          if (inside(place)) this.values[place] = id;
        }
      }
    } else {
      const middle = this.index(row, column);
      const colour = this.mean(middle);
      this.flood(middle, box, (place) => inside(place) && this.far(place, colour) < EDGE, (place) => {
        this.values[place] = id;
      });
    }
    this.redraw(box);
    return box;
  }

  /** Gives the piece under a pixel to region `id`: with `snap` the area of its colour, else the piece of its region. */
  fill(row, column, id, snap) {
    const start = this.index(row, column);
    const own = this.values[start];
    const colour = this.mean(start);
    const same = snap
      ? (place, from) => this.far(place, colour) < 2 * EDGE && this.apart(place, from) < STEP
      : (place) => this.values[place] === own;
    return this.give(start, same, id);
  }

  /** Gives the piece of a region under a pixel to region `id`; with `snap` only the part of it that has its colour. */
  split(row, column, id, snap) {
    const start = this.index(row, column);
    const own = this.values[start];
    const colour = this.mean(start);
    const same = (place) => this.values[place] === own && (!snap || this.far(place, colour) < 2 * EDGE);
    return this.give(start, same, id);
  }

  give(start, same, id) {
    const box = this.box(0, 0, this.rows, this.columns);
    const found = [];
    this.flood(start, box, same, (place) => found.push(place));
    for (const place of found) this.values[place] = id;
    this.redraw(box);
    return box;
  }

  /** Gives all pixels of some regions to another. `chosen` says which by their place. */
  replace(chosen, id) {
    for (let place = 0; place < this.values.length; place += 1) if (chosen(place)) this.values[place] = id;
    const box = this.box(0, 0, this.rows, this.columns);
    this.redraw(box);
    return box;
  }

  /** Visits what hangs together with `start` inside `box` and passes `takes(place, from)`. */
  flood(start, box, takes, visit) {
    const { columns } = this;
    const { seen, stack } = room(this.values.length);
    const visited = [];
    let height = 0;
    const reach = (place, from) => {
      if (seen[place] || !takes(place, from)) return;
      seen[place] = 1;
      visited.push(place);
      stack[height++] = place;
    };
    reach(start, start);
    while (height > 0) {
      const place = stack[--height];
      visit(place);
      const column = place % columns;
      const row = (place - column) / columns;
      if (column > box.left) reach(place - 1, place);
      if (column + 1 < box.right) reach(place + 1, place);
      if (row > box.top) reach(place - columns, place);
      if (row + 1 < box.bottom) reach(place + columns, place);
    }
    for (const place of visited) seen[place] = 0;
  }

  index(row, column) {
    const down = Math.min(Math.max(Math.floor(row), 0), this.rows - 1);
    const across = Math.min(Math.max(Math.floor(column), 0), this.columns - 1);
    return down * this.columns + across;
  }

  box(top, left, bottom, right) {
    return {
      top: Math.max(0, Math.floor(top)), left: Math.max(0, Math.floor(left)),
      bottom: Math.min(this.rows, Math.ceil(bottom)), right: Math.min(this.columns, Math.ceil(right)),
    };
  }

  /** The mean colour of the 3 by 3 pixels around a place. */
  mean(place) {
    const row = Math.floor(place / this.columns);
    const box = this.box(row - 1, (place % this.columns) - 1, row + 2, (place % this.columns) + 2);
    const sum = [0, 0, 0];
    for (let down = box.top; down < box.bottom; down += 1) {
      for (let across = box.left; across < box.right; across += 1) {
        for (let channel = 0; channel < 3; channel += 1) {
          sum[channel] += this.guide[4 * (down * this.columns + across) + channel];
        }
      }
    }
    const count = (box.bottom - box.top) * (box.right - box.left);
    return sum.map((value) => value / count);
  }

  far(place, [red, green, blue]) {
    const at = 4 * place;
    const [reds, greens, blues] = [this.guide[at] - red, this.guide[at + 1] - green, this.guide[at + 2] - blue];
    return Math.sqrt(reds * reds + greens * greens + blues * blues);
  }

  apart(place, from) {
    const at = 4 * from;
    return this.far(place, [this.guide[at], this.guide[at + 1], this.guide[at + 2]]);
  }

  /** For each region that has pixels: its share, and a place inside it near its middle for its name. */
  measure() {
    const counts = new Uint32Array(256);
    for (const id of this.values) counts[id] += 1;
    const every = Math.max(4, Math.round(this.columns / 128));
    const spots = new Map();
    for (let row = every >> 1; row < this.rows; row += every) {
      for (let column = every >> 1; column < this.columns; column += every) {
        const id = this.values[row * this.columns + column];
        if (!spots.has(id)) spots.set(id, []);
        spots.get(id).push([row, column]);
      }
    }
    const found = new Map();
    for (const [id, places] of spots) {
      const middle = [0, 1].map((axis) => places.reduce((sum, place) => sum + place[axis], 0) / places.length);
      const off = ([row, column]) => (row - middle[0]) ** 2 + (column - middle[1]) ** 2;
      const [row, column] = places.reduce((best, place) => (off(place) < off(best) ? place : best));
      found.set(id, { row: row / this.rows, column: column / this.columns });
    }
    return { share: (id) => counts[id] / this.values.length, spot: (id) => found.get(id) ?? null };
  }
}
