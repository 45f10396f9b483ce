// The page's drawings: strokes on a field of 20 by 20.
const STROKES = {
  add: ["M10 4v12", "M4 10h12"],
  undo: ["M8 5 4 9l4 4", "M4 9h7a4.5 4.5 0 0 1 0 9H9"],
  redo: ["m12 5 4 4-4 4", "M16 9H9a4.5 4.5 0 0 0 0 9h2"],
  three: ["M2.5 4h5v5h-5z", "M2.5 11h5v5h-5z", "M9.5 4h8v12h-8z"],
  side: ["M2.5 5h7v10h-7z", "M10.5 5h7v10h-7z"],
  compare: ["M2.5 4.5h15v11h-15z", "M10 2v16", "m7.5 8.5-2 1.5 2 1.5", "m12.5 8.5 2 1.5-2 1.5"],
  result: ["M2.5 4.5h15v11h-15z"],
  theme: ["M10 3.5a6.5 6.5 0 1 0 0 13z", "M10 3.5a6.5 6.5 0 0 1 0 13"],
  keys: ["M2.5 5.5h15v9h-15z", "M5.5 8.5h.01", "M8.5 8.5h.01", "M11.5 8.5h.01", "M14.5 8.5h.01", "M6.5 11.5h7"],
  close: ["m5 5 10 10", "M15 5 5 15"],
  more: ["M4.5 10h.01", "M10 10h.01", "M15.5 10h.01"],
  stop: ["M5.5 5.5h9v9h-9z"],
  again: ["M15.5 6A6.5 6.5 0 1 0 16.5 11", "M16 2.5V6.5h-4"],
  reset: ["M4.5 6A6.5 6.5 0 1 1 3.5 11", "M4 2.5V6.5h4"],
  copy: ["M7 7h9v9H7z", "M13 7V4H4v9h3"],
  paste: ["M5 4h10v13H5z", "M8 2.5h4v3H8z", "M8 10h4", "M8 13h4"],
  brush: ["M16.5 3.5 9 11", "M9 11c-3-.5-3.5 2-4 4-.2.8-1.5 1-2 1 1.5 1.5 7.5 2 7.5-2.5C10.5 12.5 10 11.5 9 11z"],
  eraser: ["m3.5 12 8-8.5 5.5 5-8 8H6z", "m7.5 8 5.5 5", "M9 16.5h8"],
  fill: ["m9 3.5 6.5 6.5-6 6L3 9.5z", "M7 1.5 9 3.5", "M17 12.5c1 1.5 1 3 0 3s-1-1.5 0-3z", "M3.5 10h11.5"],
  split: ["M10 2.5v4", "M10 8.5v3", "M10 13.5v4", "M6.5 7 3 10l3.5 3", "m13.5 7 3.5 3-3.5 3"],
  save: ["M10 3v9.5", "m6 9 4 4 4-4", "M3.5 13v3.5h13V13"],
  zoomIn: ["M8.5 3.5a5 5 0 1 0 0 10 5 5 0 0 0 0-10z", "m12.5 12.5 4.5 4.5", "M8.5 6.5v4", "M6.5 8.5h4"],
  zoomOut: ["M8.5 3.5a5 5 0 1 0 0 10 5 5 0 0 0 0-10z", "m12.5 12.5 4.5 4.5", "M6.5 8.5h4"],
  photo: ["M2.5 4.5h15v11h-15z", "m2.5 13 4-4 4 4 3-3 4 4"],
  style: ["M10 2.5v2", "M10 15.5v2", "M2.5 10h2", "M15.5 10h2", "M10 6.5a3.5 3.5 0 1 0 0 7 3.5 3.5 0 0 0 0-7z"],
  check: ["m4 10.5 4 4 8-9"],
};

/** The drawing of that name, hidden from screen readers: the button around it has the name. */
export function icon(name) {
  const space = "http://www.w3.org/2000/svg";
  const drawing = document.createElementNS(space, "svg");
  drawing.setAttribute("viewBox", "0 0 20 20");
  drawing.setAttribute("aria-hidden", "true");
  drawing.classList.add("icon");
  for (const stroke of STROKES[name]) {
    const path = document.createElementNS(space, "path");
    path.setAttribute("d", stroke);
    drawing.append(path);
  }
  return drawing;
}
