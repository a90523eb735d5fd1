"""The student's notebooks: no solution, no markup of the site, and nobody's work overwritten."""

import json
import re

import nbformat
import pytest
from nbclient import NotebookClient
from pybtex.database import parse_file

import student
from chapters import CHAPTERS, PAGES, chapter, exercises, read

REFERENCES = parse_file(str(student.ROOT / "book" / "references.bib")).entries
each_chapter = pytest.mark.parametrize("path", [chapter(path) for path in CHAPTERS])


def text_of(notebook, kind):
    return "\n".join(cell.source for cell in notebook.cells if cell.cell_type == kind)


@each_chapter
def test_solutions_are_gone_and_stubs_are_there(path):
    notebook = student.for_student(read(path), REFERENCES)
    code = text_of(notebook, "code")
    assert "SOLUTION" not in code
    assert code.count("raise NotImplementedError()") == len(exercises(path))
    for cell in read(path).cells:
        for body in re.findall(r"### BEGIN SOLUTION\n(.*?)\n *### END", cell.source, re.DOTALL):
            for line in body.strip().split("\n"):
                assert line.strip() not in text_of_stubs(notebook), line


def text_of_stubs(notebook):
    return [
        line.strip()
        for cell in notebook.cells
        if "NotImplementedError" in cell.source
        for line in cell.source.split("\n")
    ]


@each_chapter
def test_nothing_is_left_that_plain_jupyter_would_show_as_markup(path):
    text = text_of(student.for_student(read(path), REFERENCES, path.stem), "markdown")
    assert not re.search(r":::|\{[\w:-]+\}`|^\(\S+\)=|^:\w+:", text, re.MULTILINE)
    for name in exercises(path):
        assert f"**Exercise {name}, " in text
    assert "<details><summary><b>Hint" in text
    code = text_of(student.for_student(read(path), REFERENCES, path.stem), "code")
    assert "glue(" not in code
    assert '"correct"' not in code, "the quiz shows its answers"
    assert not re.search(r"\]\([^)]*\.md\b", text), "Jupyter shows the markup of such a page"
    for word in ("unfold", r"\bis folded\b", r"\bare folded\b", "{"):
        found = re.findall(rf".*{word}.*", without_code_and_formulas(text))
        assert [one for one in found if "On the site" not in one and "Hints" not in one] == []
    captions = text.count("*Figure ")
    figures = [one.metadata.mystnb for one in read(path).cells if "plt.show()" in one.source]
    assert captions == len(figures)
    for one in figures:
        assert f"\n\n{one.image.alt}\n\n</details>" in text
    assert text.count("What the figure looks like") == captions


def without_code_and_formulas(text):
    return re.sub(r"\$\$.*?\$\$|\$[^$\n]*\$|```.*?```|`[^`\n]*`", "", text, flags=re.DOTALL)


def test_a_quiz_asks_for_nothing_and_does_not_give_its_answers_away():
    """JupyterLab's MathJax has no `typeset`, for which jupyterquiz would load another one."""
    for path in PAGES:
        for in_file in (True, False):
            notebook = student.for_student(read(path), REFERENCES, path.stem, quiz_in_file=in_file)
            (cell,) = [c for c in notebook.cells if "display_quiz(" in c.source] or [None]
            if cell is None:
                continue
            assert "MathJax.typeset ??=" in cell.source.partition("display_quiz(")[0]
            assert "correct" not in cell.source
            if not in_file:
                space = {"display_quiz": lambda questions, **_: None, "__name__": "quiz"}
                exec(cell.source.partition("display(")[0], space)
                assert "$" not in json.dumps(space["questions"]), "formulas would stay TeX"


def test_pages_that_chapters_lead_to_are_notebooks_without_markup(tmp_path):
    student.write_pages({tmp_path}, REFERENCES)
    for name in student.PAGES:
        text = text_of(read(tmp_path / f"{name}.ipynb"), "markdown")
        assert text.startswith("# ")
        assert not re.search(
            r":::|\{[\w:-]+\}`|^\(\S+\)=|\]\((?!https)[^)]*\.md", text, re.MULTILINE
        )
    assert "**Ablation.** To change one part" in text_of(
        read(tmp_path / "glossary.ipynb"), "markdown"
    )


@each_chapter
def test_a_students_notebook_runs_to_its_end_with_nothing_done(path):
    """Only the checks say "not done yet": no cell that is not an exercise needs a solution."""
    notebook = student.for_student(read(path), REFERENCES)
    defined = {
        name
        for cell in notebook.cells
        if "NotImplementedError" in cell.source
        for name in re.findall(r"def (\w+)", cell.source)
    }
    for cell in notebook.cells:
        if cell.cell_type != "code" or "NotImplementedError" in cell.source:
            continue
        calls = set(re.findall(r"(?<![.\w])(\w+)\(", cell.source)) & defined
        own = set(re.findall(r"def (\w+)", text_before(notebook, cell)))
        assert calls <= own, f"{calls} is a stub here: {cell.source}"


def text_before(notebook, cell):
    """The code of the cells ahead of this one that are no exercises, and its own."""
    sources = []
    for one in notebook.cells:
        if one.cell_type == "code" and "NotImplementedError" not in one.source:
            sources.append(one.source)
        if one is cell:
            break
    return "\n".join(sources)


def test_a_students_first_notebook_runs_and_says_what_is_not_done(tmp_path):
    stem = CHAPTERS[0].stem
    student.write_quiz(read(CHAPTERS[0]), tmp_path / "quizzes" / f"{stem}.json")
    notebook = student.for_student(read(CHAPTERS[0]), REFERENCES, stem)
    resources = {"metadata": {"path": tmp_path}}
    NotebookClient(notebook, timeout=120, kernel_name="python3", resources=resources).execute()
    outputs = [
        output
        for cell in notebook.cells
        if cell.source.startswith("check(")
        for output in cell.outputs
    ]
    assert {output.name for output in outputs} == {"stderr"}  # for nbgrader; nothing is stopped
    said = "".join(output.text for output in outputs).splitlines()
    assert said == [f"✗ {name}: not done yet" for name in exercises(CHAPTERS[0])]


def test_numbers_are_filled_in_from_the_stored_outputs():
    numbers = {"hr": "0.0843", "n": "9066"}
    text = "It is {glue:text}`hr:.1%` of {glue:text}`n:,d` and {glue:text}`hr`, not {glue:text}`x`."
    assert student.plain_markdown(text, student.Context(numbers)) == (
        "It is 8.4% of 9,066 and 0.0843, not `x`."
    )


def test_markup_becomes_plain_markdown():
    text = """(label)=
## Title

See {numref}`Figure %s <fig-a>` and {eq}`eq-b`, {cite:p}`sarwar2001item`, {term}`tie`.

$$
a = b
$$ (eq-b)

{cite:t}`sarwar2001item` say so.

Read
: A page.

:::{exercise} x-1, doubling
:label: x-1

Write `f`.
:::

:::{dropdown} Hint 1
Think.
:::

After the fold.

::::{admonition} Beware
:class: warning
Of this:

:::{dropdown} More
Inner.
:::
::::
"""
    context = student.Context({}, REFERENCES, {"fig-a": "3.1", "eq-b": "3.2"})
    plain = student.plain_markdown(text, context)
    assert "(label)=" not in plain
    assert "See Figure 3.1 and (3.2), (Sarwar et al. 2001), tie." in plain
    assert "Sarwar et al. (2001) say" in plain
    assert context.cited == {"sarwar2001item"}
    assert "$$\na = b\n\\tag{3.2}\n$$\n" in plain
    assert "**Read.** A page." in plain
    assert "**Exercise x-1, doubling**\n\nWrite `f`." in plain
    assert "<details><summary><b>Hint 1</b></summary>\n\nThink.\n\n</details>" in plain
    assert "</details>\n\nAfter the fold.\n\n> **Beware**" in plain
    assert "> <details><summary><b>More</b></summary>" in plain
    assert ":::" not in plain


@each_chapter
def test_an_answer_runs_without_the_cells_above_it(path):
    """A student may begin the day with it, in a fresh kernel."""
    known = student.exercise_cells(read(path))
    for cell in student.for_student(read(path), REFERENCES).cells:
        if cell.id in known and not student.CHECK.fullmatch(cell.source):
            space: dict[str, object] = {}
            exec(cell.source, space)
            assert {"np", "check"} <= space.keys()


def test_a_students_file_is_kept_and_said_to_be_kept(tmp_path, capsys):
    folder = tmp_path / "student"
    folder.mkdir()
    mine = folder / CHAPTERS[0].name
    mine.write_text("my work")
    student.main(folder)
    assert mine.read_text() == "my work"
    said = capsys.readouterr().out
    assert f"kept {mine.name} in student/ as you left them" in said
    assert f"Validate does not know the exercises of {mine.name}, begun" in said
    assert all((folder / path.name).exists() for path in CHAPTERS)
    assert not list(folder.glob("*.part"))
    nbformat.validate(read(folder / CHAPTERS[1].name))
    quiz = json.loads((folder / "quizzes" / f"{CHAPTERS[1].stem}.json").read_text())
    assert len(quiz) >= 3
    student.main(folder)
    assert "wrote" not in capsys.readouterr().out


def test_a_theorem_is_text_for_students():
    text = ":::{prf:theorem} Eckart and Young\n:label: thm-x\n\nNo $B$ is\nbetter.\n:::\n\nProof."
    found = student.plain_markdown(text, student.Context({}, {}, {}))
    assert found == "**Theorem** (Eckart and Young). No $B$ is\nbetter.\n\nProof."
