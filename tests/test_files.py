"""The data files: what they may hold, and the line for each mistake in them."""

import json
import re
import time
import zoneinfo
from datetime import timedelta
from pathlib import Path

import pytest

from gudlft.files import CLUB_FIELDS, COMPETITION_FIELDS, BadFiles, is_email, read_data, unread_fields
from gudlft.model import Club
from gudlft.text import comparable, normalize_name, printable

PROJECT = Path(__file__).parent.parent
PARIS = "Europe/Paris"


@pytest.fixture(autouse=True)
def set_zone(monkeypatch):
    """Let local time be UTC, whatever the shell says; return a function that sets another TZ."""

    def set_zone(name):
        monkeypatch.setenv("TZ", name)
        time.tzset()

    set_zone("UTC")
    yield set_zone
    monkeypatch.undo()
    time.tzset()


def a_club(**fields):
    return {"name": "A", "email": "a@b", "points": 1, **fields}


def a_competition(**fields):
    return {"name": "A", "date": "2050-03-27 11:11:00", "numberOfPlaces": 1, **fields}


def write(folder, clubs='{"clubs": []}', competitions='{"competitions": []}'):
    """Write both files from text, bytes or lists of items; None leaves a file out."""
    for key, content in {"clubs": clubs, "competitions": competitions}.items():
        if isinstance(content, list):
            content = json.dumps({key: content})
        if isinstance(content, str):
            content = content.encode("utf-8", "surrogatepass")
        if content is not None:
            (folder / f"{key}.json").write_bytes(content)


def problems(folder, **files):
    """Return the lines that say what is wrong in the files."""
    write(folder, **files)
    with pytest.raises(BadFiles) as caught:
        read_data(folder)
    assert "\n".join(caught.value.problems) == str(caught.value)
    return caught.value.problems


# What files may hold


def test_bundled_files_hold_the_demo_data():
    clubs, competitions = read_data(PROJECT)

    assert [("Simply Lift", 13), ("Iron Temple", 4), ("She Lifts", 12), ("Atlas Barbell", 60)] == [
        (club.name, club.points) for club in clubs
    ]
    assert ["john@simplylift.co", "admin@irontemple.com", "kate@shelifts.co.uk", "office@atlasbarbell.example"] == [
        club.email for club in clubs
    ]
    assert [25, 13, 20, 24, 5] == [competition.places for competition in competitions]
    assert "Spring Festival 2050" == competitions[2].name
    assert "2050-03-27 11:11:00+00:00" == str(competitions[2].starts_at)


def test_files_may_hold_nothing(tmp_path):
    write(tmp_path)

    assert ([], []) == read_data(tmp_path)


@pytest.mark.parametrize(
    ("written", "number"), [(7, 7), ("8", 8), ("007", 7), ("0" * 5000 + "7", 7), ("00", 0), (0, 0), (1000000, 1000000)]
)
def test_number_may_be_an_integer_or_a_text_of_digits(tmp_path, written, number):
    write(tmp_path, [a_club(points=written)], [a_competition(numberOfPlaces=written)])

    (club,), (competition,) = read_data(tmp_path)

    assert (number, number) == (club.points, competition.places)


def test_other_fields_and_lists_are_ignored(tmp_path):
    competitions = {"competitions": [a_competition(email=5)], "more": 1}
    write(tmp_path, [a_club(city=["x"])], json.dumps(competitions))

    (club,), (competition,) = read_data(tmp_path)

    assert ("A", "A") == (club.name, competition.name)


def test_file_may_begin_with_a_byte_order_mark(tmp_path):
    write(tmp_path, "\ufeff" + json.dumps({"clubs": [a_club()]}))

    assert "A" == read_data(tmp_path)[0][0].name


@pytest.mark.parametrize(
    "name", ["/a/../b", "50% off", "trailing dot.", "...", " blanks ", "a\xa0b", "🏋️‍♀️", "x" * 200, "🏋" * 200]
)
def test_any_other_name_is_kept_as_it_is_written(tmp_path, name):
    write(tmp_path, [a_club(name=name)])

    assert name == read_data(tmp_path)[0][0].name


# Files that cannot be read


@pytest.mark.parametrize(
    ("content", "line"),
    [
        (None, "clubs.json: cannot be read as JSON in UTF-8: [Errno 2] No such file or directory"),
        (b'{"clubs": "\xff"}', "clubs.json: cannot be read as JSON in UTF-8: 'utf-8' codec can't decode byte 0xff"),
        ('{"clubs": []}'.encode("utf-16"), "clubs.json: cannot be read as JSON in UTF-8: 'utf-8' codec"),
        ('{"clubs":\n [}', "clubs.json: cannot be read as JSON in UTF-8: Expecting value: line 2 column 3"),
        ("", "clubs.json: cannot be read as JSON in UTF-8: Expecting value: line 1 column 1"),
        ("9" * 5000, "clubs.json: cannot be read as JSON in UTF-8: Exceeds the limit"),
        ("[" * 100_000, "clubs.json: cannot be read as JSON in UTF-8: maximum recursion depth exceeded"),
        ("[]", 'clubs.json: must hold a list named "clubs"'),
        ('{"clubs": {}}', 'clubs.json: must hold a list named "clubs"'),
        ('{"Clubs": []}', 'clubs.json: must hold a list named "clubs"'),
        ('{"clubs": ["A"]}', "clubs.json: club 1: must be an object"),
    ],
)
def test_file_that_cannot_be_read_is_told_in_a_line(tmp_path, content, line):
    lines = problems(tmp_path, clubs=content)

    assert 1 == len(lines)
    assert lines[0].startswith(line)


def test_line_about_a_file_is_one_line_whatever_its_folder_is_called(tmp_path):
    folder = tmp_path / "two\nlines"
    folder.mkdir()

    lines = problems(folder, clubs=None)

    assert lines[0].isprintable()


# Fields

NUMBER = "must be a whole number of 0 or more, not"
NAME = "name must be a text of 1 to 200 characters, not"
SAFE = 'name must be without control characters and not "." or "..", not'
EMAIL = "email must be an email address, with an @ and in ASCII before it, not"
ONE_AT = "email must be an email address, with one @ and something before and after it, not"
NO_BLANKS = "email must be an email address, without blanks, control characters or any of , ; < > :, not"
NAMES = "formerly must be a list of names, not"
URL = "url must be an https address of at most 500 characters, not"
TWICE = ": add a town, a date or a round"
DATE = "date must be a date and time like 2050-03-27 11:11:00, not"

WRONG_CLUBS = [
    ("points", "four", f'points {NUMBER} "four"'),
    ("points", "", f'points {NUMBER} ""'),
    ("points", " 5", f'points {NUMBER} " 5"'),
    ("points", "１", f'points {NUMBER} "１"'),
    ("points", "1_0", f'points {NUMBER} "1_0"'),
    ("points", "+3", f'points {NUMBER} "+3"'),
    ("points", "-1", f'points {NUMBER} "-1"'),
    ("points", -1, f"points {NUMBER} -1"),
    ("points", 1.0, f"points {NUMBER} 1.0"),
    ("points", True, f"points {NUMBER} true"),
    ("points", None, f"points {NUMBER} null"),
    ("points", [], f"points {NUMBER} []"),
    ("points", 1_000_001, "points must be at most 1,000,000, not 1000001"),
    ("points", 10_000_000, "points must be at most 1,000,000, not 10000000"),
    ("points", "9" * 5000, "points must be at most 1,000,000, not " + '"' + "9" * 79),
    ("name", "", f'{NAME} ""'),
    ("name", " \xa0", f'{NAME} " \\xa0"'),
    ("name", "\u200b", f'{NAME} "\\u200b"'),
    ("name", 5, f"{NAME} 5"),
    ("name", None, f"{NAME} null"),
    ("name", "x" * 201, f'{NAME} "{"x" * 79}'),
    ("name", ".", f'{SAFE} "."'),
    ("name", "..", f'{SAFE} ".."'),
    ("name", " .", f'{SAFE} " ."'),
    ("name", "a\nb", f'{SAFE} "a\\nb"'),
    ("name", "a\x1fb", f'{SAFE} "a\\u001fb"'),
    ("name", "a\x7fb", f'{SAFE} "a\\x7fb"'),
    ("name", "a\x85b", f'{SAFE} "a\\x85b"'),
    ("name", "a\x9fb", f'{SAFE} "a\\x9fb"'),
    ("name", "a\ud800b", f'{SAFE} "a\\ud800b"'),
    ("name", "a\udfffb", f'{SAFE} "a\\udfffb"'),
    ("email", "", f'{EMAIL} ""'),
    ("email", None, f"{EMAIL} null"),
    ("email", "john", f'{EMAIL} "john"'),
    ("email", "jöhn@x", f'{EMAIL} "jöhn@x"'),
    ("email", ["@"], f'{ONE_AT} "@"'),
    ("email", ["a@b", 5], f"{EMAIL} 5"),
    ("email", {}, f"{EMAIL} {{}}"),
    ("email", "@", f'{ONE_AT} "@"'),
    ("email", "john@", f'{ONE_AT} "john@"'),
    ("email", "@x", f'{ONE_AT} "@x"'),
    ("email", "a@b@c", f'{ONE_AT} "a@b@c"'),
    ("email", "a@@c", f'{ONE_AT} "a@@c"'),
    ("email", "a b@c", f'{NO_BLANKS} "a b@c"'),
    ("email", "a\t@b", f'{NO_BLANKS} "a\\t@b"'),
    ("email", "a@b\r\nBcc: c", f'{NO_BLANKS} "a@b\\r\\nBcc: c"'),
    ("email", "a\x7f@b", f'{NO_BLANKS} "a\\x7f@b"'),
    ("email", "a@b,c", f'{NO_BLANKS} "a@b,c"'),
    ("email", "a@b;c", f'{NO_BLANKS} "a@b;c"'),
    ("email", "A<a@b", f'{NO_BLANKS} "A<a@b"'),
    ("formerly", "B", f'{NAMES} "B"'),
    ("formerly", None, f"{NAMES} null"),
    ("formerly", ["B", ".."], 'formerly must be without control characters and not "." or "..", not ".."'),
    ("email", "a@b>c", f'{NO_BLANKS} "a@b>c"'),
    ("email", "smtp:a@b", f'{NO_BLANKS} "smtp:a@b"'),
    ("email", "a@" + "b" * 253, "email must be an email address of at most 254 characters, not " + '"a@' + "b" * 77),
]
WRONG_COMPETITIONS = [
    ("numberOfPlaces", "x", f'numberOfPlaces {NUMBER} "x"'),
    ("numberOfPlaces", "1000001", 'numberOfPlaces must be at most 1,000,000, not "1000001"'),
    ("name", "", f'{NAME} ""'),
    ("date", "2050-3-27 11:11:00", f'{DATE} "2050-3-27 11:11:00"'),
    ("date", "2050-03-27T11:11:00", f'{DATE} "2050-03-27T11:11:00"'),
    ("date", "2050-03-27 11:11", f'{DATE} "2050-03-27 11:11"'),
    ("date", "2050-03-27 11:11:00Z", f'{DATE} "2050-03-27 11:11:00Z"'),
    ("date", "2050-03-27 24:00:00", f'{DATE} "2050-03-27 24:00:00"'),
    ("date", "２050-03-27 11:11:00", f'{DATE} "２050-03-27 11:11:00"'),
    ("date", 20500327, f"{DATE} 20500327"),
    ("date", "2050-02-30 11:11:00", "date must be in the calendar, not 2050-02-30 11:11:00"),
    ("date", "2050-03-27 11:60:00", "date must be in the calendar, not 2050-03-27 11:60:00"),
    ("date", "0000-01-01 00:00:00", "date must be in the calendar, not 0000-01-01 00:00:00"),
    ("formerly", [""], 'formerly must be a text of 1 to 200 characters, not ""'),
    ("bookingCloses", "2050-03-27", 'bookingCloses must be a date and time like 2050-03-27 11:11:00, not "2050-03-27"'),
    ("bookingCloses", "2050-03-27 11:11:01", "bookingCloses must not be after date"),
    ("location", "", 'location must be a text of 1 to 200 characters, not ""'),
    ("location", "x" * 201, f'location must be a text of 1 to 200 characters, not "{"x" * 79}'),
    ("url", 5, f"{URL} 5"),
    ("url", "http://club.example", f'{URL} "http://club.example"'),
    ("url", "https://", f'{URL} "https://"'),
    ("url", "https://[", f'{URL} "https://["'),
    ("url", "https://club.example/a\nb", f'{URL} "https://club.example/a\\nb"'),
    ("url", "https://club.example/" + "x" * 480, f'{URL} "https://club.example/{"x" * 58}'),
    ("cancelled", "true", 'cancelled must be true or false, not "true"'),
    ("cancelled", 1, "cancelled must be true or false, not 1"),
]


@pytest.mark.parametrize(("key", "value", "line"), WRONG_CLUBS)
def test_wrong_field_of_a_club_is_told_in_a_line(tmp_path, key, value, line):
    lines = problems(tmp_path, clubs=[a_club(**{key: value})])

    assert 1 == len(lines)
    assert re.match(r"clubs\.json: club 1( \(.*\))?: ", lines[0])
    assert lines[0].endswith(f": {line}")
    assert lines[0].isprintable()


@pytest.mark.parametrize(("key", "value", "line"), WRONG_COMPETITIONS)
def test_wrong_field_of_a_competition_is_told_in_a_line(tmp_path, key, value, line):
    lines = problems(tmp_path, competitions=[a_competition(**{key: value})])

    assert 1 == len(lines)
    assert re.match(r"competitions\.json: competition 1( \(.*\))?: ", lines[0])
    assert lines[0].endswith(f": {line}")
    assert lines[0].isprintable()


def test_line_shows_eighty_characters_of_what_is_long(tmp_path):
    lines = problems(tmp_path, clubs=[a_club(name="x" * 201)])

    assert [f'clubs.json: club 1 ({"x" * 80}): {NAME} "{"x" * 79}'] == lines


@pytest.mark.parametrize("depth", range(960, 1000))
def test_field_of_any_depth_is_told_in_a_line(tmp_path, depth):
    written = json.dumps({"clubs": [a_club(points="depth")]})
    written = written.replace('"depth"', "[" * depth + "]" * depth)

    lines = problems(tmp_path, clubs=written)

    assert 1 == len(lines)


@pytest.mark.parametrize("key", ["name", "date", "numberOfPlaces"])
def test_missing_field_of_a_competition_is_told_in_a_line(tmp_path, key):
    competition = a_competition()
    del competition[key]
    title = "competition 1" if key == "name" else "competition 1 (A)"

    lines = problems(tmp_path, competitions=[competition])

    assert [f"competitions.json: {title}: {key} is missing"] == lines


def test_all_missing_fields_are_told(tmp_path):
    lines = problems(tmp_path, clubs=[{}])

    assert [f"clubs.json: club 1: {key} is missing" for key in ("name", "email", "points")] == lines


def test_names_that_differ_in_case_and_blanks_only_are_the_same(tmp_path):
    clubs = [a_club(name="Iron Temple", email="a@b"), a_club(name=" iron temple", email="b@b")]
    competitions = [a_competition(name="STRASSE"), a_competition(name="straße")]

    assert [
        f"clubs.json: club 2 ( iron temple): name must not be the same twice, like  iron temple{TWICE}",
        f"competitions.json: competition 2 (straße): name must not be the same twice, like straße{TWICE}",
    ] == problems(tmp_path, clubs=clubs, competitions=competitions)


@pytest.mark.parametrize(
    ("name", "alike"),
    [
        ("Spring Cup", "\u200bSPRING\xa0 Cup\u2009"),
        ("Coupe de l'Avenir", "Coupe de l’Avenir"),
        ("Aix-en-Provence", "Aix\u2011en–Provence"),
        ("Évry", "E\u0301vry"),
        ("Cup 2", "Ｃｕｐ ２"),
        ("Stra\xadße", "strasse"),
    ],
)
def test_names_that_look_alike_are_the_same(name, alike):
    assert normalize_name(name) == normalize_name(alike)


@pytest.mark.parametrize(("name", "other"), [("Évry", "Evry"), ("a b", "ab"), ("Cup 1", "Cup 2"), ("A/B", "A-B")])
def test_names_that_look_different_differ(name, other):
    assert normalize_name(name) != normalize_name(other)


def test_former_name_belongs_to_one_club_alone(tmp_path):
    clubs = [
        a_club(name="A", email="a@a", formerly=["a", "Old", "Old"]),
        a_club(name="B", email="b@b", formerly=["OLD"]),
        a_club(name="C", email="c@c", formerly=["b"]),
    ]
    competitions = [a_competition(name="D", formerly=["A"])]

    assert [
        f"clubs.json: club 2 (B): formerly must not be the same twice, like OLD{TWICE}",
        f"clubs.json: club 3 (C): formerly must not be the same twice, like b{TWICE}",
    ] == problems(tmp_path, clubs=clubs, competitions=competitions)


def test_optional_fields_are_read(tmp_path):
    competition = a_competition(
        formerly=["B", "C"],
        bookingCloses="2050-03-27 11:11:00",
        location="Palais des Sports, Lyon",
        url="https://club.example/open?a=1&b=é",
        cancelled=True,
    )
    write(tmp_path, [a_club(formerly=["B"])], [competition, a_competition(name="D", cancelled=False)])

    (club,), (first, second) = read_data(tmp_path)

    assert ("B",) == club.former_names
    assert ("B", "C") == first.former_names
    assert first.starts_at == first.booking_closes_at
    assert "Palais des Sports, Lyon" == first.location
    assert "https://club.example/open?a=1&b=é" == first.url
    assert (True, False) == (first.is_cancelled, second.is_cancelled)


def test_club_may_have_several_addresses_or_none(tmp_path):
    write(tmp_path, [a_club(email=["a@b", "c@d"]), a_club(name="B", email=[])])

    clubs, _ = read_data(tmp_path)

    assert [Club("A", "a@b", 1, other_emails=("c@d",)), Club("B", None, 1)] == clubs
    assert [("a@b", "c@d"), ()] == [club.emails for club in clubs]


def test_address_stands_once_in_all_lists(tmp_path):
    clubs = [a_club(email=["a@b", "A@b"]), a_club(name="B", email=["c@d", "a@B"])]

    assert [
        "clubs.json: club 1 (A): email must not be the same twice, like A@b",
        "clubs.json: club 2 (B): email must not be the same twice, like a@B",
    ] == problems(tmp_path, clubs=clubs)


def test_key_that_stands_twice_is_told_with_its_place(tmp_path):
    clubs = """{"clubs": [
    {"name": "A", "email": "a@b", "points": 1,
     "points": 2, "more": {"name": ":{"}, "\\u0070oints": 3}
]}"""

    assert [
        'clubs.json: "points" stands twice in one object: line 3 column 6 (char 64)',
        'clubs.json: "points" stands twice in one object: line 3 column 43 (char 101)',
    ] == problems(tmp_path, clubs=clubs)


def test_unread_field_that_resembles_one_is_told(tmp_path):
    competition = a_competition(bookingClose=1, Location=2, places=3, note=4, cancelled=True)
    write(tmp_path, [a_club(e_mail="x", city="y")], [5, competition])

    assert [
        "clubs.json: club 1 (A): e_mail is not read, did you mean email?",
        "competitions.json: competition 2 (A): Location is not read, did you mean location?",
        "competitions.json: competition 2 (A): bookingClose is not read, did you mean bookingCloses?",
    ] == unread_fields(tmp_path)


def test_files_that_cannot_be_read_have_no_unread_fields(tmp_path):
    write(tmp_path, None, "[]")

    assert [] == unread_fields(tmp_path)


def test_emails_that_differ_in_case_only_are_the_same(tmp_path):
    clubs = [a_club(name="A", email="A@b"), a_club(name="B", email="c@d"), a_club(name="C", email="a@B")]

    lines = problems(tmp_path, clubs=clubs)

    assert ["clubs.json: club 3 (C): email must not be the same twice, like a@B"] == lines


def test_club_and_competition_may_have_the_same_name(tmp_path):
    write(tmp_path, [a_club(name="A")], [a_competition(name="A")])

    (club,), (competition,) = read_data(tmp_path)

    assert club.name == competition.name


def test_all_problems_of_both_files_are_told_at_once(tmp_path):
    clubs = [
        a_club(name="Iron Temple", email="A@b", points="four"),
        a_club(name=" iron temple", email="a@B"),
        "x",
    ]
    competitions = [a_competition(name="STRASSE"), a_competition(name="straße")]

    assert [
        'clubs.json: club 1 (Iron Temple): points must be a whole number of 0 or more, not "four"',
        f"clubs.json: club 2 ( iron temple): name must not be the same twice, like  iron temple{TWICE}",
        "clubs.json: club 2 ( iron temple): email must not be the same twice, like a@B",
        "clubs.json: club 3: must be an object",
        f"competitions.json: competition 2 (straße): name must not be the same twice, like straße{TWICE}",
    ] == problems(tmp_path, clubs=clubs, competitions=competitions)


# Dates in their time zone


def start_of(folder, date):
    """Return the moment at which a competition of this date starts."""
    write(folder, competitions=[a_competition(date=date)])
    return read_data(folder)[1][0].starts_at


@pytest.mark.parametrize(("zone", "hours"), [("Asia/Tokyo", 9), ("America/Sao_Paulo", -3), (PARIS, 1), ("", 0)])
def test_date_is_local_time_of_the_server(tmp_path, set_zone, zone, hours):
    set_zone(zone)

    start = start_of(tmp_path, "2050-01-27 11:11:00")

    assert (11, timedelta(hours=hours)) == (start.hour, start.utcoffset())


@pytest.mark.parametrize("time_of_day", ["02:00:00", "02:30:00", "02:59:59"])
def test_time_that_the_change_to_summer_time_skips_is_refused(tmp_path, set_zone, time_of_day):
    set_zone(PARIS)
    date = f"2026-03-29 {time_of_day}"

    lines = problems(tmp_path, competitions=[a_competition(date=date)])

    what = f"date must be a time that clocks show: a change to summer time skips {date}"
    assert [f"competitions.json: competition 1 (A): {what}"] == lines


@pytest.mark.parametrize(("time_of_day", "hours"), [("01:59:59", 1), ("03:00:00", 2)])
def test_times_beside_those_that_are_skipped_are_kept(tmp_path, set_zone, time_of_day, hours):
    set_zone(PARIS)

    start = start_of(tmp_path, f"2026-03-29 {time_of_day}")

    assert (f"2026-03-29 {time_of_day}", timedelta(hours=hours)) == (f"{start:%Y-%m-%d %H:%M:%S}", start.utcoffset())


def test_time_that_occurs_twice_is_its_first(tmp_path, set_zone):
    set_zone(PARIS)

    start = start_of(tmp_path, "2026-10-25 02:30:00")

    assert (2, timedelta(hours=2)) == (start.hour, start.utcoffset())


@pytest.mark.parametrize(("zone", "date"), [("Etc/GMT-9", "0001-01-01 00:00:00"), ("Etc/GMT+9", "9999-12-31 23:59:59")])
def test_date_that_is_outside_of_the_calendar_in_utc_is_told_in_a_line(tmp_path, set_zone, zone, date):
    set_zone(zone)

    lines = problems(tmp_path, competitions=[a_competition(date=date)])

    assert [f"competitions.json: competition 1 (A): date must be in the calendar, not {date}"] == lines


KNOWN_ZONES = [
    ("Europe/Paris", 1, 2),
    ("America/Argentina/Buenos_Aires", -3, -3),
    ("Etc/GMT+3", -3, -3),
    ("CET", 1, 2),
    ("EST5EDT", -5, -4),
    ("UTC", 0, 0),
    ("GMT", 0, 0),
    ("", 0, 0),
]


@pytest.mark.parametrize(("zone", "in_winter", "in_summer"), KNOWN_ZONES)
def test_time_zone_that_has_a_name_is_taken(tmp_path, set_zone, zone, in_winter, in_summer):
    set_zone(zone)

    offsets = [start_of(tmp_path, f"2050-{month}-01 12:00:00").utcoffset() for month in ("01", "07")]

    assert [timedelta(hours=in_winter), timedelta(hours=in_summer)] == offsets


def line_about(zone):
    """Return the line about a time zone that the system does not have."""
    shown = f'"{zone}"'
    return f"TZ must be the name of a time zone, like Europe/Paris, not {shown[:80]}"


@pytest.mark.parametrize(
    "zone",
    [
        *("Europe/Pariss", "Europe/Paris ", "Europe", "zone.tab", "MSK", "x" * 5000),
        *(":Europe/Paris", "/usr/share/zoneinfo/Europe/Paris", "../zoneinfo/Europe/Paris", "/etc/passwd", ":"),
        *("UTC0", "CET-1", "CET-1CEST", "CET-1CEST,M3.5.0,M10.5.0/3", "<+03>-3"),
    ],
)
def test_anything_but_the_name_of_a_time_zone_is_told_in_a_line(tmp_path, monkeypatch, zone):
    monkeypatch.setenv("TZ", zone)

    assert [line_about(zone)] == problems(tmp_path)


def test_line_about_a_time_zone_is_printable(tmp_path, monkeypatch):
    monkeypatch.setenv("TZ", "\udcff")

    assert [line_about("\\udcff")] == problems(tmp_path)


@pytest.fixture
def without_zones(tmp_path):
    """Let the system have no time zone files, as in some containers; a Python package may still have them."""
    zoneinfo.reset_tzpath([tmp_path])
    yield
    zoneinfo.reset_tzpath()


def test_utc_needs_no_files(without_zones, tmp_path, monkeypatch):
    monkeypatch.setenv("TZ", "UTC")
    write(tmp_path)

    assert ([], []) == read_data(tmp_path)


def test_time_zone_that_the_system_lacks_is_told_in_a_line(without_zones, tmp_path, monkeypatch):
    monkeypatch.setenv("TZ", "Europe/Paris")

    assert [line_about("Europe/Paris")] == problems(tmp_path)


def test_wrong_time_zone_is_told_together_with_the_files(tmp_path, monkeypatch):
    monkeypatch.setenv("TZ", "Europe/Pariss")

    lines = problems(tmp_path, clubs="[]")

    assert [line_about("Europe/Pariss"), 'clubs.json: must hold a list named "clubs"'] == lines


# Texts


@pytest.mark.parametrize("email", ["a@b", "john@simplylift.co", "o'hara+lift@club-1.example", 'a"b@c', "a@[127.0.0.1]"])
def test_email_address_that_a_club_may_have_is_accepted(email):
    assert is_email(email)


@pytest.mark.parametrize("text", ["", "john", "john@", "@x", "a@b@c", "jöhn@x", "a@[::1]", "a@b,c", "a\n@b"])
def test_text_that_is_no_email_address_is_not_accepted(text):
    assert not is_email(text)


def test_texts_are_compared_without_case_and_blanks_around_them():
    assert comparable(" STRASSE\t") == comparable("straße")
    assert comparable("a b") != comparable("ab")


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("Haltérophilie d'Évry", "Haltérophilie d'Évry"),
        ("a\nb", "a\\nb"),
        ("a\x1b[0m\x85b", "a\\x1b[0m\\x85b"),
        ("\udcff", "\\udcff"),
        ("", ""),
    ],
)
def test_text_is_made_one_line_for_a_terminal(text, line):
    assert line == printable(text)


# What the documents show


def test_examples_in_the_readme_have_every_field_and_can_be_read(tmp_path):
    [examples] = re.findall(r"```json\n(.*?)```", (PROJECT / "README.md").read_text("utf-8"), re.DOTALL)
    clubs, competitions = examples.split("\n\n")
    write(tmp_path, clubs, competitions)

    assert [1, 1] == [len(items) for items in read_data(tmp_path)]
    assert CLUB_FIELDS.keys() == json.loads(clubs)["clubs"][0].keys()
    assert COMPETITION_FIELDS.keys() == json.loads(competitions)["competitions"][0].keys()
