// Pictures from the server, decoded once and kept while they are used; of many wanted in a row, only the newest is asked for.
import { api } from "./api.js";
import { orNotice } from "./notices.js";

const MOST_PIXELS = 24e6; // about 100 MB of decoded pictures
const kept = new Map(); // address -> bitmap, oldest first
const slots = new Set();

function keep(address, bitmap) {
  kept.delete(address);
  kept.set(address, bitmap);
  let pixels = 0;
  for (const { width, height } of kept.values()) pixels += width * height;
  const held = new Set([...slots].map(({ bitmap }) => bitmap));
  for (const [old, { width, height }] of [...kept]) {
    if (pixels <= MOST_PIXELS) break;
    if (old === address || held.has(kept.get(old))) continue;
    pixels -= width * height;
    kept.get(old).close();
    kept.delete(old);
  }
}

/** Forgets what is kept for addresses that begin so: the server would answer anew. */
export function forget(beginning) {
  const held = new Set([...slots].map(({ bitmap }) => bitmap));
  for (const [address, bitmap] of [...kept]) {
    if (!address.startsWith(beginning)) continue;
    kept.delete(address);
    if (!held.has(bitmap)) bitmap.close();
  }
}

/** A place for one picture. It shows the last one that came until the newest wanted one is there. */
export class Slot {
  /** `drawn` is called after each new picture. */
  constructor(drawn) {
    this.drawn = drawn;
    this.bitmap = null;
    this.address = null; // of what is shown
    this.wanted = null;
    this.group = null; // pictures of one group may stand in for one another
    this.tag = null; // what the caller wants back with the picture
    this.stop = null;
    this.failed = null; // an address that gave no picture is not asked for again until another was
    slots.add(this);
  }

  /** Wants the picture at `address`, or none. A picture of another group is taken away at once. */
  want(address, group = address, tag = null) {
    if (address === this.wanted && group === this.group) return;
    this.wanted = address;
    if (group !== this.group) {
      this.group = group;
      this.stop?.abort();
      this.stop = null;
      if (this.bitmap) this.set(null, null, null);
    }
    this.wantedTag = tag;
    if (address !== this.failed) this.failed = null;
    if (address === null) this.set(null, null, null);
    else if (kept.has(address)) this.set(address, kept.get(address), tag);
    else if (!this.stop && address !== this.failed) this.load();
  }

  get pending() {
    return this.wanted !== null && this.wanted !== this.address && this.wanted !== this.failed;
  }

  set(address, bitmap, tag) {
    if (address !== null) keep(address, bitmap);
    this.address = address;
    this.bitmap = bitmap;
    this.tag = tag;
    this.drawn();
  }

  async load() {
    const { wanted: address, group, wantedTag: tag } = this;
    const stop = new AbortController();
    this.stop = stop;
    const blob = await orNotice(api.blob(address, stop.signal));
    const bitmap = blob && !stop.signal.aborted ? await createImageBitmap(blob).catch(() => null) : null;
    if (this.stop === stop) this.stop = null;
    if (bitmap && group === this.group && this.wanted !== null) {
      if (this.wanted === address || !kept.has(this.wanted)) this.set(address, bitmap, tag);
      else bitmap.close();
    } else {
      bitmap?.close();
      if (!stop.signal.aborted) this.failed = address;
    }
    if (!this.pending) this.drawn();
    else if (!this.stop) {
      if (kept.has(this.wanted)) this.set(this.wanted, kept.get(this.wanted), this.wantedTag);
      else this.load();
    }
  }
}
