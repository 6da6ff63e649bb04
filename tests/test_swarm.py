"""The swarm: whole runs against the app, as it is and with faults."""

import os
import re
import subprocess
import sys
import time
import urllib.error
import urllib.parse
import urllib.request
from contextlib import contextmanager

import pytest

from tests.support import PROJECT, free_port, serving, write_data

CLUBS = [
    ("Simply Lift", "john@simplylift.co", 90),
    ("Poids & Haltères d'Été", "admin@halteres.example", 90),
    ('Iron "A/B" Temple?', "office@iron.example", 90),
    ("She <b>Lifts</b>", "kate@shelifts.co.uk", 90),
    ("Too Poor", "poor@example.com", 2),
    ("Too Poor: Two", "two@example.com", 2),
]
COMPETITIONS = [
    ("Spring Festival", "2020-03-27 10:00:00", 25),
    ("Coupe d'Été: 50 % & <plus>/2050", "2050-03-27 11:11:00", 80),
    ("Fall Classic 2050.", "2050-10-22 12:12:00", 80),
    ("Novice Cup 2050", "2050-11-05 09:00:00", 5),
]
REFUSALS = {
    "You don't have enough points available",
    "You can't book more places than available",
    "You can't book more than 12 places per competition",
    "Your club does not have enough points to book a place",
    "There are no places left in this competition",
    "Your club holds the maximum of 12 places in this competition",
    "Booking is closed",
}
BOOKED = "Great-booking complete"  # in the app's log
SIGNED_IN = "signed in"


@pytest.fixture
def folder(tmp_path):
    """Return a folder with data files that hold awkward names."""
    write_data(tmp_path, CLUBS, COMPETITIONS)
    return tmp_path


@pytest.fixture
def serving_with_fault(folder, monkeypatch):
    """Return a function that serves the app with a fault of faulty.py."""

    def serve(fault):
        monkeypatch.setenv("FAULT", fault)
        return serving(folder, "tests.faulty:app")

    return serve


# Running the swarm


def environment_with(**variables):
    """Return the shell's variables, with these instead of settings of the app."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("GUDLFT_")}
    return environment | variables


@contextmanager
def started(address, folder, *options, **settings):
    """Start the swarm against the app at the address, with the clubs of the folder; yield its process."""
    process = subprocess.Popen(
        [sys.executable, "-m", "locust", "--host", address, *options],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        cwd=PROJECT,
        env=environment_with(GUDLFT_DATA_DIR=str(folder), **settings),
    )
    with process:
        try:
            yield process
        finally:
            process.terminate()  # also ends workers, which would outlive a kill


def swarm(address, folder, *options, until=None):
    """Return the exit status of a run without a web page, its output, and the failures' texts by request.

    Its options end it, or a signal does as soon as the app's log has an event this many times: `until=(BOOKED, 6)`.
    """
    with started(address, folder, "--headless", "--only-summary", *options) as process:
        if until:
            wait_for(folder, *until)
            process.terminate()
        output, _ = process.communicate(timeout=40)
    return process.returncode, output, failures_in(output)


def wait_for(folder, event, times):
    """Wait until the app's log has an event this many times, however slow the machine."""
    deadline = time.monotonic() + 30
    while log_of(folder).count(event) < times:
        assert time.monotonic() < deadline, log_of(folder)
        time.sleep(0.05)


def log_of(folder):
    """Return what the app has logged."""
    return (folder / "server.log").read_text("utf-8")


# Reading what it printed


def failures_in(output):
    """Return the texts of the failures, by request."""
    report = output.partition("Error report")[2]
    failures = {}
    for path, text in re.findall(r"^\d+ +(?:GET|POST) (\S+): (.*\S) *$", report, re.M):
        failures.setdefault(path, set()).add(text)
    return failures


def reconciled(output):
    """Return the bookings, returns, points and unexplained figures of each run."""
    line = r"^reconciled: (\d+) bookings, (\d+) given back, (-?\d+) points, (\d+) unexplained$"
    return [[int(number) for number in numbers] for numbers in re.findall(line, output, re.M)]


def numbers_logged(folder, event):
    """Return the numbers of the entries that the app has logged with an event; copies of a form have one number."""
    return set(re.findall(rf"{event}.* \(number (\d+)\)", log_of(folder)))


def assert_explained(folder, output):
    """Assert that no figure is unexplained, and that the swarm counted exactly what the app's log says was done."""
    [[bookings, given_back, points, unexplained]] = reconciled(output)

    assert 0 == unexplained, output
    assert len(numbers_logged(folder, BOOKED)) == bookings > 0
    assert len(numbers_logged(folder, " given back")) == given_back
    assert points >= 0 == points % 3


def assert_sound(folder, code, output, failures):
    """Assert that all is explained, and that nothing failed but forms that were refused."""
    assert_explained(folder, output)
    assert failures.pop("/purchasePlaces", set()) <= REFUSALS
    for text in failures.pop("/cancelPlaces", set()):
        assert text.startswith("Your club holds ")
        assert ":" not in text
    assert {} == failures
    assert "0 faults, 0 lost answers" in output
    assert 0 == code, output


# The app as it is


def test_secretaries_meet_refusals_and_all_is_explained(folder):
    with serving(folder) as (address, _):
        code, output, failures = swarm(address, folder, "-u", "30", "-r", "30", "-t", "6s")

    assert failures["/purchasePlaces"]
    assert_sound(folder, code, output, failures)


def test_many_secretaries_stopped_in_mid_request_leave_nothing_unexplained(folder):
    with serving(folder) as (address, _):
        code, output, failures = swarm(address, folder, "-u", "200", "-r", "100", until=(SIGNED_IN, 230))

    assert_sound(folder, code, output, failures)


def test_workers_tell_the_master_all_that_they_booked(folder):
    port = str(free_port())
    master = ["--master-bind-host", "127.0.0.1", "--master-bind-port", port, "--master-port", port]
    ends_before_all_are_there = ["-u", "200", "-r", "20", "-t", "4s"]
    with serving(folder) as (address, _):
        options = ["--processes", "2", *master, *ends_before_all_are_there]
        code, output, failures = swarm(address, folder, *options)

    assert_sound(folder, code, output, failures)


# Runs from the web page


class WebPage:
    """Locust's web page, on a free port."""

    def __init__(self):
        self.port = free_port()
        self.options = ["--web-host", "127.0.0.1", "--web-port", str(self.port)]

    def ask(self, path, **form):
        """Send a request, again and again until the page is there."""
        data = urllib.parse.urlencode(form).encode() if form else None
        deadline = time.monotonic() + 20
        while True:
            try:
                with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/{path}", data, timeout=60) as response:
                    return response.read()
            except urllib.error.URLError:
                assert time.monotonic() < deadline
                time.sleep(0.1)

    def start_run(self, address):
        """Start ten secretaries."""
        self.ask("swarm", user_count=10, spawn_rate=10, host=address)


def test_each_run_from_the_web_page_is_reconciled_also_the_one_that_is_interrupted(folder):
    page = WebPage()
    with serving(folder) as (address, _), started(address, folder, *page.options) as process:
        page.start_run(f"{address}/")
        wait_for(folder, BOOKED, 5)
        page.ask("stats/reset")
        page.ask("stop")

        page.start_run(f"{address}/")
        wait_for(folder, BOOKED, 12)
        page.ask("stats/reset")
        process.terminate()
        output, _ = process.communicate(timeout=40)

    assert [0, 0] == [unexplained for _, _, _, unexplained in reconciled(output)], output
    assert all(bookings > 0 for bookings, _, _, _ in reconciled(output))
    assert 0 == process.returncode


def test_run_that_was_not_sound_is_not_forgotten_by_the_next(folder, serving_with_fault):
    page = WebPage()
    with (
        serving_with_fault("loses an entry") as (address, _),
        started(address, folder, *page.options) as process,
    ):
        page.start_run(address)
        wait_for(folder, BOOKED, 6)
        page.ask("stop")

        page.start_run(address)
        wait_for(folder, BOOKED, 8)
        process.terminate()
        output, _ = process.communicate(timeout=40)

    assert [3, 0] == [unexplained for _, _, _, unexplained in reconciled(output)], output
    assert 1 == process.returncode


def test_swarm_that_never_began_has_nothing_to_reconcile(folder):
    page = WebPage()
    with started("http://127.0.0.1:9", folder, *page.options) as process:
        page.ask("")
        process.terminate()
        output, _ = process.communicate(timeout=40)

    assert "reconciled" not in output
    assert "Traceback" not in output
    assert 0 == process.returncode


# The locustfile by itself

IMPORT = """
from locust.exception import StopUser
from locustfile import Secretary

try:
    Secretary.on_start(Secretary)
except StopUser:
    print("stopped")
"""


def test_secretary_who_comes_after_the_end_of_a_run_stops_at_once():
    environment = environment_with(LOCUST_SKIP_MONKEY_PATCH="1")  # the patching warns if other modules came first
    command = [sys.executable, "-W", "error", "-c", IMPORT]

    result = subprocess.run(command, capture_output=True, text=True, cwd=PROJECT, env=environment)

    assert ("stopped\n", "") == (result.stdout, result.stderr)


def test_swarm_says_that_it_reads_no_mailed_codes(folder):
    with started("http://127.0.0.1:9", folder, "--headless", GUDLFT_MAIL="smtp://mail.example") as process:
        output, _ = process.communicate(timeout=40)

    assert 1 == process.returncode
    [line] = output.splitlines()
    assert "cannot read the codes that are mailed" in line


# The app with faults


def test_server_that_answers_500_fails_the_swarm(folder, serving_with_fault):
    with serving_with_fault("answers 500") as (address, _):
        code, output, failures = swarm(address, folder, "-t", "2s")

    assert 1 == code
    assert {"/showSummary": {"Unexpected: status 500"}} == failures
    assert "not reconciled: " in output


def test_server_that_drops_connections_fails_the_swarm(folder, serving_with_fault):
    with serving_with_fault("drops connections") as (address, _):
        code, output, failures = swarm(address, folder, "-t", "2s")

    assert 1 == code
    assert {"/showSummary": {"Unexpected: the connection broke"}} == failures
    assert "not reconciled: " in output


def test_answers_under_way_at_the_end_are_awaited(folder, serving_with_fault):
    with serving_with_fault("answers forms late") as (address, _):
        code, output, failures = swarm(address, folder, "-u", "20", "-r", "20", until=(BOOKED, 6))

    assert_sound(folder, code, output, failures)


def test_lost_entry_is_unexplained(folder, serving_with_fault):
    with serving_with_fault("loses an entry") as (address, _):
        code, output, _ = swarm(address, folder, "-u", "20", "-r", "20", until=(BOOKED, 6))

    assert 1 == code
    [[_, _, _, unexplained]] = reconciled(output)
    assert 3 == unexplained, output  # points left, places left, places held
    assert "0 faults, 0 lost answers" in output


def test_lost_answers_are_settled_by_sending_the_same_form_again(folder, serving_with_fault):
    with serving_with_fault("drops first answers") as (address, _):
        code, output, failures = swarm(address, folder, "-u", "10", "-r", "10", until=(BOOKED, 8))

    assert 1 == code
    assert "Unexpected: the connection broke" in failures["/purchasePlaces"]
    assert_explained(folder, output)


def test_bookings_never_answered_are_explained_by_what_was_sent(folder, serving_with_fault):
    with serving_with_fault("answers no booking") as (address, _):
        code, output, _ = swarm(address, folder, "-u", "10", "-r", "10", until=(BOOKED, 6))
        with urllib.request.urlopen(f"{address}/pointsBoard", timeout=5) as response:
            board = response.read().decode()

    assert 1 == code
    assert board.count('value="90"') < 4  # there were bookings
    [[bookings, _, _, unexplained]] = reconciled(output)
    assert 0 == bookings
    assert 0 == unexplained, output
