"""What must hold: after every move, whenever orders were written, and at the end."""

from collections import defaultdict
from dataclasses import replace

from gudlft.journal import JournalError
from gudlft.model import BookingError, Kind
from tests.plain_model import Booking, PlainModel
from tests.simulation.process import Answer
from tests.support import check_conservation

CERTAINLY_NOT_BOOKED = {Answer.NOTHING, Answer.REFUSED}


class Checks:
    """Compares the journal, the processes and their answers with a plain model of the rules."""

    def __init__(self, history):
        self.history = history
        self.disk = history.disk
        files = history.files
        model = PlainModel(
            points={club.name: club.points for club in files.clubs},
            places={competition.name: competition.places for competition in files.competitions},
            starts={competition.name: competition.starts_at for competition in files.competitions},
            cost=history.terms.cost_per_place,
            cap=history.terms.max_places_per_club,
            bookings=[booking_of(entry) for entry in self.disk.entries],
        )
        self._entries = list(self.disk.entries)  # with the first names
        self._checked = len(self.disk.entries)
        self._turns_checked = 0
        self._models = {self._checked: model}  # by the number of their bookings
        self._rows = defaultdict(list)  # by form, as in History.forms

    # At any time

    def check_all(self):
        self.check_journal()
        for process in self.history.processes:
            self.check_memory(process)
        for form, attempts in self.history.forms.items():
            self.check_answers(form, attempts)

    def check_journal(self):
        """Check that each new row is what the rules make of its order, given the rows before it."""
        for row in self.disk.entries[self._checked :]:
            entry = self.history.files.with_first_names(row)
            model = self._models[self._checked]
            judge = what_is_given_back if entry.is_of_cancelled else what_is_ordered
            expected = judge(model, entry)
            assert expected == booking_of(entry), "a row breaks a rule"

            self._entries.append(entry)
            self._checked += 1
            assert self._checked == entry.number, "rows are not numbered as they came"
            self._models[self._checked] = replace(model, bookings=[*model.bookings, expected])
            self._rows[form_of(entry)].append(entry)
        for number, cancelled in self.disk.turns[self._turns_checked :]:
            self._turns_checked += 1
            self.check_nothing_is_held(self._models[number], cancelled)

    def check_cancelled(self):
        """Check that nothing is held where the files say that it is cancelled: processes have read them."""
        self.check_journal()
        self.check_nothing_is_held(self._models[self._checked], self.history.files.cancelled())

    def check_nothing_is_held(self, model, cancelled):
        held = [model.places_held(club, competition) for club in model.points for competition in cancelled]
        assert not any(held), "places at a cancelled competition are not given back"

    def check_memory(self, process):
        """Check that a process knows a beginning of the journal and what it revoked, and that its pages are right."""
        entries = process.ledger.entries
        if process.entries_checked != len(entries):
            process.entries_checked = len(entries)
            known = [self.history.files.with_first_names(entry) for entry in entries]
            assert self._entries[: len(known)] == known, "a process knows what the journal does not hold"
            assert {entry.club for entry in entries} <= process.ledger.clubs.keys(), "a club has no present name"
            assert {entry.competition for entry in entries} <= process.ledger.competitions.keys()
            check_conservation(process.ledger)
        for id in process.revoked:
            assert process.revocations.is_revoked(id), "a process forgot a revocation"

    def check_answers(self, form, attempts):
        """Check that a form became at most one row, and that whatever was answered is true."""
        rows = self._rows.get(form, [])
        answers = {attempt.answer for attempt in attempts}
        assert len(rows) <= 1, "a form is booked twice"
        assert rows == [] or not answers <= CERTAINLY_NOT_BOOKED, "what was said not to be booked is booked"
        for attempt in attempts:
            if attempt.answer is Answer.BOOKED:
                assert rows == [self._first_named(attempt)], "the journal lacks what was answered"

    def _first_named(self, attempt):
        return self.history.files.with_first_names(attempt.outcome.result().entry)

    # When orders were written

    def check_outcomes(self, process, waited):
        """Check that each order that waited for the writer has an outcome, and that the outcome is right."""
        still_waiting = [attempt for attempt in process.waiting if attempt in waited]  # the others were taken back
        assert all(attempt.outcome.done() for attempt in still_waiting), "a thread waits for an order that was written"
        self.check_journal()
        number = process.journal.entries_before
        for attempt in process.written():
            error = attempt.outcome.exception()
            if isinstance(error, JournalError):
                assert not self.history.is_quiet, "a journal that works fails"
            elif isinstance(error, BookingError):
                self.check_refusal(process, attempt.order, self._models[number])
            else:
                entry = self._first_named(attempt)
                points_left = attempt.outcome.result().points_left
                assert entry in self._entries, "an order was told what is not in the journal"
                model = self._models[entry.number]
                assert model.points_left(entry.club) == points_left, "a receipt tells the points of another moment"
                number = max(number, entry.number)

    def check_refusal(self, process, order, model):
        """Check that a rule forbids the order."""
        club = self.history.files.first_name(order.club.name)
        competition = self.history.files.first_name(order.competition.name)
        expected = model.judge(order.kind, club, competition, order.places, process.journal.judged_at)
        is_cancelled = competition in process.cancelled
        assert is_cancelled or expected is None, "an order is refused that no rule forbids"

    # At the end

    def check_agreement(self):
        """Check that all processes know everything, and that nobody still waits."""
        revoked = [id for _, _, id in self.disk.revoked]
        for process in self.history.processes:
            assert len(self.disk.entries) == len(process.ledger.entries), "a process does not know all bookings"
            for id in revoked:
                assert process.revocations.is_revoked(id), "a process does not know of a revocation"
            assert set(process.revoked) <= set(revoked), "a revocation is not in the journal"
        for attempts in self.history.forms.values():
            assert all(attempt.answer is not Answer.NOT_YET for attempt in attempts), "somebody waits for ever"


def what_is_ordered(model, entry):
    """Return the booking that the rules make of an entry's order; None if they forbid it."""
    kind = Kind.BOOKING if entry.places > 0 else Kind.RETURN
    return model.judge(kind, entry.club, entry.competition, abs(entry.places), entry.at)


def what_is_given_back(model, entry):
    """Return the booking by which a club gives back all that it holds at a competition; None if that is nothing."""
    held = model.places_held(entry.club, entry.competition)
    if held == 0:
        return None
    return Booking(entry.club, entry.competition, -held, -model.points_paid(entry.club, entry.competition))


def booking_of(entry):
    return Booking(entry.club, entry.competition, entry.places, entry.points)


def form_of(entry):
    """Return what all copies of the entry's form have in common: the key of History.forms."""
    return entry.club, entry.competition, entry.places, entry.token
