"""What the slower suites share: data files of their own, and a server started on a free port."""

import json
import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from contextlib import contextmanager
from pathlib import Path

import pytest
from hypothesis import Phase, settings

PROJECT = Path(__file__).parent.parent

QUICK = {"deadline": None, "database": None, "phases": [Phase.explicit, Phase.generate, Phase.shrink]}
settings.register_profile("fixed", max_examples=100, derandomize=True, **QUICK)
settings.register_profile("long", max_examples=3000, print_blob=True, **QUICK)  # pytest --hypothesis-profile=long
settings.load_profile("fixed")


def needed(*files):
    """Skip where a tool is not installed; in CI that is a failure."""
    missing = [str(file) for file in files if not (shutil.which(file) or Path(file).exists())]
    if missing and os.environ.get("CI"):
        pytest.fail(f"not installed: {', '.join(missing)}")
    if missing:
        pytest.skip(f"not installed: {', '.join(missing)}")


def write_data(folder, clubs, competitions):
    """Write both data files: clubs as (name, email, points), competitions as (name, date, places)."""
    clubs = [dict(zip(("name", "email", "points"), row, strict=True)) for row in clubs]
    competitions = [dict(zip(("name", "date", "numberOfPlaces"), row, strict=True)) for row in competitions]
    (folder / "clubs.json").write_text(json.dumps({"clubs": clubs}), "utf-8")
    (folder / "competitions.json").write_text(json.dumps({"competitions": competitions}), "utf-8")


def free_port():
    """Return a port of 127.0.0.1 that nothing listens on."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


def answers(url):
    """Tell whether anything answers at the address, whatever its status."""
    try:
        urllib.request.urlopen(url, timeout=5).close()
    except urllib.error.HTTPError:
        return True
    except OSError:
        return False
    return True


@contextmanager
def serving(folder, app="server:app", workers=0, **settings):
    """Serve the app with the data files in `folder`; yield (address, process), its log being `folder`/server.log.

    Without workers Flask's own server is used, otherwise granian with so many processes of 8 threads each.
    Settings are GUDLFT_ variables, written without their prefix.
    """
    port = free_port()
    program = [sys.executable, "-m"]
    if workers:
        program += ["granian", "--interface", "wsgi", "--blocking-threads", "8", "--no-ws"]
        program += ["--workers", str(workers), "--port", str(port), app]
    else:
        program += ["flask", "--app", app, "run", "--port", str(port)]
    environment = {name: value for name, value in os.environ.items() if not name.startswith("GUDLFT_")}
    environment |= {f"GUDLFT_{name}": str(value) for name, value in {"DATA_DIR": folder, **settings}.items()}
    with open(folder / "server.log", "ab") as log:
        process = subprocess.Popen(program, cwd=PROJECT, env=environment, stdout=log, stderr=log)
        try:
            deadline = time.monotonic() + 30
            while not answers(f"http://127.0.0.1:{port}/pointsBoard"):
                assert process.poll() is None and time.monotonic() < deadline, (folder / "server.log").read_text()
                time.sleep(0.05)
            yield f"http://127.0.0.1:{port}", process
        finally:
            process.terminate()
            process.wait(30)
