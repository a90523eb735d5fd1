"""What an update does to what is in use already: an environment, a student's folder."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest

import student
from chapters import CHAPTERS, read

ROOT = Path(__file__).resolve().parents[2]


# --- the environment ---


@pytest.fixture
def used(clone):
    """A clone with an environment that somebody uses; its pip only notes what it is asked for."""
    venv = clone / ".venv"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", venv], check=True)
    (packages,) = venv.glob("lib/python*/site-packages")
    (packages / "pip").mkdir()
    (packages / "pip" / "__init__.py").touch()
    notes = "import sys; open('pip.notes', 'a').write(' '.join(sys.argv[1:]) + chr(10))"
    (packages / "pip" / "__main__.py").write_text(notes)
    (packages / "mine.py").touch()
    return clone


def make(folder):
    """Make the environment with a Python that notes when it is asked for a new one."""
    python = folder / "python3"
    python.write_text(
        f'#!/bin/sh\nif [ "$2" = venv ]; then echo "$@" > venv.notes; exit 1; fi\n'
        f'exec {sys.executable} "$@"\n'
    )
    python.chmod(0o755)
    clean = {k: v for k, v in os.environ.items() if not k.startswith(("MAKE", "MFLAGS"))}
    command = ["make", ".venv/.installed", f"PYTHON={python}"]
    subprocess.run(command, cwd=folder, env=clean, capture_output=True, timeout=120)
    asked = folder / "venv.notes"
    return asked.read_text().strip() if asked.exists() else None


def test_an_environment_in_use_is_brought_up_to_date_in_place(used):
    assert make(used) is None
    assert list(used.glob(".venv/lib/python*/site-packages/mine.py"))
    assert (used / ".venv" / ".installed").exists()
    assert (used / "pip.notes").read_text().startswith("install --quiet -r requirements.txt")


def test_a_broken_environment_is_made_anew(used):
    shutil.rmtree(next(used.glob(".venv/lib/python*/site-packages/pip")))
    assert make(used) == "-m venv --clear .venv"
    assert not (used / ".venv" / ".installed").exists()


def test_an_environment_of_another_python_is_made_anew(used):
    (used / ".venv" / "bin" / "python").unlink()
    (used / ".venv" / "bin" / "python").write_text("#!/bin/sh\necho '(3, 99) /elsewhere'\n")
    (used / ".venv" / "bin" / "python").chmod(0o755)
    assert make(used) == "-m venv --clear .venv"


# --- JupyterLab ---


def test_of_nbgraders_buttons_validate_alone_is_shown():
    """The others want a course that hands out and collects; test_nbgrader.py tries this one."""
    assert (
        "lab: export JUPYTER_CONFIG_PATH := $(CURDIR)/tools/lab\n"
        in (ROOT / "Makefile").read_text()
    )
    command = [sys.executable, "-m", "jupyter", "labextension", "list", "--verbose"]
    settings = {**os.environ, "JUPYTER_CONFIG_PATH": str(ROOT / "tools" / "lab")}
    done = subprocess.run(command, env=settings, capture_output=True, text=True, timeout=120)
    lines = (done.stdout + done.stderr).split("\n")
    (line,) = (line for line in lines if "@jupyter/nbgrader v" in line)
    assert "disabled" not in line
    disabled = set(re.findall(r"@jupyter/nbgrader:[\w-]+", done.stdout + done.stderr))
    assert len(disabled) == 5
    assert "@jupyter/nbgrader:validate-assignment" not in disabled


# --- a student's folder ---


def test_a_folder_of_an_older_version_is_kept_and_it_is_said_what_to_do(tmp_path, capsys):
    folder = tmp_path / "student"
    student.main(folder)
    student.main(folder)
    assert "has changed since" not in capsys.readouterr().out
    first, second, third = (folder / path.name for path in CHAPTERS[:3])
    work = read(first)
    work.cells[-1].source += "\n# my work"
    nbformat.write(work, first)  # as Jupyter saves it: of today's chapter still
    old = read(second)
    old.metadata[student.MADE_FROM] = "0" * 16
    nbformat.write(old, second)
    older = read(third)
    del older.metadata[student.MADE_FROM]  # from before this was noted
    nbformat.write(older, third)
    before = {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    student.main(folder)
    said = capsys.readouterr().out
    assert f"has changed since for {second.name}, {third.name}. Your answers count" in said
    assert "CHANGELOG.md" in said
    assert (ROOT / "CHANGELOG.md").exists()
    assert {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()} == before


def test_outputs_alone_do_not_make_a_chapter_another():
    notebook = read(CHAPTERS[0])
    state = student.fingerprint(notebook)
    for cell in notebook.cells:
        if cell.cell_type == "code":
            cell.outputs, cell.execution_count = [], 7
    assert student.fingerprint(notebook) == state
    notebook.cells[0].source += " "
    assert student.fingerprint(notebook) != state
