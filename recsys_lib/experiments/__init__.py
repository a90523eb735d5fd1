"""The recorded experiments: what is too long, or on data too restricted, to run on a page.

Each is a module whose `run` turns loaded ratings and candidates into a dict ready for JSON;
`recsys_lib.reproduce` calls it and writes the files in ``results/``.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from recsys_lib.experiments import (
    bmf,
    choices,
    evaluation,
    films,
    ladder,
    ledger,
    long_search,
    losses,
    movielens,
    networks,
    new_items,
    order,
    order_million,
    order_search,
    paper_data,
    published,
    ratings,
    search,
    splits,
    svd,
)


@dataclass(frozen=True)
class Experiment:
    """A recorded run: its name, the data set it needs, and the function that does it.

    It may need the results of others, which its function is given by their names (of "ratings" as
    `of_ratings`, since `ratings` are the data), and have a number of seeds, which can be chosen.
    `quick` does a cheap part again, from what was found and in its shape (an integer key is a place
    in a list), for `verify`; without it, all is cheap.
    Those on the paper's data are given its `candidates`, others are not. One `in_units` is given
    `units.Units`, and goes on from the parts of a run that was interrupted.
    One that `adds` is given what is recorded of it as `before`, and keeps what is still so. The
    candidates of a file in which items come twice are read as `repeats` says. With `texts` items
    have their long texts too.
    Figures may differ by `tolerance`: between machines, sums in another order turn ties at the cut,
    and what learns by millions of steps ends a little elsewhere.
    """

    name: str
    data: str
    run: Callable[..., dict]
    needs: tuple[str, ...] = ()
    seeds: int | None = None
    quick: Callable[..., dict] | None = None
    tolerance: float = 1e-3
    in_units: bool = False
    candidates: bool = True
    adds: bool = False
    repeats: str = "refuse"
    texts: bool = False

    def given(self, found: Mapping[str, dict]) -> dict[str, dict]:
        """Return what others found by the names under which `run` and `quick` are given it."""
        names = {"ratings": "of_ratings"}
        return {names.get(name, name): one for name, one in found.items()}


AMAZON = "amazon-2023-musical-instruments"
LEARNED = 5e-3
EXPERIMENTS = {
    experiment.name: experiment
    for experiment in (
        Experiment("paper_data", AMAZON, paper_data.run),
        Experiment("svd", AMAZON, svd.run, quick=svd.quick),
        Experiment("ratings", AMAZON, ratings.run, quick=ratings.quick, in_units=True),
        Experiment(
            "movielens",
            "movielens-small",
            movielens.run,
            quick=movielens.quick,
            tolerance=LEARNED,
            in_units=True,
            candidates=False,
        ),
        Experiment(
            "search",
            AMAZON,
            search.run,
            quick=search.quick,
            tolerance=LEARNED,
            in_units=True,
            candidates=False,
            adds=True,
        ),
        Experiment(
            "long_search",
            AMAZON,
            long_search.run,
            needs=("search",),
            seeds=5,
            quick=long_search.quick,
            tolerance=LEARNED,
            in_units=True,
        ),
        Experiment(
            "bmf",
            AMAZON,
            bmf.run,
            needs=("search",),
            seeds=5,
            quick=bmf.quick,
            tolerance=LEARNED,
            in_units=True,
        ),
        Experiment(
            "networks",
            AMAZON,
            networks.run,
            needs=("search",),
            seeds=5,
            quick=networks.quick,
            tolerance=LEARNED,
            in_units=True,
        ),
        Experiment(
            "ladder",
            AMAZON,
            ladder.run,
            needs=("search",),
            seeds=5,
            quick=ladder.quick,
            tolerance=LEARNED,
            in_units=True,
        ),
        Experiment(
            "splits",
            AMAZON,
            splits.run,
            needs=("search",),
            quick=splits.quick,
            tolerance=LEARNED,
            in_units=True,
            candidates=False,
        ),
        Experiment(
            "films",
            "movielens-small",
            films.run,
            seeds=3,
            quick=films.quick,
            tolerance=LEARNED,
            in_units=True,
            candidates=False,
        ),
        Experiment(
            "losses",
            AMAZON,
            losses.run,
            seeds=5,
            quick=losses.quick,
            tolerance=LEARNED,
            in_units=True,
        ),
        Experiment(
            "published",
            AMAZON,
            published.run,
            needs=("search",),
            seeds=5,
            quick=published.quick,
            tolerance=LEARNED,
            in_units=True,
        ),
        Experiment(
            "evaluation",
            AMAZON,
            evaluation.run,
            needs=("search", "svd"),
            seeds=5,
            quick=evaluation.quick,
            tolerance=LEARNED,
            in_units=True,
        ),
        Experiment(
            "choices",
            AMAZON,
            choices.run,
            needs=("search",),
            seeds=5,
            quick=choices.quick,
            tolerance=LEARNED,
            in_units=True,
        ),
        Experiment(
            "ledger",
            "movielens-1m-he2017",
            ledger.run,
            needs=("published", "ratings"),
            quick=ledger.quick,
            tolerance=LEARNED,
            in_units=True,
            adds=True,
            repeats="drop",
        ),
        Experiment(
            "new_items_search",
            AMAZON,
            new_items.search,
            quick=new_items.quick_search,
            tolerance=LEARNED,
            in_units=True,
            candidates=False,
            texts=True,
        ),
        Experiment(
            "new_items",
            AMAZON,
            new_items.run,
            needs=("new_items_search",),
            quick=new_items.quick,
            tolerance=LEARNED,
            in_units=True,
            candidates=False,
            texts=True,
        ),
        Experiment(
            "order_search",
            AMAZON,
            order_search.run,
            quick=order_search.quick,
            tolerance=LEARNED,
            in_units=True,
            candidates=False,
        ),
        Experiment(
            "order",
            AMAZON,
            order.run,
            needs=("order_search", "search"),
            seeds=5,
            quick=order.quick,
            tolerance=LEARNED,
            in_units=True,
        ),
        Experiment(
            "order_films",
            "movielens-small",
            order.films,
            seeds=3,
            quick=order.quick_films,
            tolerance=LEARNED,
            in_units=True,
            candidates=False,
        ),
        Experiment(
            "order_million",
            "movielens-1m-he2017",
            order_million.run,
            quick=order_million.quick,
            tolerance=LEARNED,
            in_units=True,
            candidates=False,
        ),
    )
}
