"""A season like a federation's: 60 clubs, 40 upcoming and 150 past competitions, and a club with 30 holdings.

The same each time. For tests that ask what a page is like when there is much on it.
"""

import re

from gudlft.text import fold
from tests.support import a_club, a_competition

CLUB = "Haltérophilie Club de Lyon"
POOR_CLUB = "Les Débutants de Saint-Étienne"

CITIES = (  # noqa: SIM905
    "Paris, Marseille, Toulouse, Nice, Nantes, Montpellier, Strasbourg, Bordeaux, Lille, Rennes, Reims, "
    "Toulon, Grenoble, Dijon, Angers, Nîmes, Clermont-Ferrand, Le Mans, Aix-en-Provence, Brest, Tours, Amiens, "
    "Limoges, Annecy, Perpignan, Besançon, Metz, Orléans, Rouen"
).split(", ")

UPCOMING = [  # date and time, places, name
    ("01-09 10:00", 60, "New Year Open"),
    ("01-16 09:00", 40, "Coupe de Paris"),
    ("01-23 10:30", 24, "Nantes Juniors"),
    ("01-30 09:00", 120, "Championnats régionaux d’Auvergne-Rhône-Alpes"),
    ("02-06 10:00", 30, "Lille Winter Cup"),
    ("02-13 14:00", 12, "Strasbourg Night of Strength"),
    ("02-20 09:30", 80, "Bordeaux Open"),
    ("02-27 10:00", 25, "Challenge de l’Avenir, Île-de-France"),
    ("03-06 09:00", 48, "Marseille Masters"),
    ("03-14 10:00", 60, "Lyon Open"),
    ("03-20 13:30", 20, "Spring Festival"),
    ("03-27 09:00", 36, "Rennes Deadlift Day"),
    ("04-03 10:00", 40, "Easter Lift Toulouse"),
    ("04-10 08:30", 150, "Championnats nationaux d’haltérophilie, catégories jeunes, juniors et anciens"),
    ("04-17 10:00", 16, "Novice Cup Grenoble"),
    ("04-24 11:00", 50, "Nice Riviera Classic"),
    ("05-01 10:00", 30, "May Day Meet Dijon"),
    ("05-08 09:00", 45, "Coupe de Bretagne"),
    ("05-15 10:00", 60, "Reims Champagne Open"),
    ("05-29 09:30", 12, "Women’s Open Montpellier"),
    ("06-05 10:00", 80, "Lyon Juniors"),
    ("06-12 09:00", 100, "Tournoi international de la Méditerranée"),
    ("06-19 10:00", 20, "Midsummer Squat Annecy"),
    ("06-26 18:00", 24, "Brest Evening Meet"),
    ("07-03 10:00", 40, "Angers Summer Open"),
    ("07-10 09:00", 35, "Beach Lift Perpignan"),
    ("07-17 10:00", 30, "Masters de Provence"),
    ("07-24 09:00", 12, "Limoges Bench Press Cup"),
    ("08-07 10:00", 25, "Orléans Summer Cup"),
    ("08-14 09:00", 60, "Coupe de la Ville de Clermont-Ferrand"),
    ("08-21 10:00", 45, "Nîmes Arena Lift"),
    ("08-28 09:30", 30, "Tours Back to School Meet"),
    ("09-04 10:00", 80, "Rouen Open"),
    ("09-11 09:00", 120, "Championnats régionaux du Grand Est, de Bourgogne et de Franche-Comté"),
    ("09-18 10:00", 40, "Le Mans 24 Lifts"),
    ("09-25 09:00", 50, "Metz Open"),
    ("10-02 10:00", 30, "Fall Classic"),
    ("10-09 09:00", 60, "Lyon Masters"),
    ("10-16 10:00", 20, "Toulon Novices"),
    ("10-23 13:30", 200, "Grand Final"),
]
OTHER_PAST_NAMES = ["Lyon Open", "Fall Classic", "Grand Final", "Novice Cup", "Spring Festival"]
PAST_NAMES = [f"{city} Open" for city in CITIES[:20]] + OTHER_PAST_NAMES
FULL = ["Strasbourg Night of Strength", "Women’s Open Montpellier", "Limoges Bench Press Cup"]  # with 12 places each
OF_ALL_CLUBS = "Grand Final"  # with room for each of them
NOT_HELD = {
    *("Coupe de Paris", "Lyon Open", "Novice Cup Grenoble", "Coupe de Bretagne", "Rouen Open", "Metz Open"),
    *("Grand Final", *FULL),
}


def clubs():
    others = [f"{kind} {city}" for kind in ("Barbell Club", "Force Athlétique") for city in CITIES]
    rows = [a_club(name, email_of(name), 36 + 7 * number % 60) for number, name in enumerate(others)]
    return [a_club(CLUB, email_of(CLUB), 600), a_club(POOR_CLUB, email_of(POOR_CLUB), 2), *rows]


def email_of(club):
    words = re.findall("[a-z]+", fold(club))
    return f"office@{'-'.join(words)}.example"


def competitions():
    upcoming = [a_competition(name, f"2050-{at}:00", places) for at, places, name in UPCOMING]
    past = [
        a_competition(f"{name} {past_year}", f"{past_year}-{1 + number % 12:02}-{1 + number:02} 10:00:00", 20 + number)
        for past_year in range(2020, 2026)
        for number, name in enumerate(PAST_NAMES)
    ]
    return upcoming + past


def orders():
    """Return bookings, and returns with negative places, in their order, as (club, competition, places).

    They leave the club with 30 holdings and 80 entries, and with the most places that it may hold at two competitions.
    Others have filled three competitions and booked somewhere each.
    """
    others = [club["name"] for club in clubs() if club["name"] not in (CLUB, POOR_CLUB)]
    filled = [(club, name, 12) for club, name in zip(others, FULL, strict=False)]
    roomy = [name for _, places, name in UPCOMING if places > 12]
    booked = [(name, roomy[number % len(roomy)], 1 + number % 4) for number, name in enumerate(others[len(FULL) :])]
    return filled + booked + orders_of_the_club()


def orders_of_the_club():
    held = [name for _, _, name in UPCOMING if name not in NOT_HELD]
    first = [(CLUB, name, 2 + number % 4) for number, name in enumerate(held)]
    second = [(CLUB, name, 1 + number % 3) for number, name in enumerate(held[:-2])]
    up_to_the_most = [(CLUB, name, 12 - places) for _, name, places in first[-2:]]
    given_back = [(CLUB, name, -1) for name in held[:20]]
    return first + second + up_to_the_most + given_back
