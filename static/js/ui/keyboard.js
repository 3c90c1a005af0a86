// The keyboard map. `g` and a letter opens a page, j and k move, letters act on the row in focus.

import { isPaused, setPaused } from "../live/store.js";
import { openDialog } from "./dialogs.js";
import { openPalette } from "./palette.js";
import { toggleTheme } from "./theme.js";

const SEQUENCE_MS = 2000;
const ACTS = { a: "acknowledge", s: "silence", n: "note", x: "select" };
let awaitsPage = 0;

export function startKeyboard() {
  document.addEventListener("keydown", (event) => {
    if ((event.ctrlKey || event.metaKey) && event.key.toLowerCase() === "k") {
      event.preventDefault();
      openPalette();
      return;
    }
    if (event.ctrlKey || event.metaKey || event.altKey || isTyping(event.target)) return;
    if (document.querySelector("dialog[open]")) return;
    if (press(event)) event.preventDefault();
  });
}

/** A field of a dialog that was just closed holds the focus a moment longer; nobody types there. */
function isTyping(target) {
  const takesText = "input:not([type=checkbox], [type=radio]), select, textarea, [contenteditable]";
  return target.matches(takesText) && target.checkVisibility();
}

/** True when the key meant something here. */
function press({ key, target, timeStamp }) {
  if (timeStamp < awaitsPage) {
    awaitsPage = 0;
    return go(key);
  }
  if (key === "g") awaitsPage = timeStamp + SEQUENCE_MS; // when it was pressed, however busy the page was since
  else if (key === "j") moveRow(1);
  else if (key === "k") moveRow(-1);
  else if (key === "/") openPalette();
  else if (key === "?") openDialog("keys");
  else if (key === "p") setPaused(!isPaused());
  else if (key === "t") toggleTheme();
  else if (key === "Enter" && target.matches("[data-row]")) return openRow(target);
  else if (ACTS[key]) return act(ACTS[key]);
  else return false;
  return true;
}

function go(key) {
  const page = [...document.querySelectorAll("[data-go]")].find((entry) => entry.textContent === key);
  if (page) location.assign(page.dataset.go);
  return Boolean(page);
}

/** Rows of the list in focus, else of the page's main list, else of its first. */
function rows() {
  const list =
    document.activeElement?.closest("[data-rows]") ??
    document.querySelector("[data-rows=main]") ??
    document.querySelector("[data-rows]");
  return list ? [...list.querySelectorAll("[data-row]")].filter((row) => row.offsetParent !== null) : [];
}

function moveRow(step) {
  const found = rows();
  if (!found.length) return;
  const at = found.findIndex((row) => row.contains(document.activeElement));
  const next = at < 0 ? (step > 0 ? 0 : found.length - 1) : Math.min(found.length - 1, Math.max(0, at + step));
  found[next].focus({ focusVisible: true });
  found[next].scrollIntoView({ block: "nearest", inline: "nearest" });
}

function openRow(row) {
  const link = row.querySelector("a[href]");
  link?.click();
  return Boolean(link);
}

/** On the row in focus, else on the page's own subject (an alert that is open). */
function act(name) {
  const row = document.activeElement?.closest("[data-row]");
  // A row that is open beside the list is acted on there, where nothing must be fetched first.
  const opened = !row || row.ariaCurrent ? document.querySelector("[data-acts]") : null;
  const find = (scope) => scope?.querySelector(`[data-act="${name}"]`);
  const button = find(opened) ?? find(row);
  button?.click();
  return Boolean(button);
}
