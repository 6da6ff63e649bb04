"""Bugs that are planted one at a time, each a small patch of the app, to see that the simulation finds them.

Each is a mistake that could be made, or was. A simulation that finds none of them would prove nothing.
"""

from contextlib import contextmanager, suppress

from gudlft import writer as writer_module
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
    """Add entries to memory as soon as they are appended; the commit may fail."""

    def write(self, take_orders):
        with self.journal.writing() as transaction:
            self.take_over(transaction)
            outcomes, new = self._judge_all(take_orders())
            transaction.append(new)
            self._add(new)
        return outcomes

    patch.setattr(Ledger, "_write", write)


def forgets_to_take_over_first(patch):
    """Judge by what this process knows, whatever others have written."""

    def write(self, take_orders):
        with self.journal.writing() as transaction:
            outcomes, new = self._judge_all(take_orders())
            transaction.append(new)
        self._add(new)
        return outcomes

    patch.setattr(Ledger, "_write", write)


def takes_over_before_it_has_the_lock(patch):
    """Catch up first and lock then: in between others may write."""

    def write(self, take_orders):
        self.catch_up()
        with self.journal.writing() as transaction:
            outcomes, new = self._judge_all(take_orders())
            transaction.append(new)
        self._add(new)
        return outcomes

    patch.setattr(Ledger, "_write", write)


def numbers_from_a_stale_read(patch):
    """Number entries from what this process knew before it took over."""
    take_over = Ledger.take_over
    last_number = Ledger._last_number
    judge_all = Ledger._judge_all

    def take_over_and_remember(self, transaction):
        self.last_number_before = last_number(self)
        take_over(self, transaction)

    def judge_all_with_old_number(self, orders):
        with replaced(self, "_last_number", lambda: self.last_number_before):
            return judge_all(self, orders)

    patch.setattr(Ledger, "take_over", take_over_and_remember)
    patch.setattr(Ledger, "_judge_all", judge_all_with_old_number)


def reads_the_clock_before_its_turn(patch):
    """Judge by the time at which the writer began to wait for the lock."""
    write = Ledger._write

    def write_with_old_time(self, take_orders):
        began = self.now()
        with replaced(self, "now", lambda: began):
            return write(self, take_orders)

    patch.setattr(Ledger, "_write", write_with_old_time)


def takes_doubt_for_success(patch):
    """Answer that all went well where nobody knows whether it did."""
    writing = SimulatedJournal.writing

    @contextmanager
    def writing_hopefully(self, seconds=None):
        with suppress(CommitInDoubt), writing(self, seconds) as transaction:
            yield transaction

    patch.setattr(SimulatedJournal, "writing", writing_hopefully)


def writes_again_after_doubt(patch):
    """Append the same entries once more where it is not certain whether they are in the journal."""
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
        totals.add = lambda entry: totals.by_form.update({form_of(entry): entry})
        return totals

    patch.setattr(Totals, "draft", draft_that_stays)


def drafts_on_the_totals_themselves(patch):
    """Change the totals while orders are judged: they count twice, or though the commit failed."""
    patch.setattr(Totals, "draft", lambda self: self)


def retries_without_token_check(patch):
    """Book a form again whenever it is sent again."""
    patch.setattr(Totals, "copy_of", lambda self, order: None)


def looks_for_copies_before_it_takes_over(patch):
    """Look for copies of a form in what this process knew before its turn."""
    write = Ledger._write
    copy_of = Totals.copy_of

    def write_by_old_forms(self, take_orders):
        known = dict(self.totals.by_form)

        def old_copy_of(draft, order):
            new = draft.by_form.maps[0]
            return copy_of(Totals(by_form=known | new), order)

        with replaced(Totals, "copy_of", old_copy_of):
            return write(self, take_orders)

    patch.setattr(Ledger, "_write", write_by_old_forms)


def books_copies_that_wait_together(patch):
    """Look for copies of a form in what is booked, but not among the orders of the same transaction."""
    draft = Totals.draft

    def draft_without_forms(self):
        totals = draft(self)
        totals.copy_of = self.copy_of
        return totals

    patch.setattr(Totals, "draft", draft_without_forms)


def takes_a_token_alone_for_the_form(patch):
    """Take a form with another number of places for a copy, if its token is the same."""

    def copy_of(self, order):
        return next((entry for form, entry in self.by_form.items() if form[3] == order.token), None)

    patch.setattr(Totals, "copy_of", copy_of)


def refunds_by_a_stale_standing(patch):
    """Compute what comes back from what was held before the transaction."""
    judge = Ledger._judge

    def judge_by_memory(self, order, totals, number):
        outcome = judge(self, order, totals, number)
        before = self.totals.standing(order.club, order.competition)
        if order.kind is Kind.BOOKING or isinstance(outcome, BookingError) or before.places_held == 0:
            return outcome
        return outcome._replace(points=-(before.points_paid * order.places // before.places_held))

    patch.setattr(Ledger, "_judge", judge_by_memory)


def refuses_by_old_figures(patch):
    """Refuse at once what the figures of before the turn do not allow."""
    write = Ledger._write

    def write_what_seems_possible(self, take_orders):
        orders = take_orders()
        early = [self._judge(order, self.totals, number=0) for order in orders]
        late = write(self, lambda: orders)
        pairs = zip(early, late, strict=True)
        return [first if isinstance(first, BookingError) else second for first, second in pairs]

    patch.setattr(Ledger, "_write", write_what_seems_possible)


def refuses_what_it_booked(patch):
    """Look at the figures again after the booking, and tell whoever took the last place that there is none."""
    write = Ledger._write

    def write_and_look_again(self, take_orders):
        orders = []
        outcomes = write(self, lambda: orders.extend(take_orders()) or orders)
        for index, order in enumerate(orders):
            if self.standing(order.club, order.competition).places_left == 0:
                outcomes[index] = BookingError("There are no places left in this competition")
        return outcomes

    patch.setattr(Ledger, "_write", write_and_look_again)


# Telling


def gives_up_but_leaves_the_order_waiting(patch):
    """Say that nothing was booked, and leave the order in the queue."""

    def give_up_unless_told(self, outcome):
        if not outcome.done():
            raise JournalError("other bookings are still waiting for the journal")

    patch.setattr(Writer, "give_up_unless_told", give_up_unless_told)


def gives_up_surely_what_is_being_written(patch):
    """Say that nothing was booked where a writer has begun with the order."""
    give_up_unless_told = Writer.give_up_unless_told

    def give_up_surely(self, outcome):
        try:
            give_up_unless_told(self, outcome)
        except CommitInDoubt as error:
            raise JournalError(str(error)) from error

    patch.setattr(Writer, "give_up_unless_told", give_up_surely)


def tells_doubt_as_certain(patch):
    """Say that this try booked nothing where the commit is in doubt."""
    write = Ledger._write

    def write_surely(self, take_orders):
        try:
            return write(self, take_orders)
        except CommitInDoubt as error:
            raise JournalError(str(error)) from error

    patch.setattr(Ledger, "_write", write_surely)


def never_tells_the_last_that_waits(patch):
    """Forget the last of several threads that wait."""
    tell_all = writer_module.tell_all

    def tell_most(taken, outcomes):
        number = max(1, len(taken) - 1)
        tell_all(taken[:number], outcomes[:number])

    patch.setattr(writer_module, "tell_all", tell_most)


def tells_the_outcome_of_another(patch):
    """Tell outcomes in another order than that of the orders."""
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
    """Add what was written, though a page may have taken it over after the commit."""

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
    """Leave out all but the first booking of a club among those that are added together."""
    add = Ledger._add

    def add_and_forget(self, entries):
        add(self, entries)
        if len(entries) > 1 and entries[-1].club == entries[-2].club:
            del self.history[entries[-1].club][-1]

    patch.setattr(Ledger, "_add", add_and_forget)


def reads_nothing_more_where_no_booking_is_new(patch):
    """Leave out the sign-outs of other processes where there are no new bookings of them."""

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
    """Take what was tried for written."""

    def write_in_background(self):
        self._unwritten.clear()

    patch.setattr(SteppedWriter, "write_in_background", write_in_background)


def reads_no_sign_outs_of_others(patch):
    """Know only the sign-outs of this process."""
    patch.setattr(SignOuts, "take_over", lambda self, transaction: None)


# Tools


def form_of(entry):
    """Return what makes the form of an entry the same."""
    return entry.club, entry.competition, entry.places, entry.token


@contextmanager
def replaced(owner, name, value):
    """Let an object have another attribute for a while."""
    before = getattr(owner, name)
    setattr(owner, name, value)
    try:
        yield
    finally:
        setattr(owner, name, before)
