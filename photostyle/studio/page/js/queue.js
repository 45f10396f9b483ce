// The page of many photos: a batch that runs in the program, seen while it runs.
import { api, paths } from "./api.js";
import { arrange, button, download, element } from "./dom.js";
import { orNotice } from "./notices.js";
import { asked, changed, contents, lookOf, on, settingsOf, state, took } from "./store.js";
import { texts } from "./texts.js";
import { outputFields, withOutput } from "./save.js";
import { presetsOf } from "./solve.js";

export function buildQueue(root) {
  const start = button("", startNow, { class: "strong", icon: "add" });
  const what = element("p", { class: "hint" });
  const stop = button(texts.stopQueue, () => act(api.stopQueue()), { icon: "stop" });
  const resume = button(texts.resumeQueue, () => act(api.resumeQueue()), { icon: "again" });
  const zip = button(texts.zip, () => download(paths.zip), { icon: "save" });
  const sheet = element("a", { class: "button", href: paths.contactSheet, target: "_blank", rel: "noopener", text: texts.contactSheet });
  const line = element("p", { class: "queue-line", role: "status" });
  const bar = element("progress", { max: 1, value: 0, "aria-label": texts.queueProgress });
  const list = element("ul", { class: "queue", "aria-label": texts.queue, tabindex: "0" });
  const problem = element("p", { class: "problem", role: "alert", hidden: true });
  const rows = new Map();
  const tools = element("div", { class: "row tools" }, stop, resume, zip, sheet);
  root.append(element("section", {}, element("h3", { text: texts.queueTitle }), what, outputFields(), start), element("section", {}, line, problem, bar, tools, list));
  on("queue chosen photos content looks settings method tab", () => {
    const count = batchOf().length;
    start.lastChild.textContent = texts.startQueue(count);
    start.disabled = count === 0 || lookOf(state.content).length === 0 || state.queue.status === "working";
    what.textContent = texts.queueWhat(state.chosen.size > 0, presetsOf(state.method).at(-1), state.server.folder);
    const { queue } = state;
    const done = queue.photos.filter(({ status }) => status === "done" || status === "failed").length;
    const failed = queue.photos.filter(({ status }) => status === "failed").length;
    line.textContent = texts.queueLine(queue.status, done, queue.photos.length, failed);
    problem.textContent = queue.error?.text ?? "";
    problem.hidden = !queue.error;
    bar.hidden = tools.hidden = queue.photos.length === 0;
    bar.value = queue.photos.length ? done / queue.photos.length : 0;
    stop.hidden = queue.status !== "working";
    resume.hidden = queue.status !== "stopped";
    zip.disabled = done === failed;
    sheet.hidden = !queue.contact_sheet;
    arrange(list, queue.photos.map((photo) => rowOf(rows, photo)));
  });
  changed("queue");
}

const batchOf = () => (state.chosen.size ? contents().filter(({ id }) => state.chosen.has(id)) : contents());

async function startNow() {
  const request = {
    contents: batchOf().map(({ id }) => id),
    styles: lookOf(state.content).map(({ photo, weight = 1, region = null }) => ({ photo, weight, region })),
    preset: presetsOf(state.method).at(-1),
    settings: asked(withOutput(settingsOf(state.content))),
    format: state.output.format,
  };
  act(api.startQueue(request));
}

async function act(work) {
  const answer = await orNotice(work);
  if (answer?.queue) took("queue", answer.queue);
}

/** The row of one photo, made once and changed in place. */
function rowOf(rows, { photo, name, status, error, file, seconds }) {
  if (!rows.has(photo)) rows.set(photo, element("li", {}));
  const root = rows.get(photo);
  const told = JSON.stringify([name, status, error, file, seconds]);
  if (root.dataset.told === told) return root;
  root.dataset.told = told;
  root.className = status;
  const title = file && status === "done"
    ? element("a", { href: paths.file(file), download: "", text: name })
    : element("span", { class: "name", text: name });
  root.replaceChildren(title, element("span", { class: "share", text: texts.queueStatus(status, seconds) }),
    error ? element("p", { class: "problem", text: error }) : "");
  return root;
}
