"""What must hold: after every move, whenever orders were written, and at the end."""

from collections import defaultdict
from dataclasses import replace
from typing import NamedTuple

from gudlft.journal import JournalError
from gudlft.model import BookingError, Kind
from gudlft.rules import Standing
from tests.plain_model import Booking, PlainModel
from tests.simulation.process import Answer

CERTAINLY_NOT_BOOKED = {Answer.NOTHING, Answer.REFUSED}


class Shown(NamedTuple):
    """What pages must show after a number of entries."""

    figures: dict  # (points left, the standing at each competition), by club
    points_board: list  # (club, points)


class Checks:
    """Compares the journal, the processes and their answers with a plain model of the rules."""

    def __init__(self, history):
        self.history = history
        self.disk = history.disk
        model = PlainModel(
            points={club.name: club.points for club in history.clubs},
            places={competition.name: competition.places for competition in history.competitions},
            starts={competition.name: competition.starts_at for competition in history.competitions},
            cost=history.terms.cost_per_place,
            cap=history.terms.max_places_per_club,
            bookings=[booking_of(entry) for entry in self.disk.entries],
        )
        self._checked = len(self.disk.entries)
        self._models = {self._checked: model}  # by the number of their bookings
        self._shown = {}  # by the number of entries
        self._rows = defaultdict(list)  # by form, as in History.forms

    # At any time

    def check_all(self):
        """Check what holds at any time."""
        self.check_journal()
        for process in self.history.processes:
            self.check_memory(process)
        for form, attempts in self.history.forms.items():
            self.check_answers(form, attempts)

    def check_journal(self):
        """Check that each new row is what the rules make of its order, given the rows before it."""
        for entry in self.disk.entries[self._checked :]:
            model = self._models[self._checked]
            kind = Kind.BOOKING if entry.places > 0 else Kind.RETURN
            expected = model.judge(kind, entry.club, entry.competition, abs(entry.places), entry.at)
            assert expected == booking_of(entry), "a row breaks a rule"

            self._checked += 1
            assert self._checked == entry.number, "rows are not numbered as they came"
            self._models[self._checked] = replace(model, bookings=[*model.bookings, expected])
            self._rows[form_of(entry)].append(entry)

    def check_memory(self, process):
        """Check that a process knows a beginning of the journal and what it revoked, and that its pages are right."""
        entries = process.ledger.entries
        assert self.disk.entries[: len(entries)] == entries, "a process knows what the journal does not hold"
        if process.entries_checked != len(entries):
            process.entries_checked = len(entries)
            self.check_pages(process.ledger)
        for id in process.revoked:
            assert process.revocations.is_revoked(id), "a process forgot a revocation"

    def check_pages(self, ledger):
        """Check that all figures follow from the entries."""
        number = len(ledger.entries)
        if number not in self._shown:
            self._shown[number] = self._what_pages_show(number)
        shown = self._shown[number]
        assert shown.points_board == [(row.club, row.points) for row in ledger.points_board], "the board is wrong"
        for club in self.history.clubs:
            entries = [entry for entry in reversed(ledger.entries) if entry.club == club.name]
            assert entries == ledger.latest_entries(club), "a club's history is wrong"
            for competition in self.history.competitions:
                there = [entry for entry in entries if entry.competition == competition.name]
                assert there == ledger.latest_entries(club, competition), "a club's history at a competition is wrong"
            figures = ledger.figures(club, self.history.competitions)
            assert shown.figures[club.name] == (figures.own_row.points, figures.standings), "a club's figures are wrong"

    def _what_pages_show(self, number):
        model = self._models[number]
        figures = {}
        for club in model.points:
            standings = {
                competition: Standing(
                    points_left=model.points_left(club),
                    places_left=model.places_left(competition),
                    places_held=model.places_held(club, competition),
                    points_paid=model.points_paid(club, competition),
                )
                for competition in model.places
            }
            figures[club] = (model.points_left(club), standings)
        by_points = sorted(model.points, key=lambda club: (-model.points_left(club), club))
        return Shown(figures, [(club, model.points_left(club)) for club in by_points])

    def check_answers(self, form, attempts):
        """Check that a form became at most one row, and that whatever was answered is true."""
        rows = self._rows.get(form, [])
        answers = {attempt.answer for attempt in attempts}
        assert len(rows) <= 1, "a form is booked twice"
        assert rows == [] or not answers <= CERTAINLY_NOT_BOOKED, "what was said not to be booked is booked"
        for attempt in attempts:
            if attempt.answer is Answer.BOOKED:
                assert rows == [attempt.outcome.result().entry], "the journal lacks what was answered"

    # When orders were written

    def check_outcomes(self, process, waited):
        """Check that each order that waited for the writer has an outcome, and that the outcome is right."""
        assert all(attempt.outcome.done() for attempt in waited), "a thread waits for an order that was written"
        self.check_journal()
        number = process.journal.entries_before
        for attempt in process.written():
            error = attempt.outcome.exception()
            if isinstance(error, JournalError):
                assert not self.history.is_quiet, "a journal that works fails"
            elif isinstance(error, BookingError):
                self.check_refusal(attempt.order, self._models[number], process.journal.judged_at)
            else:
                entry, points_left = attempt.outcome.result()
                assert entry in self.disk.entries, "an order was told what is not in the journal"
                model = self._models[entry.number]
                assert model.points_left(entry.club) == points_left, "a receipt tells the points of another moment"
                number = max(number, entry.number)

    def check_refusal(self, order, model, now):
        """Check that a rule forbids the order."""
        expected = model.judge(order.kind, order.club.name, order.competition.name, order.places, now)
        assert expected is None, "an order is refused that no rule forbids"

    # At the end

    def check_agreement(self):
        """Check that all processes know everything, and that nobody still waits."""
        revoked = [id for _, _, id in self.disk.revoked]
        for process in self.history.processes:
            assert self.disk.entries == process.ledger.entries, "a process does not know all bookings"
            self.check_pages(process.ledger)
            for id in revoked:
                assert process.revocations.is_revoked(id), "a process does not know of a revocation"
            assert set(process.revoked) <= set(revoked), "a revocation is not in the journal"
        for attempts in self.history.forms.values():
            assert all(attempt.answer is not Answer.NOT_YET for attempt in attempts), "somebody waits for ever"


def booking_of(entry):
    """Return an entry as a booking of the plain model."""
    return Booking(entry.club, entry.competition, entry.places, entry.points)


def form_of(entry):
    """Return what all copies of the entry's form have in common: the key of History.forms."""
    return entry.club, entry.competition, entry.places, entry.token
