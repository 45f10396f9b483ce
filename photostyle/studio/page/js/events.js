// What the server tells without being asked.
import { api } from "./api.js";
import { notice } from "./notices.js";
import { changed, state, took } from "./store.js";
import { texts } from "./texts.js";

const savings = new Map(); // job -> what to do with its end
const early = new Map(); // ends that came before the answer that names the job

/** The end of a job of saving: the file, or an error. */
export function ending(job) {
  if (early.has(job)) {
    const event = early.get(job);
    early.delete(job);
    return Promise.resolve(event);
  }
  return new Promise((resolve) => savings.set(job, resolve));
}

/** Takes in the whole state of the server. */
export async function refresh() {
  const server = await api.state();
  state.server = server;
  state.photos = new Map(server.photos.map((photo) => [photo.id, photo]));
  state.transfers = new Map(server.transfers.map((transfer) => [transfer.id, transfer]));
  state.queue = server.queue ?? state.queue;
  for (const error of server.refused ?? []) notice(error.text);
  changed("photos transfers queue content");
}

/** Listens for as long as the page is open. */
export function listen() {
  const source = new EventSource("/api/events");
  let closeNotice = null;
  let opened = false;
  source.addEventListener("open", () => {
    closeNotice?.();
    closeNotice = null;
    if (opened) refresh().catch(() => {});
    opened = true;
  });
  source.addEventListener("error", () => {
    closeNotice ??= notice(texts.connectionLost);
  });
  source.addEventListener("message", ({ data }) => heard(JSON.parse(data)));
}

function heard(event) {
  const { kind } = event;
  if (kind === "photo" || kind === "transfer" || kind === "queue") took(kind, event[kind] ?? event);
  else if (kind === "removed") {
    state.photos.delete(event.id);
    state.transfers.delete(event.id);
    changed("photos transfers");
  } else if (kind === "saved") {
    const resolve = savings.get(event.job);
    savings.delete(event.job);
    if (resolve) resolve(event);
    else early.set(event.job, event);
  } else if (kind === "worker" && event.text) notice(event.text);
  else if (kind === "refused") notice(event.error.text);
}
