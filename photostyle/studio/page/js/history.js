// Undo and redo. A step knows how to go back and forth; steps of one gesture with one key become one step.
import { changed } from "./store.js";
import { say } from "./dom.js";
import { texts } from "./texts.js";

const MOST = 200;
const done = [];
const undone = [];

/** Does a step and remembers it. `key` joins it with the step before, made less than a second ago with the same key. */
export function step({ name, redo, undo, key = null }) {
  redo();
  remember({ name, redo, undo, key });
}

/** Remembers a step that was already done. */
export function remember({ name, redo, undo, key = null }) {
  const last = done.at(-1);
  const now = performance.now();
  if (key !== null && last?.key === key && now - last.at < 1000) {
    last.redo = redo;
    last.at = now;
  } else {
    done.push({ name, redo, undo, key, at: now });
    if (done.length > MOST) done.shift();
  }
  undone.length = 0;
  changed("history");
}

/** Ends a gesture: the next step is one of its own. */
export function closeStep() {
  const last = done.at(-1);
  if (last) last.key = null;
}

export function undo() {
  move(done, undone, "undo", texts.undid);
}

export function redo() {
  move(undone, done, "redo", texts.redid);
}

function move(from, to, way, spoken) {
  const moved = from.pop();
  if (!moved) return;
  moved.key = null;
  moved[way]();
  to.push(moved);
  say(spoken(moved.name));
  changed("history");
}

export const nextUndo = () => done.at(-1)?.name ?? null;
export const nextRedo = () => undone.at(-1)?.name ?? null;
