"""Ended sign-ins: known here at once, in other processes through the journal, and nobody waits for it."""

import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import datetime, timedelta, timezone

import pytest

from gudlft import sign_outs as sign_outs_module
from gudlft.journal import JournalError, NoJournal, SignOut
from gudlft.sign_outs import SignOuts
from tests.support import FakeJournal, wait_until

NOON = datetime(2030, 5, 6, 12, 0, tzinfo=timezone.utc)


@pytest.fixture(autouse=True)
def impatient(monkeypatch):
    """Let the background try again after a hundredth of a second."""
    monkeypatch.setattr(sign_outs_module, "SECONDS_BETWEEN_TRIES", 0.01)


def written(journal):
    """Return the ids of the ended sign-ins that the journal holds."""
    return [sign_in for _, _, sign_in in journal.ended_sign_ins]


# In memory


def test_sign_in_that_was_ended_has_ended_and_no_other():
    sign_outs = SignOuts(NoJournal())

    sign_outs.end("first", NOON)

    assert sign_outs.has_ended("first")
    assert not sign_outs.has_ended("second")


def test_sign_in_is_remembered_as_long_as_a_copy_of_its_cookie_can_live():
    sign_outs = SignOuts(NoJournal())
    sign_outs.end("first", NOON)

    sign_outs.end("second", NOON + timedelta(hours=8, minutes=1))
    assert sign_outs.has_ended("first")

    sign_outs.end("third", NOON + timedelta(hours=8, minutes=1, seconds=1))
    assert not sign_outs.has_ended("first")
    assert sign_outs.has_ended("second")
    assert sign_outs.has_ended("third")


def test_clock_that_steps_back_forgets_nothing():
    sign_outs = SignOuts(NoJournal())
    sign_outs.end("first", NOON)

    sign_outs.end("second", NOON - timedelta(hours=9))

    assert sign_outs.has_ended("first")
    assert sign_outs.has_ended("second")


@pytest.mark.parametrize("journal_class", [NoJournal, FakeJournal])
def test_what_can_end_only_once_was_ended_by_the_first(journal_class):
    sign_outs = SignOuts(journal_class())

    assert sign_outs.end_unless_ended("code", NOON)
    assert sign_outs.has_ended("code")
    assert not sign_outs.end_unless_ended("code", NOON)
    assert sign_outs.has_ended("code")


# With a journal


def test_what_another_process_has_ended_is_not_ended_again():
    journal = FakeJournal()
    here, there = [SignOuts(journal) for _ in range(2)]
    there.end("code", NOON)

    assert not here.end_unless_ended("code", NOON)

    assert ["code"] == written(journal)


def test_what_can_end_only_once_goes_on_where_the_journal_does_not_take_its_end():
    journal = FakeJournal()
    sign_outs = SignOuts(journal)
    journal.fault = "away"
    with pytest.raises(JournalError, match="^away$"):
        sign_outs.end_unless_ended("code", NOON)
    assert not sign_outs.has_ended("code")

    journal.fault = None

    assert sign_outs.end_unless_ended("code", NOON)
    assert ["code"] == written(journal)


def test_sign_out_is_written_before_it_is_answered():
    journal = FakeJournal()

    SignOuts(journal).end("first", NOON)

    assert [(1, NOON, "first")] == journal.ended_sign_ins


def test_process_learns_what_another_ended():
    journal = FakeJournal()
    here, there = [SignOuts(journal) for _ in range(2)]
    for sign_in in ["first", "second"]:
        there.end(sign_in, NOON)

        here.catch_up()

        assert here.has_ended(sign_in)


def test_process_knows_after_a_restart_what_was_ended():
    journal = FakeJournal()
    SignOuts(journal).end("first", NOON)

    assert SignOuts(journal).has_ended("first")


def test_rows_that_were_read_are_not_read_again(monkeypatch):
    journal = FakeJournal()
    here, there = [SignOuts(journal) for _ in range(2)]
    rows = [SignOut(7, NOON, "first")]
    asked_from = []
    monkeypatch.setattr(journal, "sign_outs", lambda first: asked_from.append(first) or rows)

    here.catch_up()
    rows = [*rows, SignOut(8, NOON, "second")]
    here.catch_up()

    assert [1, 7] == asked_from
    assert here.has_ended("second")
    assert not there.has_ended("first")


def test_journal_forgets_sign_ins_whose_cookies_cannot_live():
    journal = FakeJournal()
    sign_outs = SignOuts(journal)
    sign_outs.end("first", NOON)
    sign_outs.end("second", NOON + timedelta(hours=8, minutes=1))
    assert ["first", "second"] == written(journal)

    sign_outs.end("third", NOON + timedelta(hours=8, minutes=2))

    assert ["second", "third"] == written(journal)


def test_page_is_told_where_the_journal_is_away():
    journal = FakeJournal()
    sign_outs = SignOuts(journal)
    journal.fault = "away"

    with pytest.raises(JournalError, match="^away$"):
        sign_outs.catch_up()


# While the journal is away or slow


def test_sign_out_while_the_journal_is_away_counts_here_at_once_and_is_written_later(caplog):
    journal = FakeJournal()
    sign_outs = SignOuts(journal)
    journal.fault = "away"

    sign_outs.end("first", NOON)

    assert sign_outs.has_ended("first")
    assert [] == journal.ended_sign_ins
    assert ["other processes will know of a sign-out later: away"] == caplog.messages

    journal.fault = None
    wait_until(lambda: ["first"] == written(journal))


def test_background_tries_until_the_journal_is_back_and_no_longer():
    journal = FakeJournal()
    sign_outs = SignOuts(journal)
    journal.fault = "away"
    threads_before = threading.active_count()
    for sign_in in ["first", "second", "third"]:
        sign_outs.end(sign_in, NOON)
    assert threads_before + 1 == threading.active_count()
    [background] = [thread for thread in threading.enumerate() if "(_try_until_written)" in thread.name]
    assert background.daemon  # the process does not wait for it to end
    time.sleep(0.1)

    journal.fault = None

    wait_until(lambda: threads_before == threading.active_count())
    assert ["first", "second", "third"] == sorted(written(journal))


def test_background_starts_again_for_the_next_failure():
    journal = FakeJournal()
    sign_outs = SignOuts(journal)
    threads_before = threading.active_count()
    for sign_in in ["first", "second"]:
        journal.fault = "away"
        sign_outs.end(sign_in, NOON)

        journal.fault = None

        wait_until(lambda: threads_before == threading.active_count())
        assert sign_in in written(journal)


def test_sign_out_writes_what_could_not_be_written_before(monkeypatch):
    monkeypatch.setattr(sign_outs_module, "SECONDS_BETWEEN_TRIES", 0.5)
    journal = FakeJournal()
    sign_outs = SignOuts(journal)
    threads_before = threading.active_count()
    journal.fault = "away"
    sign_outs.end("first", NOON)
    journal.fault = None

    sign_outs.end("second", NOON)

    assert ["first", "second"] == written(journal)
    wait_until(lambda: threads_before == threading.active_count())
    assert ["first", "second"] == written(journal)


class StuckJournal(FakeJournal):
    """A journal whose writers wait until the test lets them go on."""

    def __init__(self):
        super().__init__()
        self.may_go_on = threading.Event()
        self.writer_waits = threading.Event()
        self.patience = None
        self.transactions = 0

    @contextmanager
    def writing(self, seconds=None):
        """Yield the transaction of the one writer, once the test lets it go on."""
        self.patience = seconds
        self.transactions += 1
        self.writer_waits.set()
        assert self.may_go_on.wait(10)
        with super().writing() as transaction:
            yield transaction


def test_nobody_waits_for_a_sign_out_that_is_stuck_in_the_journal(monkeypatch):
    monkeypatch.setattr(sign_outs_module, "SECONDS_FOR_A_SIGN_OUT", 0.05)
    journal = StuckJournal()
    sign_outs = SignOuts(journal)
    stuck = threading.Thread(target=sign_outs.end, args=["first", NOON])
    stuck.start()
    journal.writer_waits.wait(10)
    began = time.monotonic()

    sign_outs.end("second", NOON)
    sign_outs.catch_up()

    assert sign_outs.has_ended("first")
    assert sign_outs.has_ended("second")
    assert 0.05 <= time.monotonic() - began < 0.5
    assert [] == journal.ended_sign_ins

    journal.may_go_on.set()
    stuck.join()
    wait_until(lambda: ["first", "second"] == written(journal))


def test_nobody_waits_for_the_background(monkeypatch):
    monkeypatch.setattr(sign_outs_module, "SECONDS_FOR_A_SIGN_OUT", 5)
    journal = StuckJournal()
    sign_outs = SignOuts(journal)
    sign_outs.end("first", NOON, journal_is_away=True)
    journal.writer_waits.wait(10)
    began = time.monotonic()

    sign_outs.end("second", NOON)

    assert 1 > time.monotonic() - began
    journal.may_go_on.set()
    wait_until(lambda: ["first", "second"] == written(journal))


def test_sign_outs_that_wait_together_are_written_together_and_once(monkeypatch):
    monkeypatch.setattr(sign_outs_module, "SECONDS_FOR_A_SIGN_OUT", 5)
    journal = StuckJournal()
    sign_outs = SignOuts(journal)
    with ThreadPoolExecutor() as pool:
        pool.submit(sign_outs.end, "first", NOON)
        journal.writer_waits.wait(10)
        pool.submit(sign_outs.end, "second", NOON)
        pool.submit(sign_outs.end, "third", NOON)
        wait_until(lambda: sign_outs.has_ended("second") and sign_outs.has_ended("third"))

        journal.may_go_on.set()

    assert ["first", "second", "third"] == sorted(written(journal))
    assert 2 == journal.transactions


def test_journal_has_half_a_second_to_take_a_sign_out():
    journal = StuckJournal()
    journal.may_go_on.set()

    SignOuts(journal).end("first", NOON)

    assert 0.5 == pytest.approx(journal.patience, abs=0.05)
