// The page of regions: tools, the list of regions, and what can be done with them.
import { paths } from "./api.js";
import { button, download, element, freshId } from "./dom.js";
import { buildMatches } from "./matches.js";
import { openMenu } from "./menu.js";
import { addRegion, foundAgain, mergeRegions, renameRegion, splitSubject } from "./region_edits.js";
import { measure, mended, regionsOf } from "./region_maps.js";
import { changed, on, photo, state } from "./store.js";
import { swatch } from "./swatch.js";
import { texts } from "./texts.js";

export const TOOLS = ["brush", "eraser", "fill", "split"];

export function buildRegions(root) {
  const list = element("ul", { class: "regions", "aria-label": texts.regions });
  const found = element("p", { class: "hint" });
  root.append(whose(), overlayRow(), toolRow(), element("section", {}, found, list, actions()), buildMatches());
  let drawn = "";
  on("labels content looks tab tool mending", () => {
    if (state.tab !== "regions") return;
    const id = mended();
    const own = regionsOf(id);
    found.textContent = own ? texts.foundBy(own.foundBy, photo(id).masked) : id ? texts.findingRegions : texts.noPhotoYet;
    const rows = own ? present(own) : [];
    const next = JSON.stringify([id, rows, state.region, state.mending]);
    if (next === drawn || list.contains(document.activeElement?.closest("input"))) return;
    drawn = next;
    const focus = document.activeElement?.dataset.focus;
    list.replaceChildren(...rows.map((region) => row(id, region, rows)));
    if (focus) root.querySelector(`[data-focus="${CSS.escape(focus)}"]`)?.focus();
  });
}

/** The regions that have pixels, and the one chosen to be painted. */
function present(own) {
  const { share } = measure(own);
  const all = own.regions.map((region) => ({ ...region, share: share(region.id) }));
  return all.filter((region) => region.share > 0 || region.id === state.region);
}

/** Photo or style: whose regions are mended. */
function whose() {
  const choices = ["content", "style"].map((kind) => button(texts.mend[kind], () => {
    state.mending = kind;
    state.region = null;
    if (kind === "style") state.mode = "three";
    changed("mending labels mode");
  }, { class: "choice" }));
  on("mending", () => {
    for (const [place, kind] of ["content", "style"].entries()) choices[place].setAttribute("aria-pressed", String(kind === state.mending));
  });
  changed("mending");
  return element("div", { class: "segmented", role: "group", "aria-label": texts.whose }, ...choices);
}

function overlayRow() {
  const id = freshId();
  const shown = element("input", { type: "checkbox", on: { change: () => put({ shown: shown.checked }) } });
  const names = element("input", { type: "checkbox", on: { change: () => put({ names: names.checked }) } });
  const opacity = element("input", { type: "range", id, min: 0.1, max: 1, step: 0.05, on: { input: () => put({ opacity: Number(opacity.value) }) } });
  const put = (change) => {
    state.overlay = { ...state.overlay, ...change };
    changed("overlay");
  };
  on("overlay", () => {
    shown.checked = state.overlay.shown;
    names.checked = state.overlay.names;
    opacity.value = state.overlay.opacity;
    opacity.style.setProperty("--share", (state.overlay.opacity - 0.1) / 0.9);
    opacity.setAttribute("aria-valuetext", texts.percent(Math.round(state.overlay.opacity * 100)));
  });
  changed("overlay");
  return element("div", { class: "overlay-row" },
    element("label", { class: "check" }, shown, texts.showOverlay), element("label", { class: "check" }, names, texts.showNames),
    element("label", { htmlFor: id, text: texts.opacity }), opacity);
}

export function setTool(tool) {
  state.tool = state.tool === tool ? null : tool;
  if (state.tool) state.overlay = { ...state.overlay, shown: true };
  changed("tool overlay");
}

export function setBrush(change) {
  const size = Math.min(Math.max(Math.round(change.size ?? state.brush.size), 2), 300);
  state.brush = { ...state.brush, ...change, size };
  changed("tool");
}

function toolRow() {
  const keys = { brush: "P", eraser: "E", fill: "F", split: "K" };
  const buttons = TOOLS.map((tool) => button(texts.tools[tool], () => setTool(tool), { icon: tool, key: keys[tool], data: { tool } }));
  const id = freshId();
  const size = element("input", { type: "range", id, min: 2, max: 300, step: 1, on: { input: () => setBrush({ size: Number(size.value) }) } });
  const snap = element("input", { type: "checkbox", on: { change: () => setBrush({ snap: snap.checked }) } });
  const help = element("p", { class: "hint" });
  on("tool", () => {
    for (const each of buttons) each.setAttribute("aria-pressed", String(each.dataset.tool === state.tool));
    size.value = state.brush.size;
    size.style.setProperty("--share", (state.brush.size - 2) / 298);
    snap.checked = state.brush.snap;
    help.textContent = texts.toolHelp[state.tool ?? "none"];
  });
  changed("tool");
  return element("section", {}, element("div", { class: "toolbox", role: "group", "aria-label": texts.toolsTitle }, ...buttons),
    element("div", { class: "brush-row" }, element("label", { htmlFor: id, text: texts.brushSize }), size,
      element("label", { class: "check" }, snap, texts.snap)), help);
}

function row(id, region, all) {
  const chosen = region.id === state.region;
  const select = element("button", { type: "button", class: "pick", "aria-pressed": String(chosen), title: texts.paintThis, data: { focus: `pick ${region.id}` },
    "aria-label": texts.pickRegion(texts.region(region.name), region.share), on: { click: () => { state.region = chosen ? null : region.id; changed("labels"); } } },
    swatch(region.colour), element("span", { class: "name", text: texts.region(region.name) }), element("span", { class: "share", text: texts.share(region.share) }));
  const more = button(texts.moreFor(texts.region(region.name)), () => openMenu(more, [
    { label: texts.rename, run: () => rename(id, region, made) },
    null,
    ...all.filter((other) => other.id !== region.id).map((other) => ({ label: texts.mergeInto(texts.region(other.name)), run: () => mergeRegions(id, region.id, other.id) })),
  ]), { icon: "more", short: true, class: "more plain", data: { focus: `more ${region.id}` } });
  const made = element("li", { class: chosen ? "region chosen" : "region" }, select, more);
  return made;
}

function rename(id, region, row) {
  const field = element("input", { type: "text", value: region.name, "aria-label": texts.rename, maxlength: "60" });
  let over = false;
  const finish = (keep) => {
    if (over) return;
    over = true;
    const name = field.value;
    field.remove();
    row.querySelector(".pick").hidden = false;
    if (keep) renameRegion(id, region.id, name);
  };
  field.addEventListener("keydown", (event) => {
    event.stopPropagation();
    if (event.key === "Enter") finish(true);
    if (event.key === "Escape") finish(false);
  });
  field.addEventListener("blur", () => finish(true));
  row.querySelector(".pick").hidden = true;
  row.prepend(field);
  field.focus();
  field.select();
}

/** A region to paint: one of the kinds that the program knows, or a new one. */
function newRegion(anchor) {
  const id = mended();
  const own = regionsOf(id);
  const { share } = measure(own);
  const pick = (value) => () => {
    state.region = value;
    changed("labels");
  };
  openMenu(anchor, [
    { label: texts.ownRegion, run: () => addRegion(id) },
    null,
    ...own.regions.filter((region) => share(region.id) === 0).map((region) => ({ label: texts.region(region.name), run: pick(region.id) })),
  ]);
}

function actions() {
  const made = [
    button(texts.addRegion, () => newRegion(made[0]), { icon: "add" }),
    button(texts.splitSubject, () => splitSubject(mended()), { icon: "split" }),
    button(texts.foundAgain, () => foundAgain(mended()), { icon: "reset" }),
    button(texts.saveMask, () => download(paths.mask(mended())), { icon: "save" }),
  ];
  on("labels content looks mending tab", () => {
    for (const each of made) each.disabled = state.tab !== "regions" || regionsOf(mended()) === null;
  });
  return element("div", { class: "row tools" }, ...made);
}
