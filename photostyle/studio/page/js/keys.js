// Keys for everything, and the sheet that lists them.
import { setBefore, toggleZoom, zoomBy } from "./bar.js";
import { choose, copySettings, goPhoto, goStyle, pasteSettings, removePhotos, resetSettings } from "./desk.js";
import { button, element } from "./dom.js";
import { redo, undo } from "./history.js";
import { openTab, TABS } from "./panel.js";
import { setBrush, setTool } from "./regions.js";
import { saveNow } from "./save.js";
import { again, current, stop } from "./solve.js";
import { changed, MODES, photo, state } from "./store.js";
import { mainPane, setMode } from "./table.js";
import { texts } from "./texts.js";
import { nextTheme } from "./theme.js";
import { chooseFiles } from "./uploads.js";
import { pan } from "./zoom.js";

const tool = (name) => () => {
  openTab("regions");
  setTool(name);
};
const move = (across, down) => () => {
  const shown = photo(state.content);
  if (shown) pan(across, down, mainPane().size, shown);
};
const overlay = () => {
  state.overlay = { ...state.overlay, shown: !state.overlay.shown };
  changed("overlay");
};

// [key, what is shown for it, name of its text, action]
const GROUPS = [
  ["photos", [
    ["ArrowRight", "→", "nextPhoto", () => goPhoto(1)],
    ["ArrowLeft", "←", "previousPhoto", () => goPhoto(-1)],
    ["ArrowDown", "↓", "nextStyle", () => goStyle(1)],
    ["ArrowUp", "↑", "previousStyle", () => goStyle(-1)],
    ["a", "A", "addPhotos", () => chooseFiles("content")],
    ["A", "Shift+A", "addStyles", () => chooseFiles("style")],
    ["x", "X", "mark", () => state.content !== null && choose(state.content)],
    ["Delete", "Delete", "remove", () => state.content !== null && removePhotos(state.chosen.size ? [...state.chosen] : [state.content])],
  ]],
  ["seeing", [
    ["b", "B", "before", null],
    ...MODES.map((mode, place) => [String(place + 1), String(place + 1), mode, () => setMode(mode)]),
    ["z", "Z", "actual", toggleZoom],
    ["+", "+", "zoomIn", () => zoomBy(1.5)],
    ["-", "-", "zoomOut", () => zoomBy(1 / 1.5)],
    ["Shift+ArrowLeft", "Shift+←", "panLeft", move(80, 0)],
    ["Shift+ArrowRight", "Shift+→", "panRight", move(-80, 0)],
    ["Shift+ArrowUp", "Shift+↑", "panUp", move(0, 80)],
    ["Shift+ArrowDown", "Shift+↓", "panDown", move(0, -80)],
    ["l", "L", "theme", nextTheme],
  ]],
  ["changing", [
    ["Ctrl+z", "Ctrl+Z", "undo", undo],
    ["Ctrl+Shift+z", "Ctrl+Shift+Z", "redo", redo],
    ["Ctrl+y", null, "redo", redo],
    ["c", "C", "copy", copySettings],
    ["v", "V", "paste", pasteSettings],
    ["0", "0", "resetAll", resetSettings],
    ["g", "G", "adjust", () => openTab(TABS[0])],
    ["r", "R", "regions", () => openTab(TABS[1])],
    ["s", "S", "save", () => openTab(TABS[2])],
    ["q", "Q", "queue", () => openTab(TABS[3])],
    ["Ctrl+s", "Ctrl+S", "saveNow", () => saveNow()],
    [".", ".", "stop", () => (current().working ? stop() : again())],
  ]],
  ["mending", [
    ["p", "P", "brush", tool("brush")],
    ["e", "E", "eraser", tool("eraser")],
    ["f", "F", "fill", tool("fill")],
    ["k", "K", "split", tool("split")],
    ["[", "[", "smaller", () => setBrush({ size: state.brush.size / 1.25 })],
    ["]", "]", "larger", () => setBrush({ size: Math.max(state.brush.size * 1.25, state.brush.size + 1) })],
    ["n", "N", "snap", () => setBrush({ snap: !state.brush.snap })],
    ["o", "O", "overlay", overlay],
    [null, texts.keyArrows, "cross", null],
    [null, "Alt", "panWithTool", null],
    ["Escape", "Esc", "putDown", () => state.tool && setTool(state.tool)],
  ]],
  ["help", [["?", "?", "keys", () => showKeys()]]],
];

const actions = new Map(GROUPS.flatMap(([, keys]) => keys.map(([key, , , action]) => [key, action])));

/** Whether keys belong to what has the focus: a field to type in, a slider, a list. */
function taken(target, key) {
  if (target.closest("dialog, .menu")) return true;
  if (target.matches('input[type="text"], input[type="number"], textarea, select')) return true;
  if (target.matches('input[type="range"]')) return key.startsWith("Arrow") || ["Home", "End", "PageUp", "PageDown"].includes(key);
  return false;
}

/** The name of a key in the list above: letters with Ctrl are small, whatever the state of the caps lock. */
function nameOf({ key, shiftKey }, control) {
  const shift = shiftKey && (control || key.startsWith("Arrow")) ? "Shift+" : "";
  if (control) return `Ctrl+${shift}${key.toLowerCase()}`;
  return `${shift}${key === "=" ? "+" : key}`;
}

export function listenToKeys() {
  addEventListener("keydown", (event) => {
    const control = event.ctrlKey || event.metaKey;
    if (event.altKey || event.isComposing) return;
    if (!control && taken(event.target, event.key)) return;
    if (control && event.target.matches('input[type="text"], input[type="number"], textarea') && event.key !== "s") return;
    if (event.key === "b" && !control) {
      if (!event.repeat) setBefore(true);
      return;
    }
    const action = actions.get(nameOf(event, control));
    if (!action) return;
    event.preventDefault();
    action();
  });
  const release = (event) => {
    if (event.type === "blur" || event.key === "b" || event.key === "B") if (state.before) setBefore(false);
  };
  addEventListener("keyup", release);
  addEventListener("blur", release);
}

export function showKeys() {
  const group = ([name, keys]) => element("section", {}, element("h3", { text: texts.keyGroups[name] }),
    element("dl", {}, ...keys.filter(([, shown]) => shown).flatMap(([, shown, what]) => [
      element("dt", {}, element("kbd", { text: shown })), element("dd", { text: texts.keyWhat[what] }),
    ])));
  const sheet = element("dialog", { class: "sheet", "aria-label": texts.keys },
    element("div", { class: "sheet-head" }, element("h2", { text: texts.keys }), button(texts.close, () => sheet.close(), { icon: "close", short: true, class: "plain" })),
    element("div", { class: "columns" }, ...GROUPS.map(group)));
  sheet.addEventListener("close", () => sheet.remove());
  sheet.addEventListener("click", (event) => event.target === sheet && sheet.close());
  document.body.append(sheet);
  sheet.showModal();
}
