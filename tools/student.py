"""Write the student's notebooks: the chapters without solutions, readable in plain Jupyter.

The chapter is the only source. Solutions are cut by nbgrader; the site's own markup (MyST
directives and roles) becomes plain Markdown; numbers that the site fills in are taken from the
outputs stored in the chapter; the quiz moves to a file, since its questions hold the answers. A
notebook that exists in student/ is somebody's work: it is kept, and if its chapter has changed
since, that is said.

Cells of exercises bear nbgrader's metadata, so that its "Validate" says the truth. With --nbgrader,
the chapters are written as nbgrader's sources instead: with their solutions, which nbgrader itself
takes out, and with checks that raise an exception where the answer is wrong.
"""

import ast
import base64
import hashlib
import json
import re
import sys
import textwrap
from dataclasses import dataclass, field
from pathlib import Path

import nbformat
from nbgrader.preprocessors import ClearSolutions
from nbgrader.utils import compute_checksum
from pybtex.database import Entry, parse_file

ROOT = Path(__file__).resolve().parent.parent
SITE_ONLY = "remove-cell"  # cells that only hand numbers to the site's text
GLUED = "application/papermill.record/"
QUIZZES = "quizzes"
MADE_FROM = "made_from"  # in the metadata of a student's notebook; Jupyter leaves it there
CHECK = re.compile(r'check\("([\w-]+)", (\w+)\)\s*')  # the cell below an exercise
GRADED = """\
verdict = check("{name}", {answer})
assert verdict, verdict
print(verdict)"""  # as an exception, by which nbgrader tells a wrong answer
SETTINGS = """\
# Settings of nbgrader, which is run in this folder. Change them as you like: this file is kept.
c = get_config()
c.CourseDirectory.course_id = "recommender-systems"
c.Execute.timeout = 300  # seconds for a cell: the chapters train models
c.Execute.iopub_timeout = 60  # seconds for what a cell prints, on a machine that is busy
"""
QUIZ = """\
from IPython.display import HTML, display
from jupyterquiz import display_quiz

# A quiz asks MathJax to set its formulas, of which there are none; where MathJax
# cannot, as in JupyterLab, it would load another one from elsewhere.
display(HTML("<script>if (window.MathJax) MathJax.typeset ??= () => {{}}</script>"))
display_quiz({questions}, colors="fdsp")"""
PACKED = """\
import base64
import json

{imports}
# Packed, so that nobody reads the answers before the questions.
questions = json.loads(base64.b64decode(\"""
{packed}
\"""))
{rest}"""
PAGES = "data_card", "glossary", "notation"  # of the book, to which chapters lead
ALWAYS = "import numpy as np", "from recsys_lib.exercises import check"  # in a student's answer
WHERE = ("journal", "booktitle", "publisher", "howpublished")  # of a reference


def main(folder: Path) -> None:
    """Write every chapter that is not there yet, and say what was done."""
    targets = {path: folder / path.name for path in sorted((ROOT / "notebooks").glob("*.ipynb"))}
    kept, older = write(targets, folder)
    if kept:
        print(
            f"kept {', '.join(kept)} in {folder.name}/ as you left them. "
            "To start one anew, rename it or move it away and run `make student` again."
        )
    unknown = [target.name for path, target in targets.items() if _unmarked(path, target)]
    if unknown:
        print(
            f"The button Validate does not know the exercises of {', '.join(unknown)}, begun "
            "before there was one: go by what check says there."
        )
    if older:
        print(
            f"The chapter has changed since for {', '.join(older)}. Your answers count as before; "
            "where another cell no longer runs, CHANGELOG.md has the new names. To go on with the "
            "new chapter, rename yours, run `make student` again and copy your answers over."
        )


def _unmarked(chapter: Path, target: Path) -> bool:
    """Whether a student's notebook lacks the metadata by which nbgrader knows an exercise."""
    if '"nbgrader"' in target.read_text(encoding="utf-8", errors="replace"):
        return False
    return bool(exercise_cells(nbformat.read(chapter, as_version=4)))


def for_nbgrader(folder: Path) -> None:
    """Write every chapter with exercises as a source of nbgrader, if it is not there yet."""
    targets = {}
    for path in sorted((ROOT / "notebooks").glob("*.ipynb")):
        if exercise_cells(nbformat.read(path, as_version=4)):
            targets[path] = folder / "source" / path.stem / path.name
    kept, older = write(targets, folder, solutions=True)
    settings = folder / "nbgrader_config.py"
    if not settings.exists():
        settings.write_text(SETTINGS)
        print(f"wrote {settings.relative_to(folder.parent)}")
    if kept:
        print(f"kept {', '.join(kept)} in {folder.name}/source/ as you left them.")
    if older:
        print(
            f"The chapter has changed since for {', '.join(older)}. To take the new one, move the "
            "folder of yours away and run `make nbgrader` again."
        )
    print(
        f"Go on there, in the environment (. .venv/bin/activate): cd {folder.name}; "
        "nbgrader generate_assignment 02_cosine"
    )


def write(
    targets: dict[Path, Path], folder: Path, solutions: bool = False, say: bool = True
) -> tuple[list[str], list[str]]:
    """Write chapters to files that are not there; return which are, and which are of older ones."""
    folder.mkdir(exist_ok=True)
    references = parse_file(str(ROOT / "book" / "references.bib")).entries
    kept, older = [], []
    for chapter, target in targets.items():
        notebook = nbformat.read(chapter, as_version=4)
        state = fingerprint(notebook)
        if target.exists():
            kept.append(target.name)
            if made_from(target) != state:
                older.append(target.name)
            continue
        target.parent.mkdir(parents=True, exist_ok=True)
        write_quiz(notebook, target.parent / QUIZZES / f"{chapter.stem}.json")
        notebook = for_student(notebook, references, chapter.stem, solutions=solutions)
        notebook.metadata[MADE_FROM] = state
        temporary = target.with_suffix(".part")
        nbformat.write(notebook, temporary)
        temporary.replace(target)
        if say:
            print(f"wrote {target.relative_to(folder.parent)}")
    if not solutions:
        write_pages({target.parent for target in targets.values()}, references)
    return kept, older


def write_pages(folders: set[Path], references: dict[str, Entry]) -> None:
    """Write the pages of the book to which chapters lead as notebooks, which Jupyter shows."""
    for name in PAGES:
        context = Context(references=references)
        text = (ROOT / "book" / f"{name}.md").read_text(encoding="utf-8")
        sources = [plain_markdown(text, context).strip()]
        if context.cited:
            sources.append(_reference_list(context))
        cells = [
            nbformat.v4.new_markdown_cell(source, id=f"{name}-{number}")
            for number, source in enumerate(sources)
        ]
        for folder in folders:
            if not (folder / f"{name}.ipynb").exists():
                nbformat.write(nbformat.v4.new_notebook(cells=cells), folder / f"{name}.ipynb")


def fingerprint(notebook: nbformat.NotebookNode) -> str:
    """Return what changes with a chapter's text and code, and not with its outputs."""
    sources = json.dumps([cell.source for cell in notebook.cells])
    return hashlib.sha256(sources.encode()).hexdigest()[:16]


def made_from(path: Path) -> str | None:
    """Return the fingerprint of the chapter that a student's notebook was made from, if known."""
    try:
        return json.loads(path.read_text(encoding="utf-8"))["metadata"].get(MADE_FROM)
    except (ValueError, KeyError, TypeError, AttributeError, OSError):
        return None  # older than these fingerprints, or no notebook any more


@dataclass
class Context:
    """What a chapter's text refers to: computed numbers, sources, and things that are numbered."""

    numbers: dict[str, str] = field(default_factory=dict)
    references: dict[str, Entry] = field(default_factory=dict)
    places: dict[str, str] = field(default_factory=dict)  # label of a figure or formula: its number
    cited: set[str] = field(default_factory=set)


def for_student(
    notebook: nbformat.NotebookNode,
    references: dict[str, Entry],
    stem: str = "00",
    quiz_in_file: bool = True,
    solutions: bool = False,
) -> nbformat.NotebookNode:
    """Return a chapter as a student gets it; `stem` is its file's name, its number first.

    One that is handed out alone, without the file of its quiz, keeps the quiz. With `solutions` it
    is as nbgrader gets it: with them, and with checks that raise.
    """
    context = Context(glued_numbers(notebook), references, numbered(notebook, stem))
    exercises = exercise_cells(notebook)
    if not solutions:
        notebook, _ = ClearSolutions(enforce_metadata=False).preprocess(notebook, {})
    cells = []
    for cell in notebook.cells:
        if SITE_ONLY in cell.metadata.get("tags", []):
            continue
        shown = cell.metadata.get("mystnb", {})
        figure, image = shown.get("figure"), shown.get("image", {})
        cell.metadata = nbformat.from_dict({})
        cells.append(cell)
        if cell.cell_type == "markdown":
            cell.source = plain_markdown(cell.source, context)
            continue
        cell.outputs, cell.execution_count = [], None
        if cell.id in exercises:
            cell.source = runs_alone(cell.source)
            grade(cell, exercises[cell.id], raising=solutions)
        if "display_quiz(" in cell.source:
            file = f'"{QUIZZES}/{stem}.json"' if quiz_in_file else None
            cell.source = quiz_cell(cell.source, file)
        if figure:
            caption = f"*Figure {context.places[figure['name']]}. {figure['caption']}*"
            if alt := image.get("alt"):
                caption += (
                    f"\n\n<details><summary>What the figure looks like</summary>\n\n{alt}\n\n"
                    "</details>"
                )
            cells.append(nbformat.v4.new_markdown_cell(caption, id=f"{cell.id}-caption"[:64]))
    if context.cited:
        cells.append(nbformat.v4.new_markdown_cell(_reference_list(context), id="references"))
    notebook.cells = cells
    return notebook


def exercise_cells(notebook: nbformat.NotebookNode) -> dict[str, str]:
    """Return the exercise of each cell that holds a solution or a check, by the cell's id."""
    found, solution = {}, None
    for cell in notebook.cells:
        if cell.cell_type == "code" and "### BEGIN SOLUTION" in cell.source:
            solution = cell.id
        elif cell.cell_type == "code" and (match := CHECK.fullmatch(cell.source)):
            if solution is None:
                raise ValueError(f"check({match[1]!r}, ...) has no cell with a solution above it")
            found[solution] = found[cell.id] = match[1]
            solution = None
    return found


def runs_alone(source: str) -> str:
    """Return an exercise's cell with the imports it needs: a student may begin the day with it."""
    if CHECK.fullmatch(source):
        return source
    missing = [line for line in ALWAYS if line not in source]
    return "\n\n".join(missing) + "\n\n\n" + source if missing else source


def grade(cell: nbformat.NotebookNode, name: str, raising: bool) -> None:
    """Give a cell of an exercise nbgrader's metadata: one point for the check, which is locked."""
    match = CHECK.fullmatch(cell.source)
    if match and raising:
        cell.source = GRADED.format(name=name, answer=match[2])
    meta = {
        "grade": bool(match),
        "grade_id": name if match else f"{name}-answer",
        "locked": bool(match),
        "schema_version": 3,
        "solution": not match,
        "task": False,
    }
    cell.metadata["nbgrader"] = nbformat.from_dict(meta | ({"points": 1} if match else {}))
    if match and not raising:  # as nbgrader itself does when it takes out the solutions
        cell.metadata.nbgrader["cell_type"] = "code"
        cell.metadata.nbgrader["checksum"] = compute_checksum(cell)


def write_quiz(notebook: nbformat.NotebookNode, path: Path) -> None:
    """Write the questions of a chapter's quiz to a file that jupyterquiz reads."""
    for cell in notebook.cells:
        if "display_quiz(" in cell.source:
            path.parent.mkdir(exist_ok=True)
            path.write_text(json.dumps(_questions(cell.source), indent=1))


def _questions(source: str) -> list[dict]:
    calls = [node for node in ast.walk(ast.parse(source)) if isinstance(node, ast.Call)]
    quiz = next(call for call in calls if getattr(call.func, "id", "") == "display_quiz")
    return ast.literal_eval(quiz.args[0])


def quiz_cell(source: str, file: str | None) -> str:
    """Return the cell that shows a quiz, from a file or from questions that it holds itself."""
    if file is not None:
        return QUIZ.format(questions=file)
    text = json.dumps(_questions(source), separators=(",", ":"))
    packed = textwrap.fill(base64.b64encode(text.encode()).decode(), 76)
    imports, _, rest = QUIZ.format(questions="questions").partition("\n\n")
    return PACKED.format(imports=imports + "\n", packed=packed, rest=rest)


def numbered(notebook: nbformat.NotebookNode, stem: str) -> dict[str, str]:
    """Return the numbers that the site gives to figures and formulas, by label."""
    chapter = int(stem[:2]) if stem[:2].isdigit() else 0  # those that help have no number
    prefix = f"{chapter}." if chapter else ""
    places, figures, formulas = {}, 0, 0
    for cell in notebook.cells:
        if figure := cell.metadata.get("mystnb", {}).get("figure"):
            figures += 1
            places[figure["name"]] = f"{prefix}{figures}"
        if cell.cell_type == "markdown":
            for label in re.findall(r"(?m)^\$\$ \(([\w-]+)\)$", cell.source):
                formulas += 1
                places[label] = f"{prefix}{formulas}"
    return places


def glued_numbers(notebook: nbformat.NotebookNode) -> dict[str, str]:
    """Return what each `glue` call of the chapter recorded, by name, as text."""
    numbers = {}
    for cell in notebook.cells:
        for output in cell.get("outputs", []):
            name = output.get("metadata", {}).get("scrapbook", {}).get("name")
            value = output.get("data", {}).get(f"{GLUED}text/plain")
            if name is not None and value is not None:
                numbers[name] = ast.literal_eval(value) if value[0] in "\"'" else value
    return numbers


def plain_markdown(text: str, context: Context) -> str:
    """Turn the MyST that the chapters use into Markdown that Jupyter shows as it is meant."""

    def place(label: str) -> str:
        return context.places.get(label, label)

    replacements = (
        (r"(?m)^\([\w-]+\)=\n", ""),  # label of a heading
        (r"(?m)^\$\$ \(([\w-]+)\)$", lambda m: f"\\tag{{{place(m[1])}}}\n$$"),
        (r"\{numref\}`(?:Figure|Fig\.) %s <([^`]*)>`", lambda m: f"Figure {place(m[1])}"),
        (r"\{eq\}`([^`]*)`", lambda m: f"({place(m[1])})"),
        (r"\{(?:term|doc|ref)\}`([^`<]*?)(?: <[^`]*>)?`", r"\1"),
        (r"\{glue:text\}`([^`]*)`", lambda m: _number(m[1], context.numbers)),
        (r"\{cite:p\}`([^`]*)`", lambda m: _cited(m[1], context)),
        (r"\{cite:t\}`([^`]*)`", lambda m: _cited(m[1], context, in_text=True)),
        (r"(?ms)^:::\{prf:(\w+)\} ([^\n]*)\n(?::[^\n]*\n)*\n?(.*?)\n:::$", _statement),
        (r"\]\(\.\./notebooks/", "]("),
        (r"\b(what|that) is folded\b", r"\1 lies beyond the main line"),  # on the site alone
        (r"\bthe folded section\b", "the section beyond the main line"),
        (rf"\]\((?:\.\./book/)?({'|'.join(PAGES)})\.md(?:#[^)]*)?\)", r"](\1.ipynb)"),
        # Jupyter would show the markup of the other pages, so that their words are left.
        (r"\[([^\]]+)\]\((?!https?:)[^)]*\.md(?:#[^)]*)?\)", r"\1"),
        (r"(?m)^(\w[^\n]*)\n: ", r"**\1.** "),  # a term and its definition
    )
    for pattern, replacement in replacements:
        text = re.sub(pattern, replacement, text)
    return _directives(text)


def _statement(found: re.Match) -> str:
    """Return a theorem as text: its kind and name, then what it says."""
    return f"**{found[1].capitalize()}** ({found[2]}). {found[3]}"


def _number(role: str, numbers: dict[str, str]) -> str:
    name, _, form = role.partition(":")
    name = name.rpartition("::")[2]
    if name not in numbers:
        return f"`{name}`"
    value = numbers[name]
    if not form:
        return value
    return format(int(value) if value.lstrip("-").isdigit() else float(value), form)


def _cited(keys: str, context: Context, in_text: bool = False) -> str:
    found = []
    for key in (one.strip() for one in keys.split(",")):
        context.cited.add(key)
        names, year = _authors(context.references[key]), context.references[key].fields["year"]
        found.append(f"{names} ({year})" if in_text else f"{names} {year}")
    return " and ".join(found) if in_text else f"({'; '.join(found)})"


def _authors(entry: Entry) -> str:
    names = [" ".join(person.last_names).strip("{}") for person in entry.persons["author"]]
    return " and ".join(names) if len(names) < 3 else f"{names[0]} et al."


def _reference_list(context: Context) -> str:
    lines = []
    for key in sorted(context.cited):
        entry = context.references[key]
        where = next((entry.fields[f] for f in WHERE if f in entry.fields), "")
        title = entry.fields["title"].replace("{", "").replace("}", "")
        lines.append(f"- {_authors(entry)} ({entry.fields['year']}): {title}. {where}")
    return "## References\n\n" + "\n".join(lines)


def _directives(text: str) -> str:
    """Turn directives fenced by colons into headings, quotes and folds; the innermost first."""
    fence = re.compile(
        r"(?ms)^(?P<colons>:{3,})\{(?P<name>[\w-]+)\} ?(?P<title>[^\n]*)\n"
        r"(?P<options>(?::[\w-]+:[^\n]*\n)*)(?P<body>(?:(?!^:{3,}\{).)*?)^(?P=colons)[ \t]*$"
    )
    while match := fence.search(text):
        text = text[: match.start()] + _plain(match) + text[match.end() :]
    return text


def _plain(match: re.Match) -> str:
    name, title, body = match["name"], match["title"].strip(), match["body"].strip()
    if name == "dropdown":
        return f"<details><summary><b>{title}</b></summary>\n\n{body}\n\n</details>"
    if name == "beyond":
        lead = "" if body.startswith('"') else "Beyond the main line: "  # as book/_ext/tracks.py
        return f"*{lead}{body}*"
    if name == "glossary":
        return re.sub(r"(?m)^(\S[^\n]*)\n {2,}", r"**\1.** ", body)
    if name == "exercise":
        return f"**Exercise {title}**\n\n{body}"
    if name in ("figure", "image"):
        alt = re.search(r":alt: *([^\n]*)", match["options"])
        return f"![{alt[1] if alt else ''}]({title})\n\n{body}"
    heading = title or name.capitalize()
    quoted = "\n".join(f"> {line}".rstrip() for line in [f"**{heading}**", "", *body.split("\n")])
    return quoted


if __name__ == "__main__":
    given = [argument for argument in sys.argv[1:] if argument != "--nbgrader"]
    if len(given) > 1 or any(one.startswith("-") for one in given):
        sys.exit("usage: python tools/student.py [--nbgrader] [FOLDER]")
    if "--nbgrader" in sys.argv:
        for_nbgrader(Path(given[0]) if given else ROOT / "nbgrader")
    else:
        main(Path(given[0]) if given else ROOT / "student")
