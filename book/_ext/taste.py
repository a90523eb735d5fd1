"""Seven models, small enough to travel with a page, and what they answer to a reader's stars.

The models are the library's, fitted on MovieLens small. Their numbers are written as whole numbers
of one byte with a scale for each row. `Taste` reads them back, takes a new reader in as `fold_in`
of the library does, and makes lists with reasons; book/_assets/my_taste.js does the same in the
browser, line by line. A test of the site holds the two together.

What the models learn from. A reader who types in films mostly names those that they liked, and to
say what they did not like must not count as a vote for more of it. So the four models of implicit
feedback are fitted on the ratings of 4 stars and more alone, as the first half of chapter 0 counts
them. The chapters after it take every rating as an interaction, because somebody who rated a film
has chosen it: that is right for people whose choices are all that is known, not for a reader who
says what they think. SVD is fitted on all ratings, with their stars. Popularity counts everybody
who has rated a film. Content reads
the words, genres and decades of the films that are liked, and nobody else's ratings.
"""

import base64
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from scipy import sparse

from recsys_lib import data
from recsys_lib.data import Interactions
from recsys_lib.data.mine import natural
from recsys_lib.models import EASE, SVD, BinaryMF, Content, ItemKNN, iALS
from recsys_lib.models.content import rarity

LEAST = 30  # people who rated a film, or it is left out
LIKED = 4.0  # stars
LENGTH = 10  # of a list
IN_COMMON = 2  # features named, of those that two films have in common

# Near the best of a few trials on validation (leave-last-two-out, on the films and likes of this
# page), where the library's defaults are not: a reader has fewer films than the people there.
SETTINGS: dict[str, dict[str, Any]] = {
    "itemknn": {"n_neighbors": 20},
    "svd": {"factors": 20},
    "binarymf": {"factors": 32, "regularization": 0.02, "epochs": 60, "seed": 0},
    "ease": {"regularization": 250.0},
    "ials": {
        "factors": 32,
        "regularization": 3.0,
        "unobserved_weight": 0.3,
        "frequency_power": 1.0,  # the penalty of a reader is then `regularization`, as it stands
        "epochs": 8,
        "seed": 0,
    },
}
RANK = 140  # of EASE's matrix of weights as it is packed
NEWTON_STEPS = 8  # after which the gradient is 0 but for rounding

# ------------------------------------------------------------------------------------------ films


def known_films() -> Interactions:
    """Return the ratings of the films that enough people have rated, with what the films are."""
    ratings = data.load("movielens-small")
    often = ratings.item_counts >= LEAST
    films = ratings.select(often[ratings.item]).compact()
    return films.with_features(items=data.item_features(films))


# ---------------------------------------------------------------------------------------- packing


@dataclass(frozen=True)
class Rows:
    """A matrix as whole numbers from -127 to 127, with one scale for each row.

    A row's largest number becomes 127, so no entry is off by more than half the scale of its row.
    """

    integers: np.ndarray  # int8, (n, width)
    scale: np.ndarray  # float32, (n,)

    @classmethod
    def of(cls, matrix: np.ndarray) -> "Rows":
        """Round a matrix to the nearest whole numbers."""
        largest = np.abs(matrix).max(axis=1)
        scale = (np.where(largest > 0, largest, 1) / 127).astype(np.float32)
        exact = matrix / scale.astype(np.float64)[:, None]
        return cls(np.clip(np.rint(exact), -127, 127).astype(np.int8), scale)

    @cached_property
    def values(self) -> np.ndarray:
        """The matrix again, float64."""
        return self.integers * self.scale.astype(np.float64)[:, None]

    def to_json(self) -> dict[str, Any]:
        """Return the parts as text."""
        width = self.integers.shape[1]
        return {"width": width, "integers": _text(self.integers), "scale": _text(self.scale)}

    @classmethod
    def from_json(cls, found: dict[str, Any]) -> "Rows":
        """Read what `to_json` wrote."""
        integers = _array(found["integers"], np.int8).reshape(-1, found["width"])
        return cls(integers, _array(found["scale"], np.float32))


def _text(array: np.ndarray) -> str:
    """Bytes of an array, the lowest first, in base64."""
    return base64.b64encode(array.astype(array.dtype.newbyteorder("<")).tobytes()).decode()


def _array(text: str, dtype: type) -> np.ndarray:
    return np.frombuffer(base64.b64decode(text), np.dtype(dtype).newbyteorder("<"))


def neighbors(model: ItemKNN) -> tuple[np.ndarray, np.ndarray]:
    """Return the neighbors of each item and their similarities, (n, n_neighbors).

    Rows of fewer neighbors are filled up with zeros, which add nothing to the score of item 0.
    """
    similar, width = model.similarity_, model.n_neighbors
    items = np.zeros((similar.shape[0], width), dtype=np.uint16)
    weights = np.zeros(items.shape)
    for row, (start, stop) in enumerate(zip(similar.indptr, similar.indptr[1:], strict=False)):
        items[row, : stop - start] = similar.indices[start:stop]
        weights[row, : stop - start] = similar.data[start:stop]
    return items, weights


def of_low_rank(model: EASE, rank: int) -> tuple[np.ndarray, np.ndarray]:
    r"""Return W, (n, rank), and d, (n,), so that EASE's weights are nearly :math:`W_j W_i d_i`.

    With the Gram matrix taken apart, :math:`X^\top X = V \Lambda V^\top`, the inverse is
    :math:`P = \frac1\lambda (I - V D V^\top)` with :math:`D = \Lambda / (\Lambda + \lambda)`. So
    outside the diagonal :math:`B_{ji} = -P_{ji} / P_{ii} = W_j W_i / P_{ii}` with
    :math:`W = V \sqrt{D / \lambda}`, exactly with all columns of W, nearly with those of the
    largest eigenvalues. To keep the largest weights of each row instead is worse: what EASE knows
    stands in many small weights. In the same number of bytes that leaves 7 of 10 films of a list
    in it, this nearly 9.
    """
    gram = (model.matrix_.T @ model.matrix_).toarray().astype(np.float64)
    values, vectors = np.linalg.eigh(gram)
    share = np.maximum(values, 0) / (np.maximum(values, 0) + model.regularization)
    diagonal = (1 - vectors**2 @ share) / model.regularization  # of P
    W = vectors * np.sqrt(share / model.regularization)
    return W[:, ::-1][:, :rank], 1 / diagonal


# -------------------------------------------------------------------------------- a new reader


def fold_in_expected(
    Z: np.ndarray, x0: np.ndarray, liked: Iterable[int], n_negatives: int, regularization: float
) -> np.ndarray:
    r"""Solve for the vector of a new user of `BinaryMF`, with all negatives and none drawn.

    An epoch of the library takes each liked item and `n_negatives` others, drawn evenly from all
    that are not liked. On average each of these is drawn :math:`w = n |S| / (N - |S|)` times. So
    the loss of an epoch is, on average,

    .. math:: \sum_{i \in S} \log(1 + e^{-x_i}) + w \sum_{i \notin S} \log(1 + e^{x_i})
              + \tfrac12 \lambda (1 + n) |S| \, \|\theta\|^2, \qquad x_i = c + b_i + z_i \theta

    It is convex, and Newton's method finds its minimum in a few steps, the same on every machine.
    The library's steps end near it, shaken by the negatives that they have drawn: for readers with
    5 to 10 films the scores of the two have a correlation above 0.98, and their lists of ten on
    average between 8 and 9 films in common, as many as two of the library's own have that drew
    other negatives (tests/library/test_my_taste.py).

    Parameters
    ----------
    Z : ndarray, shape (n_items, factors + 1)
        The item's factors, and a column of ones for the bias of the user.
    x0 : ndarray, shape (n_items,)
        Scores of a user of zeros: intercept and bias of the item.
    liked : iterable of int
    n_negatives : int
    regularization : float

    Returns
    -------
    ndarray, shape (factors + 1,)
    """
    r = np.zeros(len(Z))
    r[list(liked)] = 1
    n_liked = r.sum()
    weights = np.where(r == 1, 1, n_negatives * n_liked / (len(Z) - n_liked))
    penalty = regularization * (1 + n_negatives) * n_liked
    theta = np.zeros(Z.shape[1])
    for _ in range(NEWTON_STEPS):
        sigma = 1 / (1 + np.exp(-(x0 + Z @ theta)))
        gradient = Z.T @ (weights * (sigma - r)) + penalty * theta
        curvature = (Z.T * (weights * sigma * (1 - sigma))) @ Z + penalty * np.eye(len(theta))
        theta -= np.linalg.solve(curvature, gradient)
    return theta


@dataclass(frozen=True)
class Answer:
    """What a model says of all films, and how much a film of the reader's has to do with it."""

    scores: np.ndarray  # (n,)
    because: np.ndarray | None = None  # (films of the reader's that count, n)
    of: tuple[int, ...] = ()  # those films
    floor: float = -np.inf  # a film with no higher score is not recommended


def spoken(feature: str) -> str:
    """Return a feature as one says it: the word in quotes, the genre, the decade.

    Examples
    --------
    >>> [spoken(one) for one in ("word: alien", "genres: Sci-Fi", "year: 1990 to 2000")]
    ['\u201calien\u201d', 'Sci-Fi', '1990s']
    """
    kind, _, name = feature.partition(": ")
    return {"word": f"\u201c{name}\u201d", "year": f"{name[:4]}s"}.get(kind, name)


class Taste:
    """The seven models as they travel.

    Parameters
    ----------
    packed : dict
        What `pack` has made, or the page holds.
    """

    def __init__(self, packed: dict[str, Any]):
        self.packed = packed
        self.films: list[list[Any]] = packed["films"]
        self.seen = np.array([film[2] for film in self.films], dtype=np.float64)
        one = packed["itemknn"]
        self.neighbors = _array(one["items"], np.uint16).reshape(-1, one["width"])
        self.similarity = Rows.from_json(one)
        self.svd, self.binarymf, self.ease, self.ials = (
            Rows.from_json(packed[name]) for name in ("svd", "binarymf", "ease", "ials")
        )
        self.words = self._words()

    def find(self, title: str) -> int:
        """Index of the first film of this title."""
        return [film[0] for film in self.films].index(title)

    def _words(self) -> sparse.csr_array:
        """Weights of words, genres and decades: a row of length 1 for each film."""
        one = self.packed["content"]
        features = _array(one["features"], np.uint16).astype(np.int64)
        indptr = np.append(0, np.cumsum(_array(one["counts"], np.uint8), dtype=np.int64))
        rarity = _array(one["rarity"], np.float32).astype(np.float64)
        shape = len(self.films), len(rarity)
        times = sparse.csr_array((np.ones(len(features)), features, indptr), shape)
        times.sum_duplicates()  # a word is listed as often as it stands there
        weights = (1 + np.log(times.data)) * rarity[times.indices]
        rows = np.repeat(np.arange(shape[0]), np.diff(times.indptr))
        weights /= np.sqrt(np.bincount(rows, weights**2))[rows]
        return sparse.csr_array((weights, times.indices, times.indptr), shape)

    def answers(self, stars: dict[int, float]) -> dict[str, Answer | None]:
        """Return the answer of each model; None where it has nothing to go by.

        Parameters
        ----------
        stars : dict
            Of film numbers, in the order in which they were rated.
        """
        liked = tuple(film for film, given in stars.items() if given >= LIKED)
        return {
            "popularity": Answer(self.seen),
            "itemknn": self._itemknn(liked) if liked else None,
            "svd": self._svd(stars) if stars else None,
            "binarymf": self._binarymf(liked) if liked else None,
            "ease": self._ease(liked) if liked else None,
            "ials": self._ials(liked) if liked else None,
            "content": self._content(liked) if liked else None,
        }

    def _itemknn(self, liked: tuple[int, ...]) -> Answer:
        parts = np.zeros((len(liked), len(self.films)))
        for row, film in enumerate(liked):
            np.add.at(parts[row], self.neighbors[film], self.similarity.values[film])
        return Answer(parts.sum(axis=0), parts, liked, floor=0)

    def _svd(self, stars: dict[int, float]) -> Answer:
        Q, rated, given = self.svd.values, tuple(stars), np.array(list(stars.values()))
        return Answer(Q @ (given @ Q[list(rated)]), given[:, None] * Q[list(rated)] @ Q.T, rated)

    def _binarymf(self, liked: tuple[int, ...]) -> Answer:
        found, Q = self.packed["binarymf"], self.binarymf.values
        x0 = found["intercept"] + _array(found["biases"], np.float32).astype(np.float64)
        Z = np.column_stack([Q, np.ones(len(Q))])
        theta = fold_in_expected(Z, x0, liked, found["negatives"], found["regularization"])
        unit = Q / np.maximum(np.linalg.norm(Q, axis=1), 1e-12)[:, None]
        return Answer(x0 + Z @ theta, unit[list(liked)] @ unit.T, liked)

    def _ease(self, liked: tuple[int, ...]) -> Answer:
        W, d = self.ease.values, _array(self.packed["ease"]["divided"], np.float32)
        part = W[list(liked)]
        return Answer(W @ part.sum(axis=0) * d.astype(np.float64), part @ W.T, liked)

    def _ials(self, liked: tuple[int, ...]) -> Answer:
        r"""Solve for the reader; each liked film has its own part in the solution.

        :math:`q_i^\top A^{-1} \sum_j q_j`: film j contributes :math:`q_i^\top A^{-1} q_j` to film i
        (Hu, Koren and Volinsky 2008, section 5).
        """
        found, Q = self.packed["ials"], self.ials.values
        mine = Q[list(liked)]
        A = found["unobserved"] * Q.T @ Q + mine.T @ mine + found["penalty"] * np.eye(Q.shape[1])
        parts = np.linalg.solve(A, mine.T)
        return Answer(Q @ parts.sum(axis=1), (Q @ parts).T, liked)

    def _content(self, liked: tuple[int, ...]) -> Answer:
        """Cosine between a film and the sum of those liked, whose parts are their dot products."""
        mine = self.words[list(liked)]
        profile = mine.sum(axis=0)
        parts = (mine @ self.words.T).toarray()
        return Answer(self.words @ profile / np.sqrt(profile @ profile), parts, liked, floor=0)

    def in_common(self, film: int, other: int) -> list[str]:
        """Words, genres and decades that speak most for the one, given the other: two at most."""
        both = (self.words[[film]] * self.words[[other]]).tocsr()
        both.sort_indices()
        best = both.indices[np.argsort(-both.data, kind="stable")[:IN_COMMON]]
        return [self.packed["content"]["names"][feature] for feature in best]

    def lists(self, stars: dict[int, float]) -> dict[str, list[tuple[int, int | None]] | None]:
        """Return of each model the best films, and with each the film that is its reason."""
        return {
            name: None if answer is None else self._best(answer, stars)
            for name, answer in self.answers(stars).items()
        }

    def _best(self, answer: Answer, stars: dict[int, float]) -> list[tuple[int, int | None]]:
        order = np.argsort(-answer.scores, kind="stable")
        new = [int(i) for i in order if i not in stars and answer.scores[i] > answer.floor]
        if answer.because is None:
            return [(film, None) for film in new[:LENGTH]]
        return [(film, answer.of[int(answer.because[:, film].argmax())]) for film in new[:LENGTH]]


# ------------------------------------------------------------------------------- all that is sent


def fit(ratings: Interactions) -> dict[str, Any]:
    """Fit the six models that learn, each on what it is to learn from."""
    liked = ratings.select(ratings.rating >= LIKED)
    return {
        "itemknn": ItemKNN(**SETTINGS["itemknn"]).fit(liked),
        "svd": SVD(**SETTINGS["svd"]).fit(ratings),
        "binarymf": BinaryMF(**SETTINGS["binarymf"]).fit(liked),
        "ease": EASE(**SETTINGS["ease"]).fit(liked),
        "ials": iALS(**SETTINGS["ials"]).fit(liked),
        "content": Content().fit(liked),
    }


def pack(ratings: Interactions, models: dict[str, Any]) -> dict[str, Any]:
    """Return films and models as JSON can hold them.

    A film is its title, year, the number of people who rated it, and other names of its, if any.
    """
    films = []
    assert ratings.items is not None
    years, counts = ratings.items["year"].tolist(), ratings.item_counts.tolist()
    for item, title in enumerate(ratings.titles(np.arange(ratings.n_items))):
        name, others = natural(title)
        films.append([name, int(years[item]), counts[item], *([others] if others else [])])
    items, weights = neighbors(models["itemknn"])
    factors, divided = of_low_rank(models["ease"], RANK)
    bmf, ials = models["binarymf"], models["ials"]
    return {
        "people": ratings.n_users,
        "least": LEAST,
        "liked": LIKED,
        "in_common": IN_COMMON,
        "films": films,
        "itemknn": {"items": _text(items), **Rows.of(weights).to_json()},
        "svd": Rows.of(models["svd"].item_factors_).to_json(),
        "binarymf": {
            "intercept": bmf.intercept_,
            "negatives": bmf.n_negatives,
            "regularization": bmf.regularization,
            "steps": NEWTON_STEPS,
            "biases": _text(bmf.item_biases_),
            **Rows.of(bmf.item_factors_).to_json(),
        },
        "ease": {
            "divided": _text(divided.astype(np.float32)),
            **Rows.of(factors).to_json(),
        },
        "ials": {
            "unobserved": ials.unobserved_weight,
            "penalty": ials.regularization,
            **Rows.of(ials.item_factors_).to_json(),
        },
        "content": words(ratings, models["content"]),
    }


def words(ratings: Interactions, model: Content) -> dict[str, Any]:
    """Return what `Content` reads of each film: a word as often as it stands there, and rarities.

    Its weights are worked out from these again, so that nothing is lost by rounding.
    """
    known = ratings.item_features
    assert known is not None
    liked = np.bincount(model.matrix_.indices, minlength=len(known)) > 0
    times = known.matrix.data.astype(np.int64)
    rows = np.repeat(np.arange(len(known)), np.diff(known.matrix.indptr))
    return {
        "names": [spoken(name) for name in known.names],
        "rarity": _text(rarity(known.matrix, liked)),
        "counts": _text(np.bincount(np.repeat(rows, times), minlength=len(known)).astype(np.uint8)),
        "features": _text(np.repeat(known.matrix.indices, times).astype(np.uint16)),
    }
