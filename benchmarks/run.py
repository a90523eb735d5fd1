"""Run all benchmarks in one go and write results/benchmarks.json."""

import json
import os
import platform
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

from recsys_lib.files import atomic_write

import factorization
import growth
import implicit_feedback
import ranking
import reading
import simple_models

RESULTS = Path(__file__).resolve().parent.parent / "results"
LIBRARIES = (
    *("recsys_lib", "implicit", "ranx", "scikit-surprise", "cornac"),
    *("numpy", "numba", "pandas", "scipy", "scikit-learn", "torch"),
)


def main() -> None:
    found = {
        "ranking": ranking.main(),
        "reading": reading.main(),
        "factorization": factorization.main(),
        "implicit_feedback": implicit_feedback.main(),
        "simple_models": simple_models.main(),
        "growth": growth.main(),
    }
    result = {
        "command": "make bench",
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
        "versions": {name: version(name) for name in LIBRARIES}
        | {"python": platform.python_version()},
        "machine": {
            "processor": platform.machine(),
            "cores": os.cpu_count(),
            "threads": os.environ["OPENBLAS_NUM_THREADS"],
        },
        "found": found,
    }
    with atomic_write(RESULTS / "benchmarks.json") as file:
        file.write(json.dumps(result, indent=1).encode() + b"\n")
    print(json.dumps(found, indent=1))


if __name__ == "__main__":
    main()
