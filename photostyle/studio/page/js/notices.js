// Messages that stay until they are closed.
import { button, element, say } from "./dom.js";
import { Refused } from "./api.js";
import { texts } from "./texts.js";

const open = new Map();

/** Shows a message until it is closed. The same text is shown once. `kind` is error, done or info. */
export function notice(text, kind = "error", { action = null } = {}) {
  if (open.has(text)) return open.get(text);
  const close = () => {
    open.delete(text);
    shown.remove();
  };
  const shown = element(
    "div",
    { class: `notice ${kind}`, role: kind === "error" ? "alert" : "status" },
    element("p", { text }),
    action ? button(action.label, () => { action.run(); close(); }, { class: "plain" }) : null,
    button(texts.close, close, { icon: "close", short: true, class: "plain" }),
  );
  document.getElementById("notices").append(shown);
  open.set(text, close);
  if (kind !== "error") say(text);
  return close;
}

/** Awaits `work` and shows what goes wrong in words. Gives undefined then. */
export async function orNotice(work) {
  try {
    return await work;
  } catch (error) {
    if (error.name === "AbortError") return undefined;
    notice(error instanceof Refused ? error.text : texts.broken(error.message));
    return undefined;
  }
}
