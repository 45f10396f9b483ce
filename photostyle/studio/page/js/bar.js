// The bar at the top: adding, undo, views, zoom, method, light and dark, keys.
import { button, element } from "./dom.js";
import { setMethod } from "./desk.js";
import { nextRedo, nextUndo, redo, undo } from "./history.js";
import { showKeys } from "./keys.js";
import { changed, MODES, on, photo, state } from "./store.js";
import { mainPane, setMode } from "./table.js";
import { texts } from "./texts.js";
import { nextTheme, theme } from "./theme.js";
import { uploading } from "./uploads.js";
import { actual, placed, zoomTo } from "./zoom.js";

export function buildBar(root) {
  root.setAttribute("aria-label", texts.bar);
  const back = button(texts.undo, undo, { icon: "undo", short: true, key: "Ctrl+Z" });
  const forth = button(texts.redo, redo, { icon: "redo", short: true, key: "Ctrl+Shift+Z" });
  const modes = MODES.map((mode, place) =>
    button(texts.modes[mode], () => setMode(mode), { icon: mode, short: true, key: String(place + 1), data: { mode } }));
  const percent = button("", toggleZoom, { class: "percent", title: texts.zoomHint });
  const before = button(texts.showBefore, () => setBefore(!state.before), { class: "before", key: "B" });
  const method = methodChoice();
  const look = button("", () => { nextTheme(); drawTheme(); }, { icon: "theme", short: true });
  const drawTheme = () => {
    look.setAttribute("aria-label", texts.themes[theme()]);
    look.title = texts.themes[theme()];
  };
  drawTheme();
  const adding = element("span", { class: "adding", role: "status" });
  root.append(
    element("span", { class: "brand", text: "photostyle" }),
    element("div", { class: "group" }, back, forth),
    element("div", { class: "group", role: "group", "aria-label": texts.views }, ...modes),
    element("div", { class: "group" }, before),
    element("div", { class: "group" },
      button(texts.zoomOut, () => zoomBy(1 / 1.5), { icon: "zoomOut", short: true, key: "-", class: "wide" }), percent,
      button(texts.zoomIn, () => zoomBy(1.5), { icon: "zoomIn", short: true, key: "+", class: "wide" })),
    adding,
    element("label", { class: "method" }, element("span", { text: texts.method }), method),
    element("div", { class: "group" }, look, button(texts.keys, showKeys, { icon: "keys", short: true, key: "?" })),
  );
  on("history", () => {
    back.disabled = nextUndo() === null;
    forth.disabled = nextRedo() === null;
    back.title = texts.undoWhat(nextUndo());
    forth.title = texts.redoWhat(nextRedo());
  });
  on("mode before zoom content", () => {
    for (const each of modes) each.setAttribute("aria-pressed", String(each.dataset.mode === state.mode));
    before.setAttribute("aria-pressed", String(state.before));
    percent.firstChild.textContent = zoomText();
  });
  on("uploads", () => {
    const now = uploading();
    adding.textContent = now ? texts.adding(now.finished, now.total) : "";
  });
  addEventListener("resize", () => changed("zoom"));
  changed("history mode");
}

function methodChoice() {
  const options = [["auto", texts.methodAuto], ...state.server.presets.map(({ name, title }) => [name, title ?? name])];
  const choice = element("select", { "aria-label": texts.method, on: { change: () => setMethod(choice.value) } },
    ...options.map(([value, text]) => element("option", { value, text })));
  on("method", () => {
    choice.value = state.method;
  });
  choice.value = state.method;
  return choice;
}

export function setBefore(before) {
  state.before = before;
  changed("before");
}

function zoomText() {
  const shown = photo(state.content);
  if (!shown || state.zoom.factor === 1) return texts.fit;
  return texts.percent(Math.round(placed(mainPane().size, shown).scale * window.devicePixelRatio * 100));
}

export function zoomBy(factor) {
  const shown = photo(state.content);
  if (shown) zoomTo(state.zoom.factor * factor, mainPane().size, shown);
}

export function toggleZoom() {
  const shown = photo(state.content);
  if (shown) zoomTo(state.zoom.factor > 1 ? 1 : Math.max(actual(mainPane().size, shown), 1.5), mainPane().size, shown);
}
