"""Words: English that depends on a number, how texts are compared, and how a terminal shows them."""

import unicodedata

NOT_COMPARED = {"Mn", "Me", "Cf"}  # Unicode's accents, enclosing marks and invisible joiners
PLAIN = str.maketrans(  # letters that Unicode does not split into letter and accent, and signs that few keyboards have
    {
        "ł": "l",
        "ø": "o",
        "đ": "d",
        "ð": "d",
        "ħ": "h",
        "ı": "i",
        "æ": "ae",
        "œ": "oe",
        "þ": "th",
        "’": "'",
        "‘": "'",
        "‐": "-",
        "–": "-",
        "—": "-",
    }
)

# Numbers


def plural(number: int, noun: str) -> str:
    """Return "1 place" or "2 places"."""
    return f"{number} {noun_for(number, noun)}"


def noun_for(number: int, noun: str) -> str:
    """Return "place" or "places"."""
    return noun if number == 1 else f"{noun}s"


def are(number: int) -> str:
    """Return "is" or "are"."""
    return "is" if number == 1 else "are"


# Names and addresses


def comparable(text: str) -> str:
    """Return a name or an email address as it is compared: without blanks around it, and with its case folded."""
    return text.strip().casefold()


def fold(text: str) -> str:
    """Return the text as people look for it: without accents and case, and with ligatures and ß spelled out."""
    decomposed = unicodedata.normalize("NFKD", text)
    letters = [letter for letter in decomposed if unicodedata.category(letter) not in NOT_COMPARED]
    return "".join(letters).casefold().translate(PLAIN)


def printable(text: str) -> str:
    """Return the text as one line for a terminal or a log, with line breaks and the like escaped."""
    if text.isprintable():
        return text
    return ascii(text)[1:-1]
