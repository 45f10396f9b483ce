// Menus that open at a button or where the right mouse button was pressed.
import { element } from "./dom.js";

/** Opens a menu of `{label, run, checked}` under `anchor`; null makes a line. */
export function openMenu(anchor, items) {
  document.querySelector(".menu")?.hidePopover();
  const entries = items.filter((item, place) => item !== null || place > 0).map((item) =>
    item === null
      ? element("hr")
      : element("button", {
          type: "button", role: item.checked === undefined ? "menuitem" : "menuitemcheckbox", text: item.label, tabindex: "-1",
          "aria-checked": item.checked === undefined ? undefined : String(item.checked), disabled: Boolean(item.disabled),
          on: { click: () => { menu.hidePopover(); item.run(); } },
        }));
  const menu = element("div", { class: "menu", role: "menu", popover: "auto" }, ...entries);
  const buttons = entries.filter((entry) => entry.tagName === "BUTTON" && !entry.disabled);
  menu.addEventListener("keydown", (event) => {
    const now = buttons.indexOf(document.activeElement);
    const next = { ArrowDown: now + 1, ArrowUp: now - 1, Home: 0, End: buttons.length - 1 }[event.key];
    if (event.key === "Tab") menu.hidePopover();
    if (next === undefined) return;
    event.preventDefault();
    event.stopPropagation();
    buttons[(next + buttons.length) % buttons.length].focus();
  });
  menu.addEventListener("toggle", ({ newState }) => {
    if (newState !== "closed") return;
    if (menu.contains(document.activeElement) || document.activeElement === document.body) anchor.focus();
    setTimeout(() => menu.remove());
  });
  document.body.append(menu);
  menu.showPopover();
  const from = anchor.getBoundingClientRect();
  const own = menu.getBoundingClientRect();
  const left = Math.max(4, Math.min(from.left, innerWidth - own.width - 4));
  const below = from.bottom + 4 + own.height < innerHeight;
  menu.style.left = `${left}px`;
  menu.style.top = `${below ? from.bottom + 4 : Math.max(4, from.top - own.height - 4)}px`;
  buttons[0]?.focus();
}
