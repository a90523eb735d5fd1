"""Run the benchmarks and write results/benchmarks.json: all of them, or the sections named.

A section times this library and others beside it, in one process and taking turns.
"""

import json
import os
import platform
import sys
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

from recsys_lib.files import atomic_write

import factorization
import growth
import implicit_feedback
import index
import ranking
import reading
import service
import simple_models
import stages
import with_features

RESULTS = Path(__file__).resolve().parent.parent / "results"
LIBRARIES = (
    *("recsys_lib", "implicit", "ranx", "scikit-surprise", "cornac"),
    *("numpy", "numba", "pandas", "scipy", "scikit-learn", "torch"),
)


SECTIONS = {
    "ranking": ranking.main,
    "reading": reading.main,
    "factorization": factorization.main,
    "implicit_feedback": implicit_feedback.main,
    "simple_models": simple_models.main,
    "with_features": with_features.main,
    "growth": growth.main,
    "index": index.main,
    "stages": stages.main,
    "service": service.main,
}


def main(names: list[str]) -> None:
    """Run the sections that are named, or all; the others stay as they are, with their dates."""
    unknown = [name for name in names if name not in SECTIONS]
    if unknown:
        sys.exit(f"a section must be one of {', '.join(SECTIONS)}, got {unknown[0]!r}")
    path, chosen = RESULTS / "benchmarks.json", names or list(SECTIONS)
    before = json.loads(path.read_text()) if names else {"found": {}, "dates": {}}
    today = datetime.now(UTC).isoformat(timespec="seconds")
    found = before["found"] | {name: SECTIONS[name]() for name in chosen}
    result = {
        "command": "make bench",
        # pages print the date of the whole; a section that is done alone has its own in "dates"
        "date": before.get("date", today),
        "dates": before["dates"] | dict.fromkeys(chosen, today),
        "versions": {name: version(name) for name in LIBRARIES}
        | {"python": platform.python_version()},
        "machine": {
            "processor": platform.machine(),
            "cores": os.cpu_count(),
            "threads": os.environ["OPENBLAS_NUM_THREADS"],
        },
        "found": {name: found[name] for name in SECTIONS},
    }
    with atomic_write(path) as file:
        file.write(json.dumps(result, indent=1).encode() + b"\n")
    print(json.dumps({name: found[name] for name in chosen}, indent=1))


if __name__ == "__main__":
    main(sys.argv[1:])
