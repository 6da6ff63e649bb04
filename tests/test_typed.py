"""What people really type and paste, and what they meet: each line comes from a report about some registration."""

import pytest

from gudlft.files import read_email
from gudlft.text import clean_email
from tests.support import JOHN, MAILED, OPEN, Secretary, a_club, write_data

UMLAUT = "info@müller.example"
IN_ASCII = "info@xn--mller-kva.example"
PASTED = [
    " john@simplylift.co\t",
    "john@simplylift.co\u200b",
    "\ufeffjohn@simplylift.co",
    "john\u2060@simply\u00adlift.co",
    "\xa0john@simplylift.co\u2003",
    "MailTo: john@simplylift.co",
    "mailto:john@simplylift.co?subject=Entries&cc=kate@shelifts.co.uk",
    "<john@simplylift.co>",
    "<mailto:john@simplylift.co>;",
    "john@simplylift.co.",
    '"john@simplylift.co"',
    "'john@simplylift.co'",
    "“john@simplylift.co”",
]


@pytest.mark.parametrize("pasted", PASTED)
def test_what_surrounds_a_pasted_address_does_not_count(pasted):
    assert JOHN == clean_email(pasted)


def test_pasted_address_signs_in_and_one_that_is_unknown_is_shown_cleaned():
    page = Secretary().sign_in("<mailto:jane@simplylift.co>\u200b")

    assert (404, "jane@simplylift.co") == (page.status, page.form("/showSummary")["email"])
    assert 303 == Secretary().sign_in("<mailto:john@simplylift.co>\u200b").status


@pytest.mark.parametrize("pasted", ["\u200b \ufeff", "mailto:", "<>", "';"])
def test_address_of_which_nothing_is_left_was_not_entered(pasted):
    assert (400, "Enter your email address") == Secretary().sign_in(pasted).refusal


def test_fields_hold_the_cleaned_number_and_name_and_no_nul(john):
    number = john.book("\u200b99\ufeff ")
    nul = john.book("3\0")
    name = john.get("/showSummary?q=%E2%80%8Bspring%C2%AD")

    assert "99 places cost" in number.problem
    assert "99" == number.form("/purchasePlaces")["places"]
    assert 400 == nul.status
    assert "\0" not in nul.html
    assert "spring" == name.soup.select_one("#q")["value"]
    assert {OPEN} == {name for name in name.competitions if "2050" in name}
    assert 303 == john.book("2\u200b").status
    assert "99" == john.give_back("\u200b99").form("/cancelPlaces")["places"]


def test_field_holds_the_cleaned_code(mailing):
    page = Secretary(app=mailing.app).enter("\u200bWRON-GONE ")

    assert (400, "WRON-GONE") == (page.status, page.form("/code")["code"])


@pytest.mark.parametrize(("written", "typed"), [(UMLAUT, "Info@XN--MLLER-KVA.example"), (IN_ASCII, UMLAUT)])
def test_domain_is_the_same_with_umlauts_and_in_ascii(data, start, written, typed):
    write_data(data, [a_club("Müller", written, 13)], [])
    started = start(**MAILED)

    assert 303 == Secretary(app=started.app).sign_in(typed).status
    assert IN_ASCII == started.mails[0][0]


@pytest.mark.parametrize(
    ("typed", "address"),
    [
        (f"mailto:{UMLAUT};", IN_ASCII),
        ("info@MÜLLER.example", IN_ASCII),
        ("info@Mu\u0308ller.example", IN_ASCII),
        ("info@müller。example", IN_ASCII),
        ("a@straße.example", "a@xn--strae-oqa.example"),  # as browsers have it: strasse is another domain
        ("a@ΟΔΟΣ.example", "a@xn--pxavbq.example"),
        ("a@οδος.example", "a@xn--pxavbm.example"),
        ("a@ü.e.example", "a@xn--tda.e.example"),
        ("a@ü." + "e" * 63, "a@xn--tda." + "e" * 63),
        ("a@ｅxample.com", "a@example.com"),
        ("a@日本語.example", "a@xn--wgv71a119e.example"),
    ],
)
def test_domain_in_any_script_has_its_form_in_ascii(typed, address):
    assert address == read_email(typed)


@pytest.mark.parametrize(
    "typed",
    [
        "a@" + "ü" * 64 + ".example",
        "a@ü." + "e" * 64,
        "a@" + "ü" * 16_000,
        "a@ü＠b",
        "a@ü，b",
        "a@ü\u2028.b",
        "a@\ue000",
    ],
)
def test_domain_without_a_form_in_ascii_is_malformed(typed):
    with pytest.raises(ValueError, match="an email address"):
        read_email(typed)
