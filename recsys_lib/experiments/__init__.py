"""The recorded experiments: what is too long, or on data too restricted, to run on a page.

Each is a module whose `run` turns loaded ratings and candidates into a dict ready for JSON;
`recsys_lib.reproduce` calls it and writes the files in ``results/``.
"""

from collections.abc import Callable
from dataclasses import dataclass

from recsys_lib.experiments import (
    bmf,
    cosine,
    evaluation,
    networks,
    paper_data,
    published,
    ratings,
    svd,
)


@dataclass(frozen=True)
class Experiment:
    """A recorded run: its name, the data set it needs, and the function that does it.

    It may need the results of others, which its function is given by their names, and have a
    number of seeds, which can be chosen.
    """

    name: str
    data: str
    run: Callable[..., dict]
    needs: tuple[str, ...] = ()
    seeds: int | None = None


AMAZON = "amazon-2023-musical-instruments"
EXPERIMENTS = {
    experiment.name: experiment
    for experiment in (
        Experiment("paper_data", AMAZON, paper_data.run),
        Experiment("cosine", AMAZON, cosine.run),
        Experiment("svd", AMAZON, svd.run),
        Experiment("ratings", AMAZON, ratings.run),
        Experiment("bmf", AMAZON, bmf.run, seeds=5),
        Experiment("networks", AMAZON, networks.run, seeds=5),
        Experiment("published", AMAZON, published.run, needs=("networks",), seeds=5),
        Experiment("evaluation", AMAZON, evaluation.run, needs=("networks",), seeds=5),
    )
}
