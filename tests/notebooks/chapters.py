"""The chapters as data: their cells, exercises and solutions."""

import re
from pathlib import Path

import nbformat
import pytest

ROOT = Path(__file__).resolve().parents[2]
PAGES = sorted((ROOT / "notebooks").glob("*.ipynb"))  # all that run
CHAPTERS = [path for path in PAGES if path.stem[0].isdigit()]  # the others help with these
CHECKED = "nbval-check-output"


def chapter(path: Path) -> pytest.param:
    return pytest.param(path, id=path.stem)


def read(path: Path) -> nbformat.NotebookNode:
    return nbformat.read(path, as_version=4)


def tags(cell: nbformat.NotebookNode) -> list[str]:
    return cell.metadata.get("tags", [])


def exercises(path: Path) -> list[str]:
    """Labels of the exercises, in the order of the text."""
    text = "\n".join(cell.source for cell in read(path).cells if cell.cell_type == "markdown")
    return re.findall(r":{3,}\{exercise\}[^\n]*\n:label: (\S+)", text)


def solution_cells(path: Path) -> list[str]:
    cells = [cell.source for cell in read(path).cells if cell.cell_type == "code"]
    return [source for source in cells if "### BEGIN SOLUTION" in source]


def solutions(path: Path) -> dict[str, object]:
    """What the chapter's solution cells define, in one name space, as in the notebook."""
    space: dict[str, object] = {}
    for source in solution_cells(path):
        exec(compile(source, path.name, "exec"), space)
    return space


def checked_function(path: Path, name: str) -> str:
    """The function that the chapter hands to check("name", ...)."""
    for cell in read(path).cells:
        found = re.search(rf'^check\("{name}", (\w+)\)', cell.source)
        if found and cell.cell_type == "code":
            return found[1]
    raise AssertionError(f"{path.name} never calls check({name!r}, ...)")
