// Light, dark or as the system says; remembered here, applied before paint by ../theme.js.

import { remember } from "../preferences.js";

const root = document.documentElement;
const system = matchMedia("(prefers-color-scheme: dark)");

export function isDark() {
  return root.dataset.theme ? root.dataset.theme === "dark" : system.matches;
}

export function setTheme(theme) {
  if (theme === "system") delete root.dataset.theme;
  else root.dataset.theme = theme;
  remember("theme", theme === "system" ? null : theme);
  announce();
}

export const toggleTheme = () => setTheme(isDark() ? "light" : "dark");

function announce() {
  document.dispatchEvent(new CustomEvent("themechange"));
}

export function startTheme() {
  system.addEventListener("change", announce);
  document.addEventListener("click", (event) => {
    if (event.target.closest("[data-theme-toggle]")) toggleTheme();
    const set = event.target.closest("[data-theme-set]");
    if (set) setTheme(set.dataset.themeSet);
  });
}
