"""Hundreds of simulated histories, and planted bugs that they must find. What is simulated: tests/simulation/.

SIMULATION_SEED=17 runs the history with this seed alone. SIMULATION_HISTORIES=1000000 runs more: a million in an hour.
"""

import os

import pytest

from gudlft import reader
from gudlft.journal import revocations
from tests.simulation import faults
from tests.simulation.history import History
from tests.simulation.journal import Commit
from tests.simulation.process import Answer

IN_CI = 700  # the planted bug that is hardest to find needs 207
HISTORIES = int(os.environ.get("SIMULATION_HISTORIES", IN_CI))
SEED = os.environ.get("SIMULATION_SEED")

# Each bug with the first seed that finds it. If the app has changed since, another seed may be the first.
FAULTS = {
    faults.applies_before_the_commit: 5,
    faults.forgets_to_take_over_first: 0,
    faults.takes_over_before_it_has_the_lock: 76,
    faults.numbers_from_a_stale_read: 0,
    faults.reads_the_clock_before_its_turn: 3,
    faults.takes_doubt_for_success: 12,
    faults.writes_again_after_doubt: 12,
    faults.judges_without_the_draft: 0,
    faults.drafts_on_the_totals_themselves: 0,
    faults.retries_without_token_check: 3,
    faults.looks_for_copies_before_it_takes_over: 11,
    faults.books_copies_that_wait_together: 11,
    faults.takes_a_token_alone_for_the_form: 3,
    faults.refunds_by_a_stale_standing: 9,
    faults.refuses_by_old_figures: 6,
    faults.refuses_what_it_booked: 4,
    faults.gives_back_at_cancelled_twice: 206,
    faults.gives_back_at_cancelled_at_the_start_alone: 44,
    faults.gives_back_at_cancelled_when_somebody_books_alone: 4,
    faults.forgets_former_names_in_the_journal: 4,
    faults.forgets_former_names_in_requests: 31,
    faults.writes_present_names: 17,
    faults.gives_up_but_leaves_the_order_waiting: 0,
    faults.gives_up_surely_what_is_being_written: 55,
    faults.tells_doubt_as_certain: 12,
    faults.never_tells_the_last_that_waits: 0,
    faults.tells_the_outcome_of_another: 0,
    faults.tells_the_points_left_after_the_whole_transaction: 5,
    faults.skips_an_entry_when_it_takes_over: 0,
    faults.counts_again_what_another_thread_took_over: 0,
    faults.forgets_the_points_board: 0,
    faults.forgets_a_clubs_history: 0,
    faults.reads_nothing_more_where_no_booking_is_new: 0,
    faults.forgets_revocations_that_could_not_be_written: 0,
    faults.reads_no_revocations_of_others: 0,
}


@pytest.fixture(autouse=True)
def no_real_time(monkeypatch):
    """Let no thread wait for another to read or write: there is only one. Log no failure: there are thousands."""
    monkeypatch.setattr(reader, "SECONDS_FOR_ANOTHER_READER", 0)
    monkeypatch.setattr(revocations, "SECONDS_FOR_A_REVOCATION", 0)
    monkeypatch.setattr(revocations, "SECONDS_BETWEEN_TRIES", 0)
    monkeypatch.setattr(revocations.log, "disabled", True)


def run(seed):
    """Run a history; if it fails, print what happened."""
    history = History(seed)
    try:
        history.run()
    except Exception:
        print(history.tell())
        raise
    return history


def fails(seed):
    """Tell whether a history fails."""
    try:
        History(seed).run()
    except Exception:
        return True
    return False


def test_no_history_breaks_a_promise():
    seeds = range(HISTORIES) if SEED is None else [int(SEED)]

    for seed in seeds:
        run(seed)


def test_seed_decides_everything():
    assert [run(seed).story for seed in range(3)] == [run(seed).story for seed in range(3)]


def test_histories_reach_every_situation():
    histories = [run(seed) for seed in range(230)]  # 77 reach them all
    stories = [history.story for history in histories]

    events = {event for story in stories for _, _, event, _ in story}
    details = {detail for story in stories for _, _, _, detail in story}
    assert {commit.value for commit in Commit} <= events
    assert {answer.value for answer in Answer} - {Answer.NOT_YET.value, Answer.NEVER.value} <= details
    assert "does nothing, but the files change to" in events
    assert any(entry.is_of_cancelled for history in histories for entry in history.disk.entries)
    assert {"gets no lock", "cannot read", "gives up an order that is being written"} <= events
    assert {"while it does ['read']", "while it does ['write']", "while it does ['sign out']"} <= details


@pytest.mark.parametrize(("plant", "seed"), FAULTS.items(), ids=[plant.__name__ for plant in FAULTS])
def test_planted_bug_is_found(plant, seed, monkeypatch):
    plant(monkeypatch)

    assert any(fails(candidate) for candidate in [seed, *range(IN_CI)])
