"""Limits: how many events of a key are counted, how long the next one must wait, and what a client's key is."""

import time
from contextlib import nullcontext
from types import SimpleNamespace

import pytest

from gudlft import limits
from gudlft.limits import NO_ADDRESS, RateLimit, client_key
from tests.support import at_once


@pytest.fixture
def clock(monkeypatch):
    """Return a clock that a test moves by hand, in seconds."""
    clock = SimpleNamespace(moment=1000.0)
    monkeypatch.setattr(time, "monotonic", lambda: clock.moment)
    return clock


def test_events_are_counted_up_to_the_limit_and_the_next_must_wait_until_the_oldest_is_over(clock):
    limit = RateLimit(most=10, seconds=60)
    limit.count("client")
    clock.moment += 10
    for _ in range(9):
        limit.count("client")

    assert 50 == limit.seconds_to_wait("client")
    clock.moment += 50
    assert 0 == limit.seconds_to_wait("client")
    assert [0, 10] == [limit.count("client") for _ in range(2)]


def test_seconds_are_rounded_up_to_one_at_least(clock):
    limit = RateLimit(most=1, seconds=60)
    clock.moment = 0.1
    limit.count("client")
    waits = []
    for moment in [58.6, 60.1 - 1e-14, 60.1]:
        clock.moment = moment
        waits.append(limit.seconds_to_wait("client"))

    assert [2, 1, 0] == waits


def test_limit_of_zero_lets_any_number_pass(clock):
    limit = RateLimit(most=0, seconds=60)

    assert {0} == {limit.count("client") for _ in range(30)}
    assert 0 == limit.seconds_to_wait("client")


@pytest.mark.parametrize(
    ("counted", "kept", "forgotten"),
    [
        (["first", "second", "first", "second", "first"], "second", "first"),  # the third of the first is refused
        (["busy", "other", "other", "busy"], "busy", "other"),
    ],
)
def test_key_whose_events_were_counted_longest_ago_is_forgotten_first(clock, monkeypatch, counted, kept, forgotten):
    monkeypatch.setattr(limits, "KEYS_REMEMBERED", 2)
    limit = RateLimit(most=2, seconds=60)
    for key in counted:
        limit.count(key)

    limit.count("third")

    assert 60 == limit.seconds_to_wait(kept)
    assert 0 == limit.seconds_to_wait(forgotten)


def test_ten_thousand_keys_are_remembered(clock):
    limit = RateLimit(most=1, seconds=60)
    for number in range(10_001):
        limit.count(str(number))

    assert 0 == limit.seconds_to_wait("0")
    assert 60 == limit.seconds_to_wait("1")


def test_keys_that_are_asked_for_only_are_not_remembered(clock):
    limit = RateLimit(most=1, seconds=60)
    limit.count("client")

    for number in range(10_001):
        limit.seconds_to_wait(str(number))

    assert 60 == limit.seconds_to_wait("client")


class SlowDeque(limits.deque):
    """A deque whose length takes its time, so that other threads can come in between."""

    def __len__(self):
        length = super().__len__()
        time.sleep(0.001)
        return length


def test_threads_together_count_no_more_than_the_limit_as_long_as_it_is_locked(monkeypatch):
    monkeypatch.setattr(limits, "deque", SlowDeque)
    limit = RateLimit(most=5, seconds=60)
    without_lock = RateLimit(most=5, seconds=60)
    without_lock._lock = nullcontext()

    assert 5 == at_once([lambda: limit.count("client")] * 20).count(0)
    assert 5 < at_once([lambda: without_lock.count("client")] * 20).count(0)


@pytest.mark.parametrize(
    ("address", "key"),
    [
        ("192.0.2.1", "192.0.2.1"),
        ("2001:DB8:0:0::1", "2001:db8::/64"),
        ("2001:db8:0:0:ffff::2", "2001:db8::/64"),
        ("2001:db8:0:1::1", "2001:db8:0:1::/64"),
        ("::ffff:192.0.2.1", "192.0.2.1"),
        ("fe80::1%" + "x" * 10_000, "fe80::/64"),
    ],
)
def test_client_is_known_by_its_ip_address_in_one_form(address, key):
    assert key == client_key(address)


@pytest.mark.parametrize(
    "address", [None, "", "unknown", "x" * 10_000, "192.0.2.1:80", "[::1]", "192.0.2.01", " 192.0.2.1", "192.0.2.1\n"]
)
def test_what_is_no_ip_address_counts_as_one_client(address):
    assert NO_ADDRESS == client_key(address)
