"""A competition as a calendar file, read by the library that made it and by the parser of Thunderbird's calendar.

That parser is ical.js; it comes from npm, by the command in the README.
"""

import json
import re
import subprocess
import sys
from datetime import datetime, timedelta, timezone
from zoneinfo import ZoneInfo

import icalendar
import pytest

from gudlft.calendar import calendar_file, file_name
from gudlft.model import Club, Competition
from tests.support import PROJECT, needed

ICAL_JS = PROJECT / "node_modules" / "ical.js" / "dist" / "ical.es5.cjs"
READ_FILES = """
const ICAL = require(process.argv[1]);
const read = text => {
  const entries = new ICAL.Component(ICAL.parse(text)).getAllSubcomponents("vevent");
  const [event] = entries.map(entry => new ICAL.Event(entry));
  return [entries.length, event.summary, event.description, event.startDate.toString(), event.uid, event.sequence];
};
const files = JSON.parse(require("fs").readFileSync(0, "utf8"));
console.log(JSON.stringify(files.map(read)));
"""
PARIS = ZoneInfo("Europe/Paris")
NOW = datetime(2027, 1, 15, 9, 30, 15, 123456, tzinfo=PARIS)
CLUB = Club("Simply Lift", "john@simplylift.co", 13)
OPEN = Competition("Lyon Open", datetime(2027, 3, 14, 10, 0, tzinfo=PARIS), 20)
NAMES = [
    "/first",
    "a/b/../c",
    "50% off",
    "100%2F",
    "Why?",
    "#1",
    "Rock & <b>Roll</b>",
    "Say \"no\" to 'it'",
    "Haltérophilie d'Évry",
    "trailing dot.",
    "emoji 🏋️‍♀️",
    " blanks ",
    "plus+and;semi=colon",
    "Lyon, Paris; Nice: \\o/",
    "back\\slash",
    "Team\\North",
    "new\\nline",
    "\\;\\,\\\\",
    "ends with \\",
    "BEGIN:VEVENT",
    "END:VCALENDAR",
    "line\u2028and\u2029paragraph",
    "right \u202eto left",
    "x" * 200,
    "é" * 200,
    "\\" * 200,
    ";," * 100,
    "a " * 100,
    "".join(chr(0x1F300 + number) for number in range(200)),
]


def named(name):
    """Return a competition with this name."""
    return Competition(name, OPEN.starts_at, 20)


def entry_of(club=CLUB, competition=OPEN, places_held=2, sequence=1, now=NOW):
    """Return the one entry of a calendar file, as the library reads it."""
    file = calendar_file(club, competition, places_held, sequence, now)
    (entry,) = icalendar.Calendar.from_ical(file).events
    return entry


def uid_of(**figures):
    return str(entry_of(**figures)["uid"])


# The file


def test_a_calendar_file_reads_as_it_stands_here():
    text = calendar_file(CLUB, OPEN, 2, 3, NOW).decode()

    assert [
        "BEGIN:VCALENDAR",
        "VERSION:2.0",
        "PRODID:-//GUDLFT Registration//Competitions//EN",
        "BEGIN:VEVENT",
        "SUMMARY:Lyon Open",
        "DTSTART:20270314T090000Z",
        "DTSTAMP:20270115T083015Z",
        "UID:d8e35dbf-49d9-5ff3-9e15-0c822e6da6e4",
        "SEQUENCE:3",
        "DESCRIPTION:Simply Lift holds 2 places",
        "END:VEVENT",
        "END:VCALENDAR",
        "",
    ] == text.split("\r\n")


@pytest.mark.parametrize(
    ("places_held", "words"),
    [(0, "Simply Lift holds no places"), (1, "Simply Lift holds 1 place"), (12, "Simply Lift holds 12 places")],
)
def test_the_entry_says_how_many_places_the_club_holds(places_held, words):
    assert words == entry_of(places_held=places_held)["description"]


def test_a_file_that_is_fetched_again_updates_the_entry():
    moved = Competition(OPEN.name, OPEN.starts_at + timedelta(days=7), 30)
    first = entry_of()

    again = entry_of(competition=moved, places_held=5, sequence=2, now=NOW + timedelta(hours=1))

    assert first["uid"] == again["uid"]
    assert first["sequence"] < again["sequence"]
    assert first["dtstamp"].dt < again["dtstamp"].dt
    assert moved.starts_at == again["dtstart"].dt


def test_each_club_and_competition_has_an_entry_of_its_own():
    clubs = [CLUB, Club("Simply", "a@b", 0), Club("Simply Lift Lyon", "c@d", 0)]
    uids = {uid_of(club=club, competition=named(name)) for club in clubs for name in ["Open", "Lift Open", "Lyon Open"]}

    assert 9 == len(uids)


# What calendar programs read


def test_every_name_is_read_back_by_the_library():
    entries = [entry_of(Club(name, "a@b", 0), named(name)) for name in NAMES]

    assert NAMES == [entry["summary"] for entry in entries]
    assert [f"{name} holds 2 places" for name in NAMES] == [entry["description"] for entry in entries]


def test_every_name_is_read_back_by_a_calendar_program():
    needed("node", ICAL_JS)
    files = [calendar_file(Club(name, "a@b", 0), named(name), 2, 7, NOW).decode() for name in NAMES]

    command = ["node", "-e", READ_FILES, str(ICAL_JS)]
    program = subprocess.run(command, input=json.dumps(files), capture_output=True, text=True, timeout=30)

    assert "" == program.stderr
    assert [
        [
            1,
            name,
            f"{name} holds 2 places",
            "2027-03-14T09:00:00Z",
            uid_of(club=Club(name, "", 0), competition=named(name)),
            7,
        ]
        for name in NAMES
    ] == json.loads(program.stdout)


@pytest.mark.parametrize("name", NAMES)
def test_lines_are_folded_between_characters_and_end_as_they_should(name):
    file = calendar_file(CLUB, named(name), 2, 1, NOW)

    lines = file.split(b"\r\n")

    assert b"" == lines[-1]
    assert [] == [line for line in lines if len(line) > 75 or b"\r" in line or b"\n" in line]
    assert file.decode() == "\r\n".join(line.decode() for line in lines)


# When it starts


@pytest.mark.parametrize(
    ("local", "in_utc"),
    [
        (datetime(2027, 3, 27, 10, 0), "20270327T090000Z"),
        (datetime(2027, 3, 28, 1, 59), "20270328T005900Z"),
        (datetime(2027, 3, 28, 3, 0), "20270328T010000Z"),
        (datetime(2027, 3, 28, 10, 0), "20270328T080000Z"),
        (datetime(2027, 10, 31, 2, 30), "20271031T003000Z"),
        (datetime(2027, 10, 31, 2, 30, fold=1), "20271031T013000Z"),
        (datetime(2027, 10, 31, 3, 0), "20271031T020000Z"),
        (datetime(2028, 1, 1, 0, 30), "20271231T233000Z"),
    ],
)
def test_the_start_is_in_utc_on_days_when_clocks_change_too(local, in_utc):
    competition = Competition("Clocks", local.replace(tzinfo=PARIS), 20)

    file = calendar_file(CLUB, competition, 2, 1, NOW)

    assert [in_utc.encode()] == re.findall(rb"^DTSTART:(.*)\r$", file, re.MULTILINE)


@pytest.mark.parametrize("moment", [datetime.min, datetime.max])
def test_the_first_and_the_last_moment_have_a_file(moment):
    competition = Competition("Clocks", moment.replace(tzinfo=timezone.utc), 20)

    assert competition.starts_at.replace(microsecond=0) == entry_of(competition=competition)["dtstart"].dt


def test_the_entry_has_no_end_that_nobody_has_promised():
    entry = entry_of()

    assert "dtend" not in entry
    assert "duration" not in entry


# The file's name


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("Lyon Open", "2027-03-14-lyon-open.ics"),
        ("Championnats régionaux d’Évry", "2027-03-14-championnats-regionaux-d-evry.ics"),
        ("../../etc/passwd", "2027-03-14-etc-passwd.ics"),
        ('a"b\\c', "2027-03-14-a-b-c.ics"),
        ("日本選手権", "2027-03-14.ics"),
        ("🏋", "2027-03-14.ics"),
        ("con", "2027-03-14-con.ics"),
        ("x" * 200, "2027-03-14-" + "x" * 45 + ".ics"),
        ("x" * 44 + " y", "2027-03-14-" + "x" * 44 + ".ics"),
    ],
)
def test_the_file_has_a_plain_name(name, expected):
    assert expected == file_name(named(name))


@pytest.mark.parametrize("name", NAMES)
def test_the_files_name_is_safe_whatever_the_competitions(name):
    assert re.fullmatch(r"2027-03-14(-[a-z0-9]+)*\.ics", file_name(named(name)))
    assert 60 >= len(file_name(named(name)))


# Imports


def test_the_library_is_imported_when_a_file_is_first_asked_for():
    program = """
import sys
from calendar import monthrange
from datetime import datetime, timezone
from gudlft.calendar import calendar_file
from gudlft.model import Club, Competition
assert "icalendar" not in sys.modules
now = datetime.now(timezone.utc)
calendar_file(Club("A", "a@b", 0), Competition("B", now, 1), 0, 0, now)
assert "icalendar" in sys.modules
"""
    subprocess.run([sys.executable, "-c", program], cwd=PROJECT, check=True, timeout=30)


def test_times_are_in_utc_wherever_the_server_is(set_zone):
    set_zone("Asia/Tokyo")

    lines = calendar_file(CLUB, OPEN, 2, 1, NOW).decode().splitlines()

    assert "DTSTART:20270314T090000Z" in lines
    assert "DTSTAMP:20270115T083015Z" in lines
