// Changes of the list of regions: new ones, names, merging, the subject, and back to what was found.
import { api } from "./api.js";
import { step } from "./history.js";
import { notice, orNotice } from "./notices.js";
import { readGrey } from "./png.js";
import { fetchAgain, holdBack, made, ownOf, painted, ready, sendSoon } from "./region_maps.js";
import { changed, state } from "./store.js";
import { texts } from "./texts.js";

/** Changes the list of regions, and the map with it, as one step. */
function changeRegions(id, regions, name, change = () => {}) {
  const own = ownOf(id);
  const [oldRegions, oldValues] = [own.regions, own.map.values.slice()];
  const redo = () => put(id, regions, change);
  step({ name, redo, undo: () => put(id, oldRegions, (map) => map.values.set(oldValues)) });
}

async function put(id, regions, change) {
  const own = await ready(id);
  if (!own) return;
  own.regions = regions;
  change(own.map);
  painted(id);
  sendSoon(id);
}

export function addRegion(id) {
  const own = ownOf(id);
  const region = made(own, texts.newRegion(own.regions.length + 1));
  changeRegions(id, [...own.regions, region], texts.steps.newRegion);
  state.region = region.id;
  changed("labels");
}

export function renameRegion(id, value, name) {
  const own = ownOf(id);
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
  const own = ownOf(id);
  const left = own.regions.filter((region) => region.id !== value);
  const merge = (map) => map.replace((place) => map.values[place] === value, into);
  changeRegions(id, left, texts.steps.merge, merge);
  state.region = into;
}

/** Makes the photo's subject a region of its own, as the server finds it. */
export async function splitSubject(id) {
  const own = ownOf(id);
  const grey = await orNotice(api.subject(id).then(readGrey));
  if (!grey) return;
  const region = made(own, own.regions.some(({ name }) => name === "subject") ? texts.newRegion(own.regions.length + 1) : "subject");
  changeRegions(id, [...own.regions, region], texts.steps.subject, (map) => map.replace((place) => grey.values[place] > 127, region.id));
  state.region = region.id;
  changed("labels");
}

/** Goes back to the regions that the program found. */
export async function foundAgain(id) {
  const own = ownOf(id);
  const [oldRegions, oldValues] = [own.regions, own.map.values.slice()];
  const back = async () => {
    holdBack(id);
    if ((await orNotice(api.foundLabels(id))) === undefined) return;
    fetchAgain(id);
  };
  step({ name: texts.steps.found, redo: back, undo: () => put(id, oldRegions, (map) => map.values.set(oldValues)) });
}
