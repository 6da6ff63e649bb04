"""The swarm: what it makes of answers, and whole runs against the app, as it is and with faults."""

import json
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

CHILD = """
import json, locustfile, sys
for line in sys.stdin:
    print(json.dumps(eval(line, vars(locustfile)), default=lambda error: [error.counts_as, str(error)]), flush=True)
"""
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


@pytest.fixture(scope="module")
def evaluate():
    """Return what an expression gives in the locustfile, which patches too much to be imported here."""
    environment = os.environ | {"LOCUST_SKIP_MONKEY_PATCH": "1"}
    command = [sys.executable, "-c", CHILD]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, stdin=pipe, stdout=pipe, text=True, cwd=PROJECT, env=environment) as child:

        def ask(expression):
            print(expression, file=child.stdin, flush=True)
            return json.loads(child.stdout.readline())

        yield ask
        child.stdin.close()


@pytest.fixture
def folder(tmp_path):
    """Return a folder with data files whose names are not easy."""
    write_data(tmp_path, CLUBS, COMPETITIONS)
    return tmp_path


@contextmanager
def started(address, folder, *options):
    """Start the swarm against the app at the address, with the clubs of the folder; yield its process."""
    command = [sys.executable, "-m", "locust", "--host", address, *options]
    pipe, environment = subprocess.PIPE, os.environ | {"GUDLFT_DATA_DIR": str(folder)}
    with subprocess.Popen(
        command, stdout=pipe, stderr=subprocess.STDOUT, text=True, cwd=PROJECT, env=environment
    ) as process:
        try:
            yield process
        finally:
            process.terminate()  # workers too, which would outlive a kill


def wait_for(folder, times, event="Great-booking complete"):
    """Return when the app's log has so many lines of an event, however slow the machine."""
    deadline = time.monotonic() + 30
    while (folder / "server.log").read_text("utf-8").count(event) < times:
        assert time.monotonic() < deadline, (folder / "server.log").read_text("utf-8")
        time.sleep(0.05)


def swarm(address, folder, *options, until=None):
    """Return the exit status of a run without web page, its output, and the failures' texts by request.

    It ends by its options, or by a signal as soon as `until`, the arguments of `wait_for`, is reached.
    """
    with started(address, folder, "--headless", "--only-summary", *options) as process:
        if until:
            wait_for(folder, *until)
            process.terminate()
        output, _ = process.communicate(timeout=40)
    failures = {}
    for path, text in re.findall(r"^\d+ +(?:GET|POST) (\S+): (.*\S) *$", output.partition("Error report")[2], re.M):
        failures.setdefault(path, set()).add(text)
    return process.returncode, output, failures


def reconciled(output):
    """Return bookings, given back, points and unexplained figures of each run."""
    line = r"^reconciled: (\d+) bookings, (\d+) given back, (\d+) points, (\d+) unexplained$"
    return [[int(number) for number in numbers] for numbers in re.findall(line, output, re.M)]


def assert_explained(folder, output):
    """Assert that no figure is unexplained, and that the swarm counted just what the app's log says was done."""
    log = (folder / "server.log").read_text("utf-8")
    booked, returned = (
        set(re.findall(rf"{done}.* \(number (\d+)\)", log)) for done in ("Great-booking", " given back")
    )
    [[bookings, given_back, points, unexplained]] = reconciled(output)
    assert 0 == unexplained, output
    assert len(booked) == bookings > 0
    assert len(returned) == given_back
    assert points >= 0 == points % 3


def assert_sound(folder, code, output, failures):
    """Assert that all is explained, and that only forms failed, by refusals."""
    assert_explained(folder, output)
    assert failures.pop("/purchasePlaces") <= REFUSALS
    assert all(text.startswith("Your club holds ") and ":" not in text for text in failures.pop("/cancelPlaces", ()))
    assert {} == failures
    assert "0 faults, 0 lost answers" in output
    assert 0 == code, output


# What it makes of answers

REFUSED = '<div class="error-summary"><div role="alert"><h2>There is a problem</h2><ul><li>{}</li></ul></div></div>'
BOOKED = '<div class="banner success" role="alert"><h2>Success</h2><p>{}</p></div>'
FIGURE = '<tr data-club="Simply Lift"><td><data class="points-left" value="{}">{}</data></td></tr>'


def judged(evaluate, status, path, html, shown, figure=(), sentence=""):
    """Return what an answer counts as and the text of its failure, None if there is none."""
    return evaluate(f"judge({status}, {path!r}, Page({html!r}), {shown!r}, {figure!r}, {sentence!r})")


@pytest.mark.parametrize("path", ["/purchasePlaces", "/cancelPlaces"])
def test_refusal_is_a_failure_with_the_apps_sentence_up_to_the_colon(evaluate, path):
    html = REFUSED.format('<a href="#places">You don&#39;t have enough points available: 5 places cost 15 points</a>')
    assert ["refusals", "You don't have enough points available"] == judged(evaluate, 400, path, html, "/showSummary")


def test_refusal_without_link_is_a_refusal_too(evaluate):
    html = REFUSED.format("Booking is closed: Spring Festival started on 27 March 2020 at 10:00")
    assert ["refusals", "Booking is closed"] == judged(evaluate, 400, "/purchasePlaces", html, "/showSummary")


@pytest.mark.parametrize("status", [200, 303, 403, 404, 500])
def test_sentence_with_another_status_is_not_a_refusal(evaluate, status):
    html = REFUSED.format("Booking is closed: it started")
    counts_as, text = judged(evaluate, status, "/purchasePlaces", html, "/showSummary")
    assert "faults" == counts_as
    assert text.startswith("Unexpected: ")


def test_status_400_without_sentence_is_a_fault(evaluate):
    expected = ["faults", "Unexpected: status 400"]
    assert expected == judged(evaluate, 400, "/purchasePlaces", "<h1>This cannot be read</h1>", "/showSummary")


def test_status_400_of_another_page_is_a_fault(evaluate):
    html = REFUSED.format("Booking is closed: it started")
    assert ["faults", "Unexpected: status 400"] == judged(evaluate, 400, "/book/x/y", html, "/book/x/y")


def test_broken_connection_is_a_lost_answer(evaluate):
    expected = ["lost answers", "Unexpected: the connection broke"]
    assert expected == judged(evaluate, 0, "", "", "/showSummary")


def test_another_page_is_a_fault(evaluate):
    expected = ["faults", "Unexpected: / instead of /showSummary"]
    assert expected == judged(evaluate, 200, "/", "<h1>Sign in</h1>", "/showSummary")


def test_expected_page_is_no_failure(evaluate):
    html = FIGURE.format(4, 4) + BOOKED.format(
        "Your club has booked 3 places in A &amp; B for 9 points. 4 points are left"
    )
    sentence = r" booked 3 places? in A & B for (\d+) points?\. "
    figure = ("points-left", "Simply Lift")
    assert judged(evaluate, 200, "/showSummary", html, "/showSummary", figure, sentence) is None


def test_page_of_another_club_is_a_fault(evaluate):
    expected = ["faults", "Unexpected: a figure is missing"]
    figure = ("points-left", "Iron Temple")
    assert expected == judged(evaluate, 200, "/showSummary", FIGURE.format(4, 4), "/showSummary", figure)


@pytest.mark.parametrize(("value", "text"), [("-3", "-3"), ("4", "5"), ("four", "four"), ("1.5", "1.5")])
def test_figure_that_cannot_be_is_a_fault(evaluate, value, text):
    expected = ["faults", f"Unexpected: points-left cannot be {text}, its value being {value}"]
    assert expected == judged(evaluate, 200, "/pointsBoard", FIGURE.format(value, text), "/pointsBoard")


@pytest.mark.parametrize("said", ["", "Your club has booked 2 places in Novice Cup for 6 points. 0 points are left"])
def test_page_that_does_not_say_what_was_booked_is_a_fault(evaluate, said):
    expected = ["faults", "Unexpected: the page does not say what was done"]
    sentence = r" booked 3 places? in Novice Cup for (\d+) points?\. "
    html = BOOKED.format(said)
    assert expected == judged(evaluate, 200, "/showSummary", html, "/showSummary", (), sentence)


# What it makes of figures


def unexplained(evaluate, before, after, **counted):
    """Return how many figures are unexplained, given what was counted for the points of one club."""
    key = ("points-left", "Simply Lift")
    tally = {key if name == "change" else (name, *key): number for name, number in counted.items()}
    figures = ({key: number} if number is not None else {} for number in (before, after))
    evaluate(f"tally.clear() or tally.update({tally!r})")
    return len(evaluate("unexplained({!r}, {!r})".format(*figures)))


def test_figures_are_explained_by_what_was_answered_and_nothing_else(evaluate):
    assert 0 == unexplained(evaluate, 13, 4, change=-9)
    assert 1 == unexplained(evaluate, 13, 7, change=-9)
    assert 1 == unexplained(evaluate, 13, 13, change=-9)
    assert 1 == unexplained(evaluate, 13, 10)


def test_figure_that_vanished_or_appeared_is_unexplained(evaluate):
    assert 1 == unexplained(evaluate, 13, None)
    assert 1 == unexplained(evaluate, None, 13)
    assert 1 == unexplained(evaluate, None, None, change=-9)


@pytest.mark.parametrize(("after", "expected"), [(2, 1), (3, 0), (4, 0), (10, 0), (11, 0), (12, 1)])
def test_lost_answers_explain_no_more_than_they_could_have_changed(evaluate, after, expected):
    assert expected == unexplained(evaluate, 13, after, change=-3, least=-7, most=1)


def test_figures_are_read_from_all_pages_of_long_lists(evaluate, tmp_path):
    clubs = [("Simply Lift", "john@simplylift.co", 13), *((f"Club {n}", f"{n}@example.com", n) for n in range(119))]
    write_data(tmp_path, clubs, [(f"Cup {n}", "2050-03-27 11:11:00", n) for n in range(120)])
    with serving(tmp_path) as (address, _):
        evaluate("globals().update(CLUBS=[{'name': 'Simply Lift', 'email': 'john@simplylift.co'}])")
        figures = {tuple(key): number for key, number in evaluate(f"list(read_figures({address!r}).items())")}
    expected = {("points-left", name): points for name, _, points in clubs}
    expected |= {("places-left", f"Cup {n}"): n for n in range(120)}
    expected |= {("places-held", "Simply Lift", f"Cup {n}"): 0 for n in range(120)}
    assert expected == figures


# Whole runs


def test_six_secretaries_meet_refusals_and_all_is_explained(folder):
    with serving(folder) as (address, _):
        assert_sound(folder, *swarm(address, folder, "-u", "6", "-r", "6", "-t", "6s"))


def test_many_secretaries_stopped_in_mid_request_leave_nothing_unexplained(folder):
    with serving(folder) as (address, _):
        assert_sound(folder, *swarm(address, folder, "-u", "200", "-r", "100", until=(230, "signed in")))


def test_workers_tell_the_master_all_that_they_booked(folder):
    with serving(folder) as (address, _):
        port = str(free_port())
        master = ["--master-bind-host", "127.0.0.1", "--master-bind-port", port, "--master-port", port]
        assert_sound(folder, *swarm(address, folder, "--processes", "2", *master, "-u", "20", "-r", "20", "-t", "4s"))


@contextmanager
def faulty(folder, fault):
    """Serve the app with a fault of faulty.py."""
    with serving(folder, "tests.faulty:app", FAULT=fault) as (address, _):
        yield address


def test_server_that_answers_500_fails_the_swarm(folder):
    with faulty(folder, "answers 500") as address:
        code, output, failures = swarm(address, folder, "-t", "2s")
    assert 1 == code
    assert {"/showSummary": {"Unexpected: status 500"}} == failures
    assert "not reconciled: " in output


def test_server_that_drops_connections_fails_the_swarm(folder):
    with faulty(folder, "drops connections") as address:
        code, output, failures = swarm(address, folder, "-t", "2s")
    assert 1 == code
    assert {"/showSummary": {"Unexpected: the connection broke"}} == failures
    assert "not reconciled: " in output


def test_answers_under_way_at_the_end_are_awaited(folder):
    with faulty(folder, "answers forms late") as address:
        assert_sound(folder, *swarm(address, folder, "-u", "20", "-r", "20", until=(6,)))


def test_lost_entry_is_unexplained(folder):
    with faulty(folder, "loses an entry") as address:
        code, output, _ = swarm(address, folder, "-u", "20", "-r", "20", until=(6,))
    assert 1 == code
    assert [3] == [numbers[3] for numbers in reconciled(output)], output  # points left, places left, places held
    assert "0 faults, 0 lost answers" in output


def test_lost_answers_are_settled_by_sending_the_same_form_again(folder):
    with faulty(folder, "drops first answers") as address:
        code, output, failures = swarm(address, folder, "-u", "10", "-r", "10", until=(8,))
    assert 1 == code
    assert "Unexpected: the connection broke" in failures["/purchasePlaces"]
    assert_explained(folder, output)


def test_bookings_never_answered_are_explained_by_what_was_sent(folder):
    with faulty(folder, "answers no booking") as address:
        code, output, _ = swarm(address, folder, "-u", "10", "-r", "10", until=(6,))
        board = urllib.request.urlopen(f"{address}/pointsBoard", timeout=5).read().decode()
    assert 1 == code
    assert board.count('value="90"') < 4  # there were bookings
    [(bookings, _, _, unexplained)] = reconciled(output)
    assert 0 == bookings
    assert 0 == unexplained, output


def test_each_run_from_the_web_page_is_reconciled_also_the_one_that_is_interrupted(folder):
    def web(path, **form):
        data = urllib.parse.urlencode(form).encode() if form else None
        deadline = time.monotonic() + 20
        while True:
            try:
                return urllib.request.urlopen(f"http://127.0.0.1:{port}/{path}", data, timeout=60).read()
            except urllib.error.URLError:
                assert time.monotonic() < deadline
                time.sleep(0.1)

    port = free_port()
    with (
        serving(folder) as (address, _),
        started(address, folder, "--web-host", "127.0.0.1", "--web-port", str(port)) as process,
    ):
        for bookings, stop in ((5, lambda: web("stop")), (12, process.terminate)):
            web("swarm", user_count=10, spawn_rate=10, host=f"{address}/")
            wait_for(folder, bookings)
            web("stats/reset")
            stop()
        output, _ = process.communicate(timeout=40)
    assert [0, 0] == [numbers[3] for numbers in reconciled(output)], output
    assert all(numbers[0] > 0 for numbers in reconciled(output))
    assert 0 == process.returncode
