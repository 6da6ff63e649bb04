"""Competitions as calendar files, read by the library that made them and by the parser of Thunderbird's calendar.

That parser is ical.js; it comes from npm, by the command in the README.
"""

import json
import os
import re
import subprocess
import time
from dataclasses import replace
from datetime import datetime, timedelta
from urllib.parse import quote
from zoneinfo import ZoneInfo

import icalendar
import pytest

from gudlft.ledger import CompetitionFigures
from gudlft.model import Club, Competition
from gudlft.pages.calendar import calendar_file, feed, time_zone
from gudlft.rules import Standing, Terms, booking_status
from tests.odd_names import ODD_NAMES
from tests.support import JOHN, OPEN, PROJECT, SMALL, Secretary, needed

ICAL_JS = PROJECT / "node_modules" / "ical.js" / "dist" / "ical.es5.cjs"
READ_FILES = """
const ICAL = require(process.argv[1]);
const read = entry => {
  const event = new ICAL.Event(entry);
  return [event.summary, event.description, event.startDate.toString(), event.uid, event.sequence];
};
const entries = text => new ICAL.Component(ICAL.parse(text)).getAllSubcomponents("vevent");
const files = JSON.parse(require("fs").readFileSync(0, "utf8"));
console.log(JSON.stringify(files.map(text => entries(text).map(read))));
"""
PARIS = ZoneInfo("Europe/Paris")
CHANGED_AT = datetime(2027, 1, 10, 18, 0, 5, 123456, tzinfo=PARIS)
NOW = datetime(2027, 1, 15, 9, 30, 15, 123456, tzinfo=PARIS)
CHANGE = 221_763_605  # the moment of the change, in seconds since 1970
CLUB = Club("Simply Lift", (JOHN,), 13)
LYON = Competition("Lyon Open", datetime(2027, 3, 14, 10, 0, tzinfo=PARIS), 20)
NAMES = [
    *ODD_NAMES,
    "Lyon, Paris; Nice: \\o/",
    "new\\nline",
    "\\;\\,\\\\",
    "ends with \\",
    "BEGIN:VEVENT",
    "END:VCALENDAR",
    "line\u2028and\u2029paragraph",
    "right \u202eto left",
    "é" * 200,
    "\\" * 200,
    '",' * 100,
    ";," * 100,
    "a " * 100,
]


def named(name):
    return Competition(name, LYON.starts_at, 20)


def file_of(club=CLUB, competition=LYON, places_held=2, number_of_entries=1, changed_at=CHANGED_AT, now=NOW):
    status = booking_status(competition, Standing(0, 20, places_held, 0), Terms(), now)
    return calendar_file(club, CompetitionFigures(status, 0, 0, [], number_of_entries), changed_at, now)


def entries_of(file):
    return icalendar.Calendar.from_ical(file).events


def entry_of(**figures):
    [entry] = entries_of(file_of(**figures))
    return entry


# The file of a club's competition


def test_file_and_feed_say_where_a_competition_is_and_that_it_is_cancelled():
    lyon = replace(LYON, location="Palais; 1, rue \\N", url="https://club.example/é?a=1,2;b#c", is_cancelled=True)

    for file in (file_of(competition=lyon), feed((lyon,), CHANGED_AT)):
        [entry] = entries_of(file)
        assert ["Palais; 1, rue \\N", "https://club.example/%C3%A9?a=1,2;b#c", "CANCELLED"] == [
            str(entry[key]) for key in ("location", "url", "status")
        ]
    assert b"\r\nURL:https://club.example/%C3%A9?a=1,2;b#c\r\n" in file_of(competition=lyon)


def test_a_calendar_file_reads_as_it_stands_here():
    text = file_of(places_held=0, number_of_entries=3).decode()

    assert [
        "BEGIN:VCALENDAR",
        "VERSION:2.0",
        "PRODID:-//GUDLFT Registration//Competitions//EN",
        "BEGIN:VEVENT",
        "SUMMARY:Lyon Open",
        "DTSTART:20270314T090000Z",
        "DTSTAMP:20270115T083015Z",
        "UID:d8e35dbf-49d9-5ff3-9e15-0c822e6da6e4",
        f"SEQUENCE:{CHANGE + 3}",
        "DESCRIPTION:Simply Lift holds 0 places",
        "END:VEVENT",
        "END:VCALENDAR",
        "",
    ] == text.split("\r\n")


@pytest.mark.parametrize("days", [7, -7])
def test_a_file_that_is_fetched_after_a_change_updates_the_entry_however_the_date_moves(days):
    moved = Competition(LYON.name, LYON.starts_at + timedelta(days=days), 30)
    first = entry_of(number_of_entries=2)

    again = entry_of(
        competition=moved,
        number_of_entries=2,
        changed_at=CHANGED_AT + timedelta(seconds=1),
        now=NOW + timedelta(hours=1),
    )

    assert first["uid"] == again["uid"]
    assert first["sequence"] < again["sequence"]
    assert first["dtstamp"].dt < again["dtstamp"].dt
    assert moved.starts_at == again["dtstart"].dt


def test_entry_stays_the_same_when_club_and_competition_are_renamed():
    club = Club("Lift Lyon", (JOHN,), 13, former_names=("Simply Lift", "Lift"))
    gala = Competition("Gala", LYON.starts_at, 20, former_names=("Lyon Open", "Open"))

    assert entry_of()["uid"] == entry_of(club=club, competition=gala)["uid"]
    [first], [again] = [entries_of(feed((one,), CHANGED_AT)) for one in (LYON, gala)]
    assert first["uid"] == again["uid"]


def test_each_club_and_competition_has_an_entry_of_its_own():
    clubs = [CLUB, Club("Simply", ("a@b",), 0), Club("Simply Lift Lyon", ("c@d",), 0)]
    competitions = [named(name) for name in ["Open", "Lift Open", "Lyon Open"]]

    uids = {str(entry_of(club=club, competition=one)["uid"]) for club in clubs for one in competitions}
    uids |= {str(entry["uid"]) for entry in entries_of(feed(tuple(competitions), CHANGED_AT))}

    assert 9 + 3 == len(uids)


def test_sequence_grows_with_the_clubs_entries_there_alone(john, atlas):
    before = sequence(john)
    john.book("2")
    john.book("1", SMALL)
    atlas.book("1")
    assert before + 1 == sequence(john)

    john.give_back("1")
    assert before + 2 == sequence(john)


def sequence(secretary):
    file = secretary.get(f"/calendar/{quote(OPEN)}").html
    return int(re.search(r"SEQUENCE:(\d+)", file)[1])


# The feed


def test_entry_of_the_feed_is_of_no_club_and_has_the_moment_of_the_last_change():
    lines = feed((LYON,), CHANGED_AT).decode().split("\r\n")

    uid = "UID:375bea8c-0475-5592-bf75-9fc5b8872f4c"
    assert {"DTSTART:20270314T090000Z", "DTSTAMP:20270110T170005Z", uid, f"SEQUENCE:{CHANGE}"} <= set(lines)
    assert "DESCRIPTION" not in str(lines)


def test_feed_is_another_after_the_file_of_competitions_has_changed(data, start):
    etags = []
    for moment in (1_000_000_000, 1_000_000_000, 1_000_000_001):
        os.utime(data / "competitions.json", (moment, moment))
        john = Secretary(JOHN, start().app)
        john.book("1")
        etags.append(john.get("/competitions.ics").headers["ETag"])

    assert etags[0] == etags[1] != etags[2]


# What calendar programs read


def test_every_name_is_read_back_by_a_calendar_program():
    needed("node", ICAL_JS)
    files = [file_of(Club(name, ("a@b",), 0), named(name)).decode() for name in NAMES]
    files.append(feed(tuple(named(name) for name in NAMES), CHANGED_AT).decode())

    command = ["node", "-e", READ_FILES, str(ICAL_JS)]
    program = subprocess.run(command, input=json.dumps(files), capture_output=True, text=True, timeout=30)

    assert "" == program.stderr
    *of_the_files, of_the_feed = json.loads(program.stdout)
    start = "2027-03-14T09:00:00Z"
    uids = [[str(entry["uid"]) for entry in entries_of(file)] for file in files]
    assert [
        [[name, f"{name} holds 2 places", start, *uid, CHANGE + 1]] for name, uid in zip(NAMES, uids, strict=False)
    ] == of_the_files
    assert [[name, None, start, uid, CHANGE] for name, uid in zip(NAMES, uids[-1], strict=True)] == of_the_feed


@pytest.mark.parametrize(
    ("local", "in_utc"),
    [
        (datetime(2027, 3, 28, 1, 59), "20270328T005900Z"),
        (datetime(2027, 3, 28, 3, 0), "20270328T010000Z"),
        (datetime(2027, 10, 31, 2, 30), "20271031T003000Z"),
        (datetime(2027, 10, 31, 2, 30, fold=1), "20271031T013000Z"),
    ],
)
def test_the_start_is_in_utc_on_days_when_clocks_change_too(local, in_utc, set_zone):
    set_zone("Asia/Tokyo")
    competition = Competition("Clocks", local.replace(tzinfo=PARIS), 20)

    file = file_of(competition=competition)

    assert [in_utc.encode()] == re.findall(rb"^DTSTART:(.*)\r$", file, re.MULTILINE)


def test_time_zone_is_named_by_the_variable_or_the_servers_link(tmp_path, set_zone):
    set_zone("UTC")
    link = tmp_path / "localtime"
    link.symlink_to("/usr/share/zoneinfo/Asia/Kolkata")

    shown = [time_zone({"TZ": zone}, link) for zone in ["Europe/Paris", "CET", "Etc/UTC", ""]]

    assert ["Europe/Paris", "CET", "UTC", "UTC"] == shown
    assert "Asia/Kolkata" == time_zone({}, link)
    assert time.tzname[0] == time_zone({}, tmp_path / "none")
