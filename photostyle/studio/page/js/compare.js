// The handle between before and after.
import { element } from "./dom.js";
import { changed, state } from "./store.js";
import { texts } from "./texts.js";
import { placed } from "./zoom.js";

/** A handle over `pane`. `place(shown)` puts it where the divider is. */
export function compareHandle(pane, shownPhoto) {
  const grip = element("span", { class: "grip" });
  const root = element(
    "div",
    { class: "divider", role: "slider", tabindex: "0", "aria-label": texts.compareHandle, "aria-valuemin": "0", "aria-valuemax": "100", hidden: true },
    grip,
  );
  const to = (share) => {
    state.divider = Math.min(Math.max(share, 0), 1);
    changed("divider");
  };
  root.addEventListener("pointerdown", (event) => {
    event.stopPropagation();
    root.setPointerCapture(event.pointerId);
    const move = (moved) => to(pane.at(moved, shownPhoto()).column);
    root.addEventListener("pointermove", move);
    root.addEventListener("lostpointercapture", () => root.removeEventListener("pointermove", move), { once: true });
  });
  root.addEventListener("dblclick", (event) => {
    event.stopPropagation();
    to(0.5);
  });
  root.addEventListener("keydown", (event) => {
    const steps = { ArrowLeft: -0.02, ArrowDown: -0.02, ArrowRight: 0.02, ArrowUp: 0.02, PageDown: -0.1, PageUp: 0.1, Home: -1, End: 1 };
    if (!(event.key in steps)) return;
    event.preventDefault();
    event.stopPropagation();
    to(state.divider + steps[event.key]);
  });
  const place = (wanted) => {
    root.hidden = !wanted;
    if (!wanted) return;
    const { left, width } = placed(pane.size, shownPhoto());
    root.style.setProperty("--left", `${Math.min(Math.max(left + state.divider * width, 0), pane.size.width)}px`);
    root.setAttribute("aria-valuenow", String(Math.round(state.divider * 100)));
    root.setAttribute("aria-valuetext", texts.dividerAt(Math.round(state.divider * 100)));
  };
  return { root, place };
}
