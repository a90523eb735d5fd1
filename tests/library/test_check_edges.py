"""`check` at the edges: rounding that decides nothing, no alarms, names that a chapter uses."""

import json
import signal
import symtable
from pathlib import Path

import numpy as np
import pytest

from recsys_lib.exercises import check, core, limits

NOTEBOOKS = Path(__file__).resolve().parents[2] / "notebooks"


# --- rounding ---


def running(counts):
    return np.cumsum(np.sort(counts)[::-1])


@pytest.mark.parametrize(
    "head_size",
    [
        lambda n, share: np.argmax(running(n) >= share * running(n)[-1] - 1e-9) + 1,
        lambda n, share: np.argmax(running(n) / running(n)[-1] >= share - 1e-9) + 1,
        lambda n, share: int((running(n) < share * running(n)[-1] - 1e-9).sum()) + 1,
        lambda n, share: np.searchsorted(running(n), share * n.sum() * (1 - 1e-12)) + 1,
        lambda n, share: np.argmax(running(n) >= share * running(n)[-1]) + 1,
    ],
)
def test_the_head_may_be_counted_with_a_tolerance_or_without(head_size):
    assert check("data-2", head_size)


def cosines(R):
    lengths = np.linalg.norm(R, axis=1)
    unit = R / np.where(lengths > 0, lengths, 1)[:, None]
    return unit @ unit.T


def centered(R):
    rated = R > 0
    means = R.sum(axis=1) / np.maximum(rated.sum(axis=1), 1)
    return np.where(rated, R - means[:, None], 0.0)


@pytest.mark.parametrize("tiny", [0, 1e-12, 1e-9, 1e-6])
def test_what_rounding_leaves_of_equal_ratings_may_be_taken_for_zero(tiny):
    assert check(
        "cosine-5", lambda R: cosines(np.where(np.abs(centered(R)) > tiny, centered(R), 0))
    )


# --- where nothing can be stopped ---


def test_without_alarms_as_on_windows_a_check_works_and_says_what_it_cannot_do(monkeypatch, capsys):
    for name in ("setitimer", "getitimer", "alarm", "SIGALRM", "ITIMER_REAL"):
        monkeypatch.delattr(signal, name)
    monkeypatch.setattr(limits, "_said", set())
    assert check("data-2", lambda n, share: np.argmax(running(n) >= share * running(n)[-1]) + 1)
    wrong = check("data-2", lambda n, share: np.argmax(running(n) >= share * running(n)[-1]))
    assert "you are one short" in wrong.message
    assert capsys.readouterr().out == limits.CANNOT_STOP + "\n"


def test_without_alarms_the_budget_ends_a_check_between_two_calls(monkeypatch):
    monkeypatch.delattr(signal, "setitimer")
    monkeypatch.setattr(core, "SECONDS", 0.0)
    assert "not finished" in check("data-2", lambda n, share: 1).message


# --- names ---


def cells(path):
    found = [cell for cell in json.loads(path.read_text())["cells"] if cell["cell_type"] == "code"]
    return ["".join(cell["source"]) for cell in found]


def names(source):
    """Return the global names that a cell binds, imports left out, and all that it uses."""
    bound, used, tables = set(), set(), [symtable.symtable(source, "cell", "exec")]
    for table in tables:
        tables += table.get_children()
        for symbol in table.get_symbols():
            if table.get_type() == "module" or symbol.is_global():
                used.add(symbol.get_name())
                if symbol.is_assigned() or symbol.is_namespace():
                    bound.add(symbol.get_name())
    return bound, used


@pytest.mark.parametrize("path", sorted(NOTEBOOKS.glob("*.ipynb")), ids=lambda path: path.stem)
def test_an_exercise_takes_no_name_from_its_chapter(path):
    """Or whoever solves it and runs an earlier cell again gets another function there."""
    exercises, rest = set(), set()
    for source in cells(path):
        if "### BEGIN SOLUTION" in source:
            exercises |= names(source)[0]
        elif not source.startswith("check("):
            rest |= names("\n".join(line for line in source.split("\n") if line[:1] not in "%!"))[1]
    assert not exercises & rest
