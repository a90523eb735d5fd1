"""Run a chapter and keep the outputs of its checked cells, strip the others, or show it alone.

``python tools/chapter.py record [02]``, ``strip FILE ...`` (the commit hook), ``preview 02``.
"""

import subprocess
import sys
import webbrowser
from pathlib import Path

import nbformat
import yaml
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError
from nbstripout import strip_output

ROOT = Path(__file__).resolve().parent.parent
CHECKED = "nbval-check-output"


def find(number: str) -> list[Path]:
    """Return the chapters whose name starts with `number`; all where it is empty."""
    found = sorted((ROOT / "notebooks").glob(f"{number}*.ipynb"))
    if not found:
        names = ", ".join(path.stem for path in sorted((ROOT / "notebooks").glob("*.ipynb")))
        sys.exit(f"N must be the number of a chapter, got {number!r}. There are: {names}")
    return found


def record(path: Path) -> None:
    """Run a notebook and store the outputs of the cells that nbval compares, and no others."""
    notebook = nbformat.read(path, as_version=4)
    client = NotebookClient(
        notebook, timeout=300, kernel_name="python3", resources={"metadata": {"path": path.parent}}
    )
    try:
        client.execute()
    except CellExecutionError as error:
        sys.exit(f"{path.name} stops:\n{error}")
    for cell in notebook.cells:
        if CHECKED in cell.metadata.get("tags", []) and not cell.outputs:
            sys.exit(f"{path.name}: a cell tagged {CHECKED} prints nothing:\n{cell.source}")
    nbformat.write(stripped(notebook), path)
    print(f"recorded {path.relative_to(ROOT)}")


def stripped(notebook: nbformat.NotebookNode) -> nbformat.NotebookNode:
    """Take out all that a change of chapter should not show: unchecked outputs, counts, versions.

    Cells that keep their output count as run once: nbval takes a cell without a count for not run.
    """
    keys = ["metadata.language_info", "cell.metadata.execution"]
    strip_output(notebook, keep_output=False, keep_count=False, keep_id=True, extra_keys=keys)
    for cell in notebook.cells:
        if cell.get("outputs"):
            cell.execution_count = 1
            cell.outputs = joined(cell.outputs)
    return notebook


def joined(outputs: list[nbformat.NotebookNode]) -> list[nbformat.NotebookNode]:
    """Join what was printed in pieces: where a kernel cuts it is chance, no change of chapter.

    Of a result that has several forms its plain text is kept, which says the same as its HTML.
    """
    whole: list[nbformat.NotebookNode] = []
    for output in outputs:
        if "text/plain" in output.get("data", {}):
            output.data = {"text/plain": output.data["text/plain"]}
        last = whole[-1] if whole else {}
        if output.output_type == "stream" and last.get("name") == output.get("name", ""):
            last.text += output.text
        else:
            whole.append(output)
    return whole


def strip(paths: list[str]) -> None:
    """Strip notebooks in place; exit with 1 if one had to be changed, as commit hooks do."""
    changed = []
    for path in paths:
        before = Path(path).read_text()
        nbformat.write(stripped(nbformat.reads(before, as_version=4)), path)
        if Path(path).read_text() != before:
            changed.append(path)
    if changed:
        sys.exit(f"stripped {', '.join(changed)}")


def preview(path: Path) -> None:
    """Build one chapter alone; links to other chapters do not resolve in it."""
    folder = ROOT / "_build" / "preview"
    folder.mkdir(parents=True, exist_ok=True)
    page = path.relative_to(ROOT).with_suffix("")
    contents = folder / "_toc.yml"
    contents.write_text(yaml.safe_dump({"format": "jb-book", "root": str(page)}))
    command = ["jupyter-book", "build", str(ROOT), "--toc", str(contents)]
    command += ["--path-output", str(folder), "--quiet"]
    status = subprocess.run([str(Path(sys.executable).with_name(command[0])), *command[1:]])
    if status.returncode:
        sys.exit(f"{path.name} could not be built; the reason stands above")
    built = (folder / "_build" / "html" / page).with_suffix(".html").as_uri()
    print(f"built {built}")
    webbrowser.open(built)


if __name__ == "__main__":
    action, number = [*sys.argv[1:], "", ""][:2]
    if action == "strip":
        strip(sys.argv[2:])
    elif action == "record":
        for chapter in find(number):
            record(chapter)
    elif action == "preview" and number:
        preview(find(number)[0])
    else:
        sys.exit("usage: make record [N=02], make chapter N=02")
