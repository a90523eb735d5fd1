"""Run the tests of library and exercises and all checked cells as other processors would.

``python tools/everywhere.py [SETTING ...]``; without a name, all of them. Each setting makes this
machine compute as another: with other vector instructions, other kernels for matrix products, other
numbers of threads. So sums are taken in other orders, and what holds in all of them may be believed
to hold elsewhere. ARM processors cannot be had this way; nothing here is known to stand in
their way.
"""

import os
import subprocess
import sys
import xml.etree.ElementTree as ElementTree
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy._core._multiarray_umath as numpy_core

ROOT = Path(__file__).resolve().parent.parent
THREADS = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS", "NUMBA_NUM_THREADS")


def numpy_without(*parts: str) -> dict[str, str]:
    """Keep NumPy from the instruction sets with such a name that it would use on this machine."""
    here = [name for name in numpy_core.__cpu_dispatch__ if numpy_core.__cpu_features__.get(name)]
    left_out = [name for name in here if any(part in name for part in parts)]
    return {"NPY_DISABLE_CPU_FEATURES": " ".join(left_out)} if left_out else {}


def threads(n: int) -> dict[str, str]:
    """Let every library that asks use so many threads, on a machine with fewer cores, too.

    OpenBLAS alone goes no higher than the cores.
    """
    return dict.fromkeys(THREADS, str(n)) | {"MKL_DYNAMIC": "FALSE", "OMP_DYNAMIC": "FALSE"}


SETTINGS: dict[str, dict[str, str]] = {
    "generic": {  # no instructions beyond those of every x86-64 processor; one thread
        "ATEN_CPU_CAPABILITY": "default",
        "ONEDNN_MAX_CPU_ISA": "SSE41",
        "MKL_CBWR": "COMPATIBLE",
        "OPENBLAS_CORETYPE": "Prescott",
        "NUMBA_CPU_NAME": "generic",
        **numpy_without("V3", "V4", "AVX"),
        **threads(1),
    },
    "avx2": {
        "ATEN_CPU_CAPABILITY": "avx2",
        "ONEDNN_MAX_CPU_ISA": "AVX2",
        "MKL_CBWR": "AVX2",
        "OPENBLAS_CORETYPE": "Haswell",
        "NUMBA_CPU_NAME": "haswell",
        "NUMBA_CPU_FEATURES": "+avx,+avx2,+fma,+bmi,+bmi2,+lzcnt,+f16c,+popcnt",
        **numpy_without("V4", "AVX512"),
    },
    "own": {},  # the best that this machine has
    "four-threads": threads(4),
}


OTHERS = {  # that would decide instructions, threads or what is run, too
    *("NUMBA_DISABLE_JIT", "NPY_ENABLE_CPU_FEATURES", "NPY_DISABLE_CPU_FEATURES"),
    *("DNNL_MAX_CPU_ISA", "MKL_ENABLE_INSTRUCTIONS", "OMP_THREAD_LIMIT", "PYTEST_ADDOPTS"),
}


def without_settings(environment: dict[str, str]) -> dict[str, str]:
    """Leave out what would decide instructions, threads or what is run before we do."""
    ours = OTHERS | {name for setting in SETTINGS.values() for name in setting}
    return {name: value for name, value in environment.items() if name not in ours}


def failures(report: Path) -> list[str]:
    """Return what failed, chapter and cell by name, from a report of pytest in JUnit's form."""
    found = []
    for case in ElementTree.parse(report).getroot().iter("testcase"):
        if case.find("failure") is not None or case.find("error") is not None:
            place = case.get("classname", "").replace("/", ".")
            chapter = place.removeprefix("notebooks.").removesuffix(".ipynb").split(".")[-1]
            found.append(f"{chapter}, {case.get('name')}")
    return found


def run(name: str, arguments: list[str], processes: int = 2) -> list[str]:
    """Run pytest under a setting, in so many processes; return what failed."""
    with TemporaryDirectory() as folder:
        report = Path(folder) / "report.xml"
        environment = without_settings(dict(os.environ)) | SETTINGS[name]
        pytest = [sys.executable, "-m", "pytest", "-q", f"-n{processes}", "-p", "no:cacheprovider"]
        status = subprocess.run(
            [*pytest, f"--junitxml={report}", *arguments], cwd=ROOT, env=environment
        ).returncode
        if status == 0:
            return []
        return (failures(report) if report.exists() else []) or [f"pytest ended with {status}"]


def main(names: list[str]) -> int:
    """Run the settings named, or all; print what failed, each with its setting; return a status."""
    unknown = [name for name in names if name not in SETTINGS]
    if unknown:
        there = ", ".join(SETTINGS)
        sys.exit(f"there is no setting {', '.join(map(repr, unknown))}. There are: {there}")
    notebooks = sorted(str(path.relative_to(ROOT)) for path in ROOT.glob("notebooks/*.ipynb"))
    cells = ["--nbval-lax", "--nbval-current-env", "--nbval-cell-timeout", "300"]
    found, done = [], []
    for name in names or SETTINGS:
        if name == "avx2" and not numpy_core.__cpu_features__.get("AVX2"):
            print("\n=== avx2: left out, this processor has no such instructions", flush=True)
            continue
        shown = " ".join(f"{key}={value!r}" for key, value in SETTINGS[name].items())
        print(f"\n=== {name}: {shown or 'nothing is set'}", flush=True)
        failed = run(name, ["tests/library", "tests/notebooks/test_exercises.py"])
        failed += run(name, [*cells, "--dist", "loadscope", *notebooks])
        found += [f"{name}: {what}" for what in failed]
        done.append(name)
    if not done:
        sys.exit("nothing was run")
    print(f"\n{'; '.join(done)}: {len(found)} failed (cells of code are counted from 0)")
    for line in found:
        print(f"  {line}")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
