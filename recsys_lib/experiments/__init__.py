"""The recorded experiments: what is too long, or on data too restricted, to run on a page.

Each is a module whose `run` turns loaded ratings and candidates into a dict ready for JSON;
`recsys_lib.reproduce` calls it and writes the files in ``results/``.
"""

from collections.abc import Callable
from dataclasses import dataclass

from recsys_lib.experiments import bmf, cosine, networks, paper_data, ratings, svd


@dataclass(frozen=True)
class Experiment:
    """A recorded run: its name, the data set it needs, and the function that does it."""

    name: str
    data: str
    run: Callable[..., dict]


EXPERIMENTS = {
    experiment.name: experiment
    for experiment in (
        Experiment("paper_data", "amazon-2023-musical-instruments", paper_data.run),
        Experiment("cosine", "amazon-2023-musical-instruments", cosine.run),
        Experiment("svd", "amazon-2023-musical-instruments", svd.run),
        Experiment("ratings", "amazon-2023-musical-instruments", ratings.run),
        Experiment("bmf", "amazon-2023-musical-instruments", bmf.run),
        Experiment("networks", "amazon-2023-musical-instruments", networks.run),
    )
}
