"""Backups by the commands that docs/operating.md shows, made while the app takes bookings, and restored."""

import re
import subprocess

import pytest

from tests.databases import bookings_made, in_journal, run_sql
from tests.support import KEY, PROJECT, ServedSecretary, needed, serving, wait_until

DOCUMENTED_DATABASE = "postgresql://gudlft:secret@db.example/gudlft"


def documented(beginning):
    """Return the one line of docs/operating.md that begins like this."""
    [line] = re.findall(f"^    ({re.escape(beginning)}.*)$", (PROJECT / "docs" / "operating.md").read_text(), re.M)
    return line


def run_line(line, folder, url=DOCUMENTED_DATABASE):
    """Run a documented line in a folder, with another database in place of the documented one."""
    line = line.replace(DOCUMENTED_DATABASE, url.replace("+psycopg", ""))
    done = subprocess.run(line, shell=True, cwd=folder, capture_output=True, text=True, timeout=60)
    assert (0, "", "") == (done.returncode, done.stdout, done.stderr)


def make_backup_under_load(folder, url, line):
    """Serve the app, and make a backup while clubs book; return the tokens that it must hold."""
    with serving(folder, workers=2, JOURNAL=url, SECRET_KEY=KEY) as (address, _), bookings_made(address) as made:
        wait_until(lambda: 20 <= len(made.answered))
        answered_before = set(made.answered)
        run_line(line, folder, url)
        number = len(made.answered)
        wait_until(lambda: number + 20 <= len(made.answered))
    return answered_before


def check_restored(folder, url, answered_before, rows_after):
    """Assert that a restored journal holds the first of all bookings made, and that the app goes on with it."""
    restored = run_sql(url, "SELECT number, token FROM bookings ORDER BY number")
    assert list(range(1, len(restored) + 1)) == [number for number, _ in restored]
    assert answered_before <= {token for _, token in restored}
    assert in_journal(url) == rows_after[: len(restored)]
    assert len(restored) < len(rows_after)

    with serving(folder, JOURNAL=url, SECRET_KEY=KEY) as (address, _):
        assert 303 == ServedSecretary(address, "1@example.com").book("1", "Open").status
    assert len(restored) + 1 == len(in_journal(url))


@pytest.mark.parametrize(
    ("fixture", "tools", "backup", "restore"),
    [
        ("on_sqlite", ["sqlite3"], "sqlite3 -cmd", 'sqlite3 bookings.db ".restore'),
        ("database", ["pg_dump", "pg_restore"], "pg_dump", "pg_restore"),
    ],
)
def test_documented_backup_is_whole_and_can_be_restored(folder, request, fixture, tools, backup, restore):
    needed(*tools)
    database = request.getfixturevalue(fixture)
    url = database if fixture == "on_sqlite" else database.url
    answered_before = make_backup_under_load(folder, url, documented(backup))
    rows_after = in_journal(url)

    run_line(documented(restore), folder, url)

    check_restored(folder, url, answered_before, rows_after)
