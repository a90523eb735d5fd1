"""Read, index and filter a file of the size of Amazon's Musical_Instruments: 3 million ratings.

The file is made here, with the real one's format and shape (3.0 million ratings, 1.8 million users,
214 thousand items), and read in a process of its own, whose peak memory is measured.
"""

import json
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
import pandas as pd

RATINGS, USERS, ITEMS = 3_000_000, 1_760_000, 213_600

READ = """
import json, re, sys, time
from recsys_lib import data
start = time.perf_counter()
ratings = data.load_file(sys.argv[1], user="user_id", item="parent_asin", rating="rating",
                         timestamp="timestamp", time_unit="ms", scale=(1, 5))
read = time.perf_counter() - start
start = time.perf_counter()
left = data.min_counts(ratings, user=5, item=5)
core = data.k_core(ratings, 3)
filtered = time.perf_counter() - start
# not getrusage, whose peak counts the parent's memory too, from before this program was started
peak = int(re.search(r"VmHWM:\\s+(\\d+) kB", open("/proc/self/status").read())[1]) / 1e6
print(json.dumps({"read": read, "filter": filtered, "peak_gb": peak, "rows": len(ratings),
                  "users": ratings.n_users, "items": ratings.n_items}))
"""


def make(path: Path) -> None:
    """Write the file: identifiers, stars and times like the real ones, and a long tail."""
    rng = np.random.default_rng(0)
    letters = np.array(list("ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"))
    users = ["AE" + "".join(row) for row in letters[rng.integers(0, 32, (USERS, 26))]]
    items = ["B0" + "".join(row) for row in letters[rng.integers(0, 32, (ITEMS, 8))]]
    pairs = _pairs(rng)
    frame = pd.DataFrame(
        {
            "user_id": np.array(users)[pairs["user"]],
            "parent_asin": np.array(items)[pairs["item"]],
            "rating": rng.choice(np.arange(1.0, 6), RATINGS, p=[0.1, 0.05, 0.08, 0.13, 0.64]),
            "timestamp": rng.integers(1_000_000_000_000, 1_690_000_000_000, RATINGS),
        }
    )
    frame.to_csv(path, index=False, compression={"method": "gzip", "compresslevel": 3})


def _pairs(rng: np.random.Generator) -> pd.DataFrame:
    """Draw different (user, item) pairs in which every user and item occurs, both with a tail."""
    active = 1 / np.arange(1, USERS + 1) ** 0.6
    popular = 1 / np.arange(1, ITEMS + 1) ** 0.8
    first = pd.DataFrame({"user": np.arange(USERS), "item": np.arange(USERS) % ITEMS})
    more = pd.DataFrame(
        {
            "user": rng.choice(USERS, 2 * (RATINGS - USERS), p=active / active.sum()),
            "item": rng.choice(ITEMS, 2 * (RATINGS - USERS), p=popular / popular.sum()),
        }
    )
    pairs = pd.concat([first, more], ignore_index=True).drop_duplicates()[:RATINGS]
    return pairs.sample(frac=1, random_state=0, ignore_index=True)


def main() -> dict:
    """Make the file, read it in a fresh process, return seconds and peak memory."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "Musical_Instruments.csv.gz"
        make(path)
        size = path.stat().st_size / 1e6
        done = subprocess.run(
            [sys.executable, "-c", READ, str(path)], check=True, capture_output=True, text=True
        )
    return {**json.loads(done.stdout), "file_mb": size}
