"""What every chapter must have, seen without running it (nbval runs it)."""

import ast
import re
import sys

import numpy as np
import pytest

import recsys_lib
from recsys_lib.exercises import EXERCISES, FINDINGS

from chapters import (
    CHAPTERS,
    CHECKED,
    PAGES,
    chapter,
    checked_function,
    exercises,
    read,
    solutions,
    tags,
)

each_page = pytest.mark.parametrize("path", [chapter(path) for path in PAGES])
each_chapter = pytest.mark.parametrize("path", [chapter(path) for path in CHAPTERS])


def code_cells(path):
    return [cell for cell in read(path).cells if cell.cell_type == "code"]


@each_page
def test_expects_this_version_of_the_library(path):
    wanted = re.findall(
        r'expect_version\("([\d.]+)"\)', "\n".join(c.source for c in code_cells(path))
    )
    assert wanted == [".".join(recsys_lib.__version__.split(".")[:2])]


def test_a_notebook_of_another_version_is_stopped():
    with pytest.raises(RuntimeError, match=r"written for recsys_lib 99\.0.*make lab"):
        recsys_lib.expect_version("99.0")


@each_page
def test_only_checked_cells_keep_outputs_and_all_of_them_do(path):
    for cell in code_cells(path):
        checked = CHECKED in tags(cell)
        assert checked == ("keep_output" in tags(cell)), cell.source
        assert bool(cell.outputs) == checked, f"run make record: {cell.source}"
        assert cell.execution_count == (1 if checked else None), cell.source


@each_page
def test_a_checked_cell_prints_nothing_that_depends_on_the_machine(path):
    for cell in code_cells(path):
        for output in cell.outputs:
            text = str(output)
            assert not re.search(r"(/home|/tmp|/root|C:\\\\|0x[0-9a-f]{6,})", text), text


@each_page
def test_every_figure_has_a_name_a_caption_and_a_text_alternative(path):
    for cell in code_cells(path):
        if "plt.show()" not in cell.source:
            continue
        site = cell.metadata.get("mystnb", {})
        name = site.get("figure", {}).get("name", "")
        assert name.startswith("fig-"), f"no figure name that begins with fig-:\n{cell.source}"
        assert len(site["figure"].get("caption", "")) > 60, f"{name}: no caption of a sentence"
        assert len(site.get("image", {}).get("alt", "")) > 60, f"{name}: no alt text of a sentence"


@each_page
def test_code_fits_the_page(path):
    for cell in code_cells(path):
        if "remove-input" in tags(cell) or "remove-cell" in tags(cell):
            continue
        lines = cell.source.split("\n")
        assert max(map(len, lines)) <= 79, max(lines, key=len)
        folded = "hide-input" in tags(cell)  # a solution, or the code of a figure
        assert len([line for line in lines if line.strip()]) <= (25 if folded else 17), cell.source


@each_chapter
def test_parts_of_a_chapter_are_there_in_order(path):
    text = "\n".join(cell.source for cell in read(path).cells if cell.cell_type == "markdown")
    headings = re.findall(r"(?m)^## (.+)$", text)
    wanted = ["What you will be able to do", "Quiz", "Exercises", "Summary", "Where to read on"]
    assert [heading for heading in headings if heading in wanted] == wanted
    assert "**You need**" in text
    assert "**Time**" in text
    assert re.findall(r"(?m)^# ", text) == ["# "], "one title"


@each_chapter
def test_the_quiz_explains_every_answer(path):
    quizzes = [cell for cell in code_cells(path) if "display_quiz(" in cell.source]
    assert len(quizzes) == 1
    call = next(
        node
        for node in ast.walk(ast.parse(quizzes[0].source))
        if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "display_quiz"
    )
    questions = ast.literal_eval(call.args[0])
    assert len(questions) >= 3
    for question in questions:
        answers = question["answers"]
        asked = question["question"]
        short = [answer["feedback"] for answer in answers if len(answer["feedback"]) <= 15]
        assert not short, f"{asked!r}: feedback that explains nothing: {short}"
        right = sum(bool(answer.get("correct")) for answer in answers)
        assert right == 1, f"{asked!r}: {right} answers are marked correct, 1 must be"
        least = 3 if question["type"] == "multiple_choice" else 2
        assert len(answers) >= least, f"{asked!r}: {len(answers)} answers, at least {least} wanted"


def test_labels_are_unique_in_the_whole_book():
    labels = []
    for path in PAGES:
        for cell in read(path).cells:
            labels += re.findall(r"(?m)^\$\$ \(([\w-]+)\)$|^:label: (\S+)", cell.source)
            labels.append((cell.metadata.get("mystnb", {}).get("figure", {}).get("name", ""), ""))
    names = [one or other for one, other in labels if one or other]
    assert sorted(names) == sorted(set(names))


@each_chapter
def test_exercises_of_the_text_are_those_that_check_knows(path):
    labels = exercises(path)
    prefix = labels[0].rpartition("-")[0]
    known = [*EXERCISES, *FINDINGS]  # what finds something out comes last
    assert labels == [name for name in known if name.rpartition("-")[0] == prefix]
    assert 3 <= len([name for name in labels if name in EXERCISES]) <= 5
    assert [name for name in labels if name in FINDINGS] == labels[-1:]
    for label in labels:
        assert checked_function(path, label) in solutions(path)


@each_chapter
def test_every_exercise_has_hints_and_an_expected_result_that_is_true(path):
    text = "\n\n".join(cell.source for cell in read(path).cells if cell.cell_type == "markdown")
    space = solutions(path)
    parts = re.split(r":{3,}\{exercise\}", text)[1:]
    for part in parts:
        assert "{dropdown} Hint" in part
        if re.search(r"\((real ratings|recorded results)\)$", part.partition("\n")[0]):
            continue  # what is found there is the answer
        call, value = re.search(r"Expected: `([^`]+)` gives `([^`]+)`", part).groups()
        np.testing.assert_allclose(
            np.asarray(eval(call, space), dtype=float), np.asarray(eval(value), dtype=float)
        )


LONG = re.compile(r"(?<![\d.])\d*\.\d{3,}\b")  # three decimals or more, as a result has them
MARKED = re.compile(r"\{glue:text\}`[^`]*`|`[^`]*`|\$[^$]*\$")  # glued, code, or a formula


def typed_numbers(text):
    """Return the sentences with a long number that is neither glued, code, a formula, nor cited."""
    prose = re.sub(r"(?s)\$\$.*?\$\$", "", text)
    sentences = [one for line in prose.split("\n") for one in re.split(r"(?<=[.!?])\s+", line)]
    return [one for one in sentences if LONG.search(MARKED.sub("", one)) and "{cite:" not in one]


@pytest.mark.parametrize(
    ("text", "typed"),
    [
        ("RMSE falls from 0.8734 to 0.8701.", 1),
        ("HR@10 rises from .339 to .351", 1),
        ("The RMSE is 1.234.", 1),
        ("They say 0.395 {cite:p}`x`. Ours is 0.339.", 1),
        ("| MLP | .339 |\n| GMF | .351 |", 2),
        ("They say 0.395 {cite:p}`x`, and we {glue:text}`hr:.3f`.", 0),
        ("With `eta=0.001`, $\\eta = 0.001$ and\n$$\nx = 0.001\n$$", 0),
        ("Version 0.1.2 in 2025. It takes 0.25 of 3.75, or 10.5 %.", 0),
    ],
)
def test_a_typed_number_is_found(text, typed):
    assert len(typed_numbers(text)) == typed


@each_page
def test_no_number_is_typed_where_a_computed_one_belongs(path):
    """Figures with three decimals in prose are glued; those of others are cited in the sentence."""
    cells = [cell for cell in read(path).cells if cell.cell_type == "markdown"]
    assert [one for cell in cells for one in typed_numbers(cell.source)] == []


@each_page
def test_captions_and_alt_texts_tell_no_result_to_three_decimals(path):
    """Nothing can be glued into them, so they say what is seen: near 0.89."""
    typed = []
    for cell in code_cells(path):
        site = cell.metadata.get("mystnb", {})
        for text in (
            site.get("figure", {}).get("caption", ""),
            site.get("image", {}).get("alt", ""),
        ):
            typed += typed_numbers(text)
    assert typed == []


def test_chapters_are_numbered_without_gaps():
    assert [path.stem[:2] for path in CHAPTERS] == [f"{i:02}" for i in range(len(CHAPTERS))]
    assert sys.version_info >= (3, 11)


def test_teachers_are_told_the_minutes_that_the_chapters_say():
    page = (CHAPTERS[0].parents[1] / "book" / "teachers.md").read_text()
    told = re.findall(r"^\| [^|]+ \| (\d+) min \| (\d+) min", page, flags=re.MULTILINE)
    said = []
    for path in CHAPTERS:
        text = "\n".join(cell.source for cell in read(path).cells)
        time = re.search(r"\*\*Time\*\*: (\d+) minutes to read.*?(\d+)(?: more)? for the ex", text)
        said.append(time.groups())
    assert told == said
    for minutes, kind in zip(zip(*told, strict=True), ("reading", "exercises"), strict=True):
        hours = round(sum(map(int, minutes)) / 60)
        assert re.search(rf"\b{hours} (hours )?of {kind}", page)


def test_teachers_are_told_what_the_main_line_alone_takes():
    page = (CHAPTERS[0].parents[1] / "book" / "teachers.md").read_text()
    rows = re.findall(r"^\| [^|]+ \| \d+ min \| \d+ min[^|]*\| (\d*)[^|]*\|", page, re.MULTILINE)
    said = []
    for path in CHAPTERS:
        text = "\n".join(cell.source for cell in read(path).cells)
        alone = re.search(r"(\d+) without what lies beyond the main line", text)
        said.append(alone[1] if alone else "")
    assert rows == said
