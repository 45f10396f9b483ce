// The small field of colour beside the name of a region.
import { element } from "./dom.js";

export function swatch(colour) {
  const made = element("span", { class: "swatch" });
  made.style.backgroundColor = colour;
  return made;
}
