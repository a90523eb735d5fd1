"""The models of the fair table on MovieLens: searched and tested as on the paper's data.

A quarter of the trials, for there are three times as many training rows: what is asked is whether
the verdicts are the same, not which figure is the highest. Those of BPR and BinaryMF may be long.
"""

from dataclasses import replace
from itertools import combinations

from recsys_lib.data import Interactions
from recsys_lib.evaluation import sample_candidates
from recsys_lib.experiments.contenders import CONTENDERS, LONG, SHRINKAGE, Range
from recsys_lib.experiments.protocol import paper_split, tuning_split
from recsys_lib.experiments.search import searched
from recsys_lib.experiments.testing import again, compared, on_test
from recsys_lib.experiments.units import Units

SEEDS = range(3)
TRIALS = 12
FILMS = {"n_neighbors": Range(2, 9066, whole=True, ends=("high",)), "shrinkage": SHRINKAGE}
USERS = {"n_neighbors": Range(2, 671, whole=True, ends=("high",)), "shrinkage": SHRINKAGE}
OF_FILMS = CONTENDERS | {
    "ItemKNN": replace(CONTENDERS["ItemKNN"], space=FILMS),
    "UserKNN": replace(CONTENDERS["UserKNN"], space=USERS),
    **{name: replace(CONTENDERS[name], **LONG) for name in ("BPR", "BinaryMF")},
}
PAIRS = list(combinations(OF_FILMS, 2))


def run(ratings: Interactions, seeds: range = SEEDS, units: Units | None = None) -> dict:
    """Tune every model with as many trials, test each choice once, compare all pairs."""
    units, split = units or Units(), paper_split(ratings)
    found = searched(OF_FILMS, tuning_split(split), units, TRIALS)
    candidates = sample_candidates(split, 99)
    result, tables = on_test(found["settings"], split, candidates, seeds, units, OF_FILMS)
    for name, one in result.items():
        found["models"][name] |= one
    return found | {"pairs": compared(tables, PAIRS)}


def quick(found: dict, ratings: Interactions) -> dict:
    """The test of iALS with the first seed."""
    candidates = sample_candidates(paper_split(ratings), 99)
    return {"models": again("iALS", found["settings"], ratings, candidates, OF_FILMS)}
