"""How models are judged: on items, on ratings, by their lists, and whether a difference is real."""

from recsys_lib.evaluation.candidates import (
    Candidates,
    new_item_candidates,
    read_candidates,
    sample_candidates,
)
from recsys_lib.evaluation.items import (
    Tables,
    compare,
    evaluate,
    leaderboard,
    over_seeds,
    summary,
)
from recsys_lib.evaluation.ratings import (
    compare_ratings,
    evaluate_ratings,
    mean_errors,
    rating_error,
    rating_leaderboard,
)
from recsys_lib.evaluation.tuning import search
from recsys_lib.evaluation.watch import watching

__all__ = [
    "Candidates",
    "Tables",
    "compare",
    "compare_ratings",
    "evaluate",
    "evaluate_ratings",
    "leaderboard",
    "mean_errors",
    "new_item_candidates",
    "over_seeds",
    "rating_error",
    "rating_leaderboard",
    "read_candidates",
    "sample_candidates",
    "search",
    "summary",
    "watching",
]
