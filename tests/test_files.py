"""The data files: what they may hold, and the line for each mistake in them."""

import json
import re
import zoneinfo

import pytest

from gudlft import files
from gudlft.files import CLUB_FIELDS, COMPETITION_FIELDS, BadFiles, NewerNames, read_data, read_email
from gudlft.model import Club, Competition
from gudlft.text import normalize_name, printable
from tests.support import CLUBS, OPEN, PROJECT, a_club, a_competition

PARIS = "Europe/Paris"


@pytest.fixture(autouse=True)
def in_utc(set_zone):
    set_zone("UTC")


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
    return str(caught.value).splitlines()


# What files may hold


def test_bundled_files_hold_the_demo_data():
    clubs, competitions, _ = read_data(PROJECT)

    assert CLUBS == clubs
    assert [25, 13, 20, 24, 5] == [competition.places for competition in competitions]
    assert (OPEN, "2050-03-27 11:11:00+00:00") == (competitions[2].name, str(competitions[2].starts_at))


@pytest.mark.parametrize(("written", "number"), [(7, 7), ("8", 8), ("007", 7), ("00", 0), (0, 0), (1000000, 1000000)])
def test_number_may_be_an_integer_or_a_text_of_digits(tmp_path, written, number):
    write(tmp_path, [a_club(points=written)], [a_competition(numberOfPlaces=written)])

    (club,), (competition,), _ = read_data(tmp_path)

    assert (number, number) == (club.points, competition.places)


def test_byte_order_mark_other_fields_and_lists_are_ignored(tmp_path):
    clubs = {"clubs": [a_club(city=["x"])]}
    competitions = {"competitions": [a_competition(email=5)], "more": 1}
    write(tmp_path, "\ufeff" + json.dumps(clubs), json.dumps(competitions))

    (club,), (competition,), _ = read_data(tmp_path)

    assert ("A", "A") == (club.name, competition.name)


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
    [told] = problems(tmp_path, clubs=content)

    assert told.startswith(line)


# Fields

TWICE = ": add a town, a date or a round"
WRONG = [
    (
        "club points must be a whole number of 0 or more",
        ["four", "é", "\x9f", "", " 5", "１", "1_0", "+3", "-1", -1, 1.0, True, None, [], {"a": 1}],
    ),
    ("club points must be at most 1,000,000", [1_000_001, "1000001", "9" * 5000]),
    ("club name must be a text of 1 to 200 characters", ["", " \xa0", "\u200b", 5, None, "x" * 201]),
    (
        'club name must be without control characters and not "." or ".."',
        [".", "..", " .", "a\nb", "a\x1fb", "a\x7fb", "a\x9fb", "a\ud800b", "a\udfffb"],
    ),
    (
        "club email must be an email address like name@club.example, of ASCII before its one @",
        [
            *("", "john", "jöhn@x", None, ["a@b", 5], "@", ["@"], "john@", "@x", "a@b@c", "a@@c", "a b@c", "a\t@b"),
            *("a@b\r\nBcc: c", "a\x7f@b", "a@b,c", "a@b;c", "A<a@b", "a@b>c", "smtp:a@b", "a@" + "b" * 253),
        ],
    ),
    ("club formerly must be a list of names", ["B", None]),
    ('club formerly must be without control characters and not "." or ".."', [["B", ".."]]),
    ("competition numberOfPlaces must be a whole number of 0 or more", ["x"]),
    ("competition numberOfPlaces must be at most 1,000,000", ["1000001"]),
    ("competition name must be a text of 1 to 200 characters", [""]),
    (
        "competition date must be a date and time like 2050-03-27 11:11:00",
        [
            *("2050-3-27 11:11:00", "2050-03-27T11:11:00", "2050-03-27 11:11", "2050-03-27 11:11:00Z"),
            *("2050-03-27 24:00:00", "２050-03-27 11:11:00", 20500327),
        ],
    ),
    (
        "competition date must be in the calendar",
        ["2050-02-30 11:11:00", "2050-03-27 11:60:00", "0000-01-01 00:00:00"],
    ),
    ("competition formerly must be a text of 1 to 200 characters", [[""]]),
    ("competition bookingCloses must be a date and time like 2050-03-27 11:11:00", ["2050-03-27"]),
    ("competition location must be a text of 1 to 200 characters", ["", "x" * 201]),
    (
        "competition url must be an https address of at most 500 characters",
        [
            *(5, "http://club.example", "https://", "https://[", "https://club.example/a\nb"),
            "https://club.example/" + "x" * 480,  # 501 in all
        ],
    ),
    ("competition cancelled must be true or false", ["true", 1]),
]


@pytest.mark.parametrize(("line", "values"), WRONG)
def test_wrong_field_is_told_in_a_line(tmp_path, line, values):
    item, key, must_be = line.split(" ", 2)
    make = {"club": a_club, "competition": a_competition}[item]

    for value in values:
        written = make(**{key: value})
        [told] = problems(tmp_path, **{f"{item}s": [written]})

        name = f" ({written['name'][:80]})" if isinstance(written["name"], str) else ""
        shown = json.dumps(value, ensure_ascii=False)[:80]
        assert printable(f"{item}s.json: {item} 1{name}: {key} {must_be}, not {shown}") == told
        assert told.isprintable()


@pytest.mark.parametrize("depth", range(960, 1000))
def test_field_of_any_depth_is_told_in_a_line(tmp_path, depth):
    written = json.dumps({"clubs": [a_club(points="depth")]})

    assert 1 == len(problems(tmp_path, clubs=written.replace('"depth"', "[" * depth + "]" * depth)))


def test_all_missing_fields_are_told(tmp_path):
    lines = problems(tmp_path, clubs=[{}], competitions=[{"name": "A"}])

    of_the_club = [f"clubs.json: club 1: {key} is missing" for key in ("name", "email", "points")]
    of_the_competition = [
        f"competitions.json: competition 1 (A): {key} is missing" for key in ("date", "numberOfPlaces")
    ]
    assert of_the_club + of_the_competition == lines


@pytest.mark.parametrize(
    ("name", "alike"),
    [
        ("Spring Cup", "\u200bSPRING\xa0 Cup\u2009"),
        ("Coupe de l'Avenir", "Coupe de l’Avenir"),
        ("Aix-en-Provence", "Aix\u2011en–Provence"),
        ("Évry", "E\u0301vry"),
        ("Évry", "E\u200b\u0301vry"),
        ("Cup 2", "Ｃｕｐ ２"),
        ("Cup™", "cuptm"),
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
        f"clubs.json: club 2 (B): name must not be the same twice, like OLD{TWICE}",
        f"clubs.json: club 3 (C): name must not be the same twice, like b{TWICE}",
    ] == problems(tmp_path, clubs=clubs, competitions=competitions)


def test_optional_fields_several_addresses_or_none_are_read(tmp_path):
    where = {"location": "Palais des Sports, Lyon", "url": "https://club.example/" + "é" * 479}
    gala = a_competition(formerly=["B", "C"], bookingCloses="2050-03-27 11:11:00", cancelled=True, **where)
    clubs = [a_club(formerly=["B"], email=["a@b", "c@d"]), a_club(name="C", email=[])]
    write(tmp_path, clubs, [gala, a_competition(name="D", cancelled=False)])

    clubs, (first, second), _ = read_data(tmp_path)

    start = first.starts_at
    assert [Club("A", ("a@b", "c@d"), 1, ("B",)), Club("C", (), 1)] == clubs
    assert Competition("A", start, 1, ("B", "C"), start, *where.values(), is_cancelled=True) == first
    assert not second.is_cancelled


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
    competition = a_competition(bookingClose=1, Location=2, note=4, cancelled=True)
    write(tmp_path, [a_club(e_mail="x", city="y")], [a_competition(name="B"), competition])

    assert [
        "clubs.json: club 1 (A): e_mail is not read, did you mean email?",
        "competitions.json: competition 2 (A): Location is not read, did you mean location?",
        "competitions.json: competition 2 (A): bookingClose is not read, did you mean bookingCloses?",
    ] == read_data(tmp_path).unread_fields


def test_all_problems_of_both_files_are_told_at_once(tmp_path):
    clubs = [
        a_club(name="Iron Temple", email=["A@b", "a@b"], points="four"),
        a_club(name=" iron temple", email=["c@d", "a@B"]),
        "x",
    ]
    closing_late = a_competition(name="STRASSE", bookingCloses="2050-03-27 11:11:01")
    competitions = [closing_late, a_competition(name="straße")]

    assert [
        'clubs.json: club 1 (Iron Temple): points must be a whole number of 0 or more, not "four"',
        "clubs.json: club 3: must be an object",
        "clubs.json: club 1 (Iron Temple): email must not be the same twice, like a@b",
        f"clubs.json: club 2 ( iron temple): name must not be the same twice, like  iron temple{TWICE}",
        "clubs.json: club 2 ( iron temple): email must not be the same twice, like a@b",
        "competitions.json: competition 1 (STRASSE): bookingCloses must not be after date",
        f"competitions.json: competition 2 (straße): name must not be the same twice, like straße{TWICE}",
    ] == problems(tmp_path, clubs=clubs, competitions=competitions)


# Dates in their time zone


SKIPPED = "a time that clocks show: a change to summer time skips this one"


@pytest.mark.parametrize(
    ("zone", "date", "must_be"),
    [
        ("Etc/GMT-9", "0001-01-01 00:00:00", "in the calendar"),  # in UTC the day before
        ("Etc/GMT+9", "9999-12-31 23:59:59", "in the calendar"),
        (PARIS, "2026-03-29 02:00:00", SKIPPED),
        (PARIS, "2026-03-29 02:59:59", SKIPPED),
    ],
)
def test_date_that_is_none_in_its_zone_is_told_in_a_line(tmp_path, set_zone, zone, date, must_be):
    set_zone(zone)

    lines = problems(tmp_path, competitions=[a_competition(date=date)])

    assert [f'competitions.json: competition 1 (A): date must be {must_be}, not "{date}"'] == lines


@pytest.mark.parametrize(
    ("zone", "date", "offset"),
    [
        (PARIS, "2050-01-01 12:00:00", "+01:00"),
        (PARIS, "2050-07-01 12:00:00", "+02:00"),
        (PARIS, "2026-03-29 01:59:59", "+01:00"),
        (PARIS, "2026-03-29 03:00:00", "+02:00"),
        (PARIS, "2026-10-25 02:30:00", "+02:00"),  # it occurs twice, and this is its first
        ("America/Argentina/Buenos_Aires", "2050-07-01 12:00:00", "-03:00"),
        ("EST5EDT", "2050-07-01 12:00:00", "-04:00"),
        ("GMT", "2050-07-01 12:00:00", "+00:00"),
        ("", "2050-07-01 12:00:00", "+00:00"),
    ],
)
def test_date_is_local_time_of_the_server(tmp_path, set_zone, zone, date, offset):
    set_zone(zone)
    write(tmp_path, competitions=[a_competition(date=date)])

    [competition] = read_data(tmp_path)[1]

    assert f"{date}{offset}" == str(competition.starts_at)


def line_about(zone):
    """Return the line about a time zone that the system does not have."""
    shown = f'"{printable(zone)}"'
    return f"TZ must be the name of a time zone, like Europe/Paris, not {shown[:80]}"


@pytest.mark.parametrize(
    "zone",
    [
        *("Europe/Pariss", "Europe/Paris ", "Europe", "zone.tab", "MSK", "x" * 5000, "\udcff"),
        *(":Europe/Paris", "/usr/share/zoneinfo/Europe/Paris", "../zoneinfo/Europe/Paris", "/etc/passwd", ":"),
        *("UTC0", "CET-1", "CET-1CEST", "CET-1CEST,M3.5.0,M10.5.0/3", "<+03>-3"),
    ],
)
def test_anything_but_the_name_of_a_time_zone_is_told_in_a_line(tmp_path, monkeypatch, zone):
    monkeypatch.setenv("TZ", zone)

    assert [line_about(zone)] == problems(tmp_path)


@pytest.fixture
def without_zones(tmp_path):
    """Let the system have no time zone files, as in some containers; a Python package may still have them."""
    zoneinfo.reset_tzpath([tmp_path])
    yield
    zoneinfo.reset_tzpath()


def test_utc_needs_no_files_of_zones_and_what_they_lack_is_told_with_the_rest(without_zones, tmp_path, monkeypatch):
    assert ['clubs.json: must hold a list named "clubs"'] == problems(tmp_path, clubs="[]")

    monkeypatch.setenv("TZ", "Europe/Paris")
    assert [line_about("Europe/Paris"), 'clubs.json: must hold a list named "clubs"'] == problems(tmp_path, clubs="[]")


@pytest.mark.parametrize("email", ["a@b", "john@simplylift.co", "o'hara+lift@club-1.example", 'a"b@c', "a@[127.0.0.1]"])
def test_email_address_that_a_club_may_have_is_accepted(email):
    assert email == read_email(email)


def test_text_is_made_one_line_for_a_terminal():
    assert "Haltérophilie d'Évry" == printable("Haltérophilie d'Évry")
    assert "a\\nb" == printable("a\nb")
    assert "a\\x1b[0m\\x85b" == printable("a\x1b[0m\x85b")
    assert "\\udcff" == printable("\udcff")


def test_examples_in_the_readme_have_every_field_and_can_be_read(tmp_path):
    [examples] = re.findall(r"```json\n(.*?)```", (PROJECT / "README.md").read_text("utf-8"), re.DOTALL)
    clubs, competitions = examples.split("\n\n")
    write(tmp_path, clubs, competitions)

    assert [1, 1, 0] == [len(items) for items in read_data(tmp_path)]
    assert CLUB_FIELDS.keys() == json.loads(clubs)["clubs"][0].keys()
    assert COMPETITION_FIELDS.keys() == json.loads(competitions)["competitions"][0].keys()


# Names that came since


def stand_last(newer_names, *paths):
    """Return which of the paths end in a newer name."""
    return [path for path in paths if newer_names.stand_last_in(path)]


def test_names_are_newer_once_the_files_have_them(tmp_path):
    write(tmp_path, clubs=[a_club(name="A")])
    newer_names = NewerNames(tmp_path, read_data(tmp_path))
    paths = ["A", "B", "a/B", "B/a", "aB", "Old", "C/D", "x/C/D", "D", "new@b"]

    assert [] == stand_last(newer_names, *paths)

    new_club = a_club(name="B", formerly=["Old"], email="New@b")
    write(tmp_path, clubs=[a_club(name="A"), new_club], competitions=[a_competition(name="C/D")])
    assert ["B", "a/B", "Old", "C/D", "x/C/D", "new@b"] == stand_last(newer_names, *paths)


def test_bad_files_and_those_that_are_being_exchanged_have_no_newer_names(tmp_path):
    write(tmp_path)
    newer_names = NewerNames(tmp_path, read_data(tmp_path))

    write(tmp_path, clubs=[a_club(name="B"), a_club(name="B")])
    assert not newer_names.stand_last_in("B")
    (tmp_path / "clubs.json").unlink()
    assert not newer_names.stand_last_in("B")
    write(tmp_path, clubs=[a_club(name="B")])
    assert newer_names.stand_last_in("B")


def test_files_are_read_again_once_after_each_change(tmp_path, monkeypatch):
    write(tmp_path)
    newer_names = NewerNames(tmp_path, read_data(tmp_path))
    read = []
    monkeypatch.setattr(files, "read_data", lambda folder: read.append(folder) or read_data(folder))

    stand_last(newer_names, "A", "B", "C")
    assert [] == read
    write(tmp_path, clubs=[a_club(name="B")])
    stand_last(newer_names, "A", "B", "C")
    assert [tmp_path] == read
