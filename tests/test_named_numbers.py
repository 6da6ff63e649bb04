"""Whatever number a hint or a refusal names, sending it at once succeeds."""

import re
from contextlib import suppress

from hypothesis import given, settings
from hypothesis import strategies as st

from gudlft.model import BookingError
from tests.odd_names import CLUB, COMPETITION, IN_AN_HOUR, OPENING, email, open_ledger, running
from tests.support import Secretary, book_address, check_conservation

EXAMPLES = settings().max_examples  # of the profile
EARLIER = st.lists(st.tuples(CLUB, COMPETITION, st.integers(1, 12)), max_size=12)


def open_with_bookings(opening, earlier):
    """Return a ledger with these bookings, as far as they are possible."""
    ledger = open_ledger(**opening, starts=IN_AN_HOUR)
    for club, competition, places in earlier:
        with suppress(KeyError, BookingError):
            ledger.book(ledger.clubs[club], ledger.competitions[competition], places)
    return ledger


def number_in(page):
    """Return the number that a refusal names."""
    return int(re.search(r"(?:enough for|only|at most) (\d+)", page.problem)[1])


@settings(max_examples=EXAMPLES)
@given(opening=OPENING, earlier=EARLIER, club=CLUB, excess=st.integers(1, 30), data=st.data())
def test_number_that_a_hint_or_a_refusal_names_can_be_booked(opening, earlier, club, excess, data):
    competition = data.draw(st.sampled_from(sorted(opening["places"])))
    ledger = open_with_bookings(opening, earlier)

    with running(ledger):
        secretary = Secretary(email(club))
        hint = secretary.get(book_address(competition, club)).figures.get(("most-places", competition), 0)
        refused = secretary.book(hint + excess, competition)

        assert 400 == refused.status
        assert hint == refused.figures.get(("most-places", competition), 0)
        if hint:
            assert hint == number_in(refused)
            assert 303 == secretary.book(hint, competition).status
    check_conservation(ledger)


@settings(max_examples=EXAMPLES)
@given(opening=OPENING, earlier=EARLIER, club=CLUB, excess=st.integers(1, 30), data=st.data())
def test_number_that_a_refusal_to_take_back_names_can_be_given_back(opening, earlier, club, excess, data):
    competition = data.draw(st.sampled_from(sorted(opening["places"])))
    ledger = open_with_bookings(opening, [*earlier, (club, competition, 1)])
    parties = (ledger.clubs[club], ledger.competitions[competition])
    held = ledger.standing(*parties).places_held

    with running(ledger):
        secretary = Secretary(email(club))
        refused = secretary.give_back(held + excess, competition)

        assert 400 == refused.status
        if held:
            assert held == number_in(refused)
            assert 303 == secretary.give_back(held, competition).status
    assert 0 == ledger.standing(*parties).places_held
    check_conservation(ledger)
