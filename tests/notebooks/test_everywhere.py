"""The settings that stand for other machines, and what is said when one of them fails."""

import ast
import os
import subprocess
import sys
from pathlib import Path

import pytest

TOOLS = Path(__file__).resolve().parents[2] / "tools"
sys.path.insert(0, str(TOOLS))
import everywhere  # noqa: E402

FAILS = """
def test_that_fails():
    assert 1 == 2

def test_that_passes():
    pass
"""


def test_there_are_at_least_four_settings_and_one_changes_nothing():
    assert len(everywhere.SETTINGS) >= 4
    assert everywhere.SETTINGS["own"] == {}
    assert everywhere.SETTINGS["generic"]["OMP_NUM_THREADS"] == "1"
    assert everywhere.SETTINGS["four-threads"]["NUMBA_NUM_THREADS"] == "4"


def test_what_the_caller_has_set_does_not_decide():
    given = {"OMP_NUM_THREADS": "7", "RECSYS_DATA": "there", "PYTEST_ADDOPTS": "--collect-only"}
    assert everywhere.without_settings(given) == {"RECSYS_DATA": "there"}


def test_a_failure_is_named_with_its_place(tmp_path, monkeypatch):
    monkeypatch.setattr(everywhere, "ROOT", tmp_path)
    (tmp_path / "test_toy.py").write_text(FAILS)
    assert everywhere.run("own", ["test_toy.py"], 0) == ["test_toy, test_that_fails"]
    (tmp_path / "test_toy.py").write_text("import no_such_module")
    (found,) = everywhere.run("own", ["test_toy.py"], 0)
    assert "test_toy" in found


def test_a_notebook_that_prints_otherwise_is_named_with_its_cell(tmp_path, monkeypatch):
    import nbformat

    book = nbformat.v4.new_notebook()
    for text, stored in (("print(1)", "1\n"), ("print(1 + 1)", "3\n")):
        cell = nbformat.v4.new_code_cell(text, execution_count=1)
        cell.metadata["tags"] = ["nbval-check-output"]
        cell.outputs = [nbformat.v4.new_output("stream", name="stdout", text=stored)]
        book.cells.append(cell)
    nbformat.write(book, tmp_path / "03_toy.ipynb")
    monkeypatch.setattr(everywhere, "ROOT", tmp_path)
    cells = ["--nbval-lax", "--nbval-current-env"]
    assert everywhere.run("own", [*cells, "03_toy.ipynb"], 0) == ["03_toy, Cell 1"]


def test_a_setting_that_is_not_there_is_answered_with_those_that_are():
    done = subprocess.run(
        [sys.executable, TOOLS / "everywhere.py", "mips"],
        capture_output=True,
        text=True,
        env=dict(os.environ),
    )
    assert done.returncode == 1
    assert "no setting 'mips'" in done.stderr
    assert "generic, avx2, own, four-threads" in done.stderr


COMPUTES = """
import re

import numba
import numpy as np
import numpy._core._multiarray_umath as core
import torch

@numba.njit(fastmath=True)
def total(x):
    s = 0.0
    for i in range(len(x)):
        s += x[i] * x[i]
    return s

total(np.ones(9))
((text,),) = [total.inspect_asm().values()]
registers = "".join(sorted(set(re.findall("%([xyz])mm", text))))
print(torch.backends.cpu.get_cpu_capability(), torch.get_num_threads(), registers)
print([name for name in core.__cpu_dispatch__ if core.__cpu_features__[name]])
"""


@pytest.mark.parametrize(
    ("name", "torch", "registers", "numpy"),
    [
        ("generic", "DEFAULT 1", "x", set()),
        ("avx2", "AVX2", "xy", {"V4", "AVX512"}),
        ("four-threads", " 4 ", "", None),
    ],
)
def test_a_setting_decides_what_the_libraries_compute_with(name, torch, registers, numpy):
    if name == "avx2" and not everywhere.numpy_core.__cpu_features__.get("AVX2"):
        pytest.skip("this processor has no AVX2")
    said = subprocess.run(
        [sys.executable, "-c", COMPUTES],
        capture_output=True,
        text=True,
        env=everywhere.without_settings(dict(os.environ)) | everywhere.SETTINGS[name],
    )
    first, second = said.stdout.splitlines()
    assert torch in first
    if registers:
        assert set(first.split()[-1]) <= set(registers)
    used = ast.literal_eval(second)
    if numpy is not None:
        assert not used if not numpy else not [u for u in used if any(n in u for n in numpy)]


def test_a_setting_that_this_processor_has_not_is_no_success(monkeypatch, capsys):
    monkeypatch.setitem(everywhere.numpy_core.__cpu_features__, "AVX2", False)
    with pytest.raises(SystemExit, match="nothing was run"):
        everywhere.main(["avx2"])
    assert "left out" in capsys.readouterr().out
