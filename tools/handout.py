"""Write one folder, and a zip of it, for a class that does not have this project: `make handout`.

In it are the students' notebooks with their quizzes, the recorded results, the library as a wheel,
the versions of what it needs, and three commands. The notebooks run from there with what is
installed alone. The folder is made anew each time; one that holds anything else is left as it is.
"""

import re
import shutil
import subprocess
import sys
import tempfile
import tomllib
from pathlib import Path

import student

ROOT = Path(__file__).resolve().parent.parent
MARK = "# Recommender systems: the notebooks of the course"  # the first line of README.md
NEEDED = ["jupyterlab", "ipywidgets", "jupyterquiz"]  # beside what the library needs
README = f"""\
{MARK}

You need Python 3.11 or newer, and a package registry that pip can reach. In this folder:

```
python3 -m venv .venv
.venv/bin/python -m pip install -r requirements.txt
.venv/bin/python -m jupyter lab notebooks/00_start_here.ipynb
```

(On Windows: `py -m venv .venv`, and `.venv\\Scripts\\python` in place of `.venv/bin/python`.)

The second command installs about 2 GB, once. The data of the chapters comes with a package; nothing
else is downloaded. At the end of a chapter are exercises: you write a function, and `check` says
what is wrong with it. Keep `notebooks` and `results` beside each other: the notebooks show numbers
from there that take hours to compute. What you hand in is the notebook alone, such as
`notebooks/02_cosine.ipynb`, saved, under the name that it has.

For a model of your own: `.venv/bin/python -m recsys_lib.rank --template mine.py`.

Code MIT, text and figures CC BY 4.0.
"""


def requirements(wheel: str) -> str:
    """Return what the library and the notebooks need, in the versions of requirements.txt."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    pinned = {}
    for line in (ROOT / "requirements.txt").read_text().splitlines():
        asked = line.partition("#")[0].strip()
        if asked:
            pinned[re.match(r"[\w.-]+", asked)[0]] = asked
    lines = [pinned[name] for name in [*project["dependencies"], *NEEDED]]
    return "\n".join([*lines, f"./{wheel}"]) + "\n"


def build_wheel(folder: Path) -> str:
    """Build the library into a folder, without the network; return the name of the file.

    From a copy, as building leaves files behind; with the setuptools of this environment, as an
    isolated build would fetch one.
    """
    with tempfile.TemporaryDirectory() as place:
        for name in ("pyproject.toml", "README.md", "LICENSE"):
            shutil.copy(ROOT / name, place)
        spare = shutil.ignore_patterns("__pycache__")
        shutil.copytree(ROOT / "recsys_lib", Path(place) / "recsys_lib", ignore=spare)
        command = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--no-index"]
        command += ["--no-build-isolation", "--wheel-dir", str(folder), place]
        done = subprocess.run(command, capture_output=True, text=True)
        if done.returncode:
            sys.exit(f"The wheel could not be built:\n{done.stderr[-2000:]}")
    (wheel,) = folder.glob("recsys_lib-*.whl")
    return wheel.name


def main(folder: Path) -> None:
    """Make the folder and its zip; each is whole or as it was."""
    folder = folder.resolve()
    if folder.exists():
        readme = folder / "README.md"
        if not readme.is_file() or not readme.read_text().startswith(MARK):
            sys.exit(f"{folder} exists and is no such folder: it is left as it is. Name another")
    folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder.parent, prefix=".handout.") as place:
        new = Path(place) / folder.name
        new.mkdir()
        paths = sorted((ROOT / "notebooks").glob("*.ipynb"))
        targets = {path: new / "notebooks" / path.name for path in paths}
        student.write(targets, new, say=False)
        (new / "results").mkdir()
        for path in sorted((ROOT / "results").glob("*.json")):
            shutil.copy(path, new / "results")
        (new / "requirements.txt").write_text(requirements(build_wheel(new)))
        shutil.copy(ROOT / "LICENSE", new)
        (new / "README.md").write_text(README)
        packed = shutil.make_archive(str(new), "zip", place, folder.name)
        if folder.exists():
            folder.rename(Path(place) / "before")
        new.rename(folder)
        Path(packed).replace(folder.with_name(f"{folder.name}.zip"))
    print(f"{folder} is for your class; {folder.name}.zip beside it is the same in one file")


if __name__ == "__main__":
    if len(sys.argv) > 2 or sys.argv[1:2] == ["--help"]:
        sys.exit("usage: python tools/handout.py [FOLDER]")
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else ROOT / "handout")
