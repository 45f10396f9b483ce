// The panel at the side: adjust, regions, save.
import { buildAdjust } from "./adjust.js";
import { element } from "./dom.js";
import { buildQueue } from "./queue.js";
import { buildRegions } from "./regions.js";
import { buildSave } from "./save.js";
import { changed, on, state } from "./store.js";
import { texts } from "./texts.js";

export const TABS = ["adjust", "regions", "save", "queue"];
const BUILDERS = { adjust: buildAdjust, regions: buildRegions, save: buildSave, queue: buildQueue };

export function buildPanel(root) {
  root.setAttribute("aria-label", texts.panel);
  const tabs = TABS.map((name) =>
    element("button", { type: "button", role: "tab", id: `tab-${name}`, "aria-controls": `page-${name}`, text: texts.tabs[name], on: { click: () => openTab(name) } }));
  const pages = TABS.map((name) => element("div", { class: "page", role: "tabpanel", id: `page-${name}`, "aria-labelledby": `tab-${name}` }));
  const list = element("div", { class: "tabs", role: "tablist", "aria-label": texts.panel }, ...tabs);
  list.addEventListener("keydown", (event) => {
    const step = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
    if (!step) return;
    event.preventDefault();
    event.stopPropagation();
    const next = (TABS.indexOf(state.tab) + step + TABS.length) % TABS.length;
    openTab(TABS[next]);
    tabs[next].focus();
  });
  root.append(list, ...pages);
  for (const [place, name] of TABS.entries()) BUILDERS[name](pages[place]);
  on("tab", () => {
    for (const [place, name] of TABS.entries()) {
      const open = name === state.tab;
      tabs[place].setAttribute("aria-selected", String(open));
      tabs[place].tabIndex = open ? 0 : -1;
      pages[place].hidden = !open;
    }
  });
  changed("tab");
}

/** Opens a page of the panel. Regions are seen on the photo while theirs is open. */
export function openTab(name) {
  if (name === state.tab) return;
  state.tab = name;
  state.overlay = { ...state.overlay, shown: name === "regions" };
  if (name !== "regions") state.tool = null;
  changed("tab overlay tool");
}
