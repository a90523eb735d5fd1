"""The folder for a class: its notebooks run with the installed library alone."""

import json
import os
import re
import subprocess
import sys
import zipfile

import nbformat
import pytest

import handout
import student
from chapters import PAGES, read


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("class") / "handout"
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PIP_INDEX_URL", "http://127.0.0.1:9/simple")  # no network is needed
        handout.main(folder)
    return folder


def test_all_is_there_and_the_zip_holds_the_same(folder):
    names = {path.name for path in folder.iterdir()}
    (wheel,) = (name for name in names if name.endswith(".whl"))
    assert names == {
        *("README.md", "LICENSE", "notebooks", "requirements.txt", "results"),
        wheel,
    }
    notebooks = sorted((folder / "notebooks").glob("*.ipynb"))
    pages = [*(path.name for path in PAGES), *(f"{name}.ipynb" for name in student.PAGES)]
    assert sorted(path.name for path in notebooks) == sorted(pages)
    with zipfile.ZipFile(folder.with_name("handout.zip")) as packed:
        inside = {name for name in packed.namelist() if not name.endswith("/")}
    files = {path for path in folder.rglob("*") if path.is_file()}
    assert inside == {path.relative_to(folder.parent).as_posix() for path in files}
    assert sorted(path.name for path in folder.parent.iterdir()) == ["handout", "handout.zip"]


def test_no_solution_is_in_it_and_no_link_leads_out_of_it(folder):
    for path in (folder / "notebooks").glob("*.ipynb"):
        text = path.read_text()
        assert "SOLUTION" not in text
        prose = "\n".join(c.source for c in read(path).cells if c.cell_type == "markdown")
        for link in re.findall(r"\]\(([^)#\s]+\.\w+)", prose):
            assert link.startswith(("http", "data:")) or (path.parent / link).exists(), link
        for quiz in re.findall(r'display_quiz\(\\"([^"\\]+)', text):
            assert len(json.loads((path.parent / quiz).read_text())) >= 3


def test_what_the_notebooks_import_is_asked_for(folder):
    lines = (folder / "requirements.txt").read_text().splitlines()
    asked = {re.split("[=<>]", line)[0] for line in lines}
    assert (folder / lines[-1]).is_file()
    assert "torch==" in "\n".join(lines)
    imports = {
        name
        for path in (folder / "notebooks").glob("*.ipynb")
        for cell in read(path).cells
        if cell.cell_type == "code"
        for name in re.findall(r"(?m)^\s*(?:import|from) (\w+)", cell.source)
    }
    with_others = {"recsys_lib", "sklearn", "IPython"}  # the library brings one, Jupyter the other
    assert imports - sys.stdlib_module_names - with_others <= asked


def test_a_notebook_finds_the_results_with_the_installed_library_alone(folder, tmp_path):
    site = tmp_path / "site"
    (wheel,) = folder.glob("*.whl")
    with zipfile.ZipFile(wheel) as packed:
        packed.extractall(site)
    code = (
        "import recsys_lib, recsys_lib.rank as rank\n"
        "from recsys_lib.results import recorded, source\n"
        "print(recsys_lib.__file__); print(rank.TEMPLATE.read_text()[:3])\n"
        "print(source(recorded('svd')))"
    )

    def run(place):
        return subprocess.run(
            [sys.executable, "-c", code],
            cwd=place,
            env={**os.environ, "PYTHONPATH": str(site), "NUMBA_CACHE_DIR": str(tmp_path)},
            capture_output=True,
            text=True,
        )

    done = run(folder / "notebooks")
    assert done.returncode == 0, done.stderr
    where, quotes, *said = done.stdout.splitlines()
    assert where.startswith(str(site))
    assert quotes == '"""'
    assert said[0].startswith("Recorded 20")
    assert f"looked for in {site / 'results'}, {tmp_path / 'results'}" in run(tmp_path).stderr


def test_a_folder_that_is_something_else_is_left_and_one_of_before_is_made_anew(folder, tmp_path):
    mine = tmp_path / "handout"
    mine.mkdir()
    (mine / "README.md").write_text("my notes")
    with pytest.raises(SystemExit, match="exists and is no such folder: it is left as it is"):
        handout.main(mine)
    assert [path.name for path in mine.iterdir()] == ["README.md"]
    (folder / "stray.txt").write_text("")
    handout.main(folder)
    assert not (folder / "stray.txt").exists()
    nbformat.validate(read(folder / "notebooks" / "01_data.ipynb"))
