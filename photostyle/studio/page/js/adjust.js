// Sliders: how much of each part of the look the photo takes.
import { api } from "./api.js";
import { copySettings, pasteSettings, resetSettings, setLook, setSetting, setSettings } from "./desk.js";
import { arrange, button, element, freshId } from "./dom.js";
import { closeStep } from "./history.js";
import { orNotice } from "./notices.js";
import { current } from "./solve.js";
import { asked, changed, defaultOf, given, lookOf, on, photo, settingsOf, state } from "./store.js";
import { texts } from "./texts.js";

const REGION = { from: 0, to: 1, default: 1, step: 0.01 };

export function buildAdjust(root) {
  const fixed = state.server.sliders.map(slider);
  const switches = state.server.switches.map(toggle);
  const regions = element("div", { class: "sliders" });
  const regionPart = element("section", {}, element("h3", { text: texts.strengthOfRegions }), regions);
  const blend = element("section", { class: "blend" });
  const paste = button(texts.paste, pasteSettings, { icon: "paste", key: "V" });
  const tools = element("div", { class: "row tools" },
    button(texts.copy, copySettings, { icon: "copy", key: "C" }), paste,
    button(texts.resetAll, resetSettings, { icon: "reset" }));
  root.append(
    element("p", { class: "hint", text: texts.adjustHint }),
    blend,
    element("div", { class: "sliders" }, ...fixed.map((row) => row.root), ...switches.map((row) => row.root)),
    regionPart, tools, sliderPresets(),
  );
  const rows = new Map();
  on("settings content transfers looks", () => {
    const values = settingsOf(state.content);
    const off = current().shown === null;
    root.classList.toggle("idle", off);
    for (const row of [...fixed, ...switches]) row.show(values[row.key], state.content === null);
    const names = (current().shown?.regions ?? []).map(({ name }) => name);
    for (const name of names) if (!rows.has(name)) rows.set(name, slider({ ...REGION, key: `region:${name}`, title: texts.region(name) }));
    arrange(regions, names.map((name) => rows.get(name).root));
    for (const name of names) rows.get(name).show(values[`region:${name}`], false);
    regionPart.hidden = names.length === 0;
    paste.disabled = state.copied === null;
    paste.lastChild.textContent = state.chosen.size ? texts.pasteOnto(state.chosen.size) : texts.paste;
    drawBlend(blend);
  });
  on("chosen", () => changed("settings"));
}

/** A row with a slider, a number to type and a button that resets. Values are shown in percent of the look. */
function slider({ key, from, to, step, title, help }) {
  const id = freshId();
  const preset = defaultOf(key);
  const set = (value) => {
    if (Number.isFinite(value)) setSetting(key, Math.min(Math.max(value, from), to));
  };
  const range = element("input", { type: "range", id, min: from, max: to, step, title: help, on: {
    input: () => set(Number(range.value)),
    change: closeStep,
    dblclick: () => set(preset),
  } });
  const typed = element("input", { type: "number", class: "typed", min: from * 100, max: to * 100, step: 1, inputmode: "numeric", "aria-label": texts.inPercent(title), on: {
    change: () => { set(Math.round(Number(typed.value)) / 100); changed("settings"); closeStep(); },
  } });
  const reset = button(texts.resetOne(title), () => { set(preset); closeStep(); }, { icon: "reset", short: true, class: "reset" });
  const root = element("div", { class: "slider" },
    element("label", { htmlFor: id, text: title, title: help, on: { dblclick: () => set(preset) } }), typed, reset, range);
  const show = (value = preset, off = false) => {
    if (Number(range.value) !== value) range.value = value;
    const text = String(Math.round(value * 100));
    if (document.activeElement !== typed || Number(typed.value) !== value * 100) typed.value = text;
    range.setAttribute("aria-valuetext", texts.percent(text));
    range.style.setProperty("--share", (value - from) / (to - from));
    for (const part of [range, typed]) part.disabled = off;
    reset.disabled = off || value === preset;
  };
  show();
  return { root, key, show };
}

function toggle({ key, title, help }) {
  const box = element("input", { type: "checkbox", role: "switch", on: { change: () => { setSetting(key, box.checked); closeStep(); } } });
  const root = element("label", { class: "switch", title: help }, box, element("span", { text: title }));
  const show = (value = false, off = false) => {
    box.checked = value;
    box.disabled = off;
  };
  return { root, key, show };
}

function drawBlend(root) {
  const look = lookOf(state.content);
  root.hidden = look.length < 2;
  if (root.hidden || root.contains(document.activeElement)) return;
  root.replaceChildren(element("h3", { text: texts.blended }), ...look.map((style, place) => {
    const name = photo(style.photo).name;
    const weight = element("input", { type: "number", class: "typed", min: 0.1, max: 10, step: 0.1, value: style.weight ?? 1, "aria-label": texts.weightOf(name), on: {
      change: () => {
        const value = Math.min(Math.max(Number(weight.value) || 1, 0.1), 10);
        setLook(look.map((each, at) => (at === place ? { ...each, weight: value } : each)), texts.steps.weight);
      },
    } });
    const where = style.region ? texts.forRegion(texts.region(style.region)) : "";
    return element("div", { class: "blended" }, element("span", { text: `${name}${where}` }), weight,
      button(texts.takeOut(name), () => setLook(look.filter((each) => each !== style), texts.steps.blend), { icon: "close", short: true, class: "plain" }));
  }));
}

/** Named values of the sliders, kept by the server. */
function sliderPresets() {
  const choice = element("select", { "aria-label": texts.sliderPresets, on: { change: () => {
    if (state.presets[choice.value]) setSettings(given(state.presets[choice.value]), texts.steps.sliderPreset(choice.value));
    choice.value = "";
  } } });
  const name = element("input", { type: "text", maxlength: "60", placeholder: texts.presetName, "aria-label": texts.presetName });
  const draw = () => {
    const names = Object.keys(state.presets).sort();
    choice.replaceChildren(element("option", { value: "", text: names.length ? texts.choosePreset : texts.noPresets }),
      ...names.map((each) => element("option", { value: each, text: each })));
    choice.disabled = names.length === 0;
    remove.disabled = !(name.value.trim() in state.presets);
  };
  const save = button(texts.keepPreset, async () => {
    const wanted = name.value.trim();
    if (!wanted) return name.focus();
    if ((await orNotice(api.saveSliders(wanted, asked(settingsOf(state.content))))) === undefined) return undefined;
    return load();
  });
  const remove = button(texts.dropPreset, async () => {
    await orNotice(api.removeSliders(name.value.trim()));
    name.value = "";
    load();
  });
  const load = async () => {
    state.presets = (await orNotice(api.sliderPresets()))?.presets ?? state.presets;
    draw();
  };
  name.addEventListener("input", draw);
  choice.addEventListener("input", () => { name.value = choice.value; });
  draw();
  load();
  return element("section", {}, element("h3", { text: texts.sliderPresets }), choice,
    element("div", { class: "row" }, name, save, remove));
}
