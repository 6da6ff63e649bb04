"""Reading pages: the figures, links, forms and messages that the app shows."""

import re
from functools import cached_property
from typing import NamedTuple
from urllib.parse import unquote

from selectolax.lexbor import LexborHTMLParser, LexborNode

OWNERS = {"points-left": "club", "places-left": "competition", "places-held": "competition"}
WHOLE_NUMBER = re.compile("[0-9]+")
PRICE = re.compile(r"(?:at |for a place \()(\d+) points?")


class Figure(NamedTuple):
    """What a number is about. A page names no club for the places held: they are the signed-in club's."""

    kind: str
    club: str | None = None
    competition: str | None = None

    def __str__(self):
        return " of ".join(part for part in self if part is not None)


class Page:
    """What a page says; each part is read when it is first asked for."""

    def __init__(self, html: str):
        """Take the page as it was answered."""
        self.html = html

    @cached_property
    def figures(self) -> dict[Figure, int]:
        """The figures that are whole numbers."""
        figures = {}
        for figure, value, text in self._data:
            if is_sound(value, text):
                figures[figure] = int(text)
        return figures

    @property
    def impossible_figure(self) -> str | None:
        """What is wrong with the first figure that is no number to a reader; None if all are."""
        for figure, value, text in self._data:
            if not is_sound(value, text):
                return f"{figure.kind} cannot be {text}, its value being {value}"
        return None

    def shows(self, figure: Figure) -> bool:
        """Tell whether the page has a figure like this one; what is None in it may be anything."""
        return any(
            shown.kind == figure.kind
            and figure.club in (None, shown.club)
            and figure.competition in (None, shown.competition)
            for shown in self.figures
        )

    @property
    def competitions(self) -> list[str]:
        """The competitions whose places left the page shows."""
        return [figure.competition for figure in self.figures if figure.kind == "places-left"]

    @property
    def most_places(self) -> int:
        """The number that a booking page says can be booked; 0 if it names none."""
        return self.figures.get(Figure("most-places"), 0)

    @property
    def price(self) -> int:
        """The points that a place costs; 0 if the page does not say."""
        match = PRICE.search(self.html)
        return int(match[1]) if match else 0

    @property
    def booking_links(self) -> dict[str, str]:
        """The addresses of the booking pages that the page links to, by competition."""
        links = self._links("a[href*='/book/']")
        return {unquote(link.split("/")[-2]): link for link in links}

    @property
    def calendar_links(self) -> list[str]:
        """The addresses of the calendar files that the page links to."""
        return self._links("a[href*='/calendar/']")

    @property
    def next_link(self) -> str | None:
        """The address of the list's next page, if there is one."""
        links = self._links("a[rel=next]")
        return links[0] if links else None

    def forms(self, action: str) -> list[dict[str, str]]:
        """Return the fields of each form that is sent to this address."""
        forms = [form for form in self._tree.css("form") if form.attributes.get("action") == action]
        return [fields_of(form) for form in forms]

    @property
    def message(self) -> str:
        """The text of the banners: what was done."""
        return "".join(banner.text() for banner in self._tree.css("[role=alert]"))

    @property
    def problem(self) -> str:
        """The sentence of the error summary: why something was refused."""
        sentence = self._tree.css_first(".error-summary li")
        return sentence.text().strip() if sentence else ""

    @cached_property
    def _tree(self) -> LexborHTMLParser:
        return LexborHTMLParser(self.html)

    @cached_property
    def _data(self) -> list[tuple[Figure, str | None, str]]:
        """Each figure, with its value and the text that shows it."""
        data = []
        for element in self._tree.css("data"):
            value = element.attributes.get("value")
            data.append((figure_of(element), value, element.text()))
        return data

    def _links(self, selector: str) -> list[str]:
        return [link.attributes["href"] for link in self._tree.css(selector)]


def is_sound(value: str | None, text: str) -> bool:
    """Tell whether a figure is a whole number of 0 or more that shows its value."""
    return text == value and WHOLE_NUMBER.fullmatch(text) is not None


def fields_of(form: LexborNode) -> dict[str, str]:
    """Return what a form's fields are filled with."""
    fields = {}
    for field in form.css("input"):
        name = field.attributes.get("name")
        fields[name] = field.attributes.get("value")
    return fields


def figure_of(element: LexborNode) -> Figure:
    """Return what a `data` element is about."""
    kind = element.attributes.get("class")
    owner = OWNERS.get(kind)
    if owner is None:
        return Figure(kind)
    return Figure(kind, **{owner: nearest(element, f"data-{owner}")})


def nearest(element: LexborNode | None, attribute: str) -> str | None:
    """Return the attribute of the innermost element around this one that has it."""
    while element is not None:
        if attribute in element.attributes:
            return element.attributes[attribute]
        element = element.parent
    return None
