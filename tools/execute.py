"""Run all chapters, several at a time, before a build: ``python tools/execute.py FOLDER``.

Sphinx would run them one after another and leave all cores but one idle. Whatever was in the folder
is thrown away first: nothing there knows of changes in the library.
"""

import os
import shutil
import sys
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import nbformat
import yaml
from jupyter_cache import get_cache
from jupyter_cache.base import CacheBundleIn
from jupyter_cache.executors.utils import single_nb_execution

ROOT = Path(__file__).resolve().parent.parent
SECONDS = yaml.safe_load((ROOT / "_config.yml").read_text())["execute"]["timeout"]  # for a cell
AT_ONCE = 4  # kernels at most, each with a gigabyte of its own


def executed(path: Path) -> tuple[CacheBundleIn, str]:
    """Run a notebook in its folder; return it with its outputs, and what stopped it, if so."""
    notebook = nbformat.read(path, as_version=4)
    result = single_nb_execution(
        notebook,
        cwd=str(path.parent),
        timeout=SECONDS,
        allow_errors=False,
        meta_override=False,  # whatever the notebook says
        kernel_name="python3",
    )
    run = {"execution_seconds": result.time}
    stopped = str(result.err or "") or undrawn(result.nb)
    return CacheBundleIn(result.nb, str(path), data=run), stopped


def undrawn(notebook: nbformat.NotebookNode) -> str:
    """Return the error of an output that could not be drawn, "" if there is none.

    IPython shows such an error beside what is left of the output, and goes on.
    """
    outputs = (one for cell in notebook.cells for one in cell.get("outputs", []))
    errors = (one for one in outputs if one.output_type == "error")
    return "\n".join("\n".join(one.traceback) or f"{one.ename}: {one.evalue}" for one in errors)


def main(folder: Path, paths: list[Path]) -> None:
    """Keep the executed notebooks where the build finds them; stop at one that fails."""
    if folder.exists():
        if any(folder.iterdir()) and not (folder / "global.db").exists():
            sys.exit(f"{folder} holds something else: name a folder for executed notebooks alone")
        shutil.rmtree(folder)
    cache = get_cache(str(folder))
    cores = os.cpu_count() or 1
    workers = min(AT_ONCE, cores)
    os.environ["OMP_NUM_THREADS"] = str(cores // workers)  # more would only wait for each other
    failed = []
    with ProcessPoolExecutor(workers) as pool:
        for path, (bundle, error) in zip(paths, pool.map(executed, paths), strict=True):
            print(f"executed {path.name} in {bundle.data['execution_seconds']:.0f} s", flush=True)
            if error:
                failed.append(f"{path.name} stops:\n{error}")
            else:
                cache.cache_notebook_bundle(bundle, check_validity=False, overwrite=True)
    if failed:
        sys.exit("\n\n".join(failed))


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit("usage: python tools/execute.py FOLDER")
    # the longest first, lest one of them is left for the end, when the other cores have nothing
    chapters = sorted((ROOT / "notebooks").glob("*.ipynb"), key=lambda path: -path.stat().st_size)
    main(Path(sys.argv[1]), chapters)
