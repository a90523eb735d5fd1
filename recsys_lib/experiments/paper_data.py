"""What the paper's data is, and what its filter and its split do to it (chapter 1).

The paper's text names neither the category nor the filter nor the candidates: all three are known
from its published code and data.
"""

import numpy as np
import pandas as pd

from recsys_lib.data import DataError, Interactions, Split, k_core, split_by_time
from recsys_lib.evaluation import compare, evaluate, summary
from recsys_lib.evaluation.candidates import Candidates
from recsys_lib.experiments.protocol import YEAR, PopularityAround, paper_split, table
from recsys_lib.models import Popularity, Random


def run(ratings: Interactions, candidates: Candidates) -> dict:
    """Return the figures that chapter 1 shows of the paper's data."""
    split = paper_split(ratings)
    per_user = ratings.user_counts
    with_rows = np.unique(split.train.user)
    return {
        "size": _size(ratings),
        "stars": {str(s): int((ratings.rating == s).sum()) for s in (1, 2, 3, 4, 5)},
        "months": _per_month(ratings),
        "per_user": {
            "min": int(per_user.min()),
            "median": float(np.median(per_user)),
            "max": int(per_user.max()),
            "below_20": int((per_user < 20).sum()),
            "histogram": np.bincount(per_user).tolist(),
        },
        "per_item": np.sort(ratings.item_counts)[::-1].tolist(),
        "k_cores": {str(k): _core_size(ratings, k) for k in (2, 3, 5, 10, 15, 20)},
        "leave_two_out": {
            "train": len(split.train),
            "users_with_training_rows": len(with_rows),
            "users_without": ratings.n_users - len(with_rows),
            "users_with_one_interaction": int((per_user == 1).sum()),
            "items_without": int((split.train.item_counts == 0).sum()),
            "train_after_median_test": float(
                (split.train.timestamp > np.median(split.test.timestamp)).mean()
            ),
        },
        "time_split": _time_split(ratings),
        "baselines": _baselines(split, candidates),
        "calendar": _calendar(split, candidates),
    }


def _size(ratings: Interactions) -> dict:
    return {
        "ratings": len(ratings),
        "users": ratings.n_users,
        "items": ratings.n_items,
        "density": ratings.density,
    }


def _core_size(ratings: Interactions, k: int) -> dict:
    try:
        return _size(k_core(ratings, k))
    except DataError:  # nothing is left, which is the point of showing it
        return {"ratings": 0, "users": 0, "items": 0, "density": 0.0}


def _per_month(ratings: Interactions) -> dict[str, int]:
    months = pd.Series(ratings.dates.astype("datetime64[M]").astype(str))
    return months.value_counts().sort_index().to_dict()


def _time_split(ratings: Interactions) -> dict:
    split = split_by_time(ratings, test=0.2, valid=0.0)
    new_user = ~np.isin(split.test.user, split.train.user)
    new_item = ~np.isin(split.test.item, split.train.item)
    return {
        "test": len(split.test),
        "test_of_new_users": float(new_user.mean()),
        "test_of_new_items": float(new_item.mean()),
    }


def _baselines(split: Split, candidates: Candidates) -> dict:
    found = {}
    for name, model in (("random", Random()), ("popularity", Popularity())):
        model.fit(split.train)
        found[name] = {
            "sampled": table(summary(evaluate(model, split, candidates=candidates))),
            "full": table(summary(evaluate(model, split))),
        }
    return found


def _calendar(split: Split, candidates: Candidates) -> dict:
    """Popularity of the year before the test, without and with half a year of the future."""
    tables = {
        name: evaluate(
            PopularityAround(split, before, after).fit(split.train), split, candidates=candidates
        )
        for name, before, after in (("before", YEAR, 0), ("with_future", YEAR, YEAR // 2))
    }
    found = {name: table(summary(one)) for name, one in tables.items()}
    found["difference"] = table(compare(tables["with_future"], tables["before"]))
    return found
