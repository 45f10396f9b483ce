// The page of files: save the photo, its look, a LUT, and the command that does the same.
import { api, paths } from "./api.js";
import { button, download, element, freshId } from "./dom.js";
import { ending } from "./events.js";
import { notice, orNotice } from "./notices.js";
import { current, settingsFor } from "./solve.js";
import { changed, on, photo, state } from "./store.js";
import { texts } from "./texts.js";

/** Settings with those of the file, as the server takes them. */
export function withOutput(settings) {
  const { format, quality, profile, metadata } = state.output;
  const all = { ...settings };
  if (lossy(format) && quality !== null) all["output.quality"] = quality;
  if (profile !== "own") all["output.profile"] = profile;
  if (metadata !== "all") all["output.metadata"] = metadata;
  return all;
}

const lossy = (format) => ["jpeg", "webp", "avif"].includes(format);

export function buildSave(root) {
  const name = element("input", { type: "text", id: freshId(), maxlength: "200", placeholder: texts.nameLeftOut });
  const save = button(texts.save, () => saveNow(name.value.trim()), { icon: "save", class: "strong", key: "Ctrl+S" });
  const what = element("p", { class: "hint" });
  const saved = element("ul", { class: "files", "aria-label": texts.savedFiles });
  root.append(
    element("section", {}, element("h3", { text: texts.savePhoto }), what, outputFields(),
      element("div", { class: "field-row" }, element("label", { htmlFor: name.id, text: texts.fileName }), name), save, saved),
    looks(), command(),
  );
  onSaved = (line) => saved.prepend(line);
  on("content transfers settings method looks output", () => {
    const { shown, complete } = current();
    save.disabled = shown === null;
    what.textContent = shown ? texts.willSave(photo(state.content)?.name, shown.preset, complete, state.server.folder) : texts.nothingToSave;
  });
}

let onSaved = () => {};

/** Saves the photo on the table as it is seen. */
export async function saveNow(name = "") {
  const { shown } = current();
  if (!shown) return;
  const line = element("li", {}, element("span", { class: "busy", text: texts.saving }));
  onSaved(line);
  const answer = await orNotice(api.save(shown.id, withOutput(settingsFor(shown)), state.output.format, name));
  if (!answer) {
    line.remove();
    return;
  }
  const end = await ending(answer.job);
  if (end.error) {
    line.remove();
    notice(end.error.text ?? end.error);
    return;
  }
  line.replaceChildren(
    element("a", { href: paths.file(end.file), download: end.name, text: end.name }),
    element("span", { class: "share", text: texts.bytes(end.bytes) }),
  );
  notice(texts.savedAs(end.name, state.server.folder), "done");
}

/** Format, quality, colour profile and metadata; the queue has the same. */
export function outputFields() {
  const put = (change) => {
    state.output = { ...state.output, ...change };
    changed("output");
  };
  const pick = (key, label, options) => {
    const id = freshId();
    const choice = element("select", { id, on: { change: () => put({ [key]: choice.value }) } },
      ...options.map(([value, text]) => element("option", { value, text })));
    on("output", () => { choice.value = state.output[key]; });
    return element("div", { class: "field-row" }, element("label", { htmlFor: id, text: label }), choice);
  };
  const id = freshId();
  const quality = element("input", { type: "number", id, min: 1, max: 100, placeholder: texts.qualityAuto, on: {
    change: () => put({ quality: quality.value === "" ? null : Math.min(Math.max(Math.round(Number(quality.value)) || 1, 1), 100) }),
  } });
  const qualityRow = element("div", { class: "field-row" }, element("label", { htmlFor: id, text: texts.quality }), quality);
  on("output", () => {
    quality.value = state.output.quality ?? "";
    qualityRow.hidden = !lossy(state.output.format);
  });
  changed("output");
  return element("div", { class: "fields" },
    pick("format", texts.format, state.server.formats.map(({ name }) => [name, texts.formatName(name)])), qualityRow,
    pick("profile", texts.profile, Object.entries(texts.profiles)), pick("metadata", texts.metadata, Object.entries(texts.metadatas)));
}

function saveLook() {
  const { shown } = current();
  download(paths.look(shown.id, settingsFor(shown)));
}

function looks() {
  const error = element("p", { class: "hint", role: "status" });
  const lut = (kind) => async () => {
    const { shown } = current();
    error.textContent = texts.makingLut;
    const response = await orNotice(api.lut(shown.id, kind, settingsFor(shown)));
    error.textContent = "";
    if (!response) return;
    const mean = response.headers.get("X-Photostyle-Error");
    if (mean) error.textContent = texts.lutError(Number(mean));
    const address = URL.createObjectURL(await response.blob());
    const named = /filename="?([^";]+)/.exec(response.headers.get("Content-Disposition") ?? "")?.[1];
    const link = element("a", { href: address, download: named ?? (kind === "cube" ? "look.cube" : "look.png") });
    link.click();
    setTimeout(() => URL.revokeObjectURL(address), 10000);
  };
  const buttons = [
    button(texts.saveLook, () => saveLook(), { icon: "save" }),
    button(texts.saveCube, lut("cube"), { icon: "save" }),
    button(texts.saveHald, lut("hald"), { icon: "save" }),
  ];
  on("content transfers looks method", () => {
    for (const each of buttons) each.disabled = current().shown === null;
  });
  return element("section", {}, element("h3", { text: texts.lookTitle }), element("p", { class: "hint", text: texts.lookHint }),
    element("div", { class: "row tools" }, ...buttons), error);
}

function command() {
  const id = freshId();
  const line = element("textarea", { id, readonly: true, rows: 4, spellcheck: "false" });
  const masks = element("a", { hidden: true, text: texts.commandMasks });
  const copy = button(texts.copyCommand, async () => {
    try {
      await navigator.clipboard.writeText(line.value);
      notice(texts.copied, "done");
    } catch {
      line.focus();
      line.select();
      notice(texts.copyByHand, "info");
    }
  }, { icon: "copy" });
  let timer = 0;
  on("content transfers settings looks output method tab", () => {
    clearTimeout(timer);
    const { shown } = current();
    copy.disabled = shown === null;
    if (shown === null) line.value = "";
    if (shown === null || state.tab !== "save") return;
    timer = setTimeout(async () => {
      const answer = await orNotice(api.command(shown.id, withOutput(settingsFor(shown)), state.output.format));
      if (!answer) return;
      line.value = answer.command;
      masks.hidden = !answer.masks?.length;
      masks.href = paths.masks(shown.id);
    }, 300);
  });
  return element("section", {}, element("h3", {}, element("label", { htmlFor: id, text: texts.commandTitle })), line, masks, copy);
}
