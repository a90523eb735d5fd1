"""The models of the course, one file a method, all behind the interface of `base.Recommender`."""

from recsys_lib.models.als import ALS
from recsys_lib.models.bag import Bag
from recsys_lib.models.base import NotFittedError, RatingPredictor, Recommender, load_model
from recsys_lib.models.biases import Biases
from recsys_lib.models.bmf import BinaryMF
from recsys_lib.models.bpr import BPR
from recsys_lib.models.content import Content
from recsys_lib.models.decay import Decay
from recsys_lib.models.ease import EASE
from recsys_lib.models.features import FeatureMF
from recsys_lib.models.gru4rec import GRU4Rec
from recsys_lib.models.ials import iALS
from recsys_lib.models.mapped import MappedFactors
from recsys_lib.models.markov import Markov
from recsys_lib.models.mf import MF
from recsys_lib.models.mlp import MLP
from recsys_lib.models.neighbors import ItemKNN, RecentItemKNN, UserKNN
from recsys_lib.models.neumf import GMF, NeuMF
from recsys_lib.models.popularity import Popularity, Random
from recsys_lib.models.sasrec import SASRec
from recsys_lib.models.svd import SVD

__all__ = [
    "ALS",
    "BPR",
    "EASE",
    "GMF",
    "MF",
    "MLP",
    "SVD",
    "Bag",
    "Biases",
    "BinaryMF",
    "Content",
    "Decay",
    "FeatureMF",
    "GRU4Rec",
    "ItemKNN",
    "MappedFactors",
    "Markov",
    "NeuMF",
    "NotFittedError",
    "Popularity",
    "Random",
    "RatingPredictor",
    "RecentItemKNN",
    "Recommender",
    "SASRec",
    "UserKNN",
    "iALS",
    "load_model",
]
