"""What the commit hook takes out of a notebook, what it leaves, and how the book runs them."""

import nbformat
import pytest
from jupyter_cache import get_cache

import chapter
import execute

CHECKED = ["nbval-check-output", "keep_output"]


def printed(text):
    return nbformat.v4.new_output("stream", name="stdout", text=text)


def notebook():
    return nbformat.v4.new_notebook(
        cells=[
            nbformat.v4.new_code_cell(
                "print(1)", id="one", outputs=[printed("1\n")], execution_count=7
            ),
            nbformat.v4.new_code_cell(
                "print(2)",
                id="two",
                outputs=[printed("2\n")],
                execution_count=8,
                metadata={"tags": CHECKED, "execution": {"iopub.execute_input": "now"}},
            ),
        ],
        metadata={"language_info": {"name": "python", "version": "3.99"}},
    )


def test_only_checked_outputs_stay_and_counts_and_versions_go():
    one, two = (left := chapter.stripped(notebook())).cells
    assert (one.outputs, one.execution_count, one.id) == ([], None, "one")
    assert (two.outputs[0].text, two.execution_count, two.id) == ("2\n", 1, "two")
    assert two.metadata == {"tags": CHECKED}
    assert "language_info" not in left.metadata


def test_what_was_printed_in_pieces_is_joined():
    pieces = [printed("a\n"), printed("b\n"), nbformat.v4.new_output("display_data"), printed("c")]
    whole = chapter.joined(pieces)
    assert [one.get("text") for one in whole] == ["a\nb\n", None, "c"]


def test_the_hook_stops_a_commit_once_and_lets_the_stripped_file_pass(tmp_path):
    path = tmp_path / "a.ipynb"
    nbformat.write(notebook(), path)
    with pytest.raises(SystemExit, match="stripped"):
        chapter.strip([str(path)])
    chapter.strip([str(path)])


def test_a_chapter_that_does_not_exist_is_answered_with_those_that_do():
    with pytest.raises(SystemExit, match=r"got .77.\. There are: 00_start_here"):
        chapter.find("77")
    assert [path.stem for path in chapter.find("02")] == ["02_cosine"]


def test_chapters_that_ran_are_found_by_the_build_and_one_that_stops_is_named(tmp_path):
    """A kept output is taken for no run; the folder is emptied first; all of them run."""
    kept, sources = tmp_path / "kept", {"a": "print(1 + 1)", "b": "1 / 0", "c": "print(3 + 3)"}
    paths = [tmp_path / f"{name}.ipynb" for name in sources]
    for path in paths:
        cell = nbformat.v4.new_code_cell(sources[path.stem], outputs=[printed("before\n")])
        nbformat.write(nbformat.v4.new_notebook(cells=[cell]), path)
    for _ in range(2):
        with pytest.raises(SystemExit, match=r"(?s)^b\.ipynb stops:.*ZeroDivisionError"):
            execute.main(kept, paths)
        cache = get_cache(str(kept))
        assert len(cache.list_cache_records()) == 2
        for path, printed_now in ((paths[0], "2\n"), (paths[2], "6\n")):
            _, notebook = cache.merge_match_into_notebook(nbformat.read(path, as_version=4))
            assert [one.text for one in notebook.cells[0].outputs] == [printed_now]


def test_a_notebook_may_not_ask_for_its_errors_to_be_let_pass(tmp_path):
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell("1 / 0")])
    notebook.metadata["execution"] = {"allow_errors": True}
    nbformat.write(notebook, tmp_path / "a.ipynb")
    with pytest.raises(SystemExit, match="ZeroDivisionError"):
        execute.main(tmp_path / "kept", [tmp_path / "a.ipynb"])


def test_an_output_that_cannot_be_drawn_stops_the_build():
    """IPython shows the error of such an output, and the notebook goes on."""
    drawn, left = nbformat.v4.new_code_cell("x"), nbformat.v4.new_code_cell("y")
    notebook = nbformat.v4.new_notebook(cells=[drawn, left])
    assert execute.undrawn(notebook) == ""
    left.outputs = [
        nbformat.v4.new_output(
            "error", ename="ValueError", evalue="no rows", traceback=["ValueError: no rows"]
        )
    ]
    assert execute.undrawn(notebook) == "ValueError: no rows"
    left.outputs[0].traceback = []
    assert execute.undrawn(notebook) == "ValueError: no rows"


def test_a_folder_of_something_else_is_not_emptied(tmp_path):
    (tmp_path / "mine.txt").write_text("a year of work")
    with pytest.raises(SystemExit, match="holds something else"):
        execute.main(tmp_path, [])
    assert (tmp_path / "mine.txt").exists()
