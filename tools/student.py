"""Write the student's notebooks: the chapters without solutions, readable in plain Jupyter.

The chapter is the only source. Solutions are cut by nbgrader; the site's own markup (MyST
directives and roles) becomes plain Markdown; numbers that the site fills in are taken from the
outputs stored in the chapter. A file that exists in student/ is somebody's work: it is kept.
"""

import re
import sys
from pathlib import Path

import nbformat
from nbgrader.preprocessors import ClearSolutions
from pybtex.database import Entry, parse_file

ROOT = Path(__file__).resolve().parent.parent
SITE_ONLY = "remove-cell"  # cells that only hand numbers to the site's text
GLUED = "application/papermill.record/"


def main(folder: Path) -> None:
    """Write every chapter that is not there yet, and say what was done."""
    folder.mkdir(exist_ok=True)
    references = parse_file(str(ROOT / "book" / "references.bib")).entries
    kept = []
    for chapter in sorted((ROOT / "notebooks").glob("*.ipynb")):
        target = folder / chapter.name
        if target.exists():
            kept.append(target.name)
            continue
        notebook = for_student(nbformat.read(chapter, as_version=4), references)
        temporary = target.with_suffix(".part")
        nbformat.write(notebook, temporary)
        temporary.replace(target)
        print(f"wrote {target.relative_to(folder.parent)}")
    if kept:
        print(
            f"kept {', '.join(kept)} in {folder.name}/ as you left them. "
            "To start one anew, rename it or move it away and run `make student` again."
        )


def for_student(
    notebook: nbformat.NotebookNode, references: dict[str, Entry]
) -> nbformat.NotebookNode:
    """Return a chapter as a student gets it."""
    numbers = glued_numbers(notebook)
    notebook, _ = ClearSolutions(enforce_metadata=False).preprocess(notebook, {})
    cells = []
    for cell in notebook.cells:
        tags = cell.metadata.get("tags", [])
        if SITE_ONLY in tags:
            continue
        if cell.cell_type == "markdown":
            cell.source = plain_markdown(cell.source, numbers, references)
        else:
            cell.outputs, cell.execution_count = [], None
        cell.metadata = nbformat.from_dict({})
        cells.append(cell)
    notebook.cells = cells
    return notebook


def glued_numbers(notebook: nbformat.NotebookNode) -> dict[str, str]:
    """Return what each `glue` call of the chapter recorded, by name, as text."""
    numbers = {}
    for cell in notebook.cells:
        for output in cell.get("outputs", []):
            name = output.get("metadata", {}).get("scrapbook", {}).get("name")
            value = output.get("data", {}).get(f"{GLUED}text/plain")
            if name is not None and value is not None:
                numbers[name] = value.strip("'")
    return numbers


def plain_markdown(
    text: str, numbers: dict[str, str] | None = None, references: dict[str, Entry] | None = None
) -> str:
    """Turn the MyST that the chapters use into Markdown that Jupyter shows as it is meant."""
    for pattern, replacement in (
        (r"(?m)^\([\w-]+\)=\n", ""),  # label of a heading
        (r"(?m)^(\$\$) \([\w-]+\)$", r"\1"),  # label of a formula
        (r"\{numref\}`(?:Figure|Fig\.) %s <[^`]*>`", "the figure"),
        (r"\{numref\}`[^`]*`", "the figure"),
        (r"\{eq\}`([^`]*)`", "the formula above"),
        (r"\{(?:term|doc|ref)\}`([^`<]*?)(?: <[^`]*>)?`", r"\1"),
    ):
        text = re.sub(pattern, replacement, text)
    text = re.sub(r"\{glue:text\}`([^`]*)`", lambda m: _number(m[1], numbers or {}), text)
    text = re.sub(r"\{cite:[pt]\}`([^`]*)`", lambda m: _cited(m[1], references or {}), text)
    text = re.sub(r"\]\(\.\./notebooks/", "](", text)
    return _directives(text)


def _number(role: str, numbers: dict[str, str]) -> str:
    name, _, form = role.partition(":")
    name = name.rpartition("::")[2]
    if name not in numbers:
        return f"`{name}`"
    value = numbers[name]
    if not form:
        return value
    return format(int(value) if value.lstrip("-").isdigit() else float(value), form)


def _cited(keys: str, references: dict[str, Entry]) -> str:
    return f"({'; '.join(_author_year(key.strip(), references) for key in keys.split(','))})"


def _author_year(key: str, references: dict[str, Entry]) -> str:
    if key not in references:
        return key
    authors = [" ".join(person.last_names) for person in references[key].persons["author"]]
    names = " and ".join(authors) if len(authors) < 3 else f"{authors[0]} et al."
    return f"{names} {references[key].fields['year']}"


def _directives(text: str) -> str:
    """Turn directives fenced by colons into headings, quotes and folds; the innermost first."""
    fence = re.compile(
        r"(?ms)^(?P<colons>:{3,})\{(?P<name>[\w-]+)\} ?(?P<title>[^\n]*)\n"
        r"(?P<options>(?::[\w-]+:[^\n]*\n)*)(?P<body>(?:(?!^:{3,}\{).)*?)^(?P=colons)\s*$"
    )
    while match := fence.search(text):
        text = text[: match.start()] + _plain(match) + text[match.end() :]
    return text


def _plain(match: re.Match) -> str:
    name, title, body = match["name"], match["title"].strip(), match["body"].strip()
    if name == "dropdown":
        return f"<details><summary><b>{title}</b></summary>\n\n{body}\n\n</details>"
    if name == "exercise":
        label = re.search(r":label: *(\S+)", match["options"])
        return f"**Exercise {label[1] if label else ''}: {title}**\n\n{body}"
    if name in ("figure", "image"):
        alt = re.search(r":alt: *([^\n]*)", match["options"])
        return f"![{alt[1] if alt else ''}]({title})\n\n{body}"
    heading = title or name.capitalize()
    quoted = "\n".join(f"> {line}".rstrip() for line in [f"**{heading}**", "", *body.split("\n")])
    return quoted


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else ROOT / "student")
