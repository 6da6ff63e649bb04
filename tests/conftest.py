"""Databases for the suites of the journal, a browser, and which tests are slow."""

import pytest

from gudlft.journal.sql import SqlJournal
from gudlft.ledger import Ledger
from gudlft.rules import Terms
from tests.browsing import be_new, chromium
from tests.databases import Cluster, Database, file_locked, holding, new_schema
from tests.states import a_season, organising
from tests.support import CLUBS, COMPETITIONS, a_club, a_competition, write_data

# what starts browsers, databases, servers or a swarm, waits for real time, or plays long histories
SLOW_SUITES = {
    "test_backups",
    "test_browser",
    "test_commits",
    "test_faults",
    "test_hostile",
    "test_journeys_in_browser",
    "test_mail",
    "test_model",
    "test_opening",
    "test_print_in_browser",
    "test_processes",
    "test_races",
    "test_rows",
    "test_serving",
    "test_simulation",
    "test_stalls",
    "test_start",
    "test_swarm",
    "test_webkit",
}


def pytest_collection_modifyitems(items):
    """Mark what is slow, so that `pytest -m "not slow"` answers within half a minute."""
    for item in items:
        if item.path.stem in SLOW_SUITES or "cluster" in item.fixturenames:
            item.add_marker("slow")


@pytest.fixture(scope="session")
def cluster():
    cluster = Cluster()
    yield cluster
    cluster.stop()


@pytest.fixture
def database(cluster):
    yield Database(cluster)
    cluster.go_on()  # should the test have failed while it was silent


@pytest.fixture
def on_sqlite(tmp_path):
    return f"sqlite:///{tmp_path / 'bookings.db'}"


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.slow)])
def url(request):
    if request.param == "sqlite":
        return request.getfixturevalue("on_sqlite")
    return new_schema(request.getfixturevalue("cluster"))


@pytest.fixture
def stall(request):
    """Return the address of an empty journal, and a function that stalls it in a block, as the parameter says."""
    if request.param == "SQLite locked":
        url = request.getfixturevalue("on_sqlite")
        return url, lambda: file_locked(url)

    cluster = request.getfixturevalue("cluster")
    url = new_schema(cluster)
    if request.param == "server silent":
        return url, cluster.silent
    return url, lambda: holding(url, "BEGIN", "LOCK TABLE bookings")


@pytest.fixture
def folder(tmp_path):
    """Return a folder with data files: 18 clubs with 60 points each, a small and a large competition."""
    clubs = [a_club(f"Club {number}", f"{number}@example.com", 60) for number in range(18)]
    competitions = [a_competition("Cup", "2050-01-01 10:00:00", 20), a_competition("Open", "2050-01-01 10:00:00", 1000)]
    write_data(tmp_path, clubs, competitions)
    return tmp_path


@pytest.fixture
def opened():
    """Return a function that opens a ledger on a journal as another process would; the end closes all."""
    journals = []

    def open_ledger(url, clubs=CLUBS, competitions=COMPETITIONS, cost=3):
        journals.append(SqlJournal(url))
        return Ledger(clubs, competitions, Terms(cost, 12), journals[-1])

    yield open_ledger
    for journal in journals:
        journal.close()


@pytest.fixture
def served(serve, opened):
    """Return a function that lets the app's pages use a journal, and returns their ledger."""
    return lambda url: serve(opened(url))


@pytest.fixture(scope="session")
def browser(tmp_path_factory):
    with chromium(tmp_path_factory.mktemp("browser")) as driver:
        yield driver


@pytest.fixture
def visitor(browser):
    be_new(browser)
    return browser


@pytest.fixture(scope="session")
def season_site(tmp_path_factory):
    """Serve the app with a season, for tests that change nothing; return its address."""
    with a_season(tmp_path_factory.mktemp("season")) as address:
        yield address


@pytest.fixture(scope="session")
def organised(tmp_path_factory):
    """Serve a season with organisers and codes by mail; return its address, a postbox, and the file of its journal."""
    folder = tmp_path_factory.mktemp("organised")
    with organising(folder) as (address, postbox):
        yield address, postbox, folder / "bookings.db"
