// Runs before the first paint: the theme and the rail's width as this browser left them.
(() => {
  "use strict";
  const root = document.documentElement;
  try {
    const theme = localStorage.getItem("fks.theme");
    if (theme === "light" || theme === "dark") root.dataset.theme = theme;
    if (localStorage.getItem("fks.rail") === "narrow") root.dataset.rail = "narrow";
  } catch {
    // Storage may be forbidden; the system's theme is then the answer.
  }
})();
