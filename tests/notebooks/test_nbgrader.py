"""nbgrader on our chapters: right answers get their points, wrong ones none, "Validate" is true."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest
from nbgrader.api import Gradebook
from nbgrader.nbgraderformat.v3 import MetadataValidatorV3
from nbgrader.utils import compute_checksum
from nbgrader.validator import Validator
from pybtex.database import parse_file
from traitlets.config import PyFileConfigLoader

import student
from chapters import CHAPTERS, chapter, exercises, read

REFERENCES = parse_file(str(student.ROOT / "book" / "references.bib")).entries
NAME = CHAPTERS[0].stem


def graded(notebook):
    return {
        cell.metadata.nbgrader.grade_id: cell
        for cell in notebook.cells
        if "nbgrader" in cell.metadata
    }


def exercises_alone(notebook):
    """A chapter less what comes before its exercises, which need nothing of it: to save time."""
    first = next(i for i, c in enumerate(notebook.cells) if c.source.startswith("## Exercises"))
    notebook.cells = [cell for cell in notebook.cells[first:] if "display_quiz" not in cell.source]
    return notebook


def answered(notebook, how):
    """Fill in each answer: right, wrong, or left undone."""
    right = student.for_student(read(CHAPTERS[0]), REFERENCES, NAME, solutions=True)
    for name, cell in graded(notebook).items():
        if how == "right" and name.endswith("-answer"):
            cell.source = graded(right)[name].source
        elif how == "wrong":
            cell.source = cell.source.replace("raise NotImplementedError()", "return 0.123")
    return notebook


@pytest.mark.parametrize("path", [chapter(path) for path in CHAPTERS])
@pytest.mark.parametrize("solutions", [False, True])
def test_each_exercise_is_an_answer_and_a_check_worth_a_point(path, solutions):
    notebook = student.for_student(read(path), REFERENCES, path.stem, solutions=solutions)
    cells = graded(notebook)
    names = exercises(path)
    assert list(cells) == [one for name in names for one in (f"{name}-answer", name)]
    for name, cell in cells.items():
        MetadataValidatorV3().validate_cell(cell)
        meta, is_check = cell.metadata.nbgrader, name in names
        assert (meta.grade, meta.locked, meta.solution) == (is_check, is_check, not is_check)
        assert meta.get("points") == (1 if is_check else None)
        if is_check:
            assert f'check("{name}", ' in cell.source
            assert ("assert verdict, verdict" in cell.source) == solutions
            assert meta.get("checksum", "") == ("" if solutions else compute_checksum(cell))
        else:
            assert ("### BEGIN SOLUTION" in cell.source) == solutions
    assert sum("nbgrader" in cell.metadata for cell in notebook.cells) == 2 * len(names)


def test_a_check_without_a_solution_is_refused():
    lost = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell('check("svd-1", f)')])
    with pytest.raises(ValueError, match=r"'svd-1', .* has no cell with a solution above it"):
        student.exercise_cells(lost)


def test_the_sources_are_written_once(tmp_path, capsys):
    folder = tmp_path / "nbgrader"
    student.for_nbgrader(folder)
    said = capsys.readouterr().out
    assert said.count("wrote ") == len(CHAPTERS) + 1
    assert (folder / "source" / NAME / "quizzes" / f"{NAME}.json").exists()
    mine = folder / "source" / NAME / f"{NAME}.ipynb"
    mine.write_text("my work")
    (folder / "nbgrader_config.py").write_text("# mine")
    student.for_nbgrader(folder)
    said = capsys.readouterr().out
    assert "wrote " not in said
    assert f"changed since for {NAME}.ipynb. To take the new one" in said
    assert mine.read_text() == "my work"
    assert (folder / "nbgrader_config.py").read_text() == "# mine"


# ------------------------------------------------------------------ as a teacher and students do


def nbgrader(folder, *arguments):
    beside = str(Path(sys.executable).parent)  # it calls its own helpers by name
    paths = {"PATH": os.pathsep.join([beside, os.environ["PATH"]]), "HOME": str(folder)}
    paths["PYTHONPATH"] = str(student.ROOT)
    quiet = {"JUPYTER_PREFER_ENV_PATH": "1", "PYDEVD_DISABLE_FILE_VALIDATION": "1"}
    command = [sys.executable, "-m", "nbgrader", *arguments]
    done = subprocess.run(
        command, cwd=folder, env={**os.environ, **paths, **quiet}, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr


def test_autograding_gives_right_answers_all_points_and_wrong_ones_none(tmp_path):
    """The source of one chapter, released, answered rightly and wrongly, handed in and graded."""
    source = tmp_path / "source" / NAME / f"{NAME}.ipynb"
    source.parent.mkdir(parents=True)
    whole = student.for_student(read(CHAPTERS[0]), REFERENCES, NAME, solutions=True)
    nbformat.write(exercises_alone(whole), source)
    (tmp_path / "nbgrader_config.py").write_text(student.SETTINGS)
    nbgrader(tmp_path, "generate_assignment", NAME)
    release = tmp_path / "release" / NAME
    text = (release / source.name).read_text()
    assert "SOLUTION" not in text
    assert text.count("raise NotImplementedError()") == len(exercises(CHAPTERS[0]))
    for who in ("right", "wrong"):
        submitted = tmp_path / "submitted" / who / NAME
        shutil.copytree(release, submitted)
        notebook = answered(read(submitted / source.name), who)
        if who == "wrong":  # a check that was tampered with comes back
            graded(notebook)["start-1"].source = "True"
        nbformat.write(notebook, submitted / source.name)
    nbgrader(tmp_path, "autograde", NAME)
    with Gradebook(f"sqlite:///{tmp_path / 'gradebook.db'}") as book:
        scores = {one.student.id: one.score for one in book.assignment_submissions(NAME)}
    assert scores == {"right": float(len(exercises(CHAPTERS[0]))), "wrong": 0.0}
    after = read(tmp_path / "autograded" / "wrong" / NAME / source.name)
    (error,) = graded(after)["start-1"].outputs
    assert error.output_type == "error"
    assert error.evalue.startswith("✗ start-1: input 1 of ")


@pytest.mark.parametrize("how", ["undone", "wrong", "right", "tampered"])
def test_the_button_validate_says_the_truth_of_a_students_notebook(tmp_path, monkeypatch, how):
    monkeypatch.setenv("PYTHONPATH", str(student.ROOT))
    notebook = student.for_student(read(CHAPTERS[0]), REFERENCES, NAME)
    notebook = answered(exercises_alone(notebook), how)
    if how == "tampered":
        graded(notebook)["start-1"].source = "True"
    nbformat.write(notebook, tmp_path / "mine.ipynb")
    (tmp_path / "nbgrader_config.py").write_text(student.SETTINGS)
    settings = PyFileConfigLoader("nbgrader_config.py", str(tmp_path)).load_config()
    found = Validator(config=settings).validate(str(tmp_path / "mine.ipynb"))
    if how == "tampered":
        assert [one["source"] for one in found["changed"]] == ["True"]
    elif how == "right":
        assert found == {}  # of which the button says that it passes
    else:
        errors = [one["error"] for one in found["failed"]]
        assert len(errors) == len(exercises(CHAPTERS[0]))
        said = ["input 1 of"] * 3 + ["expected three hit ratios"]
        for error, wrong in zip(errors, said, strict=True):
            assert ("not done yet" if how == "undone" else wrong) in error
