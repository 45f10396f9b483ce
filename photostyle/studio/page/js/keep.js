// What the user chose outlasts a reload of the page: settings, looks, matches and the photo on the table.
import { on, state } from "./store.js";

const NAME = "photostyle.desk";
const MAPS = ["settings", "looks", "matches"];

export function restore() {
  let kept = {};
  try {
    kept = JSON.parse(localStorage.getItem(NAME)) ?? {};
  } catch {
    return; // nothing kept, or not readable: start anew
  }
  for (const map of MAPS) {
    state[map] = new Map((kept[map] ?? []).filter(([id]) => state.photos.has(id)));
  }
  state.lastLook = (kept.lastLook ?? []).filter(({ photo }) => state.photos.has(photo));
  if (state.photos.has(kept.content)) state.content = kept.content;
  if (kept.mode) state.mode = kept.mode;
}

export function keepFromNowOn() {
  let timer = 0;
  on("settings looks matches content mode photos", () => {
    clearTimeout(timer);
    timer = setTimeout(write, 300);
  });
}

function write() {
  const { content, lastLook, mode } = state;
  const maps = Object.fromEntries(MAPS.map((map) => [map, [...state[map]]]));
  try {
    localStorage.setItem(NAME, JSON.stringify({ content, lastLook, mode, ...maps }));
  } catch {
    // storage is full or off: the page works without
  }
}
