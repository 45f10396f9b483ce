// Photos come in: by choosing, by dropping files or folders. The empty table says what to do.
import { api } from "./api.js";
import { button, element, say } from "./dom.js";
import { remember } from "./history.js";
import { notice, orNotice } from "./notices.js";
import { changed, state, took } from "./store.js";
import { texts } from "./texts.js";

const AT_ONCE = 2;
let total = 0;
let finished = 0;

/** Opens the system's window for files. */
export function chooseFiles(role, folder = false) {
  const input = element("input", { type: "file", multiple: true, webkitdirectory: folder, hidden: true, "aria-label": texts.choose(role) });
  input.addEventListener("change", () => {
    addFiles([...input.files], role);
    input.remove();
  });
  input.addEventListener("cancel", () => input.remove());
  document.body.append(input);
  input.click();
}

/** Sends files to the server and puts the first on the table. */
export async function addFiles(files, role) {
  const waiting = files.filter(({ name }) => !name.startsWith("."));
  const added = [];
  total += waiting.length;
  const one = async () => {
    for (let file = waiting.shift(); file; file = waiting.shift()) {
      const own = file.name.toLowerCase().endsWith(".photostyle") ? "style" : role;
      const answer = await orNotice(api.addPhoto(file, own));
      finished += 1;
      if (answer) {
        added.push(answer.photo.id);
        arrived(answer.photo, own);
      }
      changed("uploads");
    }
  };
  changed("uploads");
  await Promise.all(Array.from({ length: AT_ONCE }, one));
  if (finished === total) total = finished = 0;
  changed("uploads");
  if (added.length === 0) return;
  say(texts.added(added.length));
  remember({
    name: texts.steps.add(added.length),
    undo: () => {
      for (const id of added) state.removed.add(id);
      if (state.removed.has(state.content)) state.content = null;
      changed("photos content looks");
    },
    redo: () => {
      for (const id of added) state.removed.delete(id);
      if (role === "content") state.content ??= added[0];
      changed("photos content looks");
    },
  });
}

function arrived(photo, role) {
  took("photo", photo);
  for (const warning of photo.warnings ?? []) notice(`${photo.name}: ${warning}`, "info");
  if (role === "content") {
    if (state.content === null) {
      state.content = photo.id;
      changed("content");
    }
  }
}

/** How many of the files being added are in; null if none are. */
export const uploading = () => (total ? { finished, total } : null);

/** What the table shows while there is no photo. */
export function emptyTable() {
  const zone = (role, title, help) =>
    element(
      "div",
      { class: "zone", data: { role } },
      element("h2", { text: title }),
      element("p", { text: help }),
      element(
        "div",
        { class: "row" },
        button(texts.choosePhotos, () => chooseFiles(role), { icon: "add", class: "strong", "aria-label": texts.choose(role) }),
        button(texts.chooseFolder, () => chooseFiles(role, true), { "aria-label": texts.chooseFolderFor(role) }),
      ),
    );
  return element(
    "div",
    { class: "empty" },
    element("h1", { text: texts.emptyTitle }),
    element(
      "div",
      { class: "zones" },
      zone("content", texts.emptyContent, texts.emptyContentHelp),
      zone("style", texts.emptyStyle, texts.emptyStyleHelp),
    ),
    element("p", { class: "quiet", text: texts.emptyNote }),
  );
}

/** Two fields over the page while files are dragged over it. */
export function buildDrop() {
  const fields = ["content", "style"].map((role) =>
    element("div", { class: "drop-field", data: { role } }, element("strong", { text: texts.dropHere(role) })));
  const cover = element("div", { class: "drop", hidden: true, "aria-hidden": "true" }, ...fields);
  document.body.append(cover);
  const withFiles = (event) => [...(event.dataTransfer?.types ?? [])].includes("Files");
  addEventListener("dragenter", (event) => {
    if (withFiles(event)) cover.hidden = false;
  });
  addEventListener("dragover", (event) => {
    if (!withFiles(event)) return;
    event.preventDefault();
    for (const field of fields) field.classList.toggle("over", field === event.target.closest?.(".drop-field"));
  });
  addEventListener("dragleave", (event) => {
    if (event.relatedTarget === null) cover.hidden = true;
  });
  addEventListener("drop", async (event) => {
    if (!withFiles(event)) return;
    event.preventDefault();
    cover.hidden = true;
    const role = event.target.closest?.("[data-role]")?.dataset.role ?? "content";
    addFiles(await filesOf(event.dataTransfer), role);
  });
}

/** The files of a drop, those in folders too. */
async function filesOf(transfer) {
  const entries = [...transfer.items].map((item) => item.webkitGetAsEntry?.()).filter(Boolean);
  if (entries.length === 0) return [...transfer.files];
  const found = [];
  const walk = async (entry) => {
    if (entry.isFile) found.push(await new Promise((resolve, reject) => entry.file(resolve, reject)));
    else {
      const reader = entry.createReader();
      const some = () => new Promise((resolve, reject) => reader.readEntries(resolve, reject));
      for (let part = await some(); part.length; part = await some()) for (const each of part) await walk(each);
    }
  };
  for (const entry of entries) await walk(entry);
  return found;
}
