// The light table: photo, style and result, side by side or compared, drawn whenever something they show changes.
import { button, element } from "./dom.js";
import { compareHandle } from "./compare.js";
import { gestures } from "./gestures.js";
import { mend } from "./mending.js";
import { Pane } from "./pane.js";
import { paths } from "./api.js";
import { Slot } from "./pictures.js";
import { again, current, settingsFor, stop } from "./solve.js";
import { changed, lookOf, on, photo, state } from "./store.js";
import { texts } from "./texts.js";
import { chooseFiles, emptyTable } from "./uploads.js";
import { inPane, placed } from "./zoom.js";

const LONGEST = 1200; // of pictures in panes: about one megapixel
const MOST_OF_PART = 4e6; // pixels that the server gives of a photo at 100 %
const SETTLED = 180; // milliseconds without a change after which 100 % is asked for

const panes = {};
const slots = {};
const waiting = new Set(); // panes to draw
let frame = 0;
let settled = 0;
let handle = null;

export function buildTable(root) {
  for (const kind of ["content", "style", "result"]) {
    panes[kind] = new Pane(kind, draw);
    slots[kind] = new Slot(() => drawOnly(kind));
    slots[`${kind}Part`] = new Slot(() => drawOnly(kind));
    gestures(panes[kind], () => shownIn(kind));
  }
  handle = compareHandle(panes.result, () => photo(state.content));
  panes.result.field.append(handle.root);
  root.setAttribute("aria-label", texts.table);
  root.append(emptyTable(), panes.content.root, panes.style.root, panes.result.root);
  on("photos content looks zoom mode before overlay labels tool method mending", draw);
  on("settings transfers divider", () => drawOnly("result"));
  on("stroke", () => drawOnly(state.mending));
}

export const mainPane = () => panes.result;

/** The photo that a pane shows: the style's own in the style pane, else the content. */
function shownIn(kind) {
  if (kind !== "style") return photo(state.content);
  return photo(lookOf(state.content)[0]?.photo ?? null);
}

/** Draws one pane at the next frame; the result pane too where it shows the photo. */
function drawOnly(kind) {
  waiting.add(kind);
  if (kind === "content" && (!panes.content.shown || state.before || !slots.result.bitmap)) waiting.add("result");
  schedule();
}

/** Draws all panes at the next frame. */
export function draw() {
  for (const kind of Object.keys(panes)) waiting.add(kind);
  schedule();
}

function schedule() {
  document.getElementById("table").setAttribute("aria-busy", "true");
  clearTimeout(settled);
  if (frame) return;
  frame = requestAnimationFrame(() => {
    frame = 0;
    wantPictures();
    layOut();
    const due = [...waiting];
    waiting.clear();
    for (const kind of due) drawPane(kind);
    drawState();
    clearTimeout(settled);
    settled = setTimeout(wantParts, SETTLED);
  });
}

function wantPictures() {
  for (const kind of ["content", "style"]) {
    const shown = shownIn(kind);
    slots[kind].want(shown && !shown.is_look ? paths.view(shown, LONGEST) : null, shown?.id ?? null);
  }
  const { shown } = current();
  const settings = shown && settingsFor(shown);
  const look = JSON.stringify(lookOf(state.content).map(({ photo: id }) => id));
  const group = `${state.content} ${look}`;
  // While regions or matches are solved again, the result before stays.
  if (shown) slots.result.want(paths.result(shown.id, LONGEST, settings), group);
  else if (group !== slots.result.group) slots.result.want(null, group);
}

/** Asks for what is in view at 100 %, where the pictures of the panes are too coarse. */
function wantParts() {
  const { shown } = current();
  const settings = shown && settingsFor(shown);
  const contentSeen = panes.content.shown || state.mode === "compare" || state.before;
  wantPart("content", contentSeen ? (panes.content.shown ? panes.content : panes.result) : null, (rect) =>
    paths.photoPart(state.content, rect), state.content);
  wantPart("style", panes.style.shown ? panes.style : null, (rect) => paths.photoPart(shownIn("style").id, rect),
    shownIn("style")?.id);
  const group = shown && `${shown.id} ${JSON.stringify(settings)}`;
  wantPart("result", shown ? panes.result : null, (rect) => paths.resultPart(shown.id, rect, settings), group);
  drawState();
  const busy = Object.values(slots).some((slot) => slot.pending);
  document.getElementById("table").setAttribute("aria-busy", String(busy));
}

function wantPart(kind, pane, address, group) {
  const shown = shownIn(kind);
  const { bitmap } = slots[kind];
  const slot = slots[`${kind}Part`];
  const wide = pane && shown && bitmap ? placed(pane.size, shown).width * window.devicePixelRatio : 0;
  const coarse = wide > bitmap?.width * 1.1 && bitmap.width < shown.width;
  const rect = coarse ? inPane(pane.size, shown) : null;
  if (!rect || rect.width * rect.height > MOST_OF_PART) slot.want(null, group ?? null);
  else slot.want(address(rect), group, rect);
}

const partOf = (kind) => {
  const { bitmap, tag } = slots[`${kind}Part`];
  return bitmap ? { bitmap, rect: tag } : null;
};

const layer = (kind, more = {}) => ({
  photo: shownIn(kind), bitmap: slots[kind].bitmap, part: partOf(kind), ...more,
});

function drawPane(kind) {
  const pane = panes[kind];
  const shown = shownIn(kind);
  if (!shown || !pane.shown) return;
  const layers = [];
  if (kind !== "result") layers.push(layer(kind));
  else if (state.before) layers.push(layer("content"));
  else if (!slots.result.bitmap) layers.push(layer("content", { alpha: 0.35 }));
  else if (state.mode === "compare") {
    layers.push(layer("content", { to: state.divider }), layer("result", { from: state.divider }));
  } else layers.push(layer("result"));
  const overlay = overlayOf(kind);
  if (overlay) layers.push({ photo: shown, bitmap: overlay.picture, pixels: true, alpha: state.overlay.opacity });
  pane.draw(layers);
  if (overlay && state.overlay.names) pane.label(shown, overlay.names());
  // For those who measure: what was drawn, and when.
  pane.canvas.dispatchEvent(new CustomEvent("drawn", { detail: slots[kind].address }));
}

/** Regions are seen on the photo and the style, and on the result where the photo has no pane of its own. */
function overlayOf(kind) {
  if (!state.overlay.shown) return null;
  if (kind === "result" && (panes.content.shown || state.before)) return null;
  return mend.overlay(shownIn(kind)?.id);
}

function layOut() {
  const root = document.getElementById("table");
  root.dataset.mode = state.mode;
  root.dataset.empty = String(state.content === null);
  root.dataset.tool = state.tool ?? "";
  root.dataset.mending = state.mending;
  root.dataset.zoomed = String(state.zoom.factor > 1);
  panes.content.root.hidden = !["three", "side"].includes(state.mode);
  panes.style.root.hidden = state.mode !== "three";
  handle.place(state.mode === "compare" && slots.result.bitmap !== null && !state.before);
}

function drawState() {
  const content = shownIn("content");
  const style = shownIn("style");
  describe(panes.content, texts.photo, content);
  describe(panes.style, texts.style, style);
  const note = style === null ? "none" : style.is_look ? "look" : "";
  if (panes.style.note.dataset.kind !== note) {
    panes.style.note.dataset.kind = note;
    panes.style.note.hidden = note === "";
    panes.style.note.replaceChildren(...(note === "look" ? [element("p", { text: texts.lookFile })] : styleNote()));
  }
  panes.result.name.textContent = state.before ? texts.before : texts.result;
  const seen = state.mode === "compare" ? texts.comparePane : texts.resultPane;
  panes.result.canvas.setAttribute("aria-label", content ? seen(content.name) : texts.result);
  showWork(current());
}

const styleNote = () => [
  element("p", { text: texts.noStyle }),
  button(texts.addStyles, () => chooseFiles("style"), { icon: "add", class: "strong" }),
];

function describe(pane, title, shown) {
  const count = title === texts.style ? lookOf(state.content).length : 1;
  const line = count > 1 ? texts.blend(count) : shown ? texts.photoLine(shown) : "";
  pane.name.textContent = title;
  if (pane.about.textContent !== line) pane.about.replaceChildren(element("span", { class: "line", text: line }));
  pane.canvas.setAttribute("aria-label", shown ? `${title}: ${shown.name}` : title);
}

let lastWork = "";
function showWork({ shown, working, failed, stopped, complete, wanted }) {
  const pane = panes.result;
  pane.progress(working ? working.done : undefined);
  const line = workLine({ shown, working, failed, stopped, complete });
  const sharpening = slots.resultPart.pending ? texts.sharpening : "";
  const action = working ? "stop" : stopped ? "again" : failed ? "retry" : null;
  const told = JSON.stringify([line, sharpening, action, failed?.error?.text, wanted]);
  if (told === lastWork) return;
  lastWork = told;
  const buttons = {
    stop: () => button(texts.stop, stop, { icon: "stop", class: "small" }),
    again: () => button(texts.refine, again, { icon: "again", class: "small" }),
    retry: () => button(texts.tryAgain, again, { icon: "again", class: "small" }),
  };
  pane.about.replaceChildren(element("span", { class: "line", text: sharpening || line }), action ? buttons[action]() : "");
  pane.note.hidden = shown !== null || !(failed || (state.content && !wanted));
  pane.note.replaceChildren(element("p", { text: failed ? failed.error.text : texts.noLook }));
}

function workLine({ shown, working, failed, stopped, complete }) {
  if (working) return texts.working(working, shown !== null);
  if (failed) return texts.failed;
  if (stopped) return shown ? texts.stoppedBehind(shown.preset) : texts.stopped;
  if (shown) return texts.done(shown, complete);
  return "";
}

export function setMode(mode) {
  state.mode = mode;
  changed("mode");
}
