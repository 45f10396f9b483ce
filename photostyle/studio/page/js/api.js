// Everything that the page asks of the server. Errors carry the server's own words.
import { asked } from "./store.js";
import { texts } from "./texts.js";

/** A request that the server refused or could not answer; `text` is for people. */
export class Refused extends Error {
  constructor(text, status) {
    super(text);
    this.text = text;
    this.status = status;
  }
}

async function answer(path, options = {}) {
  let response;
  try {
    response = await fetch(path, { credentials: "same-origin", cache: "default", ...options });
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new Refused(texts.noAnswer, 0);
  }
  if (response.ok) return response;
  let text = texts.refused(response.status);
  try {
    text = (await response.json()).error.text;
  } catch {
    // not the server's own form: keep the plain sentence
  }
  throw new Refused(text, response.status);
}

const json = async (path, options) => (await answer(path, options)).json();
const send = (method, path, body = {}) =>
  json(path, { method, headers: { "Content-Type": "application/json" }, body: JSON.stringify(body) });
const query = (values) => new URLSearchParams(values).toString();
const settled = (settings) => JSON.stringify(asked(settings));

export const api = {
  state: () => json("/api/state"),
  addPhoto: (file, role) =>
    json(`/api/photos?${query({ name: file.name, role })}`, {
      method: "PUT",
      headers: { "Content-Type": "application/octet-stream" },
      body: file,
    }),
  removePhoto: (id) => answer(`/api/photos/${id}`, { method: "DELETE", keepalive: true }),
  setRole: (id, role) => send("POST", `/api/photos/${id}`, { role }),
  regions: (id) => json(`/api/photos/${id}/regions`),
  labels: async (id) => new Uint8Array(await (await answer(`/api/photos/${id}/labels`, { cache: "no-store" })).arrayBuffer()),
  subject: async (id) => new Uint8Array(await (await answer(`/api/photos/${id}/subject`)).arrayBuffer()),
  putLabels: (id, bytes, names) =>
    json(`/api/photos/${id}/labels?${query({ names: JSON.stringify(names) })}`, {
      method: "PUT",
      headers: { "Content-Type": "application/octet-stream" },
      body: bytes,
    }),
  foundLabels: (id) => answer(`/api/photos/${id}/labels`, { method: "DELETE" }),
  startTransfer: (request) => send("POST", "/api/transfers", request),
  stopTransfer: (id) => send("POST", `/api/transfers/${id}/stop`),
  command: (id, settings, format) =>
    json(`/api/transfers/${id}/command?${query({ settings: settled(settings), format })}`),
  save: (id, settings, format, name) =>
    send("POST", `/api/transfers/${id}/save`, { settings: asked(settings), format, ...(name ? { name } : {}) }),
  lut: (id, kind, settings) => answer(paths.lut(id, kind, settings)),
  startQueue: (request) => send("POST", "/api/queue", request),
  stopQueue: () => send("POST", "/api/queue/stop"),
  resumeQueue: () => send("POST", "/api/queue/resume"),
  sliderPresets: () => json("/api/sliders"),
  saveSliders: (name, values) => send("PUT", `/api/sliders/${encodeURIComponent(name)}`, values),
  removeSliders: (name) => answer(`/api/sliders/${encodeURIComponent(name)}`, { method: "DELETE" }),
  blob: async (path, signal) => (await answer(path, { signal })).blob(),
};

export const paths = {
  view: (photo, longest) => `${photo.view}${longest}`,
  photoPart: (id, rect) => `/api/photos/${id}/part?${query(rect)}`,
  mask: (id) => `/api/photos/${id}/mask`,
  result: (id, longest, settings) => `/api/transfers/${id}/view?${query({ longest, settings: settled(settings) })}`,
  resultPart: (id, rect, settings) => `/api/transfers/${id}/part?${query({ ...rect, settings: settled(settings) })}`,
  look: (id, settings) => `/api/transfers/${id}/look?${query({ settings: settled(settings) })}`,
  lut: (id, kind, settings) => `/api/transfers/${id}/lut?${query({ kind, settings: settled(settings) })}`,
  masks: (id) => `/api/transfers/${id}/masks`,
  file: (id) => `/api/files/${id}`,
  zip: "/api/queue/zip",
  contactSheet: "/api/queue/contact-sheet",
};
