"""What is wrong with a page that a browser shows: in many sizes, light and dark, with axe, in forced colours."""

from pathlib import Path

from tests.browsing import AXE, html_as_sent, resize, show
from tests.states import NAMES

LOOK = Path(__file__).with_name("look.js").read_text("utf-8")
SIZES = [  # width in CSS pixels, per cent of the text's size
    (320, 100),
    (360, 100),
    (900, 100),
    (1280, 100),
    (320, 200),
    (1280, 200),
]
AXE_RUNS = [("light", 360), ("dark", 1280)]  # colours hang on the scheme, what is shown on the width: each is seen once
HIDDEN = ["[hidden]", ".printed", ".word"]  # figures of zero, what stands on paper or on phones alone
BRAND = "GÜDLFT"

RUN_AXE = """
const done = arguments[arguments.length - 1];
const exclude = arguments[0];
const runOnly = axe.getRules().map(rule => rule.ruleId);
axe.run({exclude}, {runOnly, resultTypes: ["violations", "incomplete"]}).then(
  found => done([...found.violations, ...found.incomplete].map(rule => rule.id + ": " + rule.nodes[0].html)),
  error => done([String(error)]));
"""
FAINT = """
const isEdged = element => {
  const style = getComputedStyle(element);
  return style.borderTopStyle === "solid" && style.borderTopColor !== getComputedStyle(document.body).backgroundColor;
};
const current = document.querySelector("header [aria-current]");
const others = [...document.querySelectorAll("header li a:not([aria-current])")];
const colour = element => getComputedStyle(element).borderBottomColor;
return [
  ...[...document.querySelectorAll(arguments[0])].filter(one => one.checkVisibility() && !isEdged(one)),
  ...others.filter(other => current && colour(other) === colour(current)),
].map(element => element.outerHTML.slice(0, 200));
"""
EDGED = ".plate, .panel, .banner, .error-summary, .points, .figures, .board, header"


def look(browser):
    """Return what there is to say of the page that is shown: its faults by kind, its heights by width, its source."""
    seen = {"html": html_as_sent(browser), "title": browser.title, "faults": {}, "heights": {}}
    seen["focused"] = browser.switch_to.active_element.get_attribute("class")
    for width, size in SIZES:
        resize(browser, width)
        looked = browser.execute_script(LOOK, [*NAMES, BRAND], size)
        if size == 100:
            seen["heights"][width] = looked["heights"]
        for kind, faults in looked["found"].items():
            seen["faults"].setdefault(kind, []).extend((width, size, fault) for fault in faults)
    show(browser, 1280, forced_colors="active")
    seen["faults"]["faint"] = browser.execute_script(FAINT, EDGED)
    seen["faults"]["axe"] = axe(browser) if AXE.exists() else []
    show(browser, 1280)
    return seen


def axe(browser):
    browser.execute_script(AXE.read_text("utf-8"))
    found = []
    for scheme, width in AXE_RUNS:
        show(browser, width, prefers_color_scheme=scheme)
        found += [f"{scheme} {width} {fault}" for fault in browser.execute_async_script(RUN_AXE, HIDDEN)]
    return found
