"""The pages on paper: PDFs of each page on A4 or also Letter, read back as words, as lines and as pixels.

Needs Debian's poppler-utils, for pdftotext and pdftoppm.
"""

import base64
import re
import subprocess
from dataclasses import dataclass
from functools import cached_property
from itertools import product
from pathlib import Path

import lxml.html
import pytest

from tests import season
from tests.browsing import be_new, book, show, sign_in
from tests.states import LONGEST_CLUB, LONGEST_CUP, LONGEST_OF_SEASON, OF_ORGANISERS, few, open_each, sign_in_by_code
from tests.support import ANN, book_address, needed

PAPERS = {"A4": (8.27, 11.69), "Letter": (8.5, 11)}  # inches
OF_SEVERAL_SHEETS = ["competitions", "summary", "bookings", "history", "entries: many clubs"]  # on Letter, too
MARGIN = 0.39  # inches, Chromium's own
PRESSED = "nav, form, input, select, button, .button, summary, .skip, footer"
OF_EVERYBODY = {
    "sign-in": "/",
    "competitions": "/competitions",
    "past competitions": "/competitions?show=past",
    "board of everybody": "/pointsBoard",
}
OF_A_CLUB = {
    "summary": "/showSummary",
    "past competitions of a club": "/showSummary?show=past&q=open",
    "bookings": "/bookings",
    "history": "/bookings?show=all",
    "board": "/pointsBoard",
    "competition": book_address(LONGEST_OF_SEASON, season.CLUB),
    "competition, full": book_address(season.FULL[0], season.CLUB),
}

SEEN = """
const all = selector => [...document.querySelectorAll(selector)].filter(element => element.checkVisibility());
const words = element => element.textContent.replace(/\\s+/g, "");
const isCut = name => {
  for (let box = name; box; box = box.parentElement) {
    const hides = getComputedStyle(box).overflowY !== "visible" && !box.matches(".visually-hidden");
    if (hides && (box.scrollHeight > box.clientHeight + 1 || box.scrollWidth > box.clientWidth + 1)) return true;
  }
  return false;
};
return {
  pressed: all(arguments[0]).map(element => element.outerHTML),
  names: all("main [translate=no]").filter(name => !name.closest(".visually-hidden")).map(words),
  cut: all("[translate=no]").filter(isCut).map(words),
  rows: all(".rows [data-competition] th").map(words),
  boxes: all(".entries tbody th").filter(th => getComputedStyle(th, "::before").borderTopStyle === "solid").map(words),
  faint: all(".plate").filter(plate => getComputedStyle(plate).borderTopColor === "rgb(255, 255, 255)").map(words),
};
"""


@dataclass(frozen=True)
class Print:
    """A page of the app on paper, and what the browser shows of it."""

    file: Path
    h1: str
    seen: dict

    def read(self, *options):
        command = ["pdftotext", *options, self.file, "-"]
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout

    @cached_property
    def sheets(self):
        return self.read("-layout").split("\f")[:-1]

    @cached_property
    def squeezed(self):
        """Return the text of each sheet in the order in which it was drawn, without blanks."""
        return ["".join(sheet.split()) for sheet in self.read("-raw").split("\f")[:-1]]

    @cached_property
    def words(self):
        """Return for each sheet its size, and the words on it with their edges: left, top, right, bottom."""
        edges = ("xmin", "ymin", "xmax", "ymax")
        return [
            (
                (float(sheet.get("width")), float(sheet.get("height"))),
                [(word.text, [float(word.get(edge)) for edge in edges]) for word in sheet.iter("word")],
            )
            for sheet in lxml.html.document_fromstring(self.read("-bbox").encode()).iter("page")
        ]

    @property
    def pixels(self):
        """Return how red, how green and how blue each pixel of the first sheet is."""
        command = ["pdftoppm", "-r", "40", "-l", "1", self.file]
        image = subprocess.run(command, capture_output=True, check=True).stdout
        pixels = image[re.match(rb"P6\n\d+ \d+\n255\n", image).end() :]
        return pixels[0::3], pixels[1::3], pixels[2::3]


@pytest.fixture(scope="module")
def printed(browser, tmp_path_factory, season_site, organised):
    """Print each page once; return the prints by page and paper."""
    needed("pdftotext", "pdftoppm")
    be_new(browser)
    folder = tmp_path_factory.mktemp("printed")
    names = pages(browser, season_site, organised, tmp_path_factory.mktemp("few"))
    return {key: one for name in names for key, one in print_page(browser, folder, name).items()}


def pages(browser, season_site, organised, folder):
    browser.get(f"{season_site}/logout")
    yield from open_each(browser, season_site, OF_EVERYBODY)
    sign_in(browser, season_site, season.email_of(season.CLUB))
    yield from open_each(browser, season_site, OF_A_CLUB)
    yield from pages_of_long_names(browser, folder)
    site, postbox, _ = organised
    sign_in_by_code(browser, site, postbox, ANN)
    yield from open_each(browser, site, OF_ORGANISERS)


def pages_of_long_names(browser, folder):
    with few(folder) as site:
        sign_in(browser, site, "longest@club.example")
        book(browser, site, LONGEST_CLUB, LONGEST_CUP, "1")
        yield "summary, long names"
        addresses = {"bookings": "/bookings", "competition": book_address(LONGEST_CUP, LONGEST_CLUB)}
        yield from open_each(browser, site, {f"{page}, long names": address for page, address in addresses.items()})


def print_page(browser, folder, name):
    """Return the prints of the page that is shown, dark as it may be on the screen, by name and paper."""
    h1 = browser.execute_script("return document.querySelector('h1').innerText")
    prints = {}
    for paper in PAPERS if name in OF_SEVERAL_SHEETS else ["A4"]:
        width, height = PAPERS[paper]
        show(browser, round(96 * (width - 2 * MARGIN)), media="print", prefers_color_scheme="dark")
        seen = browser.execute_script(SEEN, PRESSED)
        options = {"paperWidth": width, "paperHeight": height, "printBackground": True}
        file = folder / f"{name}, {paper}.pdf"
        file.write_bytes(base64.b64decode(browser.execute_cdp_cmd("Page.printToPDF", options)["data"]))
        prints[name, paper] = Print(file, h1, seen)
    show(browser, 1280)
    return prints


def of_clubs(printed):
    return {page: one for page, one in printed.items() if page[0] not in {**OF_EVERYBODY, **OF_ORGANISERS}}


# What stands on paper


@pytest.mark.parametrize("kind", ["pressed", "cut", "faint"])  # what can only be pressed, names, plates
def test_nothing_is_printed_that_is_useless_or_half_there(printed, kind):
    assert {} == {page: one.seen[kind] for page, one in printed.items() if one.seen[kind]}


def test_paper_is_black_on_white(printed):
    for page, one in printed.items():
        red, green, blue = one.pixels
        assert red == green == blue, page
        assert 0.2 * len(green) > sum(green.count(dark) for dark in range(128)), page


def test_every_name_is_printed_whole(printed):
    for page, one in printed.items():
        text = "".join(one.squeezed)
        assert [] == [name for name in one.seen["names"] if name not in text], page


def test_every_word_lies_within_the_margins_and_upon_no_other(printed):
    for page, one in printed.items():
        for (width, height), words in one.words:
            room = MARGIN * 72 - 1
            for word, (left, top, right, bottom) in words:
                is_within = room <= left and right <= width - room and room <= top and bottom <= height - room
                assert is_within, (page, word)
            assert [] == overlaps(words), page


def overlaps(words):
    """Return pairs of words that lie upon each other, by more than their letters' room."""
    found = []
    for index, (word, (left, top, right, bottom)) in enumerate(words):
        for other, (other_left, other_top, other_right, other_bottom) in words[index + 1 :]:
            across = min(right, other_right) - max(left, other_left)
            down = min(bottom, other_bottom) - max(top, other_top)
            if across > 1 and down > 0.4 * min(bottom - top, other_bottom - other_top):
                found.append((word, other))
    return found


def test_entries_of_the_history_stand_in_one_line_each(printed):
    row = re.compile(r"\w{3} \d+ \w+ \d{4}, \d\d:\d\d +\d+ (booked|given back) +\d+ (spent|returned) +\d+$", re.M)
    for paper in PAPERS:
        assert 80 == len(row.findall("\n".join(printed["history", paper].sheets)))


def test_rows_do_not_break_inside(printed):
    plate_and_time = re.compile(r"(Mon|Tue|Wed|Thu|Fri|Sat|Sun)\d\d:\d\d")
    for page, one in printed.items():
        for sheet in one.squeezed:
            rows, _, _ = sheet.partition("Bookinghistory")  # which names competitions too
            names = [name for name in one.seen["rows"] if name in rows]
            assert len(names) == len(plate_and_time.findall(rows)), page


def test_months_do_not_run_on_to_the_next_sheet(printed):
    for paper, name in product(PAPERS, ["competitions", "summary", "bookings"]):
        for sheet in printed[name, paper].sheets[1:]:
            first = sheet.strip().splitlines()[0]
            assert re.match(r"\w+ 2050$|Booking history|Points board|Rank", first), (name, paper)


def test_season_of_my_bookings_is_at_most_four_sheets(printed):
    for paper in PAPERS:
        assert 4 >= len(printed["bookings", paper].sheets)


def test_pages_of_a_club_name_it_and_the_day_of_printing(printed):
    for page, one in of_clubs(printed).items():
        club = LONGEST_CLUB if "long names" in page[0] else season.CLUB
        name = one.h1.removeprefix("Book places in\n")  # paper books nothing
        h1 = name if page[0].startswith("summary") else f"{name}: {club}"
        assert "".join(h1.split()) in one.squeezed[0], page
        assert re.search(r"As of \w{3} \d+ \w+ \d{4}, \d\d:\d\d \(.+\)\s*$", one.sheets[-1]), page


def test_entry_list_is_a_sheet_to_tick_off_at_the_door(printed):
    row = re.compile(r"^ *(\S.*\S) +\d+ +\w{3} \d+ \w+ \d{4}, \d\d:\d\d +\w{3} \d+ \w+ \d{4}, \d\d:\d\d$", re.M)
    for paper in PAPERS:
        sheet = printed["entries: many clubs", paper]
        assert 60 == len(row.findall("\n".join(sheet.sheets))) == len(sheet.seen["boxes"])
        assert 3 >= len(sheet.sheets)
        assert f"{season.OF_ALL_CLUBS}: entry list" in sheet.sheets[0]
        assert 1 == len(re.findall("60 clubs +61 +139 of 200 left", "\n".join(sheet.sheets)))
        assert "As of" in sheet.sheets[-1]


def test_pages_of_the_signed_out_bear_no_date_of_printing(printed):
    for page, one in printed.items():
        assert page[0] not in OF_EVERYBODY or "As of" not in "".join(one.sheets), page
