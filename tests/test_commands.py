"""The commands: what organisers export, and what check says."""

from datetime import datetime

import pytest

from gudlft.model import Club
from tests.support import (
    CLUBS,
    COMPETITIONS,
    JOHN,
    OPEN,
    Secretary,
    exported_rows,
    free_port,
    make_ledger,
    parties,
    run_command,
)

# Exports


def test_times_are_exported_in_utc_wherever_the_server_is(journal, clock, set_zone):
    set_zone("Asia/Tokyo")
    clock(datetime.fromisoformat("2030-05-07 05:15:00+09:00"))
    Secretary(JOHN).book("4")

    rows = exported_rows(run_command("bookings"))

    assert "2030-05-06 20:15:00" == rows[1][1]


def test_export_is_utf_8_as_spreadsheets_expect_it(serve):
    ledger = serve(make_ledger([Club("Évry", "evry@club.example", 9)], COMPETITIONS))
    ledger.book(*parties(ledger, "Évry"), 1)

    output = run_command("bookings").stdout_bytes

    assert output.startswith(b"\xef\xbb\xbfnumber,time in UTC,")
    assert "Évry" in output.decode("utf-8")
    assert 2 == output.count(b"\r\n") == output.count(b"\n")


@pytest.mark.parametrize("name", ["=1+1", "+1+1", "-1+1", "@SUM(A1)"])
def test_no_cell_of_an_export_is_run_by_a_spreadsheet(serve, name):
    ledger = serve(make_ledger([Club(name, "evil@club.example", 9)], COMPETITIONS))
    ledger.book(*parties(ledger, name), 1)

    bookings = exported_rows(run_command("bookings"))
    entry_list = exported_rows(run_command("bookings", "--competition", OPEN))

    assert f"'{name}" == bookings[1][2] == entry_list[1][0]


def test_names_with_commas_quotes_and_blanks_stay_one_cell(serve):
    name = ' a, "b"; c '
    ledger = serve(make_ledger([Club(name, "odd@club.example", 9)], COMPETITIONS))
    ledger.book(*parties(ledger, name), 1)

    assert [name, "1"] == exported_rows(run_command("bookings", "--competition", OPEN))[1]


def test_entry_list_of_a_competition_without_bookings_is_empty():
    result = run_command("bookings", "--competition", "Fall Classic")

    assert 0 == result.exit_code
    assert [["club", "places held"]] == exported_rows(result)


def test_entry_list_of_a_competition_that_is_no_longer_in_the_files_is_exported(journal, serve, john):
    john.book("3")
    serve(make_ledger(CLUBS, [], journal=journal))

    result = run_command("bookings", "--competition", OPEN)

    assert 0 == result.exit_code
    assert ["Simply Lift", "3"] == exported_rows(result)[1]


def test_unknown_competition_is_named_in_one_line():
    result = run_command("bookings", "--competition", "a\nb\x1b")

    assert 1 == result.exit_code
    assert "There is no competition a\\nb\\x1b\n" == result.stdout


# Check


def test_check_shows_odd_names_in_one_line(journal, serve):
    ledger = serve(make_ledger([Club("a\nb", "a@b.example", 5)], COMPETITIONS, journal=journal))
    ledger.book(*parties(ledger, "a\nb"), 1)
    serve(make_ledger([], COMPETITIONS, journal=journal))

    result = run_command("check")

    assert r"a\nb: no longer in the files" in result.stdout


# Mail


@pytest.fixture
def mail_check(start):
    """Return a function that checks the app with a mail server on a port."""

    def check(port):
        app = start(MAIL=f"smtp://john:open-sesame@127.0.0.1:{port}", MAIL_FROM="registration@club.example").app
        return run_command("check", app=app)

    return check


def test_check_fails_where_the_mail_server_is_away(mail_check):
    result = mail_check(free_port())

    assert 1 == result.exit_code
    assert "mail: 127.0.0.1: [Errno 111] Connection refused" == result.output.splitlines()[-1]
    assert "sesame" not in result.output
