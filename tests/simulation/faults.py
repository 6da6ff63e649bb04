"""Bugs that are planted one at a time, each a small patch of the app, to see whether the simulation finds them.

Each is a mistake that could be made, or was made. A simulation that finds none of them would prove nothing.
"""

from collections import ChainMap
from contextlib import contextmanager, suppress

from gudlft import writer as writer_module
from gudlft.draft import Draft
from gudlft.journal import CommitInDoubt, JournalError
from gudlft.ledger import Ledger
from gudlft.model import BookingError, Kind
from gudlft.reader import Reader
from gudlft.sign_outs import SignOuts
from gudlft.totals import Totals
from gudlft.writer import Writer
from tests.simulation.journal import SimulatedJournal
from tests.simulation.process import SteppedWriter

# Writing


def applies_before_the_commit(patch):
    """Add entries to memory as soon as they are appended, though the commit may fail."""

    @contextmanager
    def writing(self):
        with self.journal.writing() as transaction:
            self.take_over(transaction)
            draft = draft_of(self)
            yield draft
            transaction.append(draft.new_entries)
            self._add(draft.new_entries)

    patch.setattr(Ledger, "_drafting", writing)


def forgets_to_take_over_first(patch):
    """Judge by what this process knows, whatever others have written."""

    @contextmanager
    def writing(self):
        with self.journal.writing() as transaction:
            draft = draft_of(self)
            yield draft
            transaction.append(draft.new_entries)
        self._add(draft.new_entries)

    patch.setattr(Ledger, "_drafting", writing)


def takes_over_before_it_has_the_lock(patch):
    """Catch up first and lock after that, though others may write in between."""

    @contextmanager
    def writing(self):
        self.catch_up()
        with self.journal.writing() as transaction:
            draft = draft_of(self)
            yield draft
            transaction.append(draft.new_entries)
        self._add(draft.new_entries)

    patch.setattr(Ledger, "_drafting", writing)


def numbers_from_a_stale_read(patch):
    """Number entries from what this process knew before it took over."""
    take_over = Ledger.take_over
    writing = Ledger._drafting

    def take_over_and_remember(self, transaction):
        self.last_number_before = self._last_number()
        take_over(self, transaction)

    @contextmanager
    def writing_with_old_number(self):
        with writing(self) as draft:
            draft._last_number = self.last_number_before
            yield draft

    patch.setattr(Ledger, "take_over", take_over_and_remember)
    patch.setattr(Ledger, "_drafting", writing_with_old_number)


def reads_the_clock_before_its_turn(patch):
    """Judge by the time at which the writer began to wait for the lock."""
    writing = Ledger._drafting

    @contextmanager
    def writing_with_old_time(self):
        began = self.now()
        with writing(self) as draft:
            draft._clock = lambda: began
            yield draft

    patch.setattr(Ledger, "_drafting", writing_with_old_time)


def takes_doubt_for_success(patch):
    """Answer that all went well when nobody knows whether it did."""
    writing = SimulatedJournal.writing

    @contextmanager
    def writing_hopefully(self, seconds=None):
        with suppress(CommitInDoubt), writing(self, seconds) as transaction:
            yield transaction

    patch.setattr(SimulatedJournal, "writing", writing_hopefully)


def writes_again_after_doubt(patch):
    """Append the same entries once more when it is not certain whether they are in the journal."""
    writing = SimulatedJournal.writing

    @contextmanager
    def writing_twice(self, seconds=None):
        try:
            with writing(self, seconds) as transaction:
                yield transaction
        except CommitInDoubt:
            with writing(self, seconds) as second:
                second.append(transaction.new_entries)

    patch.setattr(SimulatedJournal, "writing", writing_twice)


# Judging


def judges_without_the_draft(patch):
    """Judge each order of a transaction as if it were the first."""
    draft = Totals.draft

    def draft_that_stays(self):
        totals = draft(self)
        totals.add = lambda entry: totals.entries_by_form.update({entry.form_key: entry} if entry.form_key else {})
        return totals

    patch.setattr(Totals, "draft", draft_that_stays)


def drafts_on_the_totals_themselves(patch):
    """Change the totals while orders are judged: orders then count twice, or even if the commit fails."""
    patch.setattr(Totals, "draft", lambda self: self)


def retries_without_token_check(patch):
    """Book a form again whenever it is sent again."""
    patch.setattr(Totals, "earlier_entry", lambda self, order: None)


def looks_for_copies_before_it_takes_over(patch):
    """Look for copies of a form among what this process knew before its turn."""
    writing = Ledger._drafting

    @contextmanager
    def writing_by_old_forms(self):
        known = dict(self.totals.entries_by_form)
        with writing(self) as draft:
            draft._totals.entries_by_form = ChainMap({}, known)
            yield draft

    patch.setattr(Ledger, "_drafting", writing_by_old_forms)


def books_copies_that_wait_together(patch):
    """Look for copies of a form among what is booked, but not among the orders of the same transaction."""
    draft = Totals.draft

    def draft_without_forms(self):
        totals = draft(self)
        totals.earlier_entry = self.earlier_entry
        return totals

    patch.setattr(Totals, "draft", draft_without_forms)


def takes_a_token_alone_for_the_form(patch):
    """Take a form with another number of places for a copy, if its token is the same."""

    def earlier_entry(self, order):
        return next((entry for form, entry in self.entries_by_form.items() if form.token == order.token), None)

    patch.setattr(Totals, "earlier_entry", earlier_entry)


def refunds_by_a_stale_standing(patch):
    """Compute refunds from what was held before the transaction."""
    judge = Draft._judge

    def judge_by_memory(self, order):
        entry = judge(self, order)
        committed = Totals(*(totals.maps[1] for totals in vars(self._totals).values()))
        before = committed.standing(order.club, order.competition)
        if order.kind is Kind.BOOKING or before.places_held == 0:
            return entry
        return entry._replace(points=-(before.points_paid * order.places // before.places_held))

    patch.setattr(Draft, "_judge", judge_by_memory)


def refuses_by_old_figures(patch):
    """Refuse what the figures from before the turn do not allow."""
    writing = Ledger._drafting

    @contextmanager
    def writing_what_seemed_possible(self):
        before = Totals(**{name: dict(totals) for name, totals in vars(self.totals).items()})
        with writing(self) as draft:
            carry_out = draft.carry_out

            def carry_out_unless_refused_early(order):
                early = Draft(before, 0, self.terms, self.now).carry_out(order)
                late = carry_out(order)
                return early if isinstance(early, BookingError) else late

            draft.carry_out = carry_out_unless_refused_early
            yield draft

    patch.setattr(Ledger, "_drafting", writing_what_seemed_possible)


def refuses_what_it_booked(patch):
    """Look at the figures again after the booking, and tell whoever took the last place that there is none."""
    carry_out = Draft.carry_out

    def carry_out_and_look_again(self, order):
        outcome = carry_out(self, order)
        if self._totals.standing(order.club, order.competition).places_left == 0:
            return BookingError("There are no places left in this competition")
        return outcome

    patch.setattr(Draft, "carry_out", carry_out_and_look_again)


# Telling


def gives_up_but_leaves_the_order_waiting(patch):
    """Say that nothing was booked, but leave the order in the queue."""

    def give_up(self, outcome):
        if not outcome.done():
            raise JournalError("other bookings are still waiting for the journal")

    patch.setattr(Writer, "give_up", give_up)


def gives_up_surely_what_is_being_written(patch):
    """Say that nothing was booked though a writer has begun with the order."""
    give_up = Writer.give_up

    def give_up_surely(self, outcome):
        try:
            give_up(self, outcome)
        except CommitInDoubt as error:
            raise JournalError(str(error)) from error

    patch.setattr(Writer, "give_up", give_up_surely)


def tells_doubt_as_certain(patch):
    """Say that this try booked nothing though the commit is in doubt."""
    writing = Ledger._drafting

    @contextmanager
    def writing_surely(self):
        try:
            with writing(self) as draft:
                yield draft
        except CommitInDoubt as error:
            raise JournalError(str(error)) from error

    patch.setattr(Ledger, "_drafting", writing_surely)


def never_tells_the_last_that_waits(patch):
    """Never tell the last of several threads that wait."""
    tell_all = writer_module.tell_all

    def tell_most(taken, outcomes):
        number = max(1, len(taken) - 1)
        tell_all(taken[:number], outcomes[:number])

    patch.setattr(writer_module, "tell_all", tell_most)


def tells_the_outcome_of_another(patch):
    """Tell the outcomes in the reverse of the order in which their orders came."""
    tell_all = writer_module.tell_all
    patch.setattr(writer_module, "tell_all", lambda taken, outcomes: tell_all(taken, outcomes[::-1]))


# Memory


def skips_an_entry_when_it_takes_over(patch):
    """Take over all but the first of several new entries."""
    take_over = Ledger.take_over

    def take_over_most(self, transaction):
        entries = transaction.entries

        def most_entries(first):
            found = entries(first)
            return found[:1] + found[2:] if len(found) > 3 else found

        with replaced(transaction, "entries", most_entries):
            take_over(self, transaction)

    patch.setattr(Ledger, "take_over", take_over_most)


def counts_again_what_another_thread_took_over(patch):
    """Add what was written, even if a page has taken it over since the commit."""

    def add(self, entries):
        for entry in entries:
            self.entries.append(entry)
            self.history.setdefault(entry.club, []).append(entry)
            self.totals.add(entry)
        self.points_board = sorted(self._board_row(club) for club in self.clubs.values())

    patch.setattr(Ledger, "_add", add)


def forgets_the_points_board(patch):
    """Leave the board as it is when bookings are added."""
    patch.setattr(Ledger, "_replace_on_board", lambda self, before, after: None)


def forgets_a_clubs_history(patch):
    """Leave the last of several new entries out of its club's history, if the one before it is that club's."""
    add = Ledger._add

    def add_and_forget(self, entries):
        add(self, entries)
        if len(entries) > 1 and entries[-1].club == entries[-2].club:
            del self.history[entries[-1].club][-1]

    patch.setattr(Ledger, "_add", add_and_forget)


def reads_nothing_more_where_no_booking_is_new(patch):
    """Leave out new sign-outs of other processes unless there are new bookings too."""

    def read(self):
        self._begun += 1
        with self._journal.reading() as transaction:
            if transaction.last_entry != self._ledger.last_row():
                self._ledger.take_over(transaction)
                self._sign_outs.take_over(transaction)
        self._last_done = self._begun

    patch.setattr(Reader, "_read", read)


# Sign-outs


def forgets_sign_outs_that_could_not_be_written(patch):
    """Count sign-outs as written once that was tried."""

    def write_in_background(self):
        self._unwritten.clear()

    patch.setattr(SteppedWriter, "write_in_background", write_in_background)


def reads_no_sign_outs_of_others(patch):
    """Know only the sign-outs of this process."""
    patch.setattr(SignOuts, "take_over", lambda self, transaction: None)


# Tools


def draft_of(ledger):
    """Return a draft that begins after the entries in a ledger's memory."""
    return Draft(ledger.totals, ledger._last_number(), ledger.terms, ledger.now)


@contextmanager
def replaced(owner, name, value):
    """Give an attribute of an object another value in the block."""
    before = getattr(owner, name)
    setattr(owner, name, value)
    try:
        yield
    finally:
        setattr(owner, name, before)
