"""Reading pages: the rows, figures, forms and sentences that the swarm needs."""

from dataclasses import dataclass

from selectolax.lexbor import LexborHTMLParser, LexborNode


@dataclass(frozen=True)
class Row:
    """A competition on a summary. Its link is None where nothing can be booked and nothing is held."""

    competition: str
    places_left: int
    places_held: int
    link: str | None


class Page:
    """What a page says."""

    def __init__(self, html: str):
        self._root = LexborHTMLParser(html).root

    @property
    def rows(self) -> list[Row]:
        """The competitions of a summary."""
        return [row_of(element) for element in self._root.css("[data-competition]")]

    def figure(self, kind: str) -> int:
        """Return the first figure of a kind."""
        return figure_in(self._root, kind)

    def form(self, action: str) -> dict[str, str] | None:
        """Return the fields of the form that is sent to this address; None if there is no such form."""
        form = self._root.css_first(f"form[action='{action}']")
        if form is None:
            return None
        fields = [field.attributes for field in form.css("input")]
        return {field["name"]: field.get("value") for field in fields}

    @property
    def message(self) -> str:
        """What the banners say."""
        return " ".join(banner.text() for banner in self._root.css(".banner"))

    @property
    def problem(self) -> str:
        """Why a form was refused; "" if it was not."""
        return " ".join(sentence.text() for sentence in self._root.css(".error-summary li"))


def row_of(element: LexborNode) -> Row:
    link = element.css_first("a[href^='/book/']")
    return Row(
        competition=element.attributes["data-competition"],
        places_left=figure_in(element, "places-left"),
        places_held=figure_in(element, "places-held"),
        link=link.attributes["href"] if link else None,
    )


def figure_in(element: LexborNode, kind: str) -> int:
    figure = element.css_first(f"data.{kind}")
    return int(figure.attributes["value"])
