"""What can be asked of any page: does it fit, can it be read, can the focus be seen?"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from playwright.sync_api import Page

from tests.browser.windows import NARROW, WIDE

AXE = Path(__file__).parents[1] / "dashboard" / "vendor" / "axe.min.js"
GUIDELINES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]
# Without preloading, which would make style elements that the page's policy forbids.
RUN_AXE = """(tags) => axe.run(document, {
  runOnly: { type: "tag", values: tags }, resultTypes: ["violations"], preload: false,
})"""

TWICE = """() => {
  const ids = [...document.querySelectorAll("[id]")].map((element) => element.id);
  return ids.filter((id, at) => ids.indexOf(id) !== at);
}"""
# A row may show its focus on its first cell, a hidden input on the label after it.
FOCUS_UNSEEN = """() => {
  const stops = "a[href], button, input, select, textarea, summary, [tabindex]";
  const look = (element) =>
    [element, ...element.children, element.nextElementSibling ?? element].map((each) => {
      const { outlineStyle, boxShadow, backgroundColor } = getComputedStyle(each);
      return [outlineStyle, boxShadow, backgroundColor];
    }).join();
  document.activeElement.blur();  // what has the focus already would look the same with it
  const unseen = [...document.querySelectorAll(stops)].filter((element) => {
    if (!element.checkVisibility({ visibilityProperty: true })) return false;
    const before = look(element);
    element.focus({ focusVisible: true });
    return element === document.activeElement && look(element) === before;
  });
  document.activeElement.blur();
  return unseen.map((element) => element.outerHTML.slice(0, 120));
}"""
# What lies under a bar now is free once it is scrolled: axe would call it covered.
UNCOVER = """() => {
  scrollTo(0, 0);
  for (const bar of document.querySelectorAll(".bottom-bar")) bar.style.position = "static";
}"""
TOO_WIDE = """() => {
  if (document.documentElement.scrollWidth <= innerWidth) return [];
  const wide = (element) => element.getBoundingClientRect().right > innerWidth + 1;
  const found = [...document.querySelectorAll("body *")].filter(wide);
  return ["the page", ...found.map((element) => element.outerHTML.slice(0, 120))];
}"""


def faults(page: Page) -> list[str]:
    """Everything wrong with the page as it is now, in both themes and at both widths."""
    found = [f"id used twice: {each}" for each in page.evaluate(TWICE)]
    found += [f"focus unseen: {each}" for each in page.evaluate(FOCUS_UNSEEN)]
    for size in (WIDE, NARROW):
        page.set_viewport_size(size)
        found += [f"{size['width']} px, too wide: {each}" for each in page.evaluate(TOO_WIDE)[:3]]
    return found + inaccessible(page)


def inaccessible(page: Page) -> list[str]:
    """What breaks the guidelines narrow and dark, then wide and light, as the page is left.

    The themes differ in colours alone and the widths in arrangement alone, so two looks show all.
    """
    page.emulate_media(color_scheme="dark")
    page.set_viewport_size(NARROW)
    found = [f"narrow, dark: {each}" for each in against_guidelines(page)]
    page.emulate_media(color_scheme="light")
    page.set_viewport_size(WIDE)
    return found + [f"wide, light: {each}" for each in against_guidelines(page)]


def against_guidelines(page: Page) -> list[str]:
    """What axe finds; it is put into the page past its policy, as a debugger would."""
    page.evaluate(AXE.read_text())
    page.evaluate(UNCOVER)
    result: Any = page.evaluate(RUN_AXE, GUIDELINES)
    return [
        f"{rule['id']}: {node['html'][:120]} {node['any'][0]['message'] if node['any'] else ''}"
        for rule in result["violations"]
        for node in rule["nodes"]
    ]
