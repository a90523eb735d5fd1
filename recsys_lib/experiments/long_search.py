"""BPR and BinaryMF searched once more, with trials ten times as long, to see what that changes.

In `search` a trial of theirs ends after 400 epochs, or 30 without a rise; small steps are then
still on their way. Here it ends after 4,000, or 400 without a rise, and validation is measured at
every fifth. Ranges and number of trials are the same, and so are the first two thirds of the
settings. What each search chose is compared on validation, where three seeds stand beside three,
and once on the test set. The fair table keeps the choices of `search`: whoever looks at the test to
choose between two searches has tuned on it.
"""

from dataclasses import replace

from recsys_lib.data import Interactions
from recsys_lib.evaluation.candidates import Candidates
from recsys_lib.experiments.contenders import CONTENDERS, LONG
from recsys_lib.experiments.protocol import SEEDS, paper_split, tuning_split
from recsys_lib.experiments.search import TRIALS, searched
from recsys_lib.experiments.testing import again, compared, on_test
from recsys_lib.experiments.units import Units

NAMES = ("BPR", "BinaryMF")
LONGER = {f"{name}, long": replace(CONTENDERS[name], **LONG) for name in NAMES}
PAIRS = [(f"{name}, long", name) for name in NAMES]


def run(
    ratings: Interactions,
    candidates: Candidates,
    search: dict,
    seeds: range = SEEDS,
    units: Units | None = None,
) -> dict:
    """Search with long trials, and test what was chosen beside the choices of `search`.

    Returns
    -------
    found : dict
        As `search.searched` returns, with the tests of the models in "models", those of the short
        search in "short", and the comparisons by protocol in "pairs".
    """
    units, split = units or Units(), paper_split(ratings)
    found = searched(LONGER, tuning_split(split), units, TRIALS)
    settings = found["settings"] | {name: search["settings"][name] for name in NAMES}
    contenders = LONGER | {name: CONTENDERS[name] for name in NAMES}
    tested, tables = on_test(settings, split, candidates, seeds, units, contenders)
    for name in LONGER:
        found["models"][name] |= tested[name]
    short = {name: tested[name] for name in NAMES}
    return found | {"short": short, "pairs": compared(tables, PAIRS)}


def quick(found: dict, ratings: Interactions, candidates: Candidates, search: dict) -> dict:
    """The test of BinaryMF's long choice with the first seed."""
    tested = again("BinaryMF, long", found["settings"], ratings, candidates, LONGER)
    return {"models": tested}
