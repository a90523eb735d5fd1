"""What the checked cells printed when the book was built is what the notebooks store."""

import os
import sys
from pathlib import Path

import nbformat
import pytest
from jupyter_cache import get_cache

from site_helpers import ROOT

sys.path.insert(0, str(ROOT / "tools"))

from chapter import CHECKED, joined

EXECUTED = Path(os.environ.get("RECSYS_EXECUTED", ROOT / "_build" / ".executed"))


def printed(outputs: list[dict]) -> str:
    """Return what a cell says in plain text: what it printed and what it showed, in order."""
    said = joined([nbformat.from_dict(one) for one in outputs if one.get("name") != "stderr"])
    texts = [one.get("text") or one.get("data", {}).get("text/plain", "") for one in said]
    return "\n".join(filter(None, (text.rstrip() for text in texts)))


def test_what_came_in_pieces_is_what_came_at_once():
    whole = [{"output_type": "stream", "name": "stdout", "text": "one\ntwo\n"}]
    pieces = [{**whole[0], "text": "one\nt"}, {**whole[0], "text": "wo\n"}]
    shown = [{"output_type": "display_data", "data": {"text/plain": "a table"}}]
    assert printed(pieces) == printed(whole) == "one\ntwo"
    assert printed(shown + pieces) == "a table\none\ntwo"


@pytest.mark.parametrize(
    "path", sorted((ROOT / "notebooks").glob("*.ipynb")), ids=lambda path: path.stem
)
def test_checked_cells_printed_what_is_stored(path: Path):
    notebook = nbformat.read(path, as_version=4)
    try:
        found = get_cache(str(EXECUTED)).match_cache_notebook(notebook)
    except KeyError:
        pytest.fail(f"{path.name} was not executed as it is now: run make book", pytrace=False)
    executed = get_cache(str(EXECUTED)).get_cache_bundle(found.pk).nb
    stored, fresh = ([c for c in nb.cells if c.cell_type == "code"] for nb in (notebook, executed))
    pairs = [
        (old, new)
        for old, new in zip(stored, fresh, strict=True)
        if CHECKED in old.metadata.get("tags", [])
    ]
    assert pairs
    for old, new in pairs:
        assert printed(new.outputs) == printed(old.outputs), old.source


def test_a_number_that_changed_is_seen():
    def shows(text: str) -> list[dict]:
        return [{"output_type": "stream", "name": "stdout", "text": text}]

    table = {"output_type": "display_data", "data": {"text/plain": "a 1", "text/html": "<b>"}}
    assert printed([*shows("x\n"), table]) == "x\na 1"
    assert printed(shows("0.123\n")) != printed(shows("0.124\n"))
    noise = {"output_type": "stream", "name": "stderr", "text": "a bar"}
    assert printed([noise]) == ""
