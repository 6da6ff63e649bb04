"""The style sheet without a browser: every pair of colours that meet on a page, in all schemes, and its order."""

import re
from itertools import product

import pytest

from tests.support import PROJECT

SHEET = (PROJECT / "static" / "style.css").read_text("utf-8")
CSS = re.sub(r"/\*.*?\*/", "", SHEET, flags=re.S)
SURFACES = ["page", "panel"]
NAVY = ["score", "score-own", "plate"]
TEXT = {  # text and what it is written on: a contrast of at least 4.5 to 1
    *product(["text", "muted", "action", "error"], SURFACES),
    *product(["on-score", "gold"], NAVY),
    ("on-action", "action"),
}
SHAPES = {  # borders, edges, focus rings, plates: at least 3 to 1
    *product(["border", "action", "error", "focus", "edge", "plate-edge", "red", "green"], SURFACES),
    *product(["border", "edge", "red", "blue", "green"], ["score"]),
}
LINES = {"line", "score-line"}  # between what stands apart without them
OTHERS = {"plates", "size", "beside", "below"}  # properties that are no colours


def colours(block):
    """Return the custom properties that a block of the style sheet sets."""
    return dict(re.findall(r"--([\w-]+): (#[0-9a-f]+);", block))


LIGHT = colours(re.match(r"\s*:root \{(.*?)\}", CSS, re.S)[1])
DARK_BLOCK = re.search(r"@media screen and \(prefers-color-scheme: dark\) \{\s*:root \{(.*?)\}\s*\}", CSS, re.S)[1]
PRINT_BLOCK = re.search(r"@media print \{\s*:root \{(.*?)\}", CSS, re.S)[1]
SCHEMES = {"light": LIGHT, "dark": LIGHT | colours(DARK_BLOCK), "print": LIGHT | colours(PRINT_BLOCK)}


def luminance(colour):
    """Return the relative luminance by WCAG 2.2, from 0 to 1."""
    digits = colour[1:] if len(colour) == 7 else "".join(digit * 2 for digit in colour[1:])
    channels = [int(digits[index : index + 2], 16) / 255 for index in (0, 2, 4)]
    linear = [value / 12.92 if value <= 0.04045 else ((value + 0.055) / 1.055) ** 2.4 for value in channels]
    return sum(weight * value for weight, value in zip((0.2126, 0.7152, 0.0722), linear, strict=True))


def contrast(first, second):
    """Return the contrast of two colours, from 1 to 21."""
    light, dark = sorted((luminance(first), luminance(second)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


def rules():
    """Return the selector and the declarations of every rule."""
    return [
        (selector.strip(), dict(re.findall(r"([\w-]+): ([^;]+);", body)))
        for selector, body in re.findall(r"([^{}]*)\{([^{}]*)\}", CSS)
    ]


def test_contrast_is_computed_as_wcag_does():
    assert 21 == round(contrast("#000", "#ffffff"), 2)
    assert 4.54 == round(contrast("#767676", "#fff"), 2)


def faint(scheme, pairs, least):
    """Return the pairs whose contrast in a scheme is too low."""
    colour = SCHEMES[scheme]
    return [(front, back) for front, back in pairs if contrast(colour[front], colour[back]) < least]


@pytest.mark.parametrize("scheme", SCHEMES)
def test_text_stands_out_from_what_is_behind_it(scheme):
    assert [] == faint(scheme, TEXT, 4.5)


def test_shapes_stand_out_from_what_is_behind_them():
    printed = [pair for pair in SHAPES if pair[1] != "score"]  # the barbell is not printed

    assert [] == faint("light", SHAPES, 3) == faint("dark", SHAPES, 3) == faint("print", printed, 3)


def test_every_colour_is_a_property_and_every_property_is_checked():
    assert {*LIGHT} == {name for pair in TEXT | SHAPES for name in pair} | LINES
    elsewhere = CSS.replace(DARK_BLOCK, "").replace(PRINT_BLOCK, "")
    elsewhere = re.sub(r"^\s*:root \{.*?\}", "", elsewhere, flags=re.S)
    assert [] == re.findall(r"#[0-9a-f]{3,8}\b|rgba?\(|hsla?\(", elsewhere)
    used = set(re.findall(r"var\(--([\w-]+)\)", elsewhere))
    assert {*LIGHT} | OTHERS == used


def test_every_rule_with_text_and_background_is_a_checked_pair():
    pairs = set()
    for _, body in rules():
        if {"color", "background"} <= body.keys() and "var(" in body["color"]:
            pairs.add(tuple(re.search(r"--([\w-]+)", body[name])[1] for name in ("color", "background")))
    assert {("text", "page"), ("on-action", "action"), ("on-score", "score"), ("on-score", "plate")} <= pairs <= TEXT


def test_dark_and_print_only_reassign_properties_of_light():
    for block in DARK_BLOCK, PRINT_BLOCK:
        names = re.findall(r"--([\w-]+):", block)
        assert names and {*names} <= {*LIGHT}
        assert len(names) == block.count(":")


def test_no_rule_needs_an_id():
    assert [] == [selector for selector, _ in rules() if "#" in selector]
