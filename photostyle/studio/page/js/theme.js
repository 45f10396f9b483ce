// Light, dark, or as the system has it.
const THEMES = ["system", "light", "dark"];

export const theme = () => document.documentElement.dataset.theme ?? "system";

export function setTheme(name) {
  if (name === "system") delete document.documentElement.dataset.theme;
  else document.documentElement.dataset.theme = name;
  try {
    localStorage.setItem("photostyle.theme", name);
  } catch {
    // storage is switched off: the choice lasts until the page is left
  }
  dispatchEvent(new Event("resize")); // canvases draw their ground anew
}

export const nextTheme = () => setTheme(THEMES[(THEMES.indexOf(theme()) + 1) % THEMES.length]);

export function startTheme() {
  let name = "system";
  try {
    name = localStorage.getItem("photostyle.theme") ?? name;
  } catch {
    // as above
  }
  if (THEMES.includes(name)) setTheme(name);
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => dispatchEvent(new Event("resize")));
}
