"""The models of the course, one file a method, all behind the interface of `base.Recommender`."""

from recsys_lib.models.base import NotFittedError, Recommender, load_model
from recsys_lib.models.neighbours import ItemKNN, UserKNN
from recsys_lib.models.popularity import Popularity, Random

__all__ = [
    "ItemKNN",
    "NotFittedError",
    "Popularity",
    "Random",
    "Recommender",
    "UserKNN",
    "load_model",
]
