"""The swarm: whole runs against the app, as it is, with others who book too, and where it fails."""

import re
import subprocess
import sys
from collections import Counter
from contextlib import contextmanager

import pytest

from tests.support import (
    PROJECT,
    ServedSecretary,
    a_club,
    a_competition,
    answers,
    clean_environment,
    free_port,
    serving,
    wait_until,
    write_data,
)

JOHN = "john@simplylift.co"
CUP = "Coupe d'Été: 50 % & <plus>/2050"
CLUBS = [
    a_club("Simply Lift", [JOHN, "jane@simplylift.co"], 90),
    a_club("Poids & Haltères d'Été", "admin@halteres.example", 90),
    a_club('Iron "A/B" Temple?', "office@iron.example", 90),
    a_club("She <b>Lifts</b>", "kate@shelifts.co.uk", 90),
    a_club("Too Poor", "poor@example.com", 2),
    a_club("Nobody Signs In", [], 2),
]
COMPETITIONS = [
    a_competition("Spring Festival", "2020-03-27 10:00:00", 25),
    a_competition(CUP, "2050-03-27 11:11:00", 80),
    a_competition("Fall Classic 2050.", "2050-10-22 12:12:00", 80),
    a_competition("Novice Cup 2050", "2050-11-05 09:00:00", 5),
]
BOOKED = 'POST /purchasePlaces .*" 303 '  # in the server's log


@pytest.fixture
def folder(tmp_path):
    write_data(tmp_path, CLUBS, COMPETITIONS)
    return tmp_path


# Running the swarm


@contextmanager
def swarming(address, folder, *options):
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


def without_a_page(users):
    return ["--headless", "--only-summary", "-u", str(users), "-r", str(users)]


def output_of(process):
    process.terminate()
    output, _ = process.communicate(timeout=60)
    return output


def wait_for_lines(folder, *patterns):
    """Wait until the server's log has lines for these regular expressions."""
    log = folder / "server.log"
    wait_until(lambda: all(re.search(pattern, log.read_text("utf-8")) for pattern in patterns), 30)


def counts_in(output):
    """Return the numbers of each run's result, by what they count."""
    counts = []
    for result in re.findall(r"^reconciled: .*\n.*$", output, re.M):
        pairs = re.findall(r"(-?\d+) ([a-z ]+)", result)
        counts.append({name: int(number) for number, name in pairs})
    return counts


# The app as it is


def test_secretaries_meet_refusals_and_all_is_explained(folder):
    forms = [f'POST /{path} .*" {status} ' for path in ("purchasePlaces", "cancelPlaces") for status in (303, 400)]
    with serving(folder) as (address, _), swarming(address, folder, *without_a_page(40)) as process:
        wait_for_lines(folder, *forms)
        output = output_of(process)

    [counts] = counts_in(output)
    assert 0 < min(counts[name] for name in ("bookings", "points", "refused", "given back"))
    assert {0} == {counts[name] for name in ("unexplained", "unexpected", "in doubt")}, output
    assert {"/purchasePlaces", "/cancelPlaces"} == set(re.findall(r"^\d+ +POST (\S+): You", output, re.M))
    assert "Unexpected" not in output
    assert 0 == process.returncode


def test_each_run_from_the_web_page_is_reconciled_also_the_one_that_is_interrupted(folder):
    port = str(free_port())
    page = f"http://127.0.0.1:{port}"
    with serving(folder) as (address, _), swarming(address, folder, "--web-port", port) as process:
        wait_until(lambda: answers(page), 20)
        tester = ServedSecretary(page)
        board = ServedSecretary(address)
        form = {"user_count": 10, "spawn_rate": 10, "host": f"{address}/"}

        figures = board.get("/pointsBoard").figures
        tester.post("/swarm", **form)
        wait_until(lambda: figures != board.get("/pointsBoard").figures, 20)
        tester.get("/stop")

        figures = board.get("/pointsBoard").figures
        tester.post("/swarm", **form)
        wait_until(lambda: figures != board.get("/pointsBoard").figures, 20)
        output = output_of(process)

    assert [0, 0] == [counts["unexplained"] for counts in counts_in(output)], output
    assert [0, 0] == [counts["in doubt"] for counts in counts_in(output)]
    assert 0 == process.returncode


# What the swarm must find


def test_booking_of_somebody_else_is_unexplained(folder):
    with serving(folder) as (address, _), swarming(address, folder, *without_a_page(2)) as process:
        wait_for_lines(folder, BOOKED)
        assert 303 == ServedSecretary(address, JOHN).book("1", CUP).status
        output = output_of(process)

    unexplained = Counter(re.findall(r"^unexplained: (\S+)", output, re.M))
    assert {"points-left": 1, "places-left": 1, "places-held": 1} == unexplained, output
    [counts] = counts_in(output)
    assert (3, 0) == (counts["unexplained"], counts["unexpected"])
    assert 1 == process.returncode


def test_bookings_that_may_or_may_not_count_are_not_compared_but_fail_the_swarm(folder):
    with serving(folder) as (first, _), serving(folder) as (second, _):
        assert 303 == ServedSecretary(first, JOHN).book("1", CUP).status  # so that the second takes no bookings
        with swarming(second, folder, *without_a_page(10)) as process:
            wait_for_lines(folder, 'POST /purchasePlaces .*" 503 ')
            output = output_of(process)

    [counts] = counts_in(output)
    assert 0 == counts["bookings"] == counts["unexplained"]
    assert 1 <= counts["in doubt"] == counts["unexpected"]
    assert "Unexpected: status 503 on /purchasePlaces" in output
    assert 1 == process.returncode


def test_app_that_ends_meanwhile_fails_the_swarm(folder):
    with serving(folder) as (address, app), swarming(address, folder, *without_a_page(20)) as process:
        wait_for_lines(folder, BOOKED)
        app.terminate()
        app.wait(30)
        output = output_of(process)

    assert "Unexpected: the connection broke" in output
    assert "\nnot reconciled\n" in output
    assert 1 == process.returncode
