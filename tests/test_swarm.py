"""The swarm: whole runs against the app, as it is and with faults."""

import re
import subprocess
import sys
import urllib.parse
import urllib.request
from collections import Counter
from contextlib import contextmanager

import pytest

from tests.support import (
    PROJECT,
    a_club,
    a_competition,
    answers,
    clean_environment,
    free_port,
    serving,
    wait_until,
    write_data,
)

CLUBS = [
    a_club("Simply Lift", "john@simplylift.co", 90),
    a_club("Poids & Haltères d'Été", "admin@halteres.example", 90),
    a_club('Iron "A/B" Temple?', "office@iron.example", 90),
    a_club("She <b>Lifts</b>", "kate@shelifts.co.uk", 90),
    a_club("Too Poor", "poor@example.com", 2),
    a_club("Too Poor: Two", "two@example.com", 2),
]
COMPETITIONS = [
    a_competition("Spring Festival", "2020-03-27 10:00:00", 25),
    a_competition("Coupe d'Été: 50 % & <plus>/2050", "2050-03-27 11:11:00", 80),
    a_competition("Fall Classic 2050.", "2050-10-22 12:12:00", 80),
    a_competition("Novice Cup 2050", "2050-11-05 09:00:00", 5),
]
ALL_POINTS = 364
BEFALLEN = "befallen"  # in the server's log, when a fault of faulty.py has befallen a booking


@pytest.fixture
def folder(tmp_path):
    """Return a folder with data files that hold awkward names."""
    write_data(tmp_path, CLUBS, COMPETITIONS)
    return tmp_path


@contextmanager
def serving_with_fault(folder, fault):
    with serving(folder, "tests.faulty:app", variables={"FAULT": fault}) as (address, _):
        yield address


def ask(address, form=None):
    with urllib.request.urlopen(address, form, timeout=60) as response:
        return response.read().decode()


# Running the swarm


@contextmanager
def started(address, folder, *options):
    """Start the swarm against the app at the address, with the clubs of the folder; yield its process."""
    process = subprocess.Popen(
        [sys.executable, "-m", "locust", "-f", "tests/hasty_locustfile.py", "--host", address, *options],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        cwd=PROJECT,
        env=clean_environment(DATA_DIR=folder),
    )
    with process:
        try:
            yield process
        finally:
            process.terminate()


def swarm(address, folder, until, users="20"):
    """Return the exit status and the output of a run without a web page, which ends when a condition holds."""
    options = ["--headless", "--only-summary", "-u", users, "-r", users]
    with started(address, folder, *options) as process:
        wait_until(until, 30)
        process.terminate()
        output, _ = process.communicate(timeout=60)
    return process.returncode, output


def logged(folder, *patterns):
    """Return a condition that holds when the server's log has these regular expressions."""

    def has_all():
        log = (folder / "server.log").read_text("utf-8")
        return all(re.search(pattern, log) for pattern in patterns)

    return has_all


# Reading what it printed


def failures_in(output):
    """Return the texts of the failures, by request."""
    report = output.partition("Error report")[2]
    failures = {}
    for path, text in re.findall(r"^\d+ +(?:GET|POST) (\S+): (.*\S) *$", report, re.M):
        failures.setdefault(path, set()).add(text)
    return failures


def counts_in(output):
    """Return the numbers of each run's result, by what they count."""
    counts = []
    for result in re.findall(r"^reconciled: .*\n.*$", output, re.M):
        pairs = re.findall(r"(-?\d+) ([a-z ]+)", result)
        counts.append({name: int(number) for number, name in pairs})
    return counts


def points_on_board(address):
    board = ask(f"{address}/pointsBoard")
    points = re.findall(r'class="points-left" value="(\d+)"', board)
    return sum(int(number) for number in points)


# The app as it is


def test_secretaries_meet_refusals_and_all_is_explained(folder):
    forms = [f'POST /{path} .*" {status} ' for path in ("purchasePlaces", "cancelPlaces") for status in (303, 400)]
    with serving(folder) as (address, _):
        code, output = swarm(address, folder, until=logged(folder, *forms), users="40")

    [counts] = counts_in(output)
    assert 0 < min(counts[name] for name in ("bookings", "points", "refused", "given back"))
    assert {0} == {counts[name] for name in ("unexplained", "unexpected", "in doubt")}, output
    assert {"/purchasePlaces", "/cancelPlaces"} == failures_in(output).keys()
    assert "Unexpected" not in output
    assert 0 == code


def test_each_run_from_the_web_page_is_reconciled_also_the_one_that_is_interrupted(folder):
    page = f"http://127.0.0.1:{free_port()}"
    options = ["--web-port", page.rpartition(":")[2]]
    with serving(folder) as (address, _), started(address, folder, *options) as process:
        wait_until(lambda: answers(page), 20)
        form = urllib.parse.urlencode({"user_count": 10, "spawn_rate": 10, "host": f"{address}/"}).encode()

        ask(f"{page}/swarm", form)
        wait_until(lambda: points_on_board(address) < ALL_POINTS, 20)
        ask(f"{page}/stop")

        points = points_on_board(address)
        ask(f"{page}/swarm", form)
        wait_until(lambda: points_on_board(address) != points, 20)
        process.terminate()
        output, _ = process.communicate(timeout=60)

    assert [0, 0] == [counts["unexplained"] for counts in counts_in(output)], output
    assert [0, 0] == [counts["in doubt"] for counts in counts_in(output)]
    assert 0 == process.returncode


# The app with faults


def test_booking_that_is_lost_is_unexplained(folder):
    with serving_with_fault(folder, "loses a booking") as address:
        code, output = swarm(address, folder, until=logged(folder, BEFALLEN))

    unexplained = Counter(re.findall(r"^unexplained: (\S+)", output, re.M))
    assert {"points-left": 1, "places-left": 1, "places-held": 1} == unexplained, output
    [counts] = counts_in(output)
    assert 3 == counts["unexplained"]
    assert 0 == counts["unexpected"]
    assert 1 == code


def test_bookings_that_may_or_may_not_count_are_not_compared_but_fail_the_swarm(folder):
    with serving_with_fault(folder, "leaves bookings in doubt") as address:
        code, output = swarm(address, folder, until=logged(folder, BEFALLEN))
        assert points_on_board(address) < ALL_POINTS

    [counts] = counts_in(output)
    assert 0 == counts["bookings"] == counts["unexplained"]
    assert counts["in doubt"] == counts["unexpected"] > 1
    unexpected = {"Unexpected: the connection broke", "Unexpected: status 503 on /purchasePlaces"}
    assert unexpected <= failures_in(output)["/purchasePlaces"]
    assert 1 == code


def test_server_that_answers_500_fails_the_swarm(folder):
    with serving_with_fault(folder, "answers 500") as address:
        code, output = swarm(address, folder, until=logged(folder, "(?s)(POST /showSummary .*){5}"))

    assert {"/showSummary": {"Unexpected: status 500 on /showSummary"}} == failures_in(output)
    assert "\nnot reconciled\n" in output
    assert 1 == code
