"""What `make` says to a newcomer for whom something is missing."""

import os
import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def make(folder, *arguments, **environment):
    clean = {k: v for k, v in os.environ.items() if not k.startswith(("MAKE", "MFLAGS"))}
    done = subprocess.run(
        ["make", *arguments],
        cwd=folder,
        env=clean | environment,
        capture_output=True,
        text=True,
        timeout=120,
    )
    return done.returncode, done.stdout, done.stderr


def test_a_target_that_does_not_exist_is_answered_with_those_that_do(clone):
    status, _, said = make(clone, "bok")
    assert status == 2
    assert "there is no target 'bok'" in said
    assert "make book " in said


def test_help_names_every_target_of_a_user():
    text = (ROOT / "Makefile").read_text()
    phony = re.search(r"\.PHONY: ((?:.*\\\n)*.*)", text)[1].replace("\\\n", " ").split()
    _, said, _ = make(ROOT, "help")
    hidden = {"help", "test-library", "test-notebooks", "test-site"}
    assert set(re.findall(r"(?m)^make ([\w-]+)", said)) == set(phony) - hidden


def test_no_python_at_all(clone):
    status, _, said = make(clone, "book", "PYTHON=/nowhere/python3")
    assert status == 2
    assert "/nowhere/python3 is not found. Install Python 3.11 or newer" in said


def test_a_python_that_is_too_old(clone):
    old = clone / "old_python"
    old.write_text(
        f"#!/bin/sh\nexec {sys.executable} -c 'import sys; sys.version_info = (3, 9, 1); "
        'exec(open("tools/require_python.py").read())\'\n'
    )
    old.chmod(0o755)
    status, _, said = make(clone, "book", f"PYTHON={old}")
    assert status == 2
    assert "Python 3.11 or newer is needed, this is 3.9" in said
    assert not (clone / ".venv").exists()


def test_no_registry_within_reach(clone):
    nowhere = {
        "PIP_CONFIG_FILE": os.devnull,
        "PIP_INDEX_URL": "http://127.0.0.1:9/simple",
        "PIP_EXTRA_INDEX_URL": "",
        "PIP_FIND_LINKS": "",
        "PIP_RETRIES": "0",
    }
    status, _, said = make(clone, "book", f"PYTHON={sys.executable}", **nowhere)
    assert status == 2
    assert "The installation failed" in said
    assert "Then run make again" in said
    assert not (clone / ".venv" / ".installed").exists()
