r"""A user's list from millions of items: exact, by inverted lists, by a kept index, in two stages.

A model whose score is a dot product, :math:`p_u^\top q_i + b_i`, needs one product with all items
for a list, and that is as many bytes to read as the items have. An index looks at a part of them.
Indexes are made for nearest neighbors, and the largest dot product is turned into one so (Bachrach
et al. 2014). Write x for the user's vector and q for the item's.

1. A bias is one more coordinate: with :math:`x = (p_u, 1)` and :math:`q = (q_i, b_i)`,
   :math:`x^\top q = p_u^\top q_i + b_i`.
2. For any two vectors, :math:`\|x - q\|^2 = (x - q)^\top (x - q) = \|x\|^2 + \|q\|^2 - 2 x^\top q`.
   The nearest item need not have the largest product, as :math:`\|q\|^2` differs between items.
3. So make all items equally long: with M the length of the longest, let
   :math:`\tilde q = (q, \sqrt{M^2 - \|q\|^2})`. Then
   :math:`\|\tilde q\|^2 = \|q\|^2 + M^2 - \|q\|^2 = M^2`.
4. The user gets a 0 there: :math:`\tilde x = (x, 0)`. The product stays what it was,
   :math:`\tilde x^\top \tilde q = x^\top q`, and so does the length, :math:`\|\tilde x\| = \|x\|`.
5. By line 2, :math:`\|\tilde x - \tilde q\|^2 = \|x\|^2 + M^2 - 2 x^\top q`. For one user
   :math:`\|x\|^2 + M^2` is the same for all items: the smaller the distance, the larger the
   product, and equal products are equal distances.
6. The cosine orders alike: :math:`\cos(\tilde x, \tilde q) = x^\top q / (\|x\| M)`.

In floating-point numbers the root in line 3 is rounded, and so is the distance: two items change
places only where their products differ by less than some :math:`10^{-7} (\|x\|^2 + M^2)` (in
float32), ties included. What is returned here as a score is a product, never made of a distance.
"""

import hashlib
import json
import os
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any, Never, Self, TypeAlias

import numpy as np
import torch
from scipy import sparse
from sklearn.cluster import MiniBatchKMeans

from recsys_lib.data.histories import Histories
from recsys_lib.data.interactions import Interactions, check_interactions
from recsys_lib.files import atomic_write
from recsys_lib.metrics import NO_ITEM
from recsys_lib.models import GMF, MappedFactors, NotFittedError, Recommender
from recsys_lib.models.base import users_at_a_time
from recsys_lib.models.network import one_thread
from recsys_lib.models.sequence import SequenceModel
from recsys_lib.top_k import top_k
from recsys_lib.validation import (
    DataError,
    check_ids,
    check_int,
    check_vocabulary,
    fitted_on,
)

Found: TypeAlias = tuple[np.ndarray, np.ndarray]  # items and scores, as `top_k` returns them
FORMAT = "recsys_lib index 1"
N_PROBE = 16
LONGEST = 1e19  # of a vector: its square must be a number of float32
WHY_NOT = {  # the models of the course that no index can serve
    **dict.fromkeys(
        ("MLP", "NeuMF"),
        "its network reads user and item together, so that an item has no vector of its own that "
        "holds for all users; let it order the candidates of another model (TwoStages)",
    ),
    **dict.fromkeys(
        ("ItemKNN", "RecentItemKNN", "EASE", "Markov"),
        "its scores are sums of rows over the items that a user has met, each as long as the "
        "catalog",
    ),
    "UserKNN": "its scores are sums over the rows of similar users, each as long as the catalog",
    "Content": "its vectors are sparse, one coordinate for each word: search engines have an index "
    "for that",
    **dict.fromkeys(("Popularity", "Biases"), "it has one order of items for all: keep that list"),
    "Decay": "it has one order of items for each moment: keep that list for a while",
    "Random": "its scores are drawn",
}


def vectors(model: Recommender) -> tuple[np.ndarray, np.ndarray, np.ndarray | None]:
    """Return what a fitted model's lists can be found by: vectors of users and items, and biases.

    Parameters
    ----------
    model : Recommender
        SVD, MF, ALS, BinaryMF, BPR, iALS, FeatureMF, MappedFactors, GMF, SASRec, GRU4Rec or Bag; of
        one's own, one with ``user_factors_`` and ``item_factors_``, and ``item_biases_`` or none,
        that scores by them.

    Returns
    -------
    users, items : ndarray of float32, shapes (n_users, d), (n_items, d)
        The weights of GMF are folded into the items. Of a model of order, a user's vector is the
        query after the last event.
    biases : ndarray of float32, shape (n_items,), or None
        ``users @ items.T + biases`` is the model's score but for what all items of a user have in
        common, and for rounding. That does not hold of users without a training row
        (``model.cold_``), whose row of `users` says nothing: they all have the one list of the
        popular items.

    Raises
    ------
    NotFittedError
    TypeError
        If there are no such vectors; it says why.

    Examples
    --------
    >>> from recsys_lib import data
    >>> from recsys_lib.models import BPR
    >>> from recsys_lib.scale.nearest import vectors
    >>> users, items, biases = vectors(BPR(factors=8, epochs=1).fit(data.load()))
    >>> users.shape, items.shape, biases.shape
    ((671, 8), (9066, 8), (9066,))
    """
    if not isinstance(model, Recommender):
        raise TypeError(f"model must be a fitted model, got {model!r}")
    model._check_fitted()
    if isinstance(model, MappedFactors):
        return vectors(model.model_)
    if isinstance(model, GMF):
        parts = _of_gmf(model)
    elif isinstance(model, SequenceModel):
        parts = _last_queries(model), model.item_factors_, np.zeros(model.n_items_), 0.0
    elif hasattr(model, "user_factors_") and hasattr(model, "item_factors_"):
        biases = getattr(model, "item_biases_", np.zeros(model.n_items_))
        common = getattr(model, "user_biases_", 0.0) + getattr(model, "intercept_", 0.0)
        parts = model.user_factors_, model.item_factors_, biases, common
    else:
        why = WHY_NOT.get(type(model).__name__, "it has no user_factors_ and item_factors_")
        raise TypeError(f"{model!r} has no vectors to find its lists by: {why}")
    users, items, biases = _with_unseen(model, *parts)
    users, items, biases = (one.astype(np.float32) for one in (users, items, biases))
    return users, items, biases if biases.any() else None


def _with_unseen(
    model: Recommender,
    users: np.ndarray,
    items: np.ndarray,
    biases: np.ndarray,
    common: np.ndarray | float,
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Give items without a training row the popularity that a model without negatives gives them.

    They do not have what all others of a user have in common, so that it becomes a coordinate.
    """
    unseen = getattr(model, "unseen_", np.zeros(len(items), dtype=bool))
    if not unseen.any():
        return users, items, biases
    column = np.broadcast_to(common, len(users))
    users, items = np.column_stack([users, column]), np.column_stack([items, np.ones(len(items))])
    items[unseen] = 0
    popularity = model.popularity_  # type: ignore[attr-defined]  # it has unseen_
    return users, items, np.where(unseen, popularity, biases)


def _of_gmf(model: GMF) -> tuple[np.ndarray, np.ndarray, np.ndarray, float]:
    weights = model._weights()
    users, items = (weights[f"product.{side}_embedding.weight"] for side in ("user", "item"))
    common = float(weights["output.bias"][0])
    return users, items * weights["output.weight"], np.zeros(len(items)), common


def _last_queries(model: SequenceModel, at_once: int = 256) -> np.ndarray:
    """Return the query after each user's last event, zeros where there is none."""
    past = Histories(model.events_, model.offsets_)
    starts, stops = past.last(np.arange(model.n_users_), model.length)
    queries = np.zeros((model.n_users_, model.factors), dtype=np.float32)
    by_length = np.argsort(stops - starts, kind="stable")  # those of like length together
    by_length = by_length[(stops > starts)[by_length]]
    model.network_.eval()
    with one_thread(), torch.inference_mode():
        for first in range(0, len(by_length), at_once):
            of = by_length[first : first + at_once]
            rows = model._tensor(past.rows(starts[of], stops[of])).clamp(min=0)
            ends = model._tensor(stops[of] - starts[of] - 1)
            queries[of] = model.network_(rows)[torch.arange(len(rows)), ends].cpu().numpy()
    return queries


def exact(
    users: np.ndarray,
    items: np.ndarray,
    biases: np.ndarray | None = None,
    k: int = 10,
    exclude: sparse.csr_array | None = None,
) -> Found:
    """Return the `k` items with the largest dot products (and biases), by looking at all.

    Parameters
    ----------
    users : ndarray, shape (n, d)
        Vectors of one user or more. The scores of a few are held at a time, at most 64 MB of them
        in float32, or one row.
    items : ndarray, shape (n_items, d)
    biases : ndarray, shape (n_items,), optional
    k : int
    exclude : csr_array, shape (n, n_items), optional
        Stored cells are never returned.

    Returns
    -------
    items : ndarray of int32, shape (n, k)
        Best first; between equal scores the lower index first; -1 where there are no more.
    scores : ndarray, shape (n, k)
        ``-inf`` there.

    Raises
    ------
    TypeError, ValueError
        If the arrays are no numbers, or their shapes do not fit.

    Examples
    --------
    >>> from recsys_lib.scale.nearest import exact
    >>> items, scores = exact([[1.0, 2.0]], [[0.0, 1.0], [1.0, 0.0], [1.0, 1.0]], k=2)
    >>> items, scores
    (array([[2, 0]], dtype=int32), array([[3., 2.]]))
    """
    items, k = _matrix("items", items), check_int("k", k, minimum=1)
    users, added = _matrix("users", users, items.shape[1]), _column(biases, len(items))
    found = np.full((len(users), k), NO_ITEM, dtype=np.int32)
    best = np.full((len(users), k), -np.inf, dtype=np.result_type(users, items))
    step = users_at_a_time(len(items))
    for start in range(0, len(users), step):
        rows = slice(start, start + step)
        scores = users[rows] @ items.T
        scores = scores if added is None else scores + added
        banned = None if exclude is None else exclude[rows]
        found[rows], best[rows] = top_k(scores, k, banned)
    return found, best


def _matrix(name: str, values: object, width: int | None = None) -> np.ndarray:
    """Return vectors as a matrix of float32 or float64, or raise; `width` is what they must have.

    NaN and infinity are looked for where vectors are stored, and where scores are ordered.
    """
    wanted = f"{name} must be vectors, shape (n, {'d' if width is None else width})"
    try:
        array = np.asarray(values)
    except ValueError:
        raise ValueError(f"{wanted}, got rows of several lengths") from None
    if array.dtype.kind not in "fiub":
        raise TypeError(f"{wanted}, of real numbers, got dtype {array.dtype}")
    if array.ndim != 2 or (width is not None and array.shape[1] != width):
        raise ValueError(f"{wanted}, got shape {array.shape}")
    return array if array.dtype == np.float32 else array.astype(np.float64, copy=False)


def _single(name: str, values: object, width: int | None = None) -> np.ndarray:
    """Return vectors as float32, those that are too large for it as infinite, or raise."""
    with np.errstate(over="ignore"):
        return _matrix(name, values, width).astype(np.float32, copy=False)


def _column(biases: np.ndarray | None, n_items: int) -> np.ndarray | None:
    """Return biases as numbers, one for each item, or raise."""
    if biases is None:
        return None
    if np.shape(biases) != (n_items,):
        raise ValueError(
            f"biases must be one number for each of the {n_items} items, got shape "
            f"{np.shape(biases)}"
        )
    return _matrix("biases", np.reshape(biases, (-1, 1)), 1)[:, 0]


def _stored(items: np.ndarray, biases: np.ndarray | None) -> np.ndarray:
    """Return the vectors of items as they are stored, the bias as one more coordinate, or raise."""
    items = _matrix("items", items)
    added = _column(biases, len(items))
    if added is not None:
        with np.errstate(over="ignore"):  # said below
            items = np.column_stack([items, added.astype(items.dtype)])
    if len(items) == 0:
        raise ValueError("items must have at least one row, got none")
    if not np.isfinite(items).all():
        row = int(np.flatnonzero(~np.isfinite(items).all(axis=1))[0])
        raise ValueError(f"items and biases must be finite, and those of item {row} are not")
    return items


def augmented(items: np.ndarray, biases: np.ndarray | None = None) -> np.ndarray:
    r"""Return the items' vectors, made equally long: lines 1 and 3 of the module's text.

    Parameters
    ----------
    items : ndarray, shape (n_items, d)
    biases : ndarray, shape (n_items,), optional

    Returns
    -------
    ndarray of float32 or float64, as `items`, shape (n_items, d + 1), with biases (n_items, d + 2)
        All of length M. What is nearest to a row of `augmented_queries` among them has the largest
        dot product.

    Raises
    ------
    TypeError, ValueError
        If the arrays are no finite numbers, or their shapes do not fit.

    Examples
    --------
    >>> from recsys_lib.scale.nearest import augmented
    >>> augmented([[3.0, 4.0], [0.0, 3.0]])
    array([[3., 4., 0.],
           [0., 3., 4.]])
    """
    items = _stored(items, biases)
    squares = (items.astype(np.float64) ** 2).sum(axis=1)
    missing = np.sqrt(squares.max() - squares)
    return np.column_stack([items, missing.astype(items.dtype)])


def augmented_queries(users: np.ndarray, biased: bool = False) -> np.ndarray:
    """Return the users' vectors as they are compared with those of `augmented`: lines 1 and 4.

    Parameters
    ----------
    users : ndarray, shape (n, d)
    biased : bool
        Whether the items have biases.

    Returns
    -------
    ndarray, shape (n, d + 1), with biases (n, d + 2)

    Examples
    --------
    >>> from recsys_lib.scale.nearest import augmented_queries
    >>> augmented_queries([[3.0, 4.0]], biased=True)
    array([[3., 4., 1., 0.]])
    """
    users = _matrix("users", users)
    more = np.zeros((len(users), 1 + biased), dtype=users.dtype)
    more[:, :-1] = 1  # a bias counts once for every user
    return np.column_stack([users, more])


def _queries(
    users: object, k: int, n_probe: int, width: int, biased: bool, single: bool = False
) -> tuple[np.ndarray, int, int]:
    """Return what a search among vectors of this width is asked, or raise: queries, k, n_probe.

    In float32, if it is to be single, in which what is too large for it is infinite.
    """
    k, n_probe = check_int("k", k, minimum=1), check_int("n_probe", n_probe, minimum=1)
    users = (_single if single else _matrix)("users", users, width - 1 - biased)
    queries = augmented_queries(users, biased)
    if not np.isfinite(queries).all():
        raise ValueError(f"users must be finite numbers{' of float32' * single}")
    return queries, k, n_probe


class InvertedLists:
    r"""Items in cells, each a list of those nearest to its center; a search looks at a few cells.

    The centers are those of k-means on the augmented vectors, and a search looks at the cells whose
    centers are nearest to the user (Jégou et al. 2011 call this an inverted file).

    Parameters
    ----------
    n_cells : int
        Some :math:`4 \sqrt n` of n items: fewer cells are longer to look at, more centers, too.
    seed : int
        Of k-means.

    Attributes
    ----------
    centers_ : ndarray, shape (n_cells, d + 1), with biases (n_cells, d + 2)
    vectors_ : ndarray, shape (n_items, d + 1), with biases (n_items, d + 2)
        The augmented vectors, those of a cell side by side.
    items_ : ndarray of int64, shape (n_items,)
        Whose they are.
    starts_ : ndarray of int64, shape (n_cells + 1,)
        Cell c holds the rows ``starts_[c]`` to ``starts_[c + 1] - 1``.

    Examples
    --------
    >>> import numpy as np
    >>> from recsys_lib.scale.nearest import InvertedLists
    >>> items = np.array([[1.0, 0.0], [0.9, 0.1], [0.0, 1.0], [0.1, 0.9]])
    >>> lists = InvertedLists(n_cells=2).fit(items)
    >>> lists.search(np.array([[2.0, 0.0]]), k=3, n_probe=1)  # two are in the nearest cell
    (array([[ 0,  1, -1]], dtype=int32), array([[ 2. ,  1.8, -inf]]))
    """

    centers_: np.ndarray
    vectors_: np.ndarray
    items_: np.ndarray
    starts_: np.ndarray

    def __init__(self, n_cells: int, seed: int = 0):
        self.n_cells = check_int("n_cells", n_cells, minimum=1)
        self.seed = check_int("seed", seed)

    def fit(self, items: np.ndarray, biases: np.ndarray | None = None) -> Self:
        """Find the cells. Parameters and errors as in `augmented`; at least `n_cells` items."""
        vectors = augmented(items, biases)
        if len(vectors) < self.n_cells:
            raise ValueError(f"n_cells must be at most {len(vectors)} items, got {self.n_cells}")
        means = MiniBatchKMeans(self.n_cells, random_state=self.seed, n_init=1, batch_size=4096)
        cells = means.fit_predict(vectors)
        self.centers_, self._biased = means.cluster_centers_, biases is not None
        self._squares = (self.centers_**2).sum(axis=1)
        self.items_ = np.argsort(cells, kind="stable")
        self.vectors_ = vectors[self.items_]
        self.starts_ = np.r_[0, np.cumsum(np.bincount(cells, minlength=self.n_cells))]
        return self

    def search(self, users: np.ndarray, k: int, n_probe: int = N_PROBE) -> Found:
        """Return the `k` best of the items in the `n_probe` cells nearest to each user.

        With ``n_probe=n_cells`` that is what `exact` returns, up to rounding.

        Parameters
        ----------
        users : ndarray, shape (n, d)
        k, n_probe : int

        Returns
        -------
        items, scores
            As of `exact`; -1 where the cells hold fewer.

        Raises
        ------
        NotFittedError
            If `fit` has not been called.
        TypeError, ValueError
            If the arguments do not fit, or a user's vector is not finite.
        """
        if not hasattr(self, "vectors_"):
            own = f"InvertedLists(n_cells={self.n_cells}, seed={self.seed})"
            raise NotFittedError(f"{own} is not fitted yet: call fit(items) first")
        width = self.vectors_.shape[1]
        queries, k, n_probe = _queries(users, k, n_probe, width, self._biased)
        found = np.full((len(queries), k), NO_ITEM, dtype=np.int32)
        best = np.full(found.shape, -np.inf, dtype=np.result_type(queries, self.vectors_))
        for row, query in enumerate(queries):
            items, scores = self._look_at(query, n_probe)
            order = np.lexsort([items, -scores])[:k]
            found[row, : len(order)], best[row, : len(order)] = items[order], scores[order]
        return found, best

    def _look_at(self, query: np.ndarray, n_probe: int) -> Found:
        """Return items and scores of all that is in the nearest cells."""
        distances = self._squares - 2 * self.centers_ @ query  # line 2; less the user's length
        nearest = np.argsort(distances, kind="stable")[:n_probe]
        parts = [slice(self.starts_[cell], self.starts_[cell + 1]) for cell in nearest]
        items = np.concatenate([self.items_[part] for part in parts])
        return items, np.concatenate([self.vectors_[part] @ query for part in parts])


class ItemIndex:
    r"""The same as `InvertedLists` by faiss, a kept library: compiled, and saved in one file.

    faiss (Douze et al. 2024) is imported here and nowhere else. Its inverted lists hold the vectors
    as they are, so that the scores of what is found are exact; what can be missing is an item in a
    cell that was not looked at. On macOS the packages of faiss and of PyTorch each bring OpenMP,
    and a process that uses both may be ended by it (issue 73 of faiss-wheels): there, run an index
    in a process of its own.

    Parameters
    ----------
    items : ndarray, shape (n_items, d)
        Held in float32: 4 (d + 3) bytes each, with biases 4 more.
    biases : ndarray, shape (n_items,), optional
    n_cells : int, optional
        By default :math:`4 \sqrt n`, at most 65,536.
    seed : int
        Of k-means, which learns from at most 64 items for each cell.

    Raises
    ------
    ImportError
        If faiss is not there.
    TypeError, ValueError
        As of `augmented`, or if `n_cells` is more than there are items.

    Examples
    --------
    >>> import numpy as np
    >>> from recsys_lib.scale.nearest import ItemIndex
    >>> items = np.random.default_rng(0).normal(size=(1000, 8))
    >>> index = ItemIndex(items)  # doctest: +SKIP
    >>> found, scores = index.search(items[:2], k=10)  # doctest: +SKIP
    """

    def __init__(
        self,
        items: np.ndarray,
        biases: np.ndarray | None = None,
        n_cells: int | None = None,
        seed: int = 0,
    ):
        faiss = _faiss()
        vectors = augmented(_single("items", items), biases)
        n, width = vectors.shape
        if np.abs(vectors).max() > LONGEST / vectors.shape[1] ** 0.5:
            raise ValueError(f"items must be shorter than {LONGEST:g}: squares are float32")
        self.biased = biases is not None
        n_cells = min(int(4 * n**0.5), n, 1 << 16) if n_cells is None else n_cells
        if check_int("n_cells", n_cells, minimum=1) > n:
            raise ValueError(f"n_cells must be at most {n}, the number of items, got {n_cells}")
        # cells by distance, as lines 3 to 5 have it; what is in them is ordered by the product
        by_distance, by_product = faiss.IndexFlatL2(width), faiss.METRIC_INNER_PRODUCT
        self._index: Any = faiss.IndexIVFFlat(by_distance, width, n_cells, by_product)
        how = self._index.cp
        how.spherical, how.seed, how.niter = False, check_int("seed", seed), 10
        how.min_points_per_centroid, how.max_points_per_centroid = 1, 64
        self._index.train(vectors)
        self._index.add(vectors)

    def __len__(self) -> int:
        """Return the number of items."""
        return int(self._index.ntotal)

    @property
    def n_cells(self) -> int:
        """Into how many cells the items are divided."""
        return int(self._index.nlist)

    def search(self, users: np.ndarray, k: int, n_probe: int = N_PROBE) -> Found:
        """Return the `k` best of the items in the `n_probe` cells nearest to each user.

        Parameters
        ----------
        users : ndarray, shape (n, d)
        k, n_probe : int

        Returns
        -------
        items, scores
            As of `exact`, in float32; -1 where the cells hold fewer. Of items that are equal at
            place `k`, any may be left out.

        Raises
        ------
        TypeError, ValueError
            If the arguments do not fit, or a user's vector is not finite.
        """
        width = self._index.d
        queries, k, n_probe = _queries(users, k, n_probe, width, self.biased, single=True)
        how = _faiss().SearchParametersIVF(nprobe=min(n_probe, self.n_cells))
        scores, items = self._index.search(queries, k, params=how)
        scores[items < 0] = -np.inf
        order = np.lexsort([items, -scores], axis=1)
        items, scores = (np.take_along_axis(one, order, axis=1) for one in (items, scores))
        return items.astype(np.int32), scores

    def save(self, path: str | os.PathLike) -> Path:
        """Write the index to one file, whole or not at all. Some machines differ in its layout."""
        body = _faiss().serialize_index(self._index)
        about = {
            "format": FORMAT,
            "biased": self.biased,
            "sha256": hashlib.sha256(body).hexdigest(),
        }
        with atomic_write(path) as file:
            file.write(json.dumps(about).encode() + b"\n")
            file.write(memoryview(body))
        return Path(path)

    @classmethod
    def load(cls, path: str | os.PathLike) -> Self:
        """Read what `save` wrote.

        Raises
        ------
        FileNotFoundError
        DataError
            If the file is damaged, or another.
        """
        faiss = _faiss()
        try:
            with open(path, "rb") as file:
                about = json.loads(file.readline(1000))
                body = file.read()
            if about["format"] != FORMAT or about["sha256"] != hashlib.sha256(body).hexdigest():
                raise ValueError("format or checksum differ")
            index = cls.__new__(cls)
            index.biased, index._index = (
                bool(about["biased"]),
                faiss.deserialize_index(np.frombuffer(body, dtype=np.uint8)),
            )
        except OSError:
            raise
        except Exception as error:  # json, a missing key and faiss each have their own
            raise DataError(f"{path} is damaged or no index of recsys_lib: {error}") from None
        return index


def _faiss() -> ModuleType:
    try:
        import faiss
    except ImportError as error:
        raise ImportError(
            f"an index needs faiss, which is not here ({error}): make scale installs it, or pip "
            "install faiss-cpu; InvertedLists needs NumPy and scikit-learn alone"
        ) from None
    return faiss


def recall(found: Found, best: Found) -> np.ndarray:
    """Return recall@k of each row: what share of the best k items has been found.

    **Ties.** The best k are not unique where several items have the score of place k. What was
    found counts if it is one of `best`, or if its score is at least that of place k.

    Parameters
    ----------
    found : (items, scores), each of shape (n, k)
        Of a search; -1 is no item.
    best : (items, scores), each of shape (n, k)
        Of `exact`.

    Returns
    -------
    ndarray of float64, shape (n,)
        NaN where there is nothing to find.

    Raises
    ------
    ValueError
        If the shapes differ.

    Examples
    --------
    >>> import numpy as np
    >>> from recsys_lib.scale.nearest import recall
    >>> best = np.array([[4, 7, 1]]), np.array([[3.0, 2.0, 1.0]])
    >>> recall((np.array([[4, 9, 5]]), np.array([[3.0, 1.0, 0.5]])), best)  # 9 is as good as 1
    array([0.66666667])
    """
    (items, scores), (wanted, wanted_scores) = found, best
    if not items.shape == scores.shape == wanted.shape == wanted_scores.shape:
        shapes = [one.shape for one in (items, scores, wanted, wanted_scores)]
        raise ValueError(f"found and best must be items and scores of one shape, got {shapes}")
    n_wanted = (wanted >= 0).sum(axis=1)
    last = np.where(wanted >= 0, wanted_scores, np.inf).min(axis=1)
    hits = [
        (np.isin(row, known[known >= 0]) | (worth >= least)) & (row >= 0)
        for row, known, worth, least in zip(items, wanted, scores, last, strict=True)
    ]
    n_hits = np.array([one.sum() for one in hits], dtype=np.float64)
    return np.divide(n_hits, n_wanted, out=np.full(len(items), np.nan), where=n_wanted > 0)


class TwoStages(Recommender):
    """One model finds candidates, and another, which may be slow, orders them.

    Both are fitted already, on the same data, and are not changed: `fit` only notes what users have
    met, which takes no place among the candidates of `score`. (Of `recommend`, ``exclude`` says
    what takes none, and nothing has to be noted.)

    Parameters
    ----------
    first : Recommender
        Fitted; finds the candidates.
    second : Recommender
        Fitted; orders them.
    n_candidates : int
        Those with the highest scores of `first`.
    search : callable, optional
        From vectors of users and a number k to (items, scores), such as ``ItemIndex.search``: by
        it candidates are found in place of ``first.recommend``. `first` must then have `vectors`.
        Users of whom it learned nothing get the candidates of ``first.recommend`` still.

    Examples
    --------
    >>> from recsys_lib import data
    >>> from recsys_lib.models import EASE, Popularity
    >>> from recsys_lib.scale.nearest import TwoStages
    >>> films = data.k_core(data.load(), 50)
    >>> both = TwoStages(Popularity().fit(films), EASE().fit(films), n_candidates=20)
    >>> items, _ = both.recommend([0], k=2, exclude=films)
    >>> films.titles(items[0])
    ['Independence Day (a.k.a. ID4)', 'Braveheart']
    """

    known_: sparse.csr_array

    def __init__(
        self,
        first: Recommender,
        second: Recommender,
        n_candidates: int = 100,
        search: Callable[[np.ndarray, int], Found] | None = None,
    ):
        for name, model in (("first", first), ("second", second)):
            if not isinstance(model, Recommender):
                raise TypeError(f"{name} must be a fitted model, got {model!r}")
            model._check_fitted()
        check_vocabulary("second", fitted_on(second), "first", fitted_on(first))
        self.first, self.second = first, second
        self.n_candidates = check_int("n_candidates", n_candidates, minimum=1)
        if search is not None and not callable(search):
            raise TypeError(f"search must be a function of vectors and k, got {search!r}")
        self.search = search
        self._users = None if search is None else vectors(first)[0]
        (self.n_users_, self.n_items_), self.vocabulary_ = second.shape, fitted_on(second)
        self.known_ = sparse.csr_array(second.shape, dtype=np.float32)

    def fit(self, train: Interactions, **unknown: Never) -> Self:
        """Note what users have met; the two models stay as they are.

        Parameters
        ----------
        train : Interactions
            Of the users and items that both models were fitted on.

        Returns
        -------
        self

        Raises
        ------
        TypeError, DataError
            If `train` is no `Interactions`, is empty, or has other users or items.
        """
        check_interactions("train", train)
        own = "the data that first and second were fitted on"
        check_vocabulary("train", train.vocabulary, own, fitted_on(self.second))
        return super().fit(train, **unknown)

    def _fit(self, train: Interactions) -> None:
        self.known_ = train.to_csr("ones")

    def candidates(self, users: np.ndarray, known: sparse.csr_array) -> np.ndarray:
        """Return the candidates of some users, in rising order, -1 where there are fewer.

        Parameters
        ----------
        users : array of int, shape (n,)
        known : csr_array, shape (n, n_items)
            What is no candidate.

        Returns
        -------
        ndarray of int32, shape (n, at most n_candidates)
        """
        users = check_ids("users", users, self.n_users_)
        width = min(self.n_candidates, self.n_items_)
        found = np.full((len(users), width), NO_ITEM, dtype=np.int32)
        cold = getattr(self.first, "cold_", np.zeros(self.n_users_, dtype=bool))[users]
        by_scores = cold | (self.search is None)
        if by_scores.any():
            scores = self.first.score(users[by_scores])
            found[by_scores] = top_k(scores, width, known[np.flatnonzero(by_scores)])[0]
        if self.search is not None and not by_scores.all():
            places = np.flatnonzero(~by_scores)
            more = int(np.diff(known.indptr)[places].max())  # what is known may be found, too
            k = min(width + more, self.n_items_)
            listed, _ = self.search(self._users[users[places]], k)  # type: ignore[index]
            for place, row in zip(places, listed, strict=True):
                met = known.indices[known.indptr[place] : known.indptr[place + 1]]
                new = np.unique(row[~np.isin(row, met)][:width])
                found[place, : len(new)] = new
        # as `score` has them: equal scores of the second are then ordered as in its own lists
        last = np.where(found == NO_ITEM, self.n_items_, found)
        last.sort(axis=1)
        return np.where(last == self.n_items_, NO_ITEM, last)

    def _judged(self, users: np.ndarray, known: sparse.csr_array) -> Found:
        """Return the candidates and the scores that the second model gives them."""
        items = self.candidates(users, known)
        scores = self.second.score_items(users, np.maximum(items, 0)).copy()
        scores[items == NO_ITEM] = -np.inf
        return items, scores

    def recommend(
        self,
        users: np.ndarray,
        k: int = 10,
        exclude: Interactions | None = None,
        batch_size: int = 1024,
    ) -> Found:
        """Return the `k` candidates with the highest scores of the second model, best first.

        Parameters, what is returned and raised as of `Recommender.recommend`. At most
        `n_candidates` items are returned for a user. Where a search that looks at a part of the
        items finds fewer candidates, there are fewer.
        """
        users = check_ids("users", users, self.n_users_)
        k, batch_size = check_int("k", k, minimum=1), check_int("batch_size", batch_size, 1)
        known = sparse.csr_array(self.shape, dtype=np.float32)
        if exclude is not None:
            check_interactions("exclude", exclude)
            own = "the data that first and second were fitted on"
            check_vocabulary("exclude", exclude.vocabulary, own, fitted_on(self))
            known = exclude.to_csr("ones")
        found = np.full((len(users), k), NO_ITEM, dtype=np.int32)
        best = np.full((len(users), k), -np.inf, dtype=np.float32)
        step = users_at_a_time(self.n_items_, batch_size)
        for start in range(0, len(users), step):
            rows = slice(start, start + step)
            items, scores = self._judged(users[rows], known[users[rows]])
            places, best[rows] = top_k(scores, k)
            chosen = np.take_along_axis(items, np.maximum(places, 0), axis=1)
            found[rows] = np.where(places == NO_ITEM, NO_ITEM, chosen)
        return found, best

    def _score(self, users: np.ndarray) -> np.ndarray:
        """Return the scores of the second model for candidates, ``-inf`` for all other items."""
        items, judged = self._judged(users, self.known_[users])
        scores = np.full((len(users), self.n_items_), -np.inf, dtype=np.float32)
        rows, places = np.nonzero(items != NO_ITEM)
        scores[rows, items[rows, places]] = judged[rows, places]
        return scores

    def _score_items(self, users: np.ndarray, items: np.ndarray) -> np.ndarray:
        return np.take_along_axis(self._score(users), items, axis=1)

    def save(self, path: str | os.PathLike) -> Path:
        """Raise NotImplementedError: what has been learned is in the two models."""
        raise NotImplementedError(
            "save the two models, and make TwoStages of what load_model reads"
        )
