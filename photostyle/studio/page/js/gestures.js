// What hands do on a pane: pan, pinch, wheel, double click; with a tool in hand, strokes.
import { closeStep } from "./history.js";
import { mend } from "./mending.js";
import { state } from "./store.js";
import { actual, pan, placed, zoomTo } from "./zoom.js";

/** Listens on `pane`, which shows the photo that `shownPhoto` gives. */
export function gestures(pane, shownPhoto) {
  const down = new Map(); // pointers that are down
  let painting = false;
  const { field, canvas, cursor } = pane;
  const paints = () => state.tool !== null && mend.paintsOn(pane.kind);

  field.addEventListener("pointerdown", (event) => {
    const shown = shownPhoto();
    if (!shown || event.target.closest("button")) return;
    if (event.button === 2) return;
    canvas.focus({ preventScroll: true });
    field.setPointerCapture(event.pointerId);
    down.set(event.pointerId, pane.at(event, shown));
    if (painting && down.size > 1) {
      painting = false;
      mend.cancel(); // a second finger: it was the start of a pinch
    } else if (paints() && down.size === 1 && event.button === 0 && !event.altKey) {
      painting = true;
      mend.begin(pane.kind, down.get(event.pointerId));
    }
  });

  field.addEventListener("pointermove", (event) => {
    const shown = shownPhoto();
    if (!shown) return;
    showCursor(event, shown);
    const before = down.get(event.pointerId);
    if (!before) return;
    const all = painting ? (event.getCoalescedEvents?.() ?? []) : [];
    const now = pane.at(event, shown);
    if (painting) for (const each of all.length ? all : [event]) mend.go(pane.at(each, shown));
    else if (down.size === 1) pan(now.left - before.left, now.top - before.top, pane.size, shown);
    else pinch(event.pointerId, before, now, shown);
    down.set(event.pointerId, pane.at(event, shown));
  });

  const up = (event) => {
    down.delete(event.pointerId);
    if (painting && down.size === 0) {
      painting = false;
      mend.end();
      closeStep();
    }
  };
  field.addEventListener("pointerup", up);
  field.addEventListener("pointercancel", up);
  field.addEventListener("pointerleave", () => {
    cursor.hidden = true;
  });

  function pinch(moved, before, now, shown) {
    const other = [...down].find(([id]) => id !== moved)?.[1];
    if (!other) return;
    const apart = (point) => Math.hypot(point.left - other.left, point.top - other.top);
    const middle = { left: (now.left + other.left) / 2, top: (now.top + other.top) / 2 };
    zoomTo(state.zoom.factor * (apart(now) / Math.max(apart(before), 1)), pane.size, shown, middle);
    pan((now.left - before.left) / 2, (now.top - before.top) / 2, pane.size, shown);
  }

  field.addEventListener("wheel", (event) => {
    const shown = shownPhoto();
    if (!shown || (state.zoom.factor === 1 && event.deltaY > 0)) return;
    event.preventDefault();
    const lines = event.deltaMode === 1 ? 16 : 1;
    zoomTo(state.zoom.factor * Math.exp(-event.deltaY * lines * 0.002), pane.size, shown, pane.at(event, shown));
  }, { passive: false });

  field.addEventListener("dblclick", (event) => {
    const shown = shownPhoto();
    if (!shown || paints() || event.target.closest("button")) return;
    toggleActual(pane, shown, pane.at(event, shown));
  });

  // With a tool in hand and the pane in focus, arrows move a cross and Enter paints there.
  let point = { row: 0.5, column: 0.5 };
  canvas.addEventListener("keydown", (event) => {
    const shown = shownPhoto();
    if (!shown || !paints()) return;
    const step = event.shiftKey ? 0.05 : 0.01;
    const moves = { ArrowUp: [-step, 0], ArrowDown: [step, 0], ArrowLeft: [0, -step], ArrowRight: [0, step] };
    if (event.key in moves) {
      const [rows, columns] = moves[event.key];
      point = { row: within(point.row + rows), column: within(point.column + columns) };
    } else if (event.key === "Enter") {
      mend.begin(pane.kind, point);
      mend.end();
    } else return;
    event.preventDefault();
    event.stopPropagation();
    const place = placed(pane.size, shown);
    putCursor(place.left + point.column * place.width, place.top + point.row * place.height, place);
  });

  function showCursor(event, shown) {
    if (!paints() || event.pointerType === "touch") {
      cursor.hidden = true;
      return;
    }
    const { left, top } = pane.at(event, shown);
    putCursor(left, top, placed(pane.size, shown));
  }

  function putCursor(left, top, place) {
    const size = Math.max(mend.cursorShare(pane.kind) * place.width, 6);
    cursor.hidden = false;
    cursor.style.setProperty("--size", `${size}px`);
    cursor.style.transform = `translate(${left - size / 2}px, ${top - size / 2}px)`;
  }
}

const within = (share) => Math.min(Math.max(share, 0), 1);

/** Between the whole photo and 100 %, about a point of the pane. */
export function toggleActual(pane, shown, point) {
  const full = actual(pane.size, shown);
  zoomTo(state.zoom.factor > 1 ? 1 : Math.max(full, 1.5), pane.size, shown, point);
}
