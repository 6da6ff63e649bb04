"""Bugs that are planted one at a time, each a small patch of the app, to see whether the simulation finds them.

Each is a mistake that could be made, or was made. A simulation that finds none of them would prove nothing.
"""

from collections import ChainMap
from contextlib import contextmanager, suppress
from dataclasses import replace
from functools import wraps

from gudlft import writer
from gudlft.journal import CommitInDoubt, JournalError
from gudlft.journal.revocations import Revocations
from gudlft.ledger import Ledger
from gudlft.model import BookingError, Kind, Outcome, PresentNames
from gudlft.reader import Reader
from gudlft.totals import Draft, Totals
from gudlft.writer import Writer
from tests.simulation.journal import SimulatedJournal

FAULTS = {}  # each with the first seed that finds it; if the app has changed since, another may be the first


def planted(seed):
    """Note a fault: a function that patches the app."""

    def note(fault):
        FAULTS[fault] = seed
        return fault

    return note


def instead_of(owner, name, seed):
    """Note a fault that calls the decorated function in place of another, which it gets before the arguments."""

    def note(function):
        @planted(seed)
        @wraps(function)
        def fault(patch):
            original = getattr(owner, name)
            patch.setattr(owner, name, lambda *arguments, **options: function(original, *arguments, **options))

        return fault

    return note


# Writing


def turn(ledger, transaction, take_orders, last_number=None):
    """Judge the orders of a turn and append what they become; return their outcomes and the entries."""
    draft = Draft(ledger.totals, ledger._last_number() if last_number is None else last_number)
    ledger._give_back_at_cancelled(draft)
    outcomes = [ledger._judge(order, draft) for order in take_orders()]
    transaction.append([ledger._row_of(entry) for entry in draft.entries])
    return outcomes, draft.entries


@instead_of(Ledger, "carry_out", seed=5)
def applies_before_the_commit(carry_out, self, take_orders):
    """Add entries to memory as soon as they are appended, though the commit may fail."""
    with self.journal.writing() as transaction:
        self.catch_up_with(transaction)
        outcomes, entries = turn(self, transaction, take_orders)
        self._add(entries)
    return outcomes


@instead_of(Ledger, "carry_out", seed=0)
def forgets_to_catch_up_first(carry_out, self, take_orders):
    """Judge by what this process knows, whatever others have written."""
    with self.journal.writing() as transaction:
        outcomes, entries = turn(self, transaction, take_orders)
    self._add(entries)
    return outcomes


@instead_of(Ledger, "carry_out", seed=26)
def catches_up_before_it_has_the_lock(carry_out, self, take_orders):
    """Catch up first and lock after that, though others may write in between."""
    self.catch_up()
    with self.journal.writing() as transaction:
        outcomes, entries = turn(self, transaction, take_orders)
    self._add(entries)
    return outcomes


@instead_of(Ledger, "carry_out", seed=0)
def numbers_from_a_stale_read(carry_out, self, take_orders):
    """Number entries from what this process knew before it caught up."""
    last_number = self._last_number()
    with self.journal.writing() as transaction:
        self.catch_up_with(transaction)
        outcomes, entries = turn(self, transaction, take_orders, last_number)
    self._add(entries)
    return outcomes


@instead_of(Ledger, "carry_out", seed=38)
def reads_the_clock_before_its_turn(carry_out, self, take_orders):
    """Judge by the time at which the writer began to wait for the lock."""
    began = self.now()
    with replaced(self, "now", lambda: began):
        return carry_out(self, take_orders)


@instead_of(SimulatedJournal, "writing", seed=12)
@contextmanager
def takes_doubt_for_success(writing, self, seconds=None):
    """Answer that all went well when nobody knows whether it did."""
    with suppress(CommitInDoubt), writing(self, seconds) as transaction:
        yield transaction


@instead_of(SimulatedJournal, "writing", seed=12)
@contextmanager
def writes_again_after_doubt(writing, self, seconds=None):
    """Append the same entries once more when it is not certain whether they are in the journal."""
    try:
        with writing(self, seconds) as transaction:
            yield transaction
    except CommitInDoubt:
        with writing(self, seconds) as second:
            second.append(transaction.new_entries)


# Judging


@instead_of(Draft, "add", seed=0)
def judges_without_the_draft(add, self, entry):
    """Judge each order of a transaction as if it were the first."""
    if entry.form_key:
        self.outcomes[entry.form_key] = Outcome(entry, self.balance(self.clubs[entry.club]) - entry.points)


@instead_of(Draft, "__init__", seed=0)
def drafts_on_the_totals_themselves(begin, self, totals, last_number):
    """Change the totals while orders are judged: orders then count twice, or even if the commit fails."""
    vars(self).update(vars(totals))
    self.entries = []
    self.next_number = last_number + 1


@instead_of(Ledger, "_judge", seed=11)
def retries_without_token_check(judge, self, order, draft):
    """Book a form again whenever it is sent again."""
    with replaced(draft, "outcomes", {}):
        return judge(self, order, draft)


@planted(seed=11)
def looks_for_copies_before_it_takes_over(patch):
    """Look for copies of a form among what this process knew before its turn."""
    carry_out = Ledger.carry_out
    judge = Ledger._judge

    def carry_out_by_old_forms(self, take_orders):
        self.forms_before = dict(self.totals.outcomes)
        return carry_out(self, take_orders)

    def judge_by_old_forms(self, order, draft):
        draft.outcomes.maps[1] = self.forms_before
        return judge(self, order, draft)

    patch.setattr(Ledger, "carry_out", carry_out_by_old_forms)
    patch.setattr(Ledger, "_judge", judge_by_old_forms)


@instead_of(Ledger, "_judge", seed=11)
def books_copies_that_wait_together(judge, self, order, draft):
    """Look for copies of a form among what is booked, but not among the orders of the same transaction."""
    with replaced(draft, "outcomes", ChainMap({}, self.totals.outcomes)):
        return judge(self, order, draft)


@instead_of(Ledger, "_judge", seed=0)
def takes_a_token_alone_for_the_form(judge, self, order, draft):
    """Take a form with another number of places for a copy, if its token is the same."""
    same_token = [outcome for outcome in draft.outcomes.values() if outcome.entry.token == order.token]
    return same_token[0] if same_token else judge(self, order, draft)


@instead_of(Ledger, "_judge", seed=5)
def refunds_by_a_stale_standing(judge, self, order, draft):
    """Compute refunds from what was held before the transaction."""
    before = self.totals.standing(order.club, order.competition)
    if order.kind is Kind.BOOKING or before.places_held == 0:
        return judge(self, order, draft)
    with replaced(draft, "standing", lambda club, competition: before):
        return judge(self, order, draft)


@planted(seed=6)
def refuses_by_old_figures(patch):
    """Refuse what the figures from before the turn do not allow."""
    remember_totals(patch)
    judge = Ledger._judge

    def judge_twice(self, order, draft):
        early = judge(self, order, Draft(self.totals_before, 0))
        late = judge(self, order, draft)
        return early if isinstance(early, BookingError) else late

    patch.setattr(Ledger, "_judge", judge_twice)


@instead_of(Ledger, "_judge", seed=4)
def refuses_what_it_booked(judge, self, order, draft):
    """Look at the figures again after the booking, and tell whoever took the last place that there is none."""
    outcome = judge(self, order, draft)
    if draft.standing(order.club, order.competition).places_left == 0:
        return BookingError("There are no places left in this competition")
    return outcome


# Cancelled competitions


@planted(seed=206)
def gives_back_at_cancelled_twice(patch):
    """Give back what clubs held before the turn, though another process may have given it back meanwhile."""
    remember_totals(patch)
    give_back = Ledger._give_back_at_cancelled

    def give_back_what_was_held(self, draft):
        totals_before = getattr(self, "totals_before", self.totals)
        held = Draft(totals_before, 0)
        with replaced(self, "totals", totals_before):
            give_back(self, held)
        for entry in held.entries:
            draft.append(entry._replace(number=draft.next_number))
        give_back(self, draft)

    patch.setattr(Ledger, "_give_back_at_cancelled", give_back_what_was_held)


@planted(seed=44)
def gives_back_at_cancelled_at_the_start_alone(patch):
    """Leave what an older process books after that."""
    carry_out = Ledger.carry_out

    def carry_out_orders_alone(self, take_orders):
        with replaced(self, "_give_back_at_cancelled", lambda draft: None):
            return carry_out(self, take_orders)

    patch.setattr(Ledger, "carry_out", carry_out_orders_alone)
    patch.setattr(Ledger, "give_back_cancelled", lambda self: carry_out(self, list))


@instead_of(Ledger, "give_back_cancelled", seed=4)
def gives_back_at_cancelled_when_somebody_books_alone(give_back_cancelled, self):
    """Give nothing back at the start."""


# Names


@instead_of(PresentNames, "__init__", seed=7)
def forgets_former_names_in_the_journal(begin, self, owners):
    """Take rows of a former name for those of somebody else."""
    begin(self, [replace(owner, former_names=()) for owner in owners])


@instead_of(Ledger, "__init__", seed=31)
def forgets_former_names_in_requests(begin, self, *arguments, **options):
    """Know competitions by their present names alone."""
    begin(self, *arguments, **options)
    self.competitions_by_any_name = self.competitions


@instead_of(Ledger, "_row_of", seed=17)
def writes_present_names(row_of, self, entry):
    """Write rows under names that processes with older files do not know."""
    return entry


# Telling


@instead_of(Writer, "give_up", seed=0)
def gives_up_but_leaves_the_order_waiting(give_up, self, outcome):
    """Say that nothing was booked, but leave the order in the queue."""
    if not outcome.done():
        raise JournalError("other bookings are still waiting for the journal")


@instead_of(Writer, "give_up", seed=55)
def gives_up_surely_what_is_being_written(give_up, self, outcome):
    """Say that nothing was booked though a writer has begun with the order."""
    try:
        give_up(self, outcome)
    except CommitInDoubt as error:
        raise JournalError(str(error)) from error


@instead_of(Ledger, "carry_out", seed=12)
def tells_doubt_as_certain(carry_out, self, take_orders):
    """Say that this try booked nothing though the commit is in doubt."""
    try:
        return carry_out(self, take_orders)
    except CommitInDoubt as error:
        raise JournalError(str(error)) from error


@instead_of(writer, "tell_all", seed=0)
def never_tells_the_last_that_waits(tell_all, taken, outcomes):
    """Never tell the last of several threads that wait."""
    number = max(1, len(taken) - 1)
    tell_all(dict(list(taken.items())[:number]), outcomes[:number])


@instead_of(writer, "tell_all", seed=0)
def tells_the_outcome_of_another(tell_all, taken, outcomes):
    """Tell the outcomes in the reverse of the order in which their orders came."""
    tell_all(taken, outcomes[::-1])


@instead_of(Ledger, "carry_out", seed=3)
def tells_the_points_left_after_the_whole_transaction(carry_out, self, take_orders):
    """Tell each club the points that all bookings of the transaction have left."""

    def told(outcome):
        if isinstance(outcome, BookingError):
            return outcome
        return outcome._replace(points_left=self.totals.points_left(self.clubs[outcome.entry.club]))

    return [told(outcome) for outcome in carry_out(self, take_orders)]


# Memory


@instead_of(Ledger, "catch_up_with", seed=0)
def skips_an_entry_when_it_catches_up(catch_up_with, self, transaction):
    """Take over all but the first of several new entries."""
    entries = transaction.entries

    def most_entries(first):
        found = entries(first)
        return found[:1] + found[2:] if len(found) > 3 else found

    with replaced(transaction, "entries", most_entries):
        catch_up_with(self, transaction)


@instead_of(Ledger, "_add", seed=152)
def counts_again_what_another_thread_took_over(add, self, entries):
    """Add what was written, even if a page has taken it over since the commit."""
    with replaced(self, "_last_number", lambda: 0):
        add(self, entries)


@instead_of(Ledger, "_add", seed=0)
def forgets_the_points_board(add, self, entries):
    """Leave the board as it is when bookings are added."""
    board = self.points_board
    add(self, entries)
    self.points_board = board


@instead_of(Ledger, "_add", seed=3)
def forgets_a_clubs_history(add, self, entries):
    """Leave the last of several new entries out of its club's history, if the one before it is that club's."""
    add(self, entries)
    if len(entries) > 1 and entries[-1].club == entries[-2].club:
        del self.entries_by_club[entries[-1].club][-1]


@instead_of(Reader, "_read", seed=0)
def reads_nothing_more_where_no_booking_is_new(read, self):
    """Leave out new revocations of other processes unless there are new bookings too."""
    with self._journal.reading() as transaction:
        if transaction.last_rows()[:2] != self._ledger.last_row():
            self._ledger.catch_up_with(transaction)
            self._revocations.catch_up_with(transaction)


# Revocations


@instead_of(Revocations, "write_pending", seed=5)
def forgets_revocations_that_could_not_be_written(write_pending, self):
    """Count revocations as written once that was tried."""
    if not self._write_lock.locked():
        self._pending.clear()


@instead_of(Revocations, "catch_up_with", seed=0)
def reads_no_revocations_of_others(catch_up_with, self, transaction):
    """Know only the revocations of this process."""


# Tools


def remember_totals(patch):
    """Keep the totals of before each turn."""
    carry_out = Ledger.carry_out

    def carry_out_and_remember(self, take_orders):
        self.totals_before = Totals(**{name: figures.copy() for name, figures in vars(self.totals).items()})
        return carry_out(self, take_orders)

    patch.setattr(Ledger, "carry_out", carry_out_and_remember)


@contextmanager
def replaced(owner, name, value):
    """Give an attribute of an object another value in the block."""
    before = getattr(owner, name)
    setattr(owner, name, value)
    try:
        yield
    finally:
        setattr(owner, name, before)
