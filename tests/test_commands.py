"""The commands: what organisers export, and what check says."""

from dataclasses import replace

import pytest
from flask.testing import FlaskCliRunner

import server
from gudlft.model import Club
from tests.support import (
    ATLAS,
    CLUBS,
    COMPETITIONS,
    IRON,
    JOHN,
    KATE,
    OPEN,
    PAST,
    SMALL,
    Secretary,
    a_club,
    exported_rows,
    make_ledger,
    parties,
    run_command,
    write_data,
)


def exported(*arguments):
    """Return the rows that the command writes with arguments, without the header."""
    return exported_rows(run_command("bookings", *arguments))[1:]


def test_export_is_utf_8_as_spreadsheets_expect_it_with_any_name_in_one_cell(serve):
    name = ' É, "b"; c '
    ledger = serve(make_ledger([Club(name, ("odd@club.example",), 9)], COMPETITIONS))
    ledger.book(*parties(ledger, name), 1)

    output = run_command("bookings", "--competition", OPEN, "--delimiter", ";").stdout_bytes

    assert name == exported("--competition", OPEN)[0][0]
    assert output.startswith(b"\xef\xbb\xbfclub;email address;places;first booked;last change\r\n")
    assert '" É, ""b""; c ";odd@club.example;1;' in output.decode("utf-8")
    assert 2 == output.count(b"\r\n") == output.count(b"\n")


@pytest.mark.parametrize("name", ["=1+1", "+1+1", "-1+1", "@SUM(A1)", "\t=1+1", "\r=1+1"])
def test_no_cell_of_an_export_is_run_by_a_spreadsheet(serve, name):
    ledger = serve(make_ledger([Club(name, ("=1@club.example",), 9)], COMPETITIONS))
    ledger.book(*parties(ledger, name), 1)

    assert f"'{name}" == exported()[0][2] == exported("--places")[0][2]
    assert [f"'{name}", "'=1@club.example"] == exported("--competition", OPEN)[0][:2]
    assert [f"'{name}", "'=1@club.example", "9", "3", "6"] == exported("--totals", "clubs")[0]


def test_totals_say_what_is_booked_and_what_is_left(serve):
    serve(make_ledger([*CLUBS, Club("Zug", (), 9)]))
    john, atlas = Secretary(JOHN), Secretary(ATLAS)
    atlas.book("5", SMALL)
    john.book("3")
    john.give_back("3")
    john.book("1")

    assert [
        ["competition", "date", "places", "booked", "left", "clubs"],
        [PAST, "2020-03-27 10:00:00", "25", "0", "25", "0"],
        ["Fall Classic", "2020-10-22 13:30:00", "13", "0", "13", "0"],
        [OPEN, "2050-03-27 11:11:00", "20", "1", "19", "1"],
        [SMALL, "2050-11-05 09:00:00", "5", "5", "0", "1"],
    ] == exported_rows(run_command("bookings", "--totals", "competitions"))
    assert [
        ["club", "email address", "points", "spent", "left"],
        ["Atlas Barbell", ATLAS, "60", "15", "45"],
        ["Iron Temple", IRON, "4", "0", "4"],
        ["She Lifts", KATE, "12", "0", "12"],
        ["Simply Lift", JOHN, "13", "3", "10"],
        ["Zug", "", "9", "0", "9"],
    ] == exported_rows(run_command("bookings", "--totals", "clubs"))


def test_each_place_that_is_held_is_a_row_to_fill_in(john, atlas):
    atlas.book("1", SMALL)
    john.book("1", SMALL)
    john.book("2")

    opened = [OPEN, "2050-03-27 11:11:00", "Simply Lift", "", "", "", ""]
    small = [[SMALL, "2050-11-05 09:00:00", club, "", "", "", ""] for club in ("Atlas Barbell", "Simply Lift")]
    header = [["competition", "date", "club", "last name", "first name", "birth", "category"]]
    assert header + [opened, opened, *small] == exported_rows(run_command("bookings", "--places"))
    assert small == exported("--places", "--competition", SMALL)
    assert [] == exported("--competition", "Fall Classic")


def test_former_name_asks_for_the_same_competition(serve):
    ledger = serve(make_ledger(competitions=[replace(COMPETITIONS[2], former_names=("Gala",))]))
    ledger.book(*parties(ledger), 1)

    assert "Simply Lift" == exported("--competition", "Gala")[0][0]


@pytest.mark.parametrize(
    ("name", "line"),
    [
        ("a\nb\x1b", "There is no competition a\\nb\\x1b"),
        ("spring festivál 2O50", f"There is no competition spring festivál 2O50, did you mean {OPEN}?"),
        ("", "There is no competition "),
    ],
)
def test_unknown_competition_is_refused_in_one_line_and_the_nearest_is_named(name, line):
    for options in ([], ["--places"]):
        result = run_command("bookings", "--competition", name, *options)

        assert 1 == result.exit_code
        assert f"{line}\n" == result.stdout


def test_check_says_what_was_read_and_from_where(data, start, set_zone):
    set_zone("Europe/Paris")
    write_data(data, [a_club("A", "a@b.example", 1, e_mail="x")], [])

    result = run_command("check", app=start().app)

    assert (0, "") == (result.exit_code, result.stderr)
    assert [
        f"data folder: {data}",
        "time zone: Europe/Paris",
        "clubs.json: 1 club, 1 point",
        "competitions.json: 0 competitions, 0 places",
        "journal: none, a restart resets all bookings",
        "note: clubs.json: club 1 (A): e_mail is not read, did you mean email?",
        "note: no CONTACT is set",
    ] == result.stdout.splitlines()


def test_check_spells_out_what_the_output_does_not_know_and_what_is_no_line(journal, serve):
    clubs = [Club("Łódź", ("a@b.example",), 5), Club("a\nb", ("c@d.example",), 5)]
    ledger = serve(make_ledger(clubs, COMPETITIONS, journal=journal))
    for club in clubs:
        ledger.book(*parties(ledger, club.name), 1)
    serve(make_ledger([], COMPETITIONS, journal=journal))

    result = FlaskCliRunner(server.app, charset="latin-1").invoke(args=["check"])

    assert 0 == result.exit_code
    assert r"\u0141ód\u017a: no longer in the files" in result.stdout
    assert r"a\nb: no longer in the files" in result.stdout
