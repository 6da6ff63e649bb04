"""Which competitions a name, a month and a choice leave."""

import timeit
from datetime import datetime, timedelta, timezone

import pytest

from gudlft.model import Competition
from gudlft.pages.search import Choice, Show, find, months_to_choose

NOON = datetime(2027, 1, 31, 12, tzinfo=timezone.utc)
NAMES = ["Lyon Open", "Haltérophilie d’Évry", "Open de Lyon-Gerland", "Coupe de Paris", "LYON JUNIORS"]


def competitions(*names):
    return [Competition(name, NOON + timedelta(days=day), 20) for day, name in enumerate(names)]


def names_left(q="", month="", names=NAMES):
    found = find(competitions(*names), Choice.read({"q": q, "month": month}))
    return [competition.name for competition in found]


def test_all_words_must_occur_in_any_order():
    assert ["Lyon Open", "Open de Lyon-Gerland", "LYON JUNIORS"] == names_left("lyon")
    assert ["Lyon Open", "Open de Lyon-Gerland"] == names_left("open lyon")
    assert ["Open de Lyon-Gerland"] == names_left("  gerland   LYON ")
    assert [] == names_left("lyon paris")


@pytest.mark.parametrize(
    ("typed", "name"),
    [
        ("E\u0301vry", "Haltérophilie d'Évry"),
        ("d'evry", "Haltérophilie d’Évry"),
        ("strasse", "Straße"),
        ("lodz", "Łódź"),
        ("tromso", "Tromsø"),
        ("coeur", "Cœur de Lion"),
        ("final", "ﬁnal"),
        ("istanbul", "İstanbul"),
        ("thor", "Þór"),
        ("οδος", "ΟΔΌΣ"),
        ("12", "１２ Hours"),
        ("rhone-alpes", "Rhône–Alpes"),
        ("rhone‑alpes", "Rhône−Alpes"),
        ("“strong”", 'The "Strong" Cup'),
        ('"strong"', "«Strong» Cup"),
        ("coupe d`or", "Coupe dʼOr"),
        ("lifters", "Lift\u00aders"),
        ("❤\ufe0f", "We ❤ Lifting"),
        ("한국", "한국 오픈"),
        ("\\ 50% b*", "a\\b 50% off, b*"),
    ],
)
def test_accents_case_and_ligatures_do_not_matter(typed, name):
    assert [name] == names_left(typed, names=[name, "axb 5000"])


def test_the_month_is_that_of_the_competitions_own_time_zone():
    paris = timezone(timedelta(hours=1))
    new_year = Competition("New Year", datetime(2028, 1, 1, 0, 30, tzinfo=paris), 20)

    season = [*competitions(*NAMES), new_year]
    assert ["2027-01", "2027-02", "2028-01"] == months_to_choose(season, Choice(show=Show.MINE))
    assert [new_year] == find([new_year], Choice.read({"month": "2028-01"}))
    assert [] == find([new_year], Choice.read({"month": "2027-12"}))


@pytest.mark.parametrize(
    "text", ["", "2027-3", "2027-13", "2027-00", "2027-03-01", "2027-03\n", "２０２７-０３", "March"]
)
def test_what_is_no_month_counts_as_absent(text):
    assert "" == Choice.read({"month": text}).month
    assert NAMES == names_left(month=text)


def test_the_chosen_month_is_offered_though_nothing_is_left_in_it():
    in_january = competitions("One")

    assert ["2026-12", "2027-01"] == months_to_choose(in_january, Choice(month="2026-12"))
    assert ["2027-01"] == months_to_choose(in_january, Choice(month="2027-01"))
    assert ["2027-01", "2030-05"] == months_to_choose(in_january, Choice(month="2030-05"))


@pytest.mark.parametrize("text", ["", "all", "ALL", "mine ", "none", "0", "Show.MINE", "\0"])
def test_what_is_no_choice_shows_all(text):
    assert Show.ALL is Choice.read({"show": text}).show


def test_an_address_names_only_what_was_chosen():
    assert {} == Choice.read({"month": "never", "show": "all"}).fields()
    assert {"show": "past"} == Choice.read({"show": "past"}).fields()
    everything = {"q": "Évry open", "month": "2027-03", "show": "mine"}
    assert everything == Choice.read({"q": " Évry   open ", "month": "2027-03", "show": "mine"}).fields()


@pytest.mark.parametrize(
    "fields", [{}, {"q": "x" * 300}, {"q": "x" * 199 + " y"}, {"month": "2027-03", "show": "past"}]
)
def test_an_address_made_from_a_choice_asks_for_the_same(fields):
    choice = Choice.read(fields)

    assert choice == Choice.read(choice.fields())


def test_a_choice_is_narrow_where_it_may_leave_something_out():
    narrow = [{"q": "lyon"}, {"month": "2027-03", "show": "past"}, {"show": "bookable"}, {"show": "mine"}]

    assert all(Choice.read(fields).is_narrow for fields in narrow)
    assert not any(Choice.read(fields).is_narrow for fields in [{}, {"show": "past"}])


@pytest.mark.parametrize("sign", ["\0", "\x1f", "\x7f", "\x85", "\ud800", "\udfff", "\n"])
def test_control_characters_and_half_characters_count_as_blanks(sign):
    choice = Choice.read({"q": f"lyon{sign}open{sign}"})

    assert "lyon open" == choice.name
    assert ["Lyon Open", "Open de Lyon-Gerland"] == names_left(f"lyon{sign}open")
    choice.name.encode()


def test_more_than_the_longest_name_does_not_count():
    name = "x" * 200

    assert [name] == names_left("x" * 200 + "y", names=[name])
    assert [] == names_left("x" * 199 + "y", names=[name])


@pytest.mark.parametrize("q", ["x " * 4000, "\u0301" * 8000, "ﷺ" * 2600, "\ud800" * 8000])
def test_whatever_fits_an_address_is_searched_about_as_quickly_as_a_word(q):
    season = competitions(*[f"Championnats régionaux d’haltérophilie {number}" for number in range(2000)])

    of_a_word, seconds = [
        min(timeit.repeat(lambda typed=typed: find(season, Choice.read({"q": typed})), number=1, repeat=10))
        for typed in ("regionaux", q)
    ]

    assert seconds < 100 * of_a_word
