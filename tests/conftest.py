"""Databases for the suites of the journal, and a browser."""

import pytest

from gudlft.journal.sql import SqlJournal
from gudlft.ledger import Ledger
from gudlft.rules import Terms
from tests.browsing import be_new, chromium
from tests.databases import Cluster, Database, Proxy, new_schema
from tests.support import CLUBS, COMPETITIONS


@pytest.fixture(scope="session")
def cluster():
    """Start PostgreSQL for all tests."""
    cluster = Cluster()
    yield cluster
    cluster.stop()


@pytest.fixture
def database(cluster):
    """Return an empty PostgreSQL database."""
    return Database(cluster)


@pytest.fixture
def on_sqlite(tmp_path):
    """Return the address of a SQLite file that does not exist yet."""
    return f"sqlite:///{tmp_path / 'bookings.db'}"


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request):
    """Return the address of an empty database."""
    if request.param == "sqlite":
        return request.getfixturevalue("on_sqlite")
    return new_schema(request.getfixturevalue("cluster"))


@pytest.fixture
def proxied(database):
    """Return the address of a PostgreSQL database behind a proxy, and the proxy."""
    proxy = Proxy(database.cluster.port)
    yield database.url.replace(f":{database.cluster.port}/", f":{proxy.port}/"), proxy
    proxy.close()


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
    """Start Chromium for all tests."""
    with chromium(tmp_path_factory.mktemp("browser")) as driver:
        yield driver


@pytest.fixture
def visitor(browser):
    """Return the browser as it is for a new visitor."""
    be_new(browser)
    return browser
