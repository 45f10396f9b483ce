// What the user does to photos and looks; every change can be undone.
import { api } from "./api.js";
import { step } from "./history.js";
import { orNotice } from "./notices.js";
import { neighbour } from "./solve.js";
import { changed, contents, defaultOf, lookOf, photo, settingsOf, state, styles, took } from "./store.js";
import { texts } from "./texts.js";

export function showPhoto(id) {
  if (id === null || id === state.content) return;
  state.content = id;
  state.region = null;
  changed("content");
}

export const goPhoto = (by) => showPhoto(neighbour(by));

/** Puts a value into a map and remembers how it was; `topics` tell of it. */
function place(map, key, value, name, topics, joined = null) {
  const had = map.has(key);
  const before = map.get(key);
  const put = (present, next) => {
    if (present) map.set(key, next);
    else map.delete(key);
    changed(topics);
  };
  step({ name, key: joined, redo: () => put(true, value), undo: () => put(had, before) });
}

/** Chooses the styles that the photo on the table takes its look from. */
export function setLook(look, name = texts.steps.style) {
  if (state.content === null) return;
  const last = state.lastLook;
  const { content } = state;
  const had = state.looks.has(content);
  const before = state.looks.get(content);
  step({
    name,
    redo: () => {
      state.looks.set(content, look);
      state.lastLook = look;
      changed("looks");
    },
    undo: () => {
      if (had) state.looks.set(content, before);
      else state.looks.delete(content);
      state.lastLook = last;
      changed("looks");
    },
  });
}

export const useStyle = (id) => setLook([{ photo: id }]);

export function goStyle(by) {
  const all = styles();
  if (all.length === 0) return;
  const now = all.findIndex(({ id }) => id === lookOf(state.content)[0]?.photo);
  useStyle(all[Math.min(Math.max(now + by, 0), all.length - 1)].id);
}

/** Adds a style to the blend, or takes it out. */
export function blendStyle(id) {
  const look = lookOf(state.content);
  const inside = look.some((style) => style.photo === id);
  if (inside && look.length === 1) return;
  setLook(inside ? look.filter((style) => style.photo !== id) : [...look, { photo: id, weight: 1 }], texts.steps.blend);
}

export function styleForRegion(id, region) {
  const look = lookOf(state.content).filter((style) => style.photo !== id);
  setLook([...look, { photo: id, ...(region === null ? {} : { region }) }], texts.steps.styleForRegion);
}

/** Sets one adjustment. Moves of one slider in one gesture are one step. */
export function setSetting(key, value) {
  const next = { ...settingsOf(state.content) };
  if (value === defaultOf(key)) delete next[key];
  else next[key] = value;
  place(state.settings, state.content, next, texts.steps.setting(key), "settings", `${state.content} ${key}`);
}

export function setSettings(values, name) {
  if (state.content !== null) place(state.settings, state.content, { ...values }, name, "settings");
}

export const resetSettings = () => setSettings({}, texts.steps.reset);

export function copySettings() {
  state.copied = { ...settingsOf(state.content) };
  changed("settings");
}

/** Pastes onto the marked photos, or onto the one on the table. */
export function pasteSettings() {
  if (state.copied === null) return 0;
  const onto = state.chosen.size ? [...state.chosen] : [state.content];
  const before = new Map(onto.map((id) => [id, state.settings.get(id)]));
  const values = { ...state.copied };
  step({
    name: texts.steps.paste(onto.length),
    redo: () => {
      for (const id of onto) state.settings.set(id, { ...values });
      changed("settings");
    },
    undo: () => {
      for (const [id, old] of before) {
        if (old) state.settings.set(id, old);
        else state.settings.delete(id);
      }
      changed("settings");
    },
  });
  return onto.length;
}

export function setMethod(method) {
  const before = state.method;
  const to = (value) => () => {
    state.method = value;
    changed("method");
  };
  step({ name: texts.steps.method, redo: to(method), undo: to(before) });
}

/** Chooses by hand what a region takes its look from; null leaves it to the program. */
export function setMatch(region, from) {
  const next = { ...(state.matches.get(state.content) ?? {}) };
  if (from === null) delete next[region];
  else next[region] = from;
  place(state.matches, state.content, next, texts.steps.match(region), "matches");
}

export function choose(id, wanted = !state.chosen.has(id)) {
  if (wanted) state.chosen.add(id);
  else state.chosen.delete(id);
  changed("chosen");
}

export function chooseAll() {
  const all = contents();
  const every = all.every(({ id }) => state.chosen.has(id));
  for (const { id } of all) choose(id, !every);
}

/** Takes photos off the table. They are removed for good when the page is left. */
export function removePhotos(ids) {
  const back = state.content;
  step({
    name: texts.steps.remove(ids.length),
    redo: () => {
      const order = contents().map(({ id }) => id);
      for (const id of ids) {
        state.removed.add(id);
        state.chosen.delete(id);
      }
      if (state.removed.has(state.content)) {
        const left = order.filter((id) => !state.removed.has(id));
        const next = order.slice(order.indexOf(state.content)).find((id) => !state.removed.has(id));
        state.content = next ?? left.at(-1) ?? null;
      }
      changed("photos content looks chosen");
    },
    undo: () => {
      for (const id of ids) state.removed.delete(id);
      state.content = back;
      changed("photos content looks");
    },
  });
}

addEventListener("pagehide", () => {
  for (const id of state.removed) api.removePhoto(id).catch(() => {});
});

/** Uses a photo as content, style or both. */
export async function setRole(id, role) {
  const was = photo(id);
  const before = was.is_content && was.is_style ? "both" : was.is_style ? "style" : "content";
  const to = (value) => async () => {
    const answer = await orNotice(api.setRole(id, value));
    if (!answer) return;
    took("photo", answer.photo);
    if (value !== "style") state.content ??= id;
    changed("content looks");
  };
  step({ name: texts.steps.role, redo: to(role), undo: to(before) });
}


