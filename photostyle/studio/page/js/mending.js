// The regions of photos, seen and mended: loads them, takes strokes, sends what was mended and has it solved again.
import { api, paths } from "./api.js";
import { remember, step } from "./history.js";
import { LabelMap, NONE } from "./labels.js";
import { notice, orNotice } from "./notices.js";
import { readGrey, writeGrey } from "./png.js";
import { outdated } from "./solve.js";
import { changed, lookOf, photo, state, took } from "./store.js";
import { texts } from "./texts.js";

const PAUSE = 700; // milliseconds after the last stroke before the regions are sent
const COLOURS = ["#e07b39", "#7a5fd0", "#2aa198", "#c94f7c", "#8a9a2b", "#4f7fc9", "#a0522d", "#d4b21f"];
const loaded = new Map(); // photo -> {map, regions, foundBy, spots}
const loading = new Set();
const timers = new Map();
let stroke = null;

/** The photo whose regions are mended. */
export const mended = () => (state.mending === "style" ? lookOf(state.content)[0]?.photo ?? null : state.content);

/** The regions of a photo; null while they are fetched. */
export function regionsOf(id) {
  if (id === null || id === undefined || !photo(id) || photo(id).is_look) return null;
  if (!loaded.has(id) && !loading.has(id)) load(id);
  return loaded.get(id) ?? null;
}

async function load(id) {
  loading.add(id);
  const all = await orNotice(Promise.all([api.regions(id), api.labels(id).then(readGrey), guideOf(id)]));
  if (all) {
    const [{ regions, found_by: foundBy }, grey, guide] = all;
    const map = new LabelMap(grey, read(guide, grey));
    loaded.set(id, { map, foundBy, regions: regions.map(({ id: value, name, colour }) => ({ id: value, name, colour })) });
    painted(id);
  }
  loading.delete(id);
}

const guideOf = async (id) => createImageBitmap(await api.blob(paths.view(photo(id), 1200)));

/** The photo's pixels at the size of its label map. */
function read(bitmap, { rows, columns }) {
  const brush = new OffscreenCanvas(columns, rows).getContext("2d", { willReadFrequently: true });
  brush.imageSmoothingQuality = "high";
  brush.drawImage(bitmap, 0, 0, columns, rows);
  bitmap.close();
  return brush.getImageData(0, 0, columns, rows).data;
}

/** After a change of labels, names or colours. */
function painted(id) {
  const own = loaded.get(id);
  own.map.paintAll(own.regions.map(({ id: value, colour }) => [value, colour]));
  measured(id);
}

function measured(id) {
  loaded.get(id).spots = null;
  changed("labels");
}

/** Shares and places of names, measured when they are asked for. */
export function measure(own) {
  own.spots ??= own.map.measure();
  return own.spots;
}

function namesOn(own) {
  const { share, spot } = measure(own);
  const largest = [...own.regions].sort((one, other) => share(other.id) - share(one.id));
  return largest.filter(({ id }) => spot(id)).map(({ id, name }) => ({ text: texts.region(name), ...spot(id) }));
}

const grid = (own, { row, column }) => ({ row: row * own.map.rows, column: column * own.map.columns });

export const mend = {
  overlay: (id) => {
    const own = regionsOf(id);
    return own && { picture: own.map.picture, names: () => namesOn(own) };
  },
  paintsOn: (kind) =>
    state.mending === "style" ? kind === "style" : kind === "content" || (kind === "result" && ["compare", "result"].includes(state.mode)),
  cursorShare: () => {
    const own = loaded.get(mended());
    return own && ["brush", "eraser"].includes(state.tool) ? state.brush.size / own.map.columns : 0;
  },
  begin: (_kind, point) => {
    const own = regionsOf(mended());
    if (!own) return;
    const at = grid(own, point);
    const under = own.map.values[own.map.index(at.row, at.column)];
    const chosen = own.regions.some(({ id }) => id === state.region) ? state.region : under;
    stroke = { photo: mended(), own, last: at, id: state.tool === "eraser" ? NONE : chosen, before: own.map.values.slice() };
    if (state.tool === "fill") own.map.fill(at.row, at.column, chosen, state.brush.snap);
    else if (state.tool === "split") splitOff(stroke, at);
    else stampAt(at);
    changed("stroke");
  },
  go: (point) => {
    if (!stroke || (state.tool !== "brush" && state.tool !== "eraser")) return;
    const at = grid(stroke.own, point);
    const apart = Math.hypot(at.row - stroke.last.row, at.column - stroke.last.column);
    const stamps = Math.ceil(apart / Math.max(state.brush.size / 6, 1));
    const { row, column } = stroke.last;
    for (let each = 1; each <= stamps; each += 1) {
      stampAt({ row: row + ((at.row - row) * each) / stamps, column: column + ((at.column - column) * each) / stamps });
    }
    stroke.last = at;
    changed("stroke");
  },
  end: () => {
    if (!stroke) return;
    const { photo: id, own, before, made } = stroke;
    const name = texts.steps[state.tool];
    stroke = null;
    keepStep(id, own, before, name, made);
  },
  cancel: () => {
    if (!stroke) return;
    stroke.own.map.values.set(stroke.before);
    stroke.own.regions = stroke.own.regions.filter((region) => region !== stroke.made);
    painted(stroke.photo);
    stroke = null;
  },
};

function stampAt({ row, column }) {
  stroke.own.map.stamp(row, column, state.brush.size / 2, stroke.id, state.brush.snap);
}

function splitOff(current, at) {
  current.made = made(current.own, texts.newRegion(current.own.regions.length + 1));
  current.own.regions.push(current.made);
  current.own.map.colours.set([wordOf(current.made.colour)], current.made.id);
  current.own.map.split(at.row, at.column, current.made.id, state.brush.snap);
}

const wordOf = (colour) => {
  const value = Number.parseInt(colour.slice(1), 16);
  return (0xff000000 | ((value & 255) << 16) | (value & 0xff00) | (value >>> 16)) >>> 0;
};

function made(own, name) {
  const taken = new Set(own.regions.map(({ id }) => id));
  let id = 10; // after the built-in classes
  while (taken.has(id)) id += 1;
  return { id, name, colour: COLOURS[id % COLOURS.length] };
}

/** Remembers a change of the map that was already made. */
function keepStep(id, own, before, name, added = null) {
  const rows = differing(before, own.map.values, own.map.columns);
  if (!rows && !added) return;
  const { from, to } = rows ?? { from: 0, to: 0 };
  const [old, now] = [before.slice(from, to), own.map.values.slice(from, to)];
  const put = (values, regions) => {
    own.map.values.set(values, from);
    own.regions = regions;
    painted(id);
    sendSoon(id);
  };
  const after = own.regions;
  const regions = added ? after.filter((region) => region !== added) : after;
  remember({ name, redo: () => put(now, after), undo: () => put(old, regions) });
  if (added) state.region = added.id;
  measured(id);
  sendSoon(id);
}

function differing(before, after, columns) {
  let from = 0;
  while (from < after.length && before[from] === after[from]) from += 1;
  if (from === after.length) return null;
  let to = after.length;
  while (before[to - 1] === after[to - 1]) to -= 1;
  return { from: from - (from % columns), to };
}

/** Changes the list of regions, and the map with it, as one step. */
function changeRegions(id, regions, name, change = () => {}) {
  const own = loaded.get(id);
  const [oldRegions, oldValues] = [own.regions, own.map.values.slice()];
  const redo = () => {
    own.regions = regions;
    change(own.map);
    painted(id);
    sendSoon(id);
  };
  const undo = () => {
    own.regions = oldRegions;
    own.map.values.set(oldValues);
    painted(id);
    sendSoon(id);
  };
  step({ name, redo, undo });
}

export function addRegion(id) {
  const own = loaded.get(id);
  const region = made(own, texts.newRegion(own.regions.length + 1));
  changeRegions(id, [...own.regions, region], texts.steps.newRegion);
  state.region = region.id;
  changed("labels");
}

export function renameRegion(id, value, name) {
  const own = loaded.get(id);
  const wanted = name.trim();
  if (!wanted || own.regions.some((region) => region.id === value && region.name === wanted)) return;
  if (own.regions.some((region) => region.name === wanted)) {
    notice(texts.nameTaken(wanted));
    changed("labels");
    return;
  }
  const renamed = own.regions.map((region) => (region.id === value ? { ...region, name: wanted } : region));
  changeRegions(id, renamed, texts.steps.rename);
}

export function mergeRegions(id, value, into) {
  const own = loaded.get(id);
  const left = own.regions.filter((region) => region.id !== value);
  const merge = (map) => map.replace((place) => map.values[place] === value, into);
  changeRegions(id, left, texts.steps.merge, merge);
  state.region = into;
}

/** Makes the photo's subject a region of its own, as the server finds it. */
export async function splitSubject(id) {
  const own = loaded.get(id);
  const grey = await orNotice(api.subject(id).then(readGrey));
  if (!grey) return;
  const region = made(own, own.regions.some(({ name }) => name === "subject") ? texts.newRegion(own.regions.length + 1) : "subject");
  changeRegions(id, [...own.regions, region], texts.steps.subject, (map) => map.replace((place) => grey.values[place] > 127, region.id));
  state.region = region.id;
  changed("labels");
}

/** Goes back to the regions that the program found. */
export async function foundAgain(id) {
  const own = loaded.get(id);
  const [oldRegions, oldValues] = [own.regions, own.map.values.slice()];
  const back = async () => {
    clearTimeout(timers.get(id));
    if ((await orNotice(api.foundLabels(id))) === undefined) return;
    loaded.delete(id);
    changed("labels");
    outdated(id);
  };
  const undo = () => {
    const now = loaded.get(id);
    if (!now) return;
    now.regions = oldRegions;
    now.map.values.set(oldValues);
    painted(id);
    sendSoon(id);
  };
  step({ name: texts.steps.found, redo: back, undo });
}

function sendSoon(id) {
  clearTimeout(timers.get(id));
  timers.set(id, setTimeout(() => sendNow(id), PAUSE));
}

async function sendNow(id) {
  timers.delete(id);
  const own = loaded.get(id);
  if (!own) return;
  const names = Object.fromEntries(own.regions.map(({ id: value, name }) => [value, name]));
  const png = await writeGrey(own.map);
  const answer = await orNotice(api.putLabels(id, png, names));
  if (answer === undefined) return;
  took("photo", answer.photo);
  if (!timers.has(id)) outdated(id);
}
