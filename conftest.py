"""What all tests share: no settings from the shell, the app with fresh data, a clock that can be moved."""

import os
import time

import pytest
from hypothesis import Phase, settings

for name in list(os.environ):
    if name.startswith("GUDLFT_") or name == "TZ":
        del os.environ[name]
if hasattr(time, "tzset"):  # not on Windows
    time.tzset()

# only now: the app reads its settings when it is imported
import server
from gudlft.limits import RateLimit
from tests.support import (
    ANN,
    ATLAS,
    JOHN,
    KEPT,
    MAILED,
    OPEN,
    FakeJournal,
    Secretary,
    a_club,
    a_competition,
    let_pages_show,
    load_server,
    make_ledger,
    signed_in_by_code,
    write_data,
)

QUICK = {"deadline": None, "database": None, "phases": [Phase.explicit, Phase.generate, Phase.shrink]}
settings.register_profile("fixed", max_examples=100, derandomize=True, **QUICK)
settings.register_profile("long", max_examples=3000, print_blob=True, **QUICK)  # pytest --hypothesis-profile=long
settings.load_profile("fixed")


@pytest.fixture
def serve(monkeypatch):
    """Return a function that lets the app's pages show a ledger, with a journal or without."""
    return lambda ledger: let_pages_show(ledger, monkeypatch)


@pytest.fixture(autouse=True)
def ledger(serve, monkeypatch):
    """Let the app's pages show the data of the tests, without any booking; return their ledger."""
    monkeypatch.setattr(server, "failed_sign_ins", RateLimit(10, seconds=60))
    monkeypatch.setitem(server.app.config, "TESTING", True)
    return serve(make_ledger())


@pytest.fixture
def journal(serve):
    return serve(make_ledger(journal=FakeJournal())).journal


@pytest.fixture
def data(tmp_path, monkeypatch):
    """Let the next start read a folder with one club and one competition; return the folder."""
    monkeypatch.setenv("GUDLFT_DATA_DIR", str(tmp_path))
    write_data(tmp_path, [a_club("Simply Lift", JOHN, 13)], [a_competition(OPEN, "2050-03-27 11:11:00", 20)])
    return tmp_path


@pytest.fixture
def start(monkeypatch):
    """Return a function that starts the app anew with settings, written without their prefix, and returns server.py.

    With a mail server, its `mails` has (address, code) of each mail that it would send.
    """
    started = []

    def load(**settings):
        for name, value in settings.items():
            monkeypatch.setenv(f"GUDLFT_{name}", str(value))
        module = load_server()
        started.append(module)
        if module.opened.mailed_codes:
            module.mails = []
            module.opened.mailed_codes.outbox.put = lambda *mail: module.mails.append(mail)
        return module

    yield load
    for module in started:
        module.opened.journal.close()


@pytest.fixture
def mailing(data, start):
    return start(**KEPT, **MAILED, ORGANISERS=ANN)


@pytest.fixture
def ann(mailing):
    """Return the browser of an organiser, signed in."""
    return signed_in_by_code(mailing, ANN)[0]


@pytest.fixture
def clock(monkeypatch):
    return lambda moment: monkeypatch.setattr(server.opened.ledger, "now", lambda: moment)


@pytest.fixture
def set_zone():
    with pytest.MonkeyPatch.context() as patch:

        def move(zone):
            patch.setenv("TZ", zone)
            time.tzset()

        yield move
    time.tzset()


@pytest.fixture
def john():
    return Secretary(JOHN)


@pytest.fixture
def atlas():
    return Secretary(ATLAS)
