// The label maps of photos: fetched, kept, drawn anew, and sent back some time after a change.
import { api, paths } from "./api.js";
import { LabelMap } from "./labels.js";
import { orNotice } from "./notices.js";
import { readGrey, writeGrey } from "./png.js";
import { outdated } from "./solve.js";
import { changed, lookOf, photo, state, took } from "./store.js";

const PAUSE = 700; // milliseconds after the last stroke before the regions are sent
const MOST = 8; // maps kept; each takes some 10 MB
const COLOURS = ["#e07b39", "#7a5fd0", "#2aa198", "#c94f7c", "#8a9a2b", "#4f7fc9", "#a0522d", "#d4b21f"];
const loaded = new Map(); // photo -> {map, regions, foundBy, spots}
const loading = new Map(); // photo -> promise of the same
const timers = new Map();
const failed = new Set(); // not asked for again until the page is loaded again

/** The photo whose regions are mended. */
export const mended = () => (state.mending === "style" ? lookOf(state.content)[0]?.photo ?? null : state.content);

/** What is known of a photo's regions, once they were fetched. */
export const ownOf = (id) => loaded.get(id) ?? null;

/** The regions of a photo; null while they are fetched. */
export function regionsOf(id) {
  if (id === null || id === undefined || !photo(id) || photo(id).is_look) return null;
  if (!loaded.has(id) && !failed.has(id)) ready(id);
  return loaded.get(id) ?? null;
}

/** The regions of a photo, fetched if they have to be; null if they cannot be had. */
export async function ready(id) {
  if (loaded.has(id)) return loaded.get(id);
  if (!loading.has(id)) loading.set(id, load(id).finally(() => loading.delete(id)));
  await loading.get(id);
  return loaded.get(id) ?? null;
}

async function load(id) {
  const all = await orNotice(Promise.all([api.regions(id), api.labels(id).then(readGrey), guideOf(id)]));
  if (all) {
    const [{ regions, found_by: foundBy }, grey, guide] = all;
    const map = new LabelMap(grey, read(guide, grey));
    loaded.set(id, { map, foundBy, regions: regions.map(({ id: value, name, colour }) => ({ id: value, name, colour })) });
    painted(id);
  } else failed.add(id);
  const seen = new Set([state.content, ...lookOf(state.content).map((style) => style.photo), id]);
  for (const old of [...loaded.keys()].slice(0, -MOST)) {
    if (!seen.has(old) && !timers.has(old)) loaded.delete(old); // the server has what was mended
  }
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
export function painted(id) {
  const own = loaded.get(id);
  own.map.paintAll(own.regions.map(({ id: value, colour }) => [value, colour]));
  measured(id);
}

export function measured(id) {
  loaded.get(id).spots = null;
  changed("labels");
}

/** Shares and places of names, measured when they are asked for. */
export function measure(own) {
  own.spots ??= own.map.measure();
  return own.spots;
}

/** A region that a photo does not have yet. */
export function made(own, name) {
  const taken = new Set(own.regions.map(({ id }) => id));
  let id = 10; // after the built-in classes
  while (taken.has(id)) id += 1;
  return { id, name, colour: COLOURS[id % COLOURS.length] };
}

/** Sends a photo's regions when nothing has changed for a while. */
export function sendSoon(id) {
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

/** Forgets what was mended and is not sent yet, and fetches the regions anew. */
export function fetchAgain(id) {
  loaded.delete(id);
  changed("labels");
  outdated(id);
}

export function holdBack(id) {
  clearTimeout(timers.get(id));
  timers.delete(id);
}
