"""What happens: moves, one after another and within one another, all decided by one seed."""

from contextlib import suppress
from dataclasses import replace
from datetime import datetime, timedelta, timezone
from random import Random

from gudlft.journal import CommitInDoubt, JournalError
from gudlft.model import Club, Competition, Entry, Kind, Order
from gudlft.rules import Terms
from tests.simulation.checks import Checks
from tests.simulation.files import Files
from tests.simulation.journal import Commit, Disk
from tests.simulation.process import Answer, Attempt, Killed, Process

MORNING = datetime(2050, 3, 27, 9, tzinfo=timezone.utc)
DEEPEST = 3  # how deep moves may come between within other moves


class History:
    """Three processes and what happens to them. Each history has figures and a mix of moves of its own."""

    def __init__(self, seed):
        self.random = Random(seed)
        self.seed = seed
        self.now = MORNING
        self.story = []  # (depth, process, event, detail)
        self.depth = 0  # how many moves the current one comes between
        self.forms = {}  # the attempts of each form, by what it orders and its token
        self._draw_data()
        self._draw_mix()
        self.checks = Checks(self)

        self.is_quiet = True  # while true, nothing fails and nothing comes between
        self.processes = [Process(self, name) for name in ("A", "B", "C")]
        self.is_quiet = False

    def run(self):
        """Make moves, with checks after each; then let everything come to rest."""
        for _ in range(self.random.randint(10, 60)):
            self.move()
        self.is_quiet = True
        self._come_to_rest()

    def move(self):
        [move] = self.random.choices(list(MOVES), self.weights)
        process = self.random.choice(self.processes)
        move(self, process)
        self.checks.check_all()

    def interrupt(self, process):
        """Make other moves while a process waits for its database; raise Killed if one of them killed it."""
        if not self.is_quiet and self.depth < DEEPEST and self.happens(self.interruptions):
            self.depth += 1
            self.move()
            self.depth -= 1
        if not process.is_alive:
            raise Killed

    def note(self, process, event, detail=""):
        self.story.append((self.depth, process.name, event, detail))

    def tell(self):
        """Return what happened, and how to run it again."""
        lines = [f"{'    ' * depth}{name} {event} {detail}" for depth, name, event, detail in self.story]
        return "\n".join([*lines, f"SIMULATION_SEED={self.seed} runs this history again"])

    # Chance

    def _draw_data(self):
        """Draw figures so small that every limit binds, and old bookings whose refunds leave remainders."""
        draw = self.random.randint
        self.terms = Terms(cost_per_place=draw(1, 3), max_places_per_club=draw(3, 8))
        clubs = [Club(name, (f"{name}@example.com",), draw(12, 40)) for name in ("red", "green", "blue")]
        competitions = [
            Competition("Spring Cup", MORNING + timedelta(minutes=draw(10, 200)), draw(6, 16)),
            Competition("Autumn Cup", MORNING + timedelta(minutes=draw(10, 200)), draw(2, 8)),
        ]
        self.files = Files(clubs, competitions)
        old_entries = [
            Entry(number, MORNING, club.name, "Spring Cup", places=2, points=5, token="old")
            for number, club in enumerate(clubs, start=1)
        ]
        self.disk = Disk(old_entries)

    def _draw_mix(self):
        """Draw how often each thing happens: in some histories nothing ever fails, in some hardly anything works."""
        self.weights = [often * self.random.choice([0.1, 1, 1, 5]) for often in MOVES.values()]
        self.interruptions = self.random.choice([0.05, 0.2, 0.4])
        self.failures = self.random.choice([0, 0.05, 0.3])

    def happens(self, probability):
        return self.random.random() < probability

    def fails(self):
        return not self.is_quiet and self.happens(self.failures)

    def end_of_commit(self):
        return self.random.choice(list(Commit)) if self.fails() else Commit.MADE

    # Moves: orders

    def send_new_form(self, process):
        order = Order(
            kind=self.random.choice([Kind.BOOKING, Kind.BOOKING, Kind.RETURN]),
            club=self.random.choice(process.clubs),
            competition=self.random.choice(process.competitions),
            places=self.random.randint(1, 3),
            token=f"form-{len(self.forms)}",
        )
        self._send(process, "gets a new form", order)

    def send_copy(self, process):
        if self.forms:
            [attempt, *_] = self.random.choice(list(self.forms.values()))
            self._send_again(process, "gets a copy of a form", attempt.order)

    def send_other_form(self, process):
        """Send a form again with a number of places drawn anew: if that differs, the form is another one."""
        if self.forms:
            [attempt, *_] = self.random.choice(list(self.forms.values()))
            order = replace(attempt.order, places=self.random.randint(1, 4))
            self._send_again(process, "gets a form with the token of another", order)

    def _send_again(self, process, event, order):
        """Send a form, which an older or newer process may have made, to a process: it may not know the names."""
        [club] = [club for club in process.clubs if club.emails == order.club.emails]
        name = order.competition.name
        known = process.ledger.competitions_by_any_name.get(name)
        stands_in_its_files = any(name in competition.names for competition in process.competitions)
        assert stands_in_its_files == (known is not None), "a name of the files is unknown"
        if known:
            self._send(process, event, replace(order, club=club, competition=known))

    def _send(self, process, event, order):
        """Let a form's order wait for a writer."""
        club = self.files.first_name(order.club.name)
        competition = self.files.first_name(order.competition.name)
        form = (club, competition, order.kind * order.places, order.token)
        self.note(process, event, form)
        attempt = Attempt(order, process.ledger.writer.submit(order))
        process.waiting.append(attempt)
        self.forms.setdefault(form, []).append(attempt)

    def write(self, process):
        """Let a thread write all orders that wait, and tell those who wait the outcomes."""
        if "write" in process.does or not process.waiting:
            return
        self.note(process, "writes the orders that wait", len(process.waiting))
        waited = list(process.waiting)
        with process.doing("write"):
            process.ledger.writer.write_waiting()
            self.checks.check_outcomes(process, waited)
            for attempt in process.written():
                attempt.hear_outcome()
                self.note(process, "has answered", attempt.answer.value)
            process.waiting = [attempt for attempt in process.waiting if not attempt.outcome.done()]

    def give_up(self, process):
        if not process.waiting:
            return
        attempt = self.random.choice(process.waiting)
        try:
            process.ledger.writer.give_up(attempt.outcome)
        except CommitInDoubt:
            self.note(process, "gives up an order that is being written")
            attempt.hear(Answer.IN_DOUBT)
        except JournalError:
            self.note(process, "gives up an order that waits")
            attempt.hear(Answer.NOTHING)
            process.waiting = [other for other in process.waiting if other is not attempt]

    # Moves: pages

    def open_page(self, process):
        committed = len(self.disk.entries)
        with process.doing("read"), suppress(JournalError):
            process.reader.catch_up()
            self.note(process, "shows a page")
            assert committed <= len(process.ledger.entries), "a page lacks what was committed before"

    def sign_out(self, process):
        id = f"session-{len(self.story)}"
        self.note(process, "revokes", id)
        process.revoked.append(id)
        with process.doing("sign out"):
            process.revocations.revoke(id, self.now)

    def write_pending(self, process):
        with process.doing("sign out"):
            process.revocations.write_pending()

    # Moves: fate

    def kill(self, process):
        """Kill a process, whatever it is doing, and start it again: it replays the journal, and reads the files."""
        self.note(process, "is killed", f"while it does {sorted(process.does)}")
        process.die()
        was_quiet = self.is_quiet
        self.is_quiet = True
        new = Process(self, process.name)
        self.is_quiet = was_quiet
        self.processes[self.processes.index(process)] = new
        with new.doing("write"), suppress(JournalError):
            new.ledger.give_back_cancelled()

    def let_time_pass(self, process):
        """Wait some minutes, or until the very second in which a competition starts."""
        moments = [self.now + timedelta(minutes=self.random.randint(1, 10))]
        moments += [one.starts_at for one in self.files.competitions if one.starts_at > self.now]
        self.now = self.random.choice(moments)
        self.note(process, "sees the clock move to", f"{self.now:%H:%M}")

    def edit_files(self, process):
        self.files.edit(self.random)
        self.note(process, "does nothing, but the files change to", names_in(self.files))

    def finish_late_commit(self, process):
        if self.disk.late:
            self.note(process, "does nothing, but a late commit is made")
            self.disk.finish_late_commit()

    # The end

    def _come_to_rest(self):
        """Finish what was begun, let every process book and read, and check that all agree."""
        self.disk.finish_late_commit()
        for process in self.processes:
            self.write(process)
            self.write_pending(process)
        for process in self.processes:
            self.send_new_form(process)
            self.write(process)
        for process in self.processes:
            self.open_page(process)
        self.checks.check_all()
        self.checks.check_agreement()
        for process in list(self.processes):
            self.kill(process)
        self.checks.check_all()
        self.checks.check_cancelled()


def names_in(files):
    """Return the names that the files have now, with a mark at those that are cancelled, in a line."""
    competitions = [f"{one.name} (cancelled)" if one.is_cancelled else one.name for one in files.competitions]
    return ", ".join([*(club.name for club in files.clubs), *competitions])


MOVES = {  # with how often they are made, compared with one another
    History.send_new_form: 6,
    History.send_copy: 3,
    History.send_other_form: 0.5,
    History.write: 6,
    History.give_up: 1,
    History.open_page: 3,
    History.sign_out: 0.7,
    History.write_pending: 0.7,
    History.kill: 0.6,
    History.edit_files: 0.6,
    History.let_time_pass: 0.7,
    History.finish_late_commit: 1,
}
