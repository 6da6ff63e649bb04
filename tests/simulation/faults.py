"""Bugs that are planted one at a time, each a small patch of the app, to see whether the simulation finds them.

Each is a mistake that could be made, or was made. A simulation that finds none of them would prove nothing.
"""

from contextlib import contextmanager, suppress
from dataclasses import replace

from gudlft import writer as writer_module
from gudlft.journal import CommitInDoubt, JournalError
from gudlft.journal.revocations import Revocations
from gudlft.ledger import Ledger
from gudlft.model import BookingError, Kind, Outcome, PresentNames
from gudlft.reader import Reader
from gudlft.totals import Draft, FormEntry, Totals, balance
from gudlft.writer import Writer
from tests.simulation.journal import SimulatedJournal

# Writing


def turn(ledger, transaction, take_orders, last_number=None):
    """Judge the orders of a turn and append what they become; return their outcomes and the entries."""
    draft = Draft(ledger.totals, ledger._last_number() if last_number is None else last_number)
    ledger._give_back_at_cancelled(draft)
    outcomes = [ledger._judge(order, draft) for order in take_orders()]
    transaction.append([ledger._row_of(entry) for entry in draft.entries])
    return outcomes, draft.entries


def applies_before_the_commit(patch):
    """Add entries to memory as soon as they are appended, though the commit may fail."""

    def carry_out(self, take_orders):
        with self.journal.writing() as transaction:
            self.take_over(transaction)
            outcomes, entries = turn(self, transaction, take_orders)
            self._add(entries)
        return outcomes

    patch.setattr(Ledger, "carry_out", carry_out)


def forgets_to_take_over_first(patch):
    """Judge by what this process knows, whatever others have written."""

    def carry_out(self, take_orders):
        with self.journal.writing() as transaction:
            outcomes, entries = turn(self, transaction, take_orders)
        self._add(entries)
        return outcomes

    patch.setattr(Ledger, "carry_out", carry_out)


def takes_over_before_it_has_the_lock(patch):
    """Catch up first and lock after that, though others may write in between."""
    forgets_to_take_over_first(patch)
    carry_out = Ledger.carry_out

    def carry_out_after_catching_up(self, take_orders):
        self.catch_up()
        return carry_out(self, take_orders)

    patch.setattr(Ledger, "carry_out", carry_out_after_catching_up)


def numbers_from_a_stale_read(patch):
    """Number entries from what this process knew before it took over."""

    def carry_out(self, take_orders):
        last_number = self._last_number()
        with self.journal.writing() as transaction:
            self.take_over(transaction)
            outcomes, entries = turn(self, transaction, take_orders, last_number)
        self._add(entries)
        return outcomes

    patch.setattr(Ledger, "carry_out", carry_out)


def reads_the_clock_before_its_turn(patch):
    """Judge by the time at which the writer began to wait for the lock."""
    carry_out = Ledger.carry_out

    def carry_out_with_old_time(self, take_orders):
        began = self.now()
        with replaced(self, "now", lambda: began):
            return carry_out(self, take_orders)

    patch.setattr(Ledger, "carry_out", carry_out_with_old_time)


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

    def add(self, entry):
        if entry.form_key:
            self.entries_by_form[entry.form_key] = FormEntry(entry, self.points_spent[entry.club] + entry.points)

    patch.setattr(Draft, "add", add)


def drafts_on_the_totals_themselves(patch):
    """Change the totals while orders are judged: orders then count twice, or even if the commit fails."""

    def begin(self, totals, last_number):
        vars(self).update(vars(totals))
        self.entries = []
        self.next_number = last_number + 1

    patch.setattr(Draft, "__init__", begin)


def retries_without_token_check(patch):
    """Book a form again whenever it is sent again."""
    patch.setattr(Totals, "outcome_of", lambda self, form_key, club: None)


def looks_for_copies_before_it_takes_over(patch):
    """Look for copies of a form among what this process knew before its turn."""
    carry_out = Ledger.carry_out
    judge = Ledger._judge

    def carry_out_by_old_forms(self, take_orders):
        self.forms_before = dict(self.totals.entries_by_form)
        return carry_out(self, take_orders)

    def judge_by_old_forms(self, order, draft):
        draft.entries_by_form.maps[1] = self.forms_before
        return judge(self, order, draft)

    patch.setattr(Ledger, "carry_out", carry_out_by_old_forms)
    patch.setattr(Ledger, "_judge", judge_by_old_forms)


def books_copies_that_wait_together(patch):
    """Look for copies of a form among what is booked, but not among the orders of the same transaction."""
    judge = Ledger._judge

    def judge_by_what_is_booked(self, order, draft):
        draft.outcome_of = self.totals.outcome_of
        return judge(self, order, draft)

    patch.setattr(Ledger, "_judge", judge_by_what_is_booked)


def takes_a_token_alone_for_the_form(patch):
    """Take a form with another number of places for a copy, if its token is the same."""

    def outcome_of(self, form_key, club):
        for form, (entry, spent) in self.entries_by_form.items():
            if form_key and form.token == form_key.token:
                return Outcome(entry, balance(club, spent))
        return None

    patch.setattr(Totals, "outcome_of", outcome_of)


def refunds_by_a_stale_standing(patch):
    """Compute refunds from what was held before the transaction."""
    judge = Ledger._judge

    def judge_by_memory(self, order, draft):
        before = self.totals.standing(order.club, order.competition)
        if order.kind is Kind.BOOKING or before.places_held == 0:
            return judge(self, order, draft)
        with replaced(draft, "standing", lambda club, competition: before):
            return judge(self, order, draft)

    patch.setattr(Ledger, "_judge", judge_by_memory)


def refuses_by_old_figures(patch):
    """Refuse what the figures from before the turn do not allow."""
    carry_out = Ledger.carry_out
    judge = Ledger._judge

    def carry_out_what_seemed_possible(self, take_orders):
        self.totals_before = copy_of(self.totals)
        return carry_out(self, take_orders)

    def judge_twice(self, order, draft):
        early = judge(self, order, Draft(self.totals_before, 0))
        late = judge(self, order, draft)
        return early if isinstance(early, BookingError) else late

    patch.setattr(Ledger, "carry_out", carry_out_what_seemed_possible)
    patch.setattr(Ledger, "_judge", judge_twice)


def refuses_what_it_booked(patch):
    """Look at the figures again after the booking, and tell whoever took the last place that there is none."""
    judge = Ledger._judge

    def judge_and_look_again(self, order, draft):
        outcome = judge(self, order, draft)
        if draft.standing(order.club, order.competition).places_left == 0:
            return BookingError("There are no places left in this competition")
        return outcome

    patch.setattr(Ledger, "_judge", judge_and_look_again)


# Cancelled competitions


def gives_back_at_cancelled_twice(patch):
    """Give back what clubs held before the turn, though another process may have given it back meanwhile."""
    carry_out = Ledger.carry_out
    give_back = Ledger._give_back_at_cancelled

    def carry_out_and_remember(self, take_orders):
        self.totals_before = copy_of(self.totals)
        return carry_out(self, take_orders)

    def give_back_what_was_held(self, draft):
        totals_before = getattr(self, "totals_before", self.totals)
        held = Draft(totals_before, 0)
        with replaced(self, "totals", totals_before):
            give_back(self, held)
        for entry in held.entries:
            draft.append(*entry[1:])
        give_back(self, draft)

    patch.setattr(Ledger, "carry_out", carry_out_and_remember)
    patch.setattr(Ledger, "_give_back_at_cancelled", give_back_what_was_held)


def gives_back_at_cancelled_at_the_start_alone(patch):
    """Leave what an older process books after that."""
    carry_out = Ledger.carry_out

    def carry_out_orders_alone(self, take_orders):
        with replaced(self, "_give_back_at_cancelled", lambda draft: None):
            return carry_out(self, take_orders)

    patch.setattr(Ledger, "carry_out", carry_out_orders_alone)
    patch.setattr(Ledger, "give_back_cancelled", lambda self: carry_out(self, list))


def gives_back_at_cancelled_when_somebody_books_alone(patch):
    """Give nothing back at the start."""
    patch.setattr(Ledger, "give_back_cancelled", lambda self: None)


# Names


def forgets_former_names_in_the_journal(patch):
    """Take rows of a former name for those of somebody else."""
    begin = PresentNames.__init__

    def begin_without_them(self, owners):
        begin(self, [replace(owner, former_names=()) for owner in owners])

    patch.setattr(PresentNames, "__init__", begin_without_them)


def forgets_former_names_in_requests(patch):
    """Know competitions by their present names alone."""
    begin = Ledger.__init__

    def begin_without_them(self, *arguments, **options):
        begin(self, *arguments, **options)
        self.competitions_by_any_name = self.competitions

    patch.setattr(Ledger, "__init__", begin_without_them)


def writes_present_names(patch):
    """Write rows under names that processes with older files do not know."""
    patch.setattr(Ledger, "_row_of", lambda self, entry: entry)


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
    carry_out = Ledger.carry_out

    def carry_out_surely(self, take_orders):
        try:
            return carry_out(self, take_orders)
        except CommitInDoubt as error:
            raise JournalError(str(error)) from error

    patch.setattr(Ledger, "carry_out", carry_out_surely)


def never_tells_the_last_that_waits(patch):
    """Never tell the last of several threads that wait."""
    tell_all = writer_module.tell_all

    def tell_most(taken, outcomes):
        number = max(1, len(taken) - 1)
        told = dict(list(taken.items())[:number])
        tell_all(told, outcomes[:number])

    patch.setattr(writer_module, "tell_all", tell_most)


def tells_the_outcome_of_another(patch):
    """Tell the outcomes in the reverse of the order in which their orders came."""
    tell_all = writer_module.tell_all
    patch.setattr(writer_module, "tell_all", lambda taken, outcomes: tell_all(taken, outcomes[::-1]))


def tells_the_points_left_after_the_whole_transaction(patch):
    """Tell each club the points that all bookings of the transaction have left."""
    carry_out = Ledger.carry_out

    def points_now(ledger, outcome):
        if isinstance(outcome, BookingError):
            return outcome
        club = ledger.clubs[outcome.entry.club]
        return outcome._replace(points_left=ledger.totals.points_left(club))

    def carry_out_and_look(self, take_orders):
        return [points_now(self, outcome) for outcome in carry_out(self, take_orders)]

    patch.setattr(Ledger, "carry_out", carry_out_and_look)


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
            self._add_entry(entry)
        self.points_board = sorted(self._board_row(club) for club in self.clubs.values())

    patch.setattr(Ledger, "_add", add)


def forgets_the_points_board(patch):
    """Leave the board as it is when bookings are added."""
    add = Ledger._add

    def add_behind_the_board(self, entries):
        board = self.points_board
        add(self, entries)
        self.points_board = board

    patch.setattr(Ledger, "_add", add_behind_the_board)


def forgets_a_clubs_history(patch):
    """Leave the last of several new entries out of its club's history, if the one before it is that club's."""
    add = Ledger._add

    def add_and_forget(self, entries):
        add(self, entries)
        if len(entries) > 1 and entries[-1].club == entries[-2].club:
            del self.entries_by_club[entries[-1].club][-1]

    patch.setattr(Ledger, "_add", add_and_forget)


def reads_nothing_more_where_no_booking_is_new(patch):
    """Leave out new revocations of other processes unless there are new bookings too."""

    def read(self):
        with self._journal.reading() as transaction:
            if transaction.last_entry != self._ledger.last_row():
                self._ledger.take_over(transaction)
                self._revocations.take_over(transaction)

    patch.setattr(Reader, "_read", read)


# Revocations


def forgets_revocations_that_could_not_be_written(patch):
    """Count revocations as written once that was tried."""

    def write_pending(self):
        if not self._write_lock.locked():
            self._pending.clear()

    patch.setattr(Revocations, "write_pending", write_pending)


def reads_no_revocations_of_others(patch):
    """Know only the revocations of this process."""
    patch.setattr(Revocations, "take_over", lambda self, transaction: None)


# Tools


def copy_of(totals):
    """Return totals that stay as these are now."""
    return Totals(**{name: figures.copy() for name, figures in vars(totals).items()})


@contextmanager
def replaced(owner, name, value):
    """Give an attribute of an object another value in the block."""
    before = getattr(owner, name)
    setattr(owner, name, value)
    try:
        yield
    finally:
        setattr(owner, name, before)
