// Which transfers are asked for: the quick one first, then the full method, and small ones for the other styles in view.
import { api } from "./api.js";
import { say } from "./dom.js";
import { orNotice } from "./notices.js";
import { changed, contents, lookOf, on, settingsOf, state, styles, took } from "./store.js";
import { texts } from "./texts.js";

const ids = new Map(); // request -> id of its transfer
const starting = new Map(); // request -> the answer under way
const held = new Set(); // requests that the user stopped
const visible = new Set(); // style photos whose tiles are in view
const STAY = 500; // milliseconds that a photo stays on the table before the slow method starts
const OVER = new Set(["done", "failed", "stopped"]);
let turn = 0;
let tiles = null; // the run that fills the tiles

export const presetsOf = (method) =>
  method === "auto" ? [...new Set([state.server.first_preset, state.server.then_preset])] : [method];

function request(content, look, preset, matches = {}) {
  const plain = look.map(({ photo, weight = 1, region = null }) => ({ photo, weight, region }));
  return { content, styles: plain, preset, ...(Object.keys(matches).length ? { matches } : {}) };
}

const known = (wanted) => state.transfers.get(ids.get(JSON.stringify(wanted))) ?? null;

/** Asks for a transfer, once. One that was stopped begins again; one that failed does so only on demand. */
async function start(wanted) {
  const key = JSON.stringify(wanted);
  const have = known(wanted);
  if (have && have.status !== "stopped") return have;
  if (!starting.has(key)) starting.set(key, ask(key, wanted).finally(() => starting.delete(key)));
  return starting.get(key);
}

async function ask(key, wanted) {
  const answer = await api.startTransfer(wanted);
  ids.set(key, answer.transfer.id);
  const newer = state.transfers.get(answer.transfer.id);
  if (!newer || !OVER.has(newer.status) || OVER.has(answer.transfer.status)) took("transfer", answer.transfer);
  return state.transfers.get(answer.transfer.id);
}

/** Waits until a transfer is over, however it ends. */
function over(id) {
  return new Promise((resolve) => {
    const look = () => {
      const transfer = state.transfers.get(id);
      if (!transfer || OVER.has(transfer.status)) resolve(transfer ?? null);
      else waiting.push(look);
    };
    look();
  });
}
let waiting = [];
on("transfers", () => {
  const due = waiting;
  waiting = [];
  for (const look of due) look();
});

function wantedNow(method = state.method) {
  const { content } = state;
  const look = lookOf(content);
  if (content === null || look.length === 0) return [];
  const matches = state.matches.get(content) ?? {};
  return presetsOf(method).map((preset) => request(content, look, preset, matches));
}

/** The transfer to show, the one at work behind it and the one that failed, of the photo on the table. */
export function current() {
  const wanted = wantedNow();
  const found = wanted.map(known);
  const shown = found.findLast((transfer) => transfer?.status === "done") ?? null;
  const last = found.findLast((transfer) => transfer !== null) ?? null;
  const working = last && !OVER.has(last.status) ? last : null;
  const failed = last?.status === "failed" ? last : null;
  const stopped = last?.status === "stopped" ? last : null;
  return { shown, working, failed, stopped, complete: shown !== null && shown === found.at(-1), wanted: wanted.length > 0 };
}

/** The settings of the photo on the table that this transfer knows: another may have other regions. */
export function settingsFor({ regions }) {
  const names = new Set(regions.map(({ name }) => name));
  const known = ([key]) => !key.startsWith("region:") || names.has(key.slice(7));
  return Object.fromEntries(Object.entries(settingsOf(state.content)).filter(known));
}

/** The quick transfer of a style alone for the photo on the table, if it is done. */
export function tried(style) {
  if (state.content === null) return null;
  const transfer = known(request(state.content, [{ photo: style }], state.server.first_preset));
  return transfer?.status === "done" ? transfer : null;
}

/** Works out what the table needs now. What an earlier call was waiting for is left behind. */
export async function solve() {
  const mine = (turn += 1);
  const wanted = wantedNow();
  leaveOthers(wanted);
  for (const [place, each] of wanted.entries()) {
    if (held.has(JSON.stringify(each))) break;
    if (place > 0) {
      fillTiles(); // beside the slow one: the server has a process for each
      await new Promise((done) => setTimeout(done, STAY));
    }
    if (mine !== turn) return;
    const transfer = await orNotice(start(each));
    changed("transfers");
    if (!transfer || mine !== turn) return;
    const result = await over(transfer.id);
    if (mine !== turn) return;
    if (result?.status !== "done") return;
    say(texts.resultReady(each.preset));
  }
  fillTiles();
}

/** Stops slow transfers of photos that are no longer on the table. */
function leaveOthers(wanted) {
  const keep = new Set(wanted.map((each) => ids.get(JSON.stringify(each))));
  for (const [key, id] of ids) {
    const transfer = state.transfers.get(id);
    if (!transfer || keep.has(id) || OVER.has(transfer.status)) continue;
    if (JSON.parse(key).preset !== state.server.first_preset) orNotice(api.stopTransfer(id));
  }
}

/** Fills the tiles in view, one after the other. One run at a time. */
function fillTiles() {
  tiles ??= (async () => {
    try {
      for (let next = emptyTile(); next; next = emptyTile()) {
        const transfer = await start(next);
        await over(transfer.id);
      }
    } catch {
      // a style that cannot be used says so when it is chosen
    } finally {
      tiles = null;
    }
  })();
  return tiles;
}

function emptyTile() {
  if (state.content === null) return null;
  const order = styles().filter(({ id }) => visible.has(id));
  const requests = order.map(({ id }) => request(state.content, [{ photo: id }], state.server.first_preset));
  return requests.find((each) => known(each) === null) ?? null;
}

/** Tells which style tiles are in view. */
export function inView(style, seen) {
  if (seen === visible.has(style)) return;
  if (seen) visible.add(style);
  else visible.delete(style);
  if (seen && current().shown) fillTiles();
}

export async function stop() {
  const { working } = current();
  if (!working) return;
  for (const each of wantedNow()) if (ids.get(JSON.stringify(each)) === working.id) held.add(JSON.stringify(each));
  const answer = await orNotice(api.stopTransfer(working.id));
  if (answer) took("transfer", answer.transfer);
}

export function again() {
  for (const each of wantedNow()) {
    held.delete(JSON.stringify(each));
    if (known(each)?.status === "failed") ids.delete(JSON.stringify(each));
  }
  solve();
}

/** After a photo's regions changed: its transfers have to be asked for anew. */
export function outdated(photo) {
  for (const key of [...ids.keys()]) {
    const { content, styles: look } = JSON.parse(key);
    if (content === photo || look.some((style) => style.photo === photo)) ids.delete(key);
  }
  solve();
}

/** The next or previous photo on the table. */
export function neighbour(by) {
  const all = contents();
  const place = all.findIndex(({ id }) => id === state.content);
  return all[Math.min(Math.max(place + by, 0), all.length - 1)]?.id ?? null;
}
