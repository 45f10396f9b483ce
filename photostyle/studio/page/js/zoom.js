// Where a photo lies in its pane. All panes share one zoom: the same part of each photo is in view.
import { changed, state } from "./store.js";

const LARGEST = 8; // device pixels for a pixel of the photo

/** CSS pixels for a pixel of the photo when it fits the pane. Small photos are enlarged up to twice. */
export const fitting = (pane, photo) => Math.min(pane.width / photo.width, pane.height / photo.height, 2);

/** The photo's place in the pane, CSS pixels: left, top, width, height. */
export function placed(pane, photo, zoom = state.zoom) {
  const scale = fitting(pane, photo) * zoom.factor;
  const width = photo.width * scale;
  const height = photo.height * scale;
  return { left: along(pane.width, width, zoom.column), top: along(pane.height, height, zoom.row), width, height, scale };
}

function along(room, length, centre) {
  if (length <= room) return (room - length) / 2;
  return Math.min(Math.max(room / 2 - centre * length, room - length), 0);
}

/** The part of the photo in view, whole pixels: top, left, height, width. */
export function inPane(pane, photo) {
  const { left, top, width, height, scale } = placed(pane, photo);
  const first = Math.max(0, Math.floor(-left / scale));
  const upper = Math.max(0, Math.floor(-top / scale));
  const last = Math.min(photo.width, Math.ceil((Math.min(pane.width, left + width) - left) / scale));
  const lower = Math.min(photo.height, Math.ceil((Math.min(pane.height, top + height) - top) / scale));
  return { top: upper, left: first, height: Math.max(lower - upper, 1), width: Math.max(last - first, 1) };
}

/** The factor at which a pixel of the photo is a pixel of the screen. */
export const actual = (pane, photo) => 1 / (fitting(pane, photo) * window.devicePixelRatio);

/** Zooms about a point of the pane (CSS pixels), which stays where it is. */
export function zoomTo(factor, pane, photo, point = { left: pane.width / 2, top: pane.height / 2 }) {
  const most = Math.max(actual(pane, photo) * LARGEST, 1);
  const before = placed(pane, photo);
  const held = { column: (point.left - before.left) / before.width, row: (point.top - before.top) / before.height };
  const next = Math.min(Math.max(factor, 1), most);
  const scale = fitting(pane, photo) * next;
  move(next, {
    column: (held.column * photo.width * scale + pane.width / 2 - point.left) / (photo.width * scale),
    row: (held.row * photo.height * scale + pane.height / 2 - point.top) / (photo.height * scale),
  });
}

/** Moves what is in view by CSS pixels. */
export function pan(across, down, pane, photo) {
  const { width, height } = placed(pane, photo);
  const halfWide = Math.min(pane.width / width / 2, 0.5);
  const halfHigh = Math.min(pane.height / height / 2, 0.5);
  move(state.zoom.factor, {
    column: Math.min(Math.max(state.zoom.column - across / width, halfWide), 1 - halfWide),
    row: Math.min(Math.max(state.zoom.row - down / height, halfHigh), 1 - halfHigh),
  });
}

function move(factor, { row, column }) {
  const whole = factor <= 1.0001;
  state.zoom = whole
    ? { factor: 1, row: 0.5, column: 0.5 }
    : { factor, row: Math.min(Math.max(row, 0), 1), column: Math.min(Math.max(column, 0), 1) };
  changed("zoom");
}
