// The page of regions: tools, the list of what takes its look from what, and the styles' regions to drag.
import { paths } from "./api.js";
import { setMatch } from "./desk.js";
import { button, download, element, freshId } from "./dom.js";
import { openMenu } from "./menu.js";
import { addRegion, foundAgain, measure, mended, mergeRegions, regionsOf, renameRegion, splitSubject } from "./mending.js";
import { current } from "./solve.js";
import { changed, lookOf, on, photo, state } from "./store.js";
import { texts } from "./texts.js";

export const TOOLS = ["brush", "eraser", "fill", "split"];

export function buildRegions(root) {
  const list = element("ul", { class: "regions" });
  const others = element("div", { class: "chips" });
  const othersPart = element("section", {}, element("h3", { text: texts.styleRegions }), element("p", { class: "hint", text: texts.dragHint }), others);
  const found = element("p", { class: "hint" });
  root.append(whose(), overlayRow(), toolRow(), found, list, actions(), othersPart);
  let drawn = "";
  on("labels content looks transfers matches tab tool mending", () => {
    if (state.tab !== "regions") return;
    const id = mended();
    const own = regionsOf(id);
    found.textContent = own ? texts.foundBy(own.foundBy, photo(id).masked) : id ? texts.findingRegions : texts.noPhotoYet;
    const rows = own ? own.regions.map((region) => ({ ...region, share: measure(own).share(region.id), match: matchOf(region.name) })) : [];
    const stylesRegions = ofStyles();
    const next = JSON.stringify([id, rows, state.region, state.mending, stylesRegions]);
    if (next === drawn || list.contains(document.activeElement?.closest("input, select"))) return;
    drawn = next;
    const focus = document.activeElement?.dataset.focus;
    list.replaceChildren(...rows.map((region) => row(id, region, rows, stylesRegions)));
    others.replaceChildren(...stylesRegions.map(chip));
    othersPart.hidden = state.mending !== "content" || stylesRegions.length === 0;
    if (focus) root.querySelector(`[data-focus="${CSS.escape(focus)}"]`)?.focus();
  });
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
    document.getElementById("table").dataset.tool = state.tool ?? "";
  });
  changed("tool");
  return element("section", {}, element("div", { class: "toolbox", role: "group", "aria-label": texts.toolsTitle }, ...buttons),
    element("div", { class: "brush-row" }, element("label", { htmlFor: id, text: texts.brushSize }), size,
      element("label", { class: "check" }, snap, texts.snap)), help);
}

/** How a region of the photo was matched: the name of its source, or null if it follows the rest. */
function matchOf(name) {
  const region = current().shown?.regions.find((each) => each.name === name);
  if (!region) return { known: false };
  const [first] = region.takes_from ?? [];
  return { known: true, from: region.follows || !first ? null : first.region, sureness: region.sureness };
}

/** The regions of the chosen styles, each name once. */
function ofStyles() {
  const all = lookOf(state.content).flatMap(({ photo: id }) => regionsOf(id)?.regions ?? []);
  return [...new Map(all.map((region) => [region.name, region])).values()].map(({ name, colour }) => ({ name, colour }));
}

function swatch(colour) {
  const made = element("span", { class: "swatch" });
  made.style.backgroundColor = colour;
  return made;
}

function row(id, region, all, stylesRegions) {
  const chosen = region.id === state.region;
  const select = element("button", { type: "button", class: "pick", "aria-pressed": String(chosen), title: texts.paintThis, data: { focus: `pick ${region.id}` },
    "aria-label": texts.pickRegion(texts.region(region.name), region.share), on: { click: () => { state.region = chosen ? null : region.id; changed("labels"); } } },
    swatch(region.colour), element("span", { class: "name", text: texts.region(region.name) }), element("span", { class: "share", text: texts.share(region.share) }));
  const more = button(texts.moreFor(texts.region(region.name)), () => openMenu(more, [
    { label: texts.rename, run: () => rename(id, region, made) },
    null,
    ...all.filter((other) => other.id !== region.id).map((other) => ({ label: texts.mergeInto(texts.region(other.name)), run: () => mergeRegions(id, region.id, other.id) })),
  ]), { icon: "more", short: true, class: "more plain", data: { focus: `more ${region.id}` } });
  const made = element("li", { class: chosen ? "region chosen" : "region", data: { name: region.name } }, select, more);
  if (state.mending === "content") made.append(source(region, stylesRegions));
  return made;
}

function source(region, stylesRegions) {
  const byHand = (state.matches.get(state.content) ?? {})[region.name];
  const { known, from, sureness } = region.match;
  const auto = !known ? texts.matchUnknown : from === null ? texts.matchFollows : texts.matchFound(texts.region(from), sureness);
  const choice = element("select", { "aria-label": texts.takesFrom(texts.region(region.name)), data: { focus: `from ${region.id}` }, on: {
    change: () => {
      const value = choice.value === "" ? null : choice.value;
      choice.blur();
      setMatch(region.name, value);
    },
  } }, element("option", { value: "", text: byHand === undefined ? auto : texts.matchAuto }),
    ...stylesRegions.map(({ name }) => element("option", { value: name, text: texts.fromRegion(texts.region(name)) })));
  if (byHand !== undefined) choice.value = byHand;
  return element("div", { class: "source" }, choice);
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

/** A region of the style that can be dragged onto a region of the photo, with mouse, pen or finger. */
function chip({ name, colour }) {
  const made = element("span", { class: "chip", data: { name } }, swatch(colour), texts.region(name));
  made.addEventListener("pointerdown", (event) => {
    event.preventDefault();
    made.setPointerCapture(event.pointerId);
    const under = (moved) => document.elementsFromPoint(moved.clientX, moved.clientY).map((each) => each.closest("li.region")).find(Boolean);
    const move = (moved) => {
      made.style.transform = `translate(${moved.clientX - event.clientX}px, ${moved.clientY - event.clientY}px)`;
      for (const target of document.querySelectorAll("li.region")) target.classList.toggle("target", target === under(moved));
    };
    const up = (moved) => {
      made.removeEventListener("pointermove", move);
      made.style.transform = "";
      const target = moved.type === "pointerup" ? under(moved) : null;
      for (const each of document.querySelectorAll("li.region.target")) each.classList.remove("target");
      if (target) setMatch(target.dataset.name, name);
    };
    made.addEventListener("pointermove", move);
    made.addEventListener("pointerup", up, { once: true });
    made.addEventListener("pointercancel", up, { once: true });
  });
  return made;
}

function actions() {
  const made = [
    button(texts.addRegion, () => addRegion(mended()), { icon: "add" }),
    button(texts.splitSubject, () => splitSubject(mended()), { icon: "split" }),
    button(texts.foundAgain, () => foundAgain(mended()), { icon: "reset" }),
    button(texts.saveMask, () => download(paths.mask(mended())), { icon: "save" }),
  ];
  on("labels content looks mending tab", () => {
    for (const each of made) each.disabled = state.tab !== "regions" || regionsOf(mended()) === null;
  });
  return element("div", { class: "row tools" }, ...made);
}
