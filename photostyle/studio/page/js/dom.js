// Elements of the page, made in one call. Styles go through the CSSOM: the page's policy forbids style attributes.
import { icon } from "./icons.js";

const PROPERTIES = new Set(["value", "checked", "disabled", "hidden", "tabIndex", "htmlFor", "indeterminate", "open"]);

/** An element. `on` holds listeners, `icon` a drawing, `text` plain text; the rest are attributes or properties. */
export function element(tag, { on = {}, icon: drawing, text, data = {}, ...rest } = {}, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(rest)) {
    if (PROPERTIES.has(name)) made[name] = value;
    else if (value === true) made.setAttribute(name, "");
    else if (value !== false && value !== null && value !== undefined) made.setAttribute(name, value);
  }
  Object.assign(made.dataset, data);
  for (const [kind, listener] of Object.entries(on)) made.addEventListener(kind, listener);
  if (drawing) made.append(icon(drawing));
  if (text !== undefined) made.append(text);
  made.append(...children.filter((child) => child !== null && child !== undefined));
  return made;
}

/** A button. With `short` it shows its icon alone and has `label` as its name and hint. */
export function button(label, action, { icon: drawing, short = false, key, ...rest } = {}) {
  const hint = key ? `${label} (${key})` : short ? label : undefined;
  return element(
    "button",
    { type: "button", title: hint, "aria-label": short ? label : undefined, on: { click: action }, icon: drawing, ...rest },
    short ? null : element("span", { text: label }),
  );
}

let counter = 0;
/** A fresh id, to tie a label to its input. */
export const freshId = () => `e${(counter += 1)}`;

/** Says something to people who hear the page. */
export function say(text) {
  const place = document.getElementById("spoken");
  if (place && place.textContent !== text) place.textContent = text;
}

/** Saves what the server sends, as the browser saves any download. */
export function download(url) {
  const link = element("a", { href: url, download: "" });
  document.body.append(link);
  link.click();
  link.remove();
}

/** Makes the children of `parent` those of `wanted`, in order, and moves only what has to move. */
export function arrange(parent, wanted) {
  let next = parent.firstChild;
  for (const child of wanted) {
    if (child === next) next = next.nextSibling;
    else parent.insertBefore(child, next);
  }
  while (next) {
    const after = next.nextSibling;
    next.remove();
    next = after;
  }
}
