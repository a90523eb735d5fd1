r"""Cosine collaborative filtering: recommend what similar users took, or items similar to yours.

With the rows of the user-item matrix :math:`R` as vectors, two users are compared by

.. math:: \cos(u, v) = \frac{\sum_i r_{ui} r_{vi}}{\sqrt{\sum_i r_{ui}^2} \sqrt{\sum_i r_{vi}^2}}

and two items by the same formula on columns (Sarwar et al. 2001; for ranking, as here, Deshpande
and Karypis 2004). All cosines at once are one
sparse product of the matrix, its rows scaled to length 1, with its own transpose.
"""

from abc import abstractmethod

import numpy as np
from numba import njit
from scipy import sparse

from recsys_lib.data.interactions import Interactions
from recsys_lib.models.base import Recommender
from recsys_lib.validation import check_bool, check_choice, check_ids, check_int, check_real


def normalize_rows(matrix: sparse.csr_array) -> sparse.csr_array:
    """Scale each row to Euclidean length 1; a row of zeros stays as it is."""
    norms = np.sqrt(np.asarray(matrix.multiply(matrix).sum(axis=1)).ravel())
    scale = np.divide(1.0, norms, out=np.zeros_like(norms), where=norms > 0)
    unit = matrix.copy()  # and not a product with a diagonal matrix, which drops stored zeros
    unit.data = matrix.data * np.repeat(scale.astype(np.float32), np.diff(matrix.indptr))
    return unit


def cosine_similarity(matrix: sparse.csr_array) -> sparse.csr_array:
    """Cosine between all pairs of rows, shape (n_rows, n_rows), the diagonal included.

    A row of zeros has the cosine 0 with every row, itself included: it points nowhere.
    """
    unit = normalize_rows(matrix)
    return unit @ unit.T


def center_rows(matrix: sparse.csr_array) -> tuple[sparse.csr_array, np.ndarray]:
    """Subtract from each stored cell the mean of its row's stored cells.

    Returns
    -------
    centered : csr_array
        Cells that become 0 stay stored: the user did rate them.
    means : ndarray of float32, shape (n_rows,)
        0 for an empty row.
    """
    counts = np.diff(matrix.indptr)
    # in double precision, so that a user who gives every item the same stars is left with zeros
    sums = np.asarray(matrix.astype(np.float64).sum(axis=1)).ravel()
    means = np.divide(sums, counts, out=np.zeros_like(sums), where=counts > 0).astype(np.float32)
    centered = matrix.copy()
    centered.data = matrix.data - np.repeat(means, counts)
    return centered, means


class _KNN(Recommender):
    """What the two sides share: the matrix to compare, the neighbors to keep, and new users."""

    similarity_: sparse.csr_array
    matrix_: sparse.csr_array
    user_means_: np.ndarray
    cold_: np.ndarray
    popularity_: np.ndarray

    def __init__(
        self,
        n_neighbors: int = 50,
        shrinkage: float = 0.0,
        values: str = "ones",
        center: bool = False,
    ):
        self.n_neighbors = check_int("n_neighbors", n_neighbors, minimum=1)
        self.shrinkage = check_real("shrinkage", shrinkage, 0)
        self.values = check_choice("values", values, ("ones", "rating"))
        self.center = check_bool("center", center)
        if self.center and self.values == "ones":
            raise ValueError(
                "center=True needs values='rating': ones minus their mean are all zero"
            )

    def _begin(self, train: Interactions) -> None:
        self.cold_ = train.user_counts == 0
        self.popularity_ = train.item_counts.astype(np.float32)

    def _score(self, users: np.ndarray) -> np.ndarray:
        scores = self._from_neighbors(users).toarray()
        scores[self.cold_[users]] = self.popularity_
        return scores

    @abstractmethod
    def _from_neighbors(self, users: np.ndarray) -> sparse.csr_array:
        """Return what the neighbors say, shape (len(users), n_items)."""

    def _prepare(self, train: Interactions) -> sparse.csr_array:
        matrix = train.to_csr(self.values)
        if not self.center:
            return matrix
        centered, self.user_means_ = center_rows(matrix)
        return centered

    def _neighbors(self, matrix: sparse.csr_array) -> sparse.csr_array:
        """Similarities of each row to its `n_neighbors` most similar other rows, (n, n)."""
        unit = normalize_rows(matrix)
        columns = sparse.csr_array(unit.T)
        n = matrix.shape[0]
        k = min(self.n_neighbors, n)
        indptr, indices, data = _most_similar(
            *_parts(unit), *_parts(columns), k, np.float64(self.shrinkage)
        )
        kept = sparse.csr_array((data, indices, indptr), shape=(n, n))
        kept.sort_indices()
        return kept


def _parts(matrix: sparse.csr_array) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    return matrix.indptr.astype(np.int64), matrix.indices.astype(np.int64), matrix.data


@njit(cache=True)
def _most_similar(indptr, indices, data, c_indptr, c_indices, c_data, k, shrinkage):
    """Work out the product of rows and transpose one row at a time, and keep k entries of each.

    Only pairs with a common column are ever touched, and of the (n, n) product no more than a row
    is held in memory. Kept are the largest positive entries; between equal ones, the lower index.
    """
    n = len(indptr) - 1
    similar, common = np.zeros(n), np.zeros(n)
    kept_indptr = np.zeros(n + 1, dtype=np.int64)
    kept_indices = np.empty(n * k, dtype=np.int32)
    kept_data = np.empty(n * k, dtype=np.float32)
    for row in range(n):
        similar[:], common[:] = 0, 0
        for a in range(indptr[row], indptr[row + 1]):
            for b in range(c_indptr[indices[a]], c_indptr[indices[a] + 1]):
                similar[c_indices[b]] += data[a] * c_data[b]
                common[c_indices[b]] += 1
        similar[row] = 0  # nobody is a neighbor of their own
        if shrinkage > 0:
            similar *= common / (common + shrinkage)
        neighbors = np.flatnonzero(similar > 0)
        if len(neighbors) > k:
            neighbors = _k_largest(similar, neighbors, k)
        start = kept_indptr[row]
        stop = start + len(neighbors)
        kept_indptr[row + 1] = stop
        kept_indices[start:stop] = neighbors
        kept_data[start:stop] = similar[neighbors]
    return kept_indptr, kept_indices[: kept_indptr[n]], kept_data[: kept_indptr[n]]


@njit(cache=True)
def _k_largest(values, places, k):
    """Return those k of the places, in rising order, that hold the largest values."""
    cut = np.partition(values[places], len(places) - k)[len(places) - k]
    ties_left = k - np.sum(values[places] > cut)
    chosen, n = np.empty(k, dtype=places.dtype), 0
    for place in places:
        tied = values[place] == cut
        if values[place] > cut or (tied and ties_left > 0):
            ties_left -= tied
            chosen[n] = place
            n += 1
    return chosen


class UserKNN(_KNN):
    """Recommend what the most similar users interacted with.

    The score of item i for user u is the sum over the neighbors v of u of
    ``similarity(u, v) * r(v, i)``. Neighbors have positive similarity; a user without any gets
    all zeros. A user without training data has no row to compare, and gets the items' popularity.

    Parameters
    ----------
    n_neighbors : int
        Similar users to keep.
    shrinkage : float
        Multiply a similarity that rests on n common items by ``n / (n + shrinkage)``: a cosine of
        1 from a single common item says little (Koren 2008).
    values : {"ones", "rating"}
        Compare what was met, or how it was rated.
    center : bool
        Subtract each user's mean rating first, so that a low rating counts as dislike.

    Attributes
    ----------
    similarity_ : csr_array, shape (n_users, n_users)
    matrix_ : csr_array, shape (n_users, n_items)
        Training cells, centered if asked for.
    user_means_ : ndarray, shape (n_users,)
        Only with `center`.
    cold_ : ndarray of bool, shape (n_users,)
        Users without a training row.
    popularity_ : ndarray of float32, shape (n_items,)
        Their scores: how many users have each item in the training set.
    """

    def _fit(self, train: Interactions) -> None:
        self.matrix_ = self._prepare(train)
        self.similarity_ = self._neighbors(self.matrix_)

    def _from_neighbors(self, users: np.ndarray) -> sparse.csr_array:
        return self.similarity_[users] @ self.matrix_

    def explain(self, user: int, item: int, n: int = 3) -> list[tuple[int, float]]:
        """Neighbors who speak most for an item: (user index, share), largest first.

        The shares of all who speak for it, with a positive part of the score, sum to 1.
        """
        user = int(check_ids("user", [user], self.shape[0])[0])
        item = int(check_ids("item", [item], self.shape[1])[0])
        similar = self.similarity_[[user]].toarray()[0]
        return _largest(similar * self.matrix_[:, [item]].toarray()[:, 0], n)


class ItemKNN(_KNN):
    """Recommend items that are similar to those a user has interacted with.

    The score of item i for user u is the sum over the items j that u has met, if i is among the
    `n_neighbors` items most similar to j, of ``r(u, j) * similarity(j, i)``. A user without
    training data has met no j, and gets the items' popularity.

    Parameters
    ----------
    n_neighbors, shrinkage, values
        As in `UserKNN`, with items for users.
    center : bool
        Subtract each user's mean rating first: the adjusted cosine of Sarwar et al. 2001, but with
        the length of an item's column taken over all who rated it, as in the cosine above.

    Attributes
    ----------
    similarity_ : csr_array, shape (n_items, n_items)
        Row j holds the neighbors of item j.
    matrix_, user_means_, cold_, popularity_
        As in `UserKNN`.
    """

    def _fit(self, train: Interactions) -> None:
        self.matrix_ = self._prepare(train)
        self.similarity_ = self._neighbors(sparse.csr_array(self.matrix_.T))

    def _from_neighbors(self, users: np.ndarray) -> sparse.csr_array:
        return self.matrix_[users] @ self.similarity_

    def explain(self, user: int, item: int, n: int = 3) -> list[tuple[int, float]]:
        """Items of the user that speak most for an item: (item index, share), largest first.

        The shares are as in `UserKNN.explain`.
        """
        user = int(check_ids("user", [user], self.shape[0])[0])
        item = int(check_ids("item", [item], self.shape[1])[0])
        mine = self.matrix_[[user]].toarray()[0]
        return _largest(mine * self.similarity_[:, [item]].toarray()[:, 0], n)


def _largest(parts: np.ndarray, n: int) -> list[tuple[int, float]]:
    order = np.argsort(-parts, kind="stable")[: check_int("n", n, minimum=1)]
    total = parts[parts > 0].sum()  # with centering others speak against: their sum may be 0
    return [(int(i), float(parts[i] / total)) for i in order if parts[i] > 0]
