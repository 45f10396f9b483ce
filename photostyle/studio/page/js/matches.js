// What takes its look from what: changed by choosing in a list, or by dragging a region of the style onto one of the photo.
import { setMatch } from "./desk.js";
import { arrange, element } from "./dom.js";
import { regionsOf } from "./region_maps.js";
import { swatch } from "./swatch.js";
import { current } from "./solve.js";
import { lookOf, on, state } from "./store.js";
import { texts } from "./texts.js";

export function buildMatches() {
  const list = element("ul", { class: "matches", "aria-label": texts.matches });
  const chips = element("div", { class: "chips", "aria-hidden": "true" }); // the lists do the same for keys and screen readers
  const drag = element("p", { class: "hint", text: texts.dragHint });
  const none = element("p", { class: "hint", text: texts.noMatches });
  const root = element("section", {}, element("h3", { text: texts.matches }), none, list, drag, chips);
  const rows = new Map();
  let drawn = "";
  on("labels content looks transfers matches tab method", () => {
    if (state.tab !== "regions") return;
    const { shown } = current();
    const offered = shown ? [...new Set(shown.choices.styles.flat())] : [];
    const names = shown?.choices.content ?? [];
    for (const name of names) if (!rows.has(name)) rows.set(name, matchRow(name));
    for (const name of names) rows.get(name).show(shown, offered);
    arrange(list, names.map((name) => rows.get(name).root));
    const coloured = offered.map((name) => [name, colourOf(name)]);
    if (drawn !== JSON.stringify(coloured)) {
      drawn = JSON.stringify(coloured);
      chips.replaceChildren(...coloured.map(([name, colour]) => chip(name, colour)));
    }
    none.hidden = names.length > 0;
    drag.hidden = chips.hidden = offered.length === 0;
  });
  return root;
}

/** The colour of a region of the styles; a joined one has that of its first part. */
function colourOf(name) {
  const all = lookOf(state.content).flatMap(({ photo }) => regionsOf(photo)?.regions ?? []);
  return all.find((region) => region.name === name.split(" and ")[0])?.colour ?? "#888888";
}

function matchRow(name) {
  const mark = swatch("#888888");
  const share = element("span", { class: "share" });
  const choice = element("select", { "aria-label": texts.takesFrom(texts.region(name)), on: {
    change: () => setMatch(name, choice.value === "" ? null : choice.value),
  } });
  const root = element("li", { class: "match", data: { name } }, mark, element("span", { class: "name", text: texts.region(name) }), share, choice);
  let drawn = "";
  const show = (transfer, offered) => {
    const byHand = (state.matches.get(state.content) ?? {})[name];
    const found = regionIn(transfer, name);
    const told = JSON.stringify([byHand, found, offered]);
    if (told === drawn) return;
    drawn = told;
    mark.style.backgroundColor = found?.colour ?? "#888888";
    share.textContent = found ? texts.share(found.share) : "";
    choice.replaceChildren(
      element("option", { value: "", text: byHand === undefined ? automatic(found) : texts.matchAuto }),
      ...offered.map((each) => element("option", { value: each, text: texts.fromRegion(texts.region(each)) })),
    );
    choice.value = byHand ?? "";
  };
  return { root, show };
}

/** The region of a transfer that has this one in it: regions that take from the same one are joined. */
function regionIn(transfer, name) {
  const inside = ({ name: joined }) => joined === name || ` and ${joined} and `.includes(` and ${name} and `);
  return transfer.regions.find(inside) ?? null;
}

function automatic(found) {
  if (!found) return texts.matchUnknown;
  const [first] = found.takes_from;
  return found.follows || !first ? texts.matchFollows : texts.matchFound(texts.region(first.region), found.sureness);
}

/** A region of the style that can be dragged onto a region of the photo, with mouse, pen or finger. */
function chip(name, colour) {
  const made = element("span", { class: "chip" }, swatch(colour), texts.region(name));
  made.addEventListener("pointerdown", (event) => {
    event.preventDefault();
    made.setPointerCapture(event.pointerId);
    const rows = [...document.querySelectorAll("li.match")];
    const under = ({ clientX, clientY }) => rows.find((row) => {
      const box = row.getBoundingClientRect();
      return clientX >= box.left && clientX <= box.right && clientY >= box.top && clientY <= box.bottom;
    });
    const move = (moved) => {
      made.style.transform = `translate(${moved.clientX - event.clientX}px, ${moved.clientY - event.clientY}px)`;
      for (const row of rows) row.classList.toggle("target", row === under(moved));
    };
    const end = new AbortController();
    const up = (moved) => {
      end.abort();
      made.style.transform = "";
      for (const row of rows) row.classList.remove("target");
      const target = moved.type === "pointerup" ? under(moved) : null;
      if (target) setMatch(target.dataset.name, name);
    };
    made.addEventListener("pointermove", move, { signal: end.signal });
    made.addEventListener("pointerup", up, { signal: end.signal });
    made.addEventListener("pointercancel", up, { signal: end.signal });
  });
  return made;
}
