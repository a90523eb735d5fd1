"""What the course promises of every chapter: a figure that answers, and a list of one's own."""

import ast
import re

import pytest

from chapters import CHAPTERS, ROOT, chapter, read

# Modules of recsys_lib/show whose figures stay as they are, or only tell.
STILL = {"__init__", "drawings", "guesses", "labels", "mine", "plots", "tables"}
MOVING = {path.stem for path in (ROOT / "recsys_lib" / "show").glob("*.py")} - STILL
OWN = "## Your own list"


def code(source: str) -> ast.Module:
    """Return the program of a cell, without the commands of the notebook itself."""
    lines = source.split("\n")
    return ast.parse("\n".join(line for line in lines if not line.lstrip().startswith(("%", "!"))))


def called(sources: list[str]) -> set[str]:
    """Return the dotted names of all that is called, those from `recsys_lib.show` in full."""
    full, found = {"show": "recsys_lib.show", "data": "recsys_lib.data"}, set()
    for tree in map(code, sources):
        for node in ast.walk(tree):
            if isinstance(node, ast.ImportFrom):
                full |= {a.asname or a.name: f"{node.module}.{a.name}" for a in node.names}
        for node in ast.walk(tree):
            if isinstance(node, ast.Call):
                first, *rest = ast.unparse(node.func).split(".")
                found.add(".".join([full.get(first, first), *rest]))
    return found


def moving(sources: list[str]) -> set[str]:
    """Return the modules of the moving figures that are drawn."""
    found = set()
    for name in called(sources):
        parts = name.split(".")
        if parts[:2] == ["recsys_lib", "show"]:
            found |= {"sliders" if part == "slider" else part for part in parts[2:3]} & MOVING
    return found


def after(cells: list, heading: str) -> list[str]:
    """Return the code below a heading, up to the next one of its level."""
    sources, inside = [], False
    for cell in cells:
        headings = re.findall(r"(?m)^## .*", cell.source) if cell.cell_type == "markdown" else []
        if headings:
            inside = headings[-1] == heading
        elif cell.cell_type == "code" and inside:
            sources.append(cell.source)
    return sources


def test_what_moves_is_seen_in_each_way_to_call_it():
    assert moving(["from recsys_lib.show.walks import walks\nwalks(3)"]) == {"walks"}
    assert moving(["from recsys_lib.show import walks", "walks.walks(3)"]) == {"walks"}
    assert moving(["show.slider(frames)\nshow.table(rows)"]) == {"sliders"}
    assert moving(["show.clouds(points)"]) == {"clouds"}
    assert moving(["from recsys_lib.show.walks import walks\nplots.use_style()"]) == set()


@pytest.mark.parametrize("path", [chapter(path) for path in CHAPTERS])
def test_every_chapter_has_a_figure_that_answers(path):
    assert moving([cell.source for cell in read(path).cells if cell.cell_type == "code"])


@pytest.mark.parametrize("path", [chapter(path) for path in CHAPTERS])
def test_every_chapter_ends_with_a_list_of_ones_own(path):
    names = called(after(read(path).cells, OWN))
    assert "recsys_lib.data.my_ratings" in names
    assert "recsys_lib.show.my_lists" in names
