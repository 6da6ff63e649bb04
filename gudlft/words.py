"""English words that depend on a number."""


def plural(number: int, noun: str) -> str:
    """Return "1 place" or "2 places"."""
    return f"{number} {noun_for(number, noun)}"


def noun_for(number: int, noun: str) -> str:
    """Return "place" or "places"."""
    return noun if number == 1 else f"{noun}s"


def are(number: int) -> str:
    """Return "is" or "are"."""
    return "is" if number == 1 else "are"
