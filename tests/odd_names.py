"""Clubs and competitions whose names are hard on links, forms and pages; Hypothesis draws figures for them."""

from datetime import datetime, timedelta, timezone

from hypothesis import strategies as st

from gudlft.ledger import Ledger
from gudlft.model import Club, Competition
from gudlft.rules import Terms

CLUBS = ["Simply Lift", "Élan/<Fils> & Co", 'The "Iron" 50%?#.']
COMPETITIONS = ["Spring Festival", "/Coupe d'Été/", "100% <b>Cup</b>?#&.", "💪"]
MORNING = datetime(2050, 3, 27, 9, tzinfo=timezone.utc)
ODD_NAMES = [  # that the data may hold
    "/first",
    "a/b/../c",
    "//",
    "100%2F",
    'A/B? "50%" <c> & #1',
    "Say \"no\" to 'it'",
    "{{ 7 * 7 }}",
    "Haltérophilie d'Évry",
    "trailing dot.",
    "emoji 🏋️‍♀️",
    " blanks ",
    "plus+and;semi=colon",
    "back\\slash",
    "x" * 200,
    "".join(chr(0x1F300 + number) for number in range(200)),
]
IN_AN_HOUR = dict.fromkeys(COMPETITIONS, MORNING + timedelta(hours=1))

CLUB = st.sampled_from(CLUBS)
COMPETITION = st.sampled_from(COMPETITIONS)
OPENING = st.fixed_dictionaries(  # what the app reads at its start; competitions may be missing
    {
        "points": st.fixed_dictionaries({club: st.integers(5, 60) for club in CLUBS}),
        "places": st.fixed_dictionaries(
            {COMPETITIONS[0]: st.integers(3, 25)},
            optional={name: st.integers(0, 25) for name in COMPETITIONS[1:]},
        ),
        "cost": st.sampled_from([3, 1, 7, 2]),
        "cap": st.sampled_from([12, 12, 5]),
    }
)


def email(club):
    return f"club{CLUBS.index(club)}@example.com"


def open_ledger(points, places, starts, cost=3, cap=12, clock=lambda: MORNING, journal=None):
    """Return a ledger that opens with the points of each club and the places of each competition."""
    return Ledger(
        clubs=[Club(name, (email(name),), number) for name, number in points.items()],
        competitions=[Competition(name, starts[name], number) for name, number in places.items()],
        terms=Terms(cost, cap),
        journal=journal,
        clock=clock,
    )
