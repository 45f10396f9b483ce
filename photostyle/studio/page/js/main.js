// The page's start: takes in the server's state, builds the parts, listens.
import { buildBar } from "./bar.js";
import { listen, refresh } from "./events.js";
import { keepFromNowOn, restore } from "./keep.js";
import { listenToKeys } from "./keys.js";
import { notice } from "./notices.js";
import { buildPanel } from "./panel.js";
import { solve } from "./solve.js";
import { changed, contents, on, state } from "./store.js";
import { buildStrips } from "./strips.js";
import { buildTable } from "./table.js";
import { texts } from "./texts.js";
import { startTheme } from "./theme.js";
import { buildDrop } from "./uploads.js";

const part = (id) => document.getElementById(id);

async function start() {
  startTheme();
  document.documentElement.lang = texts.language;
  document.title = texts.title;
  part("notices").setAttribute("aria-label", texts.notices);
  try {
    await refresh();
  } catch (error) {
    notice(error.text ?? texts.broken(error.message));
    return;
  }
  restore();
  firstChoices();
  buildBar(part("bar"));
  buildTable(part("table"));
  buildStrips(part("strips"));
  buildPanel(part("panel"));
  buildDrop();
  listenToKeys();
  keepFromNowOn();
  on("photos content looks matches method", solve);
  on("photos", firstChoices);
  changed("photos content looks settings transfers queue mode zoom overlay labels");
  listen();
  document.body.dataset.ready = "true";
}

/** A photo for the table, if the server has some and none is chosen. */
function firstChoices() {
  if (state.content === null || !state.photos.has(state.content)) {
    const first = contents()[0]?.id ?? null;
    if (first !== state.content) {
      state.content = first;
      changed("content");
    }
  }
}

start();
