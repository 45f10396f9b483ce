// The strips of photos and of styles under the table.
import { paths } from "./api.js";
import { blendStyle, choose, chooseAll, copySettings, pasteSettings, removePhotos, setRole, showPhoto, styleForRegion, useStyle } from "./desk.js";
import { arrange, button, element } from "./dom.js";
import { openMenu } from "./menu.js";
import { current, inView, tried } from "./solve.js";
import { contents, lookOf, on, settingsOf, state, styles } from "./store.js";
import { texts } from "./texts.js";
import { chooseFiles } from "./uploads.js";

const THUMBNAIL = 240;
const TILE = "application/x-photostyle-tile";
const tiles = { content: new Map(), style: new Map() };
const lists = {};
const heads = {};
const seen = new IntersectionObserver((entries) => {
  for (const { target, isIntersecting } of entries) inView(target.dataset.id, isIntersecting);
});

export function buildStrips(root) {
  root.setAttribute("aria-label", texts.strips);
  root.append(strip("content", texts.photos, texts.addPhotos), strip("style", texts.stylesTitle, texts.addStyles));
  on("photos content chosen settings", drawContents);
  on("photos content looks transfers", drawStyles);
}

function strip(kind, title, add) {
  heads[kind] = element("span", { class: "count" });
  lists[kind] = element("ul", { class: "tiles", "aria-label": title });
  lists[kind].addEventListener("keydown", (event) => wander(event, kind));
  const more = kind === "content" ? button(texts.markAll, chooseAll, { class: "plain small" }) : null;
  const own = element(
    "div",
    { class: `strip ${kind}`, data: { role: kind } },
    element("div", { class: "strip-head" },
      element("h2", { text: title }, heads[kind]),
      button(add, () => chooseFiles(kind), { icon: "add", class: "small" }), more),
    lists[kind],
  );
  takesTiles(own, kind);
  return own;
}

/** A tile dragged from the other strip is used here too. */
function takesTiles(root, kind) {
  const dragged = ({ dataTransfer }) => dataTransfer.types.includes(TILE) && !dataTransfer.types.includes(`${TILE}/${kind}`);
  root.addEventListener("dragover", (event) => {
    if (dragged(event)) event.preventDefault();
    root.classList.toggle("over", dragged(event));
  });
  root.addEventListener("dragleave", () => root.classList.remove("over"));
  root.addEventListener("drop", (event) => {
    root.classList.remove("over");
    if (!dragged(event)) return;
    event.preventDefault();
    setRole(event.dataTransfer.getData(TILE), "both");
  });
}

/** Arrow keys go from tile to tile. */
function wander(event, kind) {
  const step = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
  if (!step && event.key !== "Home" && event.key !== "End") return;
  const all = [...lists[kind].querySelectorAll(".tile")];
  const now = all.indexOf(event.target.closest("li")?.querySelector(".tile"));
  const next = event.key === "Home" ? 0 : event.key === "End" ? all.length - 1 : now + step;
  const target = all[Math.min(Math.max(next, 0), all.length - 1)];
  event.preventDefault();
  event.stopPropagation();
  target.focus();
  target.click();
}

function drawContents() {
  const all = contents();
  draw("content", all, makeContent, (tile, photo) => {
    const now = photo.id === state.content;
    const marked = state.chosen.has(photo.id);
    const adjusted = Object.keys(settingsOf(photo.id)).length > 0;
    if (!news(tile, `${now} ${marked} ${adjusted}`)) return;
    mark(tile, now, marked);
    tile.root.classList.toggle("changed", adjusted);
    tile.open.setAttribute("aria-label", texts.tile(photo.name, { now, marked }));
  });
  heads.content.textContent = state.chosen.size ? texts.marked(state.chosen.size, all.length) : all.length || "";
}

function drawStyles() {
  const all = styles();
  const look = new Set(lookOf(state.content).map(({ photo: id }) => id));
  draw("style", all, makeStyle, (tile, photo) => {
    const transfer = tried(photo.id);
    const address = transfer ? paths.result(transfer.id, THUMBNAIL, {}) : null;
    if (!news(tile, `${look.has(photo.id)} ${address}`)) return;
    mark(tile, look.has(photo.id), false);
    tile.result.hidden = address === null;
    if (address && tile.result.getAttribute("src") !== address) tile.result.src = address;
    tile.open.setAttribute("aria-label", texts.styleTile(photo.name, look.has(photo.id)));
  });
  heads.style.textContent = all.length || "";
}

/** Whether a tile has to be drawn anew: what it would show is told in a line. */
function news(tile, line) {
  if (tile.line === line) return false;
  tile.line = line;
  return true;
}

function draw(kind, photos, make, update) {
  const own = tiles[kind];
  const wanted = photos.map((photo) => {
    if (!own.has(photo.id)) own.set(photo.id, make(photo));
    const tile = own.get(photo.id);
    update(tile, photo);
    return tile.root;
  });
  arrange(lists[kind], wanted);
  lists[kind].closest(".strip").classList.toggle("bare", photos.length === 0);
  if (photos.length && !lists[kind].querySelector('.tile[tabindex="0"]')) wanted[0].querySelector(".tile").tabIndex = 0;
}

function mark(tile, now, marked) {
  const was = tile.root.classList.contains("now");
  tile.root.classList.toggle("now", now);
  tile.root.classList.toggle("marked", marked);
  tile.open.tabIndex = tile.more.tabIndex = now ? 0 : -1;
  if (now) tile.open.setAttribute("aria-current", "true");
  else tile.open.removeAttribute("aria-current");
  if (now && !was) tile.root.scrollIntoView({ block: "nearest", inline: "nearest" });
}

const picture = (source) => {
  const made = element("img", { alt: "", loading: "lazy", decoding: "async", draggable: "false" });
  if (source) made.src = source;
  return made;
};

function makeTile(kind, photo, pictures, open, items) {
  const more = button(texts.moreFor(photo.name), () => openMenu(more, items()), { icon: "more", short: true, class: "more" });
  const main = element("button", { type: "button", class: "tile", tabindex: "-1", on: { click: open } },
    element("span", { class: "pictures" }, ...pictures), element("span", { class: "title", text: photo.name }));
  const root = element("li", { data: { id: photo.id }, draggable: photo.is_look ? undefined : "true" }, main, more);
  root.addEventListener("dragstart", ({ dataTransfer }) => {
    dataTransfer.setData(TILE, photo.id);
    dataTransfer.setData(`${TILE}/${kind}`, photo.id);
    dataTransfer.effectAllowed = "copy";
  });
  root.addEventListener("contextmenu", (event) => {
    event.preventDefault();
    openMenu(more, items());
  });
  return { root, open: main, more };
}

function makeContent(photo) {
  const { id } = photo;
  const open = (event) => (event.ctrlKey || event.metaKey || event.shiftKey ? choose(id) : showPhoto(id));
  return makeTile("content", photo, [picture(paths.view(photo, THUMBNAIL))], open, () => [
    { label: texts.markThis, checked: state.chosen.has(id), run: () => choose(id) },
    { label: texts.copySettings, run: () => { showPhoto(id); copySettings(); } },
    { label: texts.pasteSettings, disabled: state.copied === null, run: () => { showPhoto(id); pasteSettings(); } },
    null,
    { label: texts.alsoStyle, checked: state.photos.get(id).is_style, run: () => setRole(id, state.photos.get(id).is_style ? "content" : "both") },
    { label: texts.remove, run: () => removePhotos([id]) },
  ]);
}

function makeStyle(photo) {
  const { id } = photo;
  const result = picture(null);
  result.hidden = true;
  const own = photo.is_look ? element("span", { class: "look-file", text: texts.look }) : picture(paths.view(photo, THUMBNAIL));
  const open = (event) => (event.ctrlKey || event.metaKey || event.shiftKey ? blendStyle(id) : useStyle(id));
  const regions = () => (current().shown?.regions ?? []).map(({ name }) => ({
    label: texts.useForRegion(texts.region(name)), run: () => styleForRegion(id, name),
  }));
  const tile = makeTile("style", photo, [own, result], open, () => [
    { label: texts.useStyle, run: () => useStyle(id) },
    { label: texts.inBlend, checked: lookOf(state.content).some((style) => style.photo === id), run: () => blendStyle(id) },
    ...(regions().length ? [null, ...regions()] : []),
    null,
    ...(photo.is_look ? [] : [{ label: texts.alsoContent, checked: state.photos.get(id).is_content, run: () => setRole(id, state.photos.get(id).is_content ? "style" : "both") }]),
    { label: texts.remove, run: () => removePhotos([id]) },
  ]);
  seen.observe(tile.root);
  return { ...tile, result };
}
