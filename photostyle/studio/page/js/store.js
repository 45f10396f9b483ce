// What the page knows. One object, changed by those who own a topic, and heard by those who draw it.

export const MODES = ["three", "side", "compare", "result"];

export const state = {
  server: null, // the answer of /api/state: sliders, presets, formats, limits
  photos: new Map(), // id -> photo
  transfers: new Map(), // id -> transfer
  queue: { id: null, status: "empty", photos: [], contact_sheet: false },
  presets: {}, // of sliders, by name
  removed: new Set(), // photos taken off the table that undo can still bring back
  content: null, // id of the photo on the table
  looks: new Map(), // content id -> styles chosen for it
  lastLook: [], // what a photo without a choice of its own takes
  settings: new Map(), // content id -> values that differ from the default, by key
  matches: new Map(), // content id -> {content region: style region} chosen by hand
  chosen: new Set(), // contents marked for paste, queue and removal
  copied: null, // settings to paste
  method: "auto", // first quick, then the full method; or one preset by name
  mode: "three", // three, side, compare, result
  before: false, // the photo is shown in place of the result
  zoom: { factor: 1, row: 0.5, column: 0.5 }, // factor 1 fits the pane; the centre in shares of the photo
  divider: 0.5, // of the comparison, a share of the photo's width
  overlay: { shown: false, opacity: 0.45, names: true },
  tool: null, // brush, eraser, fill, split
  brush: { size: 40, snap: true }, // diameter in pixels of the label map
  mending: "content", // or style: whose regions are edited
  region: null, // id of the region that is painted
  tab: "adjust", // adjust, regions, save, queue
  output: { format: "jpeg", quality: null, profile: "own", metadata: "all" }, // of saved files; quality null: chosen by the program
};

const listeners = new Map();
const waiting = new Set();

/** Calls `listener` after each change of one of these topics, once for all changes made together. */
export function on(topics, listener) {
  for (const topic of topics.split(" ")) listeners.set(topic, [...(listeners.get(topic) ?? []), listener]);
}

/** Tells that topics changed. */
export function changed(topics) {
  if (waiting.size === 0) queueMicrotask(flush);
  for (const topic of topics.split(" ")) waiting.add(topic);
}

function flush() {
  const due = new Set([...waiting].flatMap((topic) => listeners.get(topic) ?? []));
  waiting.clear();
  for (const listener of due) listener();
}

export const photo = (id) => state.photos.get(id) ?? null;
const shown = () => [...state.photos.values()].filter(({ id }) => !state.removed.has(id));
export const contents = () => shown().filter(({ is_content }) => is_content);
export const styles = () => shown().filter(({ is_style, is_look }) => is_style || is_look);

/** The styles that the photo takes its look from: its own choice, else the last one made, else the first style. */
export function lookOf(content) {
  const here = ({ photo: id }) => state.photos.has(id) && !state.removed.has(id);
  const made = [state.looks.get(content) ?? [], state.lastLook].map((look) => look.filter(here)).find((look) => look.length);
  return made ?? styles().slice(0, 1).map(({ id }) => ({ photo: id }));
}

export const settingsOf = (content) => state.settings.get(content) ?? {};

/** Every slider that the server names, with the default of the switch or slider. */
export const defaultOf = (key) => {
  if (key.startsWith("region:")) return 1;
  const known = state.server.sliders.find((slider) => slider.key === key);
  return known ? known.default : false;
};

/** Settings as the server takes them: those that differ from the default, in one order, so that equal ones are equal. */
export function asked(settings) {
  const plain = {};
  const regions = {};
  for (const key of Object.keys(settings).sort()) {
    if (key.startsWith("region:")) regions[key.slice(7)] = settings[key];
    else plain[key] = settings[key];
  }
  return Object.keys(regions).length ? { ...plain, "look.regions": regions } : plain;
}

/** The other way round: settings of the server as the page keeps them. */
export function given({ "look.regions": regions = {}, ...plain }) {
  return { ...plain, ...Object.fromEntries(Object.entries(regions).map(([name, value]) => [`region:${name}`, value])) };
}

/** Takes in a photo, a transfer or a queue from the server. */
export function took(kind, thing) {
  if (kind === "photo") state.photos.set(thing.id, thing);
  else if (kind === "transfer") state.transfers.set(thing.id, thing);
  else if (kind === "queue") state.queue = thing;
  changed(kind === "queue" ? "queue" : `${kind}s`);
}
