"""What every page has: a title, one heading of the first level, landmarks, names that tell links apart."""

import re
from datetime import datetime
from html.parser import HTMLParser

import pytest
from rules import Club, Competition, Ledger

import server

VOID = ("meta", "link", "input", "path")
OPEN, FULL, PAST = "Spring Festival 2050", "Novice Cup 2050", "Spring Festival"


class Outline(HTMLParser):
    """What a screen reader finds on a page: headings, landmarks, links, fields."""

    def __init__(self, html):
        super().__init__()
        self.path, self.tags, self.headings, self.links, self.buttons, self.outside = [], [], [], [], [], ""
        self.texts = {}  # the text of what has an id, and of labels under what they are for
        self.feed(html)

    def handle_starttag(self, tag, attributes):
        element = (tag, dict(attributes), [])
        self.tags.append(element)
        if tag not in VOID:
            self.path.append(element)

    def handle_endtag(self, tag):
        if tag in VOID:
            return
        name, attributes, texts = self.path.pop()
        assert tag == name
        text = " ".join("".join(texts).split())
        if re.fullmatch("h[1-6]", tag):
            self.headings.append((int(tag[1]), text))
        if tag == "a":
            self.links.append((text, attributes["href"]))
        if tag == "button":
            self.buttons.append(text)
        self.texts[attributes.get("for") or attributes.get("id") or tag] = text

    def handle_data(self, text):
        for element in self.path:
            element[2].append(text)
        names = {element[0] for element in self.path}
        if "body" in names and not names & {"header", "nav", "main", "footer"}:
            self.outside += text

    def all(self, tag, **attributes):
        """Return the attributes of the elements with this tag that have these attributes."""
        return [had for name, had, _ in self.tags if name == tag and attributes.items() <= had.items()]


@pytest.fixture(autouse=True)
def ledger(monkeypatch):
    """Give each test clubs and competitions of its own, more of them than a page shows."""
    dates = [(OPEN, "2050-03-27 11:11:00", 20), (FULL, "2050-11-05 09:00:00", 5), (PAST, "2020-03-27 10:00:00", 25)]
    dates += [(f"Cup {number:03}", "2051-01-01 10:00:00", 9) for number in range(100)]
    clubs = [("Simply Lift", 13), ("Atlas Barbell", 90), ("Nil", 0), *((f"Club {n:04}", 5) for n in range(1028))]
    competitions = [Competition(name, datetime.fromisoformat(date).astimezone(), all_) for name, date, all_ in dates]
    own = Ledger(
        [Club(name, f"{name.split()[-1].lower()}@club.example", points) for name, points in clubs], competitions
    )
    own.book(own.clubs["Atlas Barbell"], own.competitions[OPEN], 12)
    own.book(own.clubs["Atlas Barbell"], own.competitions[FULL], 5)
    monkeypatch.setattr(server, "ledger", own)
    server.failed_sign_ins.clear()
    return own


def client(email=None):
    """Return a client of the app, signed in where an email address is given."""
    made = server.app.test_client()
    if email:
        assert 303 == made.post("/showSummary", data={"email": email}).status_code
    return made


def purchase(email, competition, places):
    return client(email).post("/purchasePlaces", data={"competition": competition, "places": places})


def give_back(email, competition, places):
    return client(email).post("/cancelPlaces", data={"competition": competition, "places": places})


def after_booking():
    john = client("lift@club.example")
    john.post("/purchasePlaces", data={"competition": OPEN, "places": "1"})
    return john.get("/showSummary")


PAGES = {  # state: what shows it, its status, its h1, whether a field is in error
    "sign-in": (lambda: client().get("/"), 200, "Sign in to book places", False),
    "sign-in refused": (
        lambda: client().post("/showSummary", data={"email": "nobody@club.example"}),
        404,
        "Sign in to book places",
        True,
    ),
    "not signed in": (lambda: client().get("/bookings", follow_redirects=True), 200, "Sign in to book places", False),
    "booking signed out": (lambda: purchase(None, OPEN, "1"), 403, "Sign in to book places", False),
    "summary": (lambda: client("lift@club.example").get("/showSummary"), 200, "Simply Lift", False),
    "summary, second page": (lambda: client("lift@club.example").get("/showSummary?page=2"), 200, "Simply Lift", False),
    "summary without points": (lambda: client("nil@club.example").get("/showSummary"), 200, "Nil", False),
    "unknown competition": (lambda: purchase("lift@club.example", "None", "1"), 404, "Simply Lift", False),
    "closed": (lambda: purchase("lift@club.example", PAST, "1"), 400, "Simply Lift", False),
    "booked": (after_booking, 200, "Simply Lift", False),
    "booking": (
        lambda: client("lift@club.example").get(f"/book/{OPEN}/Simply Lift"),
        200,
        f"Book places in {OPEN}",
        False,
    ),
    "booking refused": (lambda: purchase("lift@club.example", OPEN, "9"), 400, f"Book places in {OPEN}", True),
    "nothing to book": (
        lambda: client("lift@club.example").get(f"/book/{FULL}/Simply Lift"),
        200,
        f"Book places in {FULL}",
        False,
    ),
    "nothing booked": (lambda: purchase("lift@club.example", FULL, "1"), 400, f"Book places in {FULL}", False),
    "bookings": (lambda: client("barbell@club.example").get("/bookings"), 200, "My bookings", False),
    "no bookings": (lambda: client("lift@club.example").get("/bookings"), 200, "My bookings", False),
    "giving back refused": (lambda: give_back("barbell@club.example", FULL, "6"), 400, "My bookings", True),
    "board": (lambda: client().get("/pointsBoard"), 200, "Points board", False),
    "board, second page": (lambda: client("lift@club.example").get("/pointsBoard?page=2"), 200, "Points board", False),
    "not found": (lambda: client().get("/nowhere"), 404, "Page not found", False),
    "another club": (
        lambda: client("lift@club.example").get(f"/book/{OPEN}/Nil"),
        403,
        "This is not possible",
        False,
    ),
    "wrong method": (lambda: client().get("/purchasePlaces"), 405, "This address does not work that way", False),
    "too large": (lambda: client().post("/showSummary", data="x" * 20_000), 413, "The form is too large", False),
}


@pytest.fixture(params=PAGES)
def state(request):
    """Return (outline, h1, whether a field is in error) of each page in turn."""
    show, status, h1, in_error = PAGES[request.param]
    with show() as response:
        assert status == response.status_code
        return Outline(response.text), h1, in_error


def test_page_has_one_title_that_names_it_and_its_errors(state):
    page, h1, in_error = state
    assert [h1] == [text for level, text in page.headings if level == 1]
    title = page.texts["title"].removeprefix("Error: ")
    assert in_error == (title != page.texts["title"]) == bool(page.all("input", **{"aria-invalid": "true"}))
    assert title in (f"{h1} – GÜDLFT Registration", f"{h1}, page 2 – GÜDLFT Registration")


def test_headings_skip_no_level(state):
    levels = [level for level, _ in state[0].headings]
    first = levels.index(1)
    assert levels[:first] in ([], [2])  # a message stands before the h1
    assert all(after - before <= 1 for before, after in zip(levels[first:], levels[first + 1 :], strict=False))


def test_everything_lies_in_a_landmark_but_the_skip_link(state):
    page, _, _ = state
    assert "Skip to main content" == page.outside.strip()
    assert ("Skip to main content", "#main") == page.links[0]
    assert [{"id": "main", "tabindex": "-1"}] == page.all("main")
    assert (1, 1) == (len(page.all("header")), len(page.all("footer")))
    labels = [nav.get("aria-label") for nav in page.all("nav")]
    assert labels == ["Main", "Pages"][: len(labels)]


def test_links_and_buttons_of_one_name_do_one_thing(state):
    page, _, _ = state
    targets = {}
    for name, target in page.links:
        assert name
        assert target == targets.setdefault(name, target)
    assert len(page.buttons) == len({*page.buttons})


def test_navigation_is_the_same_everywhere(state):
    page, _, _ = state
    assert [
        ("GÜDLFT Registration", "/"),
        ("Summary", "/showSummary"),
        ("My bookings", "/bookings"),
        ("Points board", "/pointsBoard"),
    ] == page.links[1:5]
    assert ("Sign out" in page.buttons) == bool(page.all("form", action="/logout", method="post"))


def test_fields_have_labels_hints_and_nothing_that_gets_in_the_way(state):
    page, _, _ = state
    for field in page.all("input"):
        assert {"placeholder", "required", "style"}.isdisjoint(field)
        if field.get("type") != "hidden":
            assert page.texts[field["id"]]
        for described in field.get("aria-describedby", "").split():
            assert page.texts[described]
    assert all("novalidate" in form or "/logout" == form["action"] for form in page.all("form"))


def test_error_summary_comes_first_and_leads_to_the_field(state):
    page, _, in_error = state
    for summary in page.all("div", **{"class": "error-summary"}):
        assert {"class": "error-summary", "tabindex": "-1", "autofocus": None} == summary
        assert "There is a problem" == page.headings[0][1]
    for field in page.all("input", **{"aria-invalid": "true"}):
        message = next(name for name, target in page.links if target == f"#{field['id']}")
        assert f"Error: {message}" == page.texts[field["aria-describedby"].split()[-1]]
        assert field["value"] in ("nobody@club.example", "9", "6")
    assert in_error == any(target.startswith("#") and target != "#main" for _, target in page.links)


def test_pages_run_without_scripts_and_inline_styles(state):
    page, _, _ = state
    assert [] == page.all("script") + page.all("style")
    assert all(not name.startswith("on") and name != "style" for _, had, _ in page.tags for name in had)
    assert [{"lang": "en"}] == page.all("html")
    assert ["width=device-width, initial-scale=1"] == [meta["content"] for meta in page.all("meta", name="viewport")]
    assert 1 == len(page.all("meta", name="description"))


def test_tables_say_what_they_are(state):
    page, _, _ = state
    assert len(page.all("table")) == len([1 for name, _, _ in page.tags if name == "caption"])
    assert all(header.get("scope") in ("row", "col") for header in page.all("th"))


def test_longer_lists_say_which_part_is_shown():
    with client().get("/pointsBoard?page=2") as response:
        page = Outline(response.text)
    assert "Clubs 101 to 200 of 1,031" in response.text
    assert [("Previous page", "/pointsBoard?page=1"), ("Next page", "/pointsBoard?page=3")] == page.links[-2:]
    assert 100 == len(page.all("data"))


def test_boards_below_other_pages_show_twenty_clubs_and_a_link():
    for page in Outline(client().get("/").text), Outline(client("nil@club.example").get("/showSummary").text):
        assert 20 == len([had for had in page.all("tr") if "data-club" in had])
        assert ("See the points of all 1,031 clubs", "/pointsBoard") in page.links


def test_summary_says_what_can_be_booked_and_why_not():
    page = Outline(client("barbell@club.example").get("/showSummary").text)
    names = [name for name, _ in page.links]
    assert f"Book places in {OPEN}" not in names and f"Book places in {FULL}" not in names
    assert "Book places in Cup 000" in names
    tags = [" ".join("".join(texts).split()) for name, had, texts in page.tags if had.get("class") == "tag"]
    assert ["12 of 12 held", "Full"] == tags
    page = Outline(client("nil@club.example").get("/showSummary").text)
    assert "Not enough points" in page.texts["span"]


def test_bar_shows_the_places_left():
    html = client("barbell@club.example").get("/showSummary").text
    assert 'viewBox="0 0 20 1" preserveAspectRatio="none" aria-hidden="true"><path d="M.05.5h8"/>' in html
    assert 'viewBox="0 0 5 1" preserveAspectRatio="none" aria-hidden="true"><path d="M.05.5h0"/>' in html


def test_booking_page_says_what_binds_before_anything_is_typed():
    page = Outline(client("lift@club.example").get(f"/book/{OPEN}/Simply Lift").text)
    assert "You can book up to 4 places (limit: your points)" == page.texts["places-hint"]
    page = Outline(client("barbell@club.example").get("/book/Cup 000/Atlas Barbell").text)
    assert "You can book up to 9 places (limit: places left)" == page.texts["places-hint"]


def test_empty_lists_are_sentences(monkeypatch):
    monkeypatch.setattr(server, "ledger", Ledger([Club("Alone", "alone@club.example", 3)], []))
    assert "There are no upcoming competitions." in client("alone@club.example").get("/showSummary").text
    assert "Your club has no bookings yet." in client("alone@club.example").get("/bookings").text
    monkeypatch.setattr(server, "ledger", Ledger([], []))
    assert "There are no clubs yet." in client().get("/").text
    assert "There are no clubs yet." in client().get("/pointsBoard").text
