// The theme's colours as a canvas needs them. A token may be a light-dark() pair, so a probe resolves it.

const TOKENS = {
  panel: "--panel",
  pressed: "--pressed",
  line: "--line",
  lineSoft: "--line-soft",
  text: "--text",
  muted: "--muted",
  faint: "--faint",
  tint: "--tint",
  look: "--look",
  act: "--act",
  signal: "--signal",
};

export function colours() {
  const probe = document.createElement("span");
  document.body.append(probe);
  const found = {};
  for (const [name, token] of Object.entries(TOKENS)) {
    probe.style.color = `var(${token})`;
    found[name] = getComputedStyle(probe).color;
  }
  probe.remove();
  return found;
}
