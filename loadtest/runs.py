"""Runs: when one begins and ends, alone or shared by workers, and the exit status."""

import os
import sys

import gevent
import requests
from locust.env import Environment
from locust.log import setup_logging
from locust.runners import MasterRunner, WorkerRunner

from loadtest.answers import FAULTS
from loadtest.clubs import CLUBS
from loadtest.reconcile import read_figures, report
from loadtest.tally import tally

WORKERS_MAY_TAKE = 60  # seconds to hand their tallies in


def stop_where_codes_are_mailed() -> None:
    """Exit with one line if signing in takes a code: the swarm reads no mail."""
    if os.environ.get("GUDLFT_MAIL"):
        setup_logging("INFO")  # without it gevent adds a traceback to the line
        sys.exit("GUDLFT_MAIL is set: the swarm cannot read the codes that are mailed, start it and the app without")


def reconcile_each_run(environment: Environment, **_) -> None:
    """Listen to Locust, to compare the figures before and after each run with what was answered."""
    runner = environment.runner
    if isinstance(runner, WorkerRunner):
        Worker(environment)
    elif isinstance(runner, MasterRunner):
        Master(environment)
    else:
        Alone(environment)


class Alone:
    """A process that swarms and reconciles."""

    def __init__(self, environment):
        """Listen to the events of all runs."""
        self.environment = environment
        self.figures_before = None
        self.sound = []  # for each run, whether all was well
        environment.events.test_start.add_listener(self.begin)
        environment.events.test_stop.add_listener(self.end)
        environment.events.user_error.add_listener(count_as_fault)
        environment.events.quitting.add_listener(self.set_exit_status)

    def begin(self, **_):
        """Read the figures before the first booking."""
        tally.begin()
        self.sound.append(False)
        self.figures_before = None
        self.environment.host = (self.environment.host or "").rstrip("/")
        try:
            self.figures_before = read_figures(self.environment.host, CLUBS)
        except requests.RequestException as error:
            print("the figures cannot be read:", error, flush=True)

    def end(self, **_):
        """Reconcile, once: Locust ends a run again when it quits, and one that never began."""
        if not tally.is_open:
            return
        tally.close()
        obstacle = self.complete_tally()
        if self.figures_before is None:
            obstacle = "the figures before the run could not be read"
        self.sound[-1] = self.reconcile(obstacle)

    def complete_tally(self):
        """Return why the tally does not cover all users; None if it does."""
        return None

    def reconcile(self, obstacle):
        """Print the result; tell whether all is well."""
        try:
            if obstacle is None:
                figures = read_figures(self.environment.host, CLUBS)
                return report(tally, self.figures_before, figures)
        except requests.RequestException as error:
            obstacle = error
        print("not reconciled:", obstacle, flush=True)
        return False

    def set_exit_status(self, **_):
        """Exit with 0 if every run was sound, else with 1."""
        self.environment.runner.quit()  # after Ctrl-C the run has yet to end
        self.environment.process_exit_code = 0 if all(self.sound) else 1


class Master(Alone):
    """The process that reconciles what its workers have booked."""

    def __init__(self, environment):
        """Listen to the workers too."""
        super().__init__(environment)
        self.workers = set()
        self.reported = set()
        environment.events.test_stopping.add_listener(self.note_workers)
        environment.runner.register_message("tally", self.add_tally)

    def begin(self, **_):
        """Read the figures, and forget the workers of the run before."""
        self.workers = set()
        self.reported = set()
        super().begin()

    def note_workers(self, **_):
        """Note which workers take part, before they are told to stop."""
        self.workers = set(self.environment.runner.clients)

    def add_tally(self, msg, **_):
        """Add what a worker counted."""
        tally.add(msg.data)
        self.reported.add(msg.node_id)

    def complete_tally(self):
        """Wait until all workers have finished and handed in their tallies; a headless master would not wait."""
        self.environment.runner.send_message("finish")
        with gevent.Timeout(WORKERS_MAY_TAKE, False):
            while self.workers - self.reported:
                gevent.sleep(0.05)
        if self.workers - self.reported:
            return "a worker did not report"
        return None


class Worker:
    """A process that swarms, and reports to a master."""

    def __init__(self, environment):
        """Listen to the events of all runs, and to the master."""
        self.runner = environment.runner
        environment.events.test_start.add_listener(self.begin)
        environment.events.test_stop.add_listener(self.end)
        environment.events.user_error.add_listener(count_as_fault)
        environment.events.quitting.add_listener(self.finish)  # before the master hears that it quits
        self.runner.register_message("finish", self.finish)

    def begin(self, **_):
        """Begin to count."""
        tally.begin()

    def finish(self, **_):
        """End the run."""
        self.runner.stop()

    def end(self, **_):
        """Tell the master what was counted."""
        self.runner.send_message("tally", tally.hand_in())


def count_as_fault(**_):
    """Count an error of the swarm itself."""
    tally.count(FAULTS)
