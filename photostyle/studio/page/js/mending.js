// Tools on a pane: strokes of brush and eraser, fill and split, remembered so that they can be undone.
import { remember } from "./history.js";
import { colourWord, NONE } from "./labels.js";
import { made, measure, measured, mended, ownOf, painted, ready, regionsOf, sendSoon } from "./region_maps.js";
import { changed, state } from "./store.js";
import { texts } from "./texts.js";

let stroke = null;

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
    const own = ownOf(mended());
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
  current.own.map.colours[current.made.id] = colourWord(current.made.colour);
  current.own.map.split(at.row, at.column, current.made.id, state.brush.snap);
}

/** Remembers a change of the map that was already made. */
function keepStep(id, own, before, name, added = null) {
  const rows = differing(before, own.map.values, own.map.columns);
  if (!rows && !added) return;
  const { from, to } = rows ?? { from: 0, to: 0 };
  const [old, now] = [before.slice(from, to), own.map.values.slice(from, to)];
  const put = async (values, regions) => {
    const kept = await ready(id);
    if (!kept) return;
    kept.map.values.set(values, from);
    kept.regions = regions;
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
