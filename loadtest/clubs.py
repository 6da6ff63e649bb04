"""The clubs whose secretaries swarm: those of the app."""

import json
import os
from pathlib import Path

PROJECT = Path(__file__).parent.parent


def read_clubs() -> list[dict]:
    """Return the clubs of the file that the app reads too."""
    folder = Path(os.environ.get("GUDLFT_DATA_DIR", PROJECT))
    text = (folder / "clubs.json").read_text("utf-8-sig")
    return json.loads(text)["clubs"]


CLUBS = read_clubs()
