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

from recsys_lib.data.histories import Histories, histories
from recsys_lib.data.interactions import Interactions
from recsys_lib.models.base import Personal, rows_in_parts, warn_of_equal_ratings
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


class _KNN(Personal):
    """What the two sides share: the matrix to compare, the neighbors to keep, and new users."""

    similarity_: sparse.csr_array
    matrix_: sparse.csr_array
    user_means_: np.ndarray

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
        super()._begin(train)
        if self.center:
            warn_of_equal_ratings(train)  # which are all 0 then

    def _personal(self, users: np.ndarray) -> np.ndarray:
        return self._from_neighbors(users).toarray()

    @abstractmethod
    def _from_neighbors(self, users: np.ndarray) -> sparse.csr_array:
        """Return what the neighbors say, shape (len(users), n_items)."""

    def _prepare(self, train: Interactions) -> sparse.csr_array:
        matrix = train.to_csr(self.values)
        if not self.center:
            return matrix
        centered, self.user_means_ = center_rows(matrix)
        return centered

    def _row(self, items: np.ndarray, ratings: np.ndarray) -> sparse.csr_array:
        """Return the row of a new user as `_prepare` makes those of the training data."""
        values = ratings.astype(np.float32) if self._reads_ratings() else np.ones_like(items, "f4")
        row = sparse.csr_array((values, items, [0, len(items)]), shape=(1, self.n_items_))
        return center_rows(row)[0] if self.center else row

    def _reads_ratings(self) -> bool:
        return self.values == "rating"

    def _neighbors(
        self, matrix: sparse.csr_array, others: sparse.csr_array | None = None
    ) -> sparse.csr_array:
        """Similarities of each row to its `n_neighbors` most similar of the others, (n, m).

        Without `others`, those are the other rows of the matrix.
        """
        unit = normalize_rows(matrix)
        columns = sparse.csr_array((unit if others is None else normalize_rows(others)).T)
        n, m = matrix.shape[0], columns.shape[1]
        work = np.r_[0, np.cumsum(np.diff(columns.indptr)[unit.indices])][unit.indptr]
        most = np.minimum(np.diff(work), min(self.n_neighbors, m))  # that each row can keep
        both = *_parts(unit), *_parts(columns)
        scratch = np.zeros(m), np.zeros(m), np.empty(m, dtype=np.int64)
        lengths, found = np.zeros(n, dtype=np.int64), []
        for rows in rows_in_parts(4 * work[1:]):  # dearer than others: here and there in memory
            room = int(most[rows].sum())
            kept = np.empty(room, dtype=np.int32), np.empty(room, dtype=np.float32)
            used = _most_similar(
                *both, rows.start, others is None, self.n_neighbors, self.shrinkage,
                *scratch, lengths[rows], *kept,
            )  # fmt: skip
            found.append([part[:used].copy() for part in kept])
        indices, data = map(np.concatenate, zip(*found, strict=True))
        similar = sparse.csr_array((data, indices, np.r_[0, np.cumsum(lengths)]), shape=(n, m))
        similar.sort_indices()
        return similar


def _parts(matrix: sparse.csr_array) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    return matrix.indptr.astype(np.int64), matrix.indices.astype(np.int64), matrix.data


@njit(cache=True)
def _most_similar(
    indptr, indices, data, c_indptr, c_indices, c_data, first, own, k, shrinkage,
    similar, common, touched, lengths, kept_indices, kept_data,
):  # fmt: skip
    """Multiply some rows by the columns, one row at a time, and keep k entries of each product.

    Only pairs with a common column are ever looked at, so the time does not grow with the number
    of rows that there are to compare with, and of the product no more than a row is in memory.
    Kept are the largest positive entries; between equal ones, the lower index. The rows are those
    from `first` on, as many as `lengths`, which receives how many entries each keeps; `similar`
    and `common`, all zeros, and `touched` are for notes. Returns how many entries are kept in all.
    """
    kept = 0
    for r in range(len(lengths)):
        row, n_products = first + r, 0
        for a in range(indptr[row], indptr[row + 1]):
            n_products += c_indptr[indices[a] + 1] - c_indptr[indices[a]]
            for b in range(c_indptr[indices[a]], c_indptr[indices[a] + 1]):
                similar[c_indices[b]] += data[a] * c_data[b]
                common[c_indices[b]] += 1
        if 4 * n_products > len(common):
            others = np.flatnonzero(common)
        else:
            rest = indptr[row], indptr[row + 1], indices, c_indptr, c_indices
            others = np.sort(touched[: _touched(common, touched, *rest)])
        if shrinkage > 0:
            for other in others:
                similar[other] *= common[other] / (common[other] + shrinkage)
        if own and indptr[row] < indptr[row + 1]:
            similar[row] = 0  # nobody is a neighbor of their own
        neighbors = others[similar[others] > 0]
        if len(neighbors) > k:
            neighbors = _k_largest(similar, neighbors, k)
        lengths[r] = len(neighbors)
        kept_indices[kept : kept + len(neighbors)] = neighbors
        kept_data[kept : kept + len(neighbors)] = similar[neighbors]
        kept += len(neighbors)
        similar[others], common[others] = 0, 0
    return kept


@njit(cache=True)
def _touched(common, touched, start, stop, indices, c_indptr, c_indices):
    """Write down whom a row has a column in common with, once each; return how many they are."""
    n = 0
    for a in range(start, stop):
        for b in range(c_indptr[indices[a]], c_indptr[indices[a] + 1]):
            other = c_indices[b]
            if common[other] > 0:
                touched[n], common[other] = other, -common[other]  # the sign says: noted
                n += 1
    for other in touched[:n]:
        common[other] = -common[other]
    return n


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
    cold_, popularity_
        As in `base.Personal`.

    Examples
    --------
    >>> from recsys_lib import data
    >>> from recsys_lib.models import UserKNN
    >>> films = data.k_core(data.load(), 50)
    >>> items, _ = UserKNN().fit(films).recommend([0], k=2, exclude=films)
    >>> films.titles(items[0])
    ['Silence of the Lambs, The', 'Shawshank Redemption, The']
    """

    def _fit(self, train: Interactions) -> None:
        self.matrix_ = self._prepare(train)
        self.similarity_ = self._neighbors(self.matrix_)

    def _from_neighbors(self, users: np.ndarray) -> sparse.csr_array:
        return self.similarity_[users] @ self.matrix_

    def _fold_in(self, items: np.ndarray, ratings: np.ndarray) -> np.ndarray:
        similar = self._neighbors(self._row(items, ratings), self.matrix_)
        return (similar @ self.matrix_).toarray()[0]

    def explain(self, user: int, item: int, n: int = 3) -> list[tuple[int, float]]:
        """Neighbors who speak most for an item: (user index, share), largest first.

        The shares of all who speak for it, with a positive part of the score, sum to 1.

        Examples
        --------
        >>> from recsys_lib import data
        >>> from recsys_lib.models import UserKNN
        >>> films = data.k_core(data.load(), 50)
        >>> model = UserKNN(n_neighbors=1).fit(films)
        >>> [(neighbor, _)] = model.explain(user=0, item=films.find_item("Godfather, The"))
        >>> print(films.user_ids[neighbor])
        564
        """
        user = int(check_ids("user", [user], self.shape[0])[0])
        item = int(check_ids("item", [item], self.shape[1])[0])
        similar = self.similarity_[[user]].toarray()[0]
        return largest(similar * self.matrix_[:, [item]].toarray()[:, 0], n)


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

    Examples
    --------
    >>> from recsys_lib import data
    >>> from recsys_lib.models import ItemKNN
    >>> films = data.k_core(data.load(), 50)
    >>> items, _ = ItemKNN().fit(films).similar_items([films.find_item("Godfather, The")], k=2)
    >>> films.titles(items[0])
    ['Godfather: Part II, The', 'Goodfellas']
    """

    def _fit(self, train: Interactions) -> None:
        self.matrix_ = self._prepare(train)
        self.similarity_ = self._neighbors(sparse.csr_array(self.matrix_.T))

    def _from_neighbors(self, users: np.ndarray) -> sparse.csr_array:
        return self.matrix_[users] @ self.similarity_

    def _fold_in(self, items: np.ndarray, ratings: np.ndarray) -> np.ndarray:
        return (self._row(items, ratings) @ self.similarity_).toarray()[0]

    def _similar(self, items: np.ndarray) -> np.ndarray:
        similar = self.similarity_[items].toarray()
        return np.where(similar > 0, similar, -np.inf)

    def explain(self, user: int, item: int, n: int = 3) -> list[tuple[int, float]]:
        """Items of the user that speak most for an item: (item index, share), largest first.

        The shares are as in `UserKNN.explain`.

        Examples
        --------
        >>> from recsys_lib import data
        >>> from recsys_lib.models import ItemKNN
        >>> films = data.k_core(data.load(), 50)
        >>> item = films.find_item("Godfather, The")
        >>> parts = ItemKNN().fit(films).explain(user=0, item=item, n=2)
        >>> films.titles([item for item, _ in parts])
        ['Goodfellas', 'Back to the Future']
        """
        user = int(check_ids("user", [user], self.shape[0])[0])
        item = int(check_ids("item", [item], self.shape[1])[0])
        mine = self.matrix_[[user]].toarray()[0]
        return largest(mine * self.similarity_[:, [item]].toarray()[:, 0], n)


class RecentItemKNN(ItemKNN):
    """Recommend items that are similar to those a user has met, to the latest of them above all.

    Neighbors and similarities are those of `ItemKNN`, which know of no order; the score of item i
    for user u is the sum over the items j that u has met of ``decay ** d * similarity(j, i)``, with
    d the number of the user's events after j.

    Parameters
    ----------
    n_neighbors, shrinkage
        As in `UserKNN`, with items for users.
    decay : float
        From 0, where the last event alone is asked, to 1, where all count alike as in `ItemKNN`.

    Raises
    ------
    DataError
        On `fit`, if there are no timestamps.

    Attributes
    ----------
    matrix_ : csr_array, shape (n_users, n_items)
        What each event of a user weighs.
    similarity_, cold_, popularity_
        As in `ItemKNN`.

    Examples
    --------
    >>> from recsys_lib import data
    >>> from recsys_lib.models import RecentItemKNN
    >>> films = data.k_core(data.load(), 50)
    >>> model = RecentItemKNN(decay=0.5).fit(films)
    >>> one, other = films.find_item("Toy Story"), films.find_item("Alien")
    >>> films.titles([model.fold_in(met).argmax() for met in ([one, other], [other, one])])
    ['Star Wars: Episode IV - A New Hope', 'Forrest Gump']
    """

    def __init__(self, n_neighbors: int = 50, shrinkage: float = 0.0, decay: float = 0.9):
        super().__init__(n_neighbors, shrinkage)
        self.decay = check_real("decay", decay, 0, 1)

    def _fit(self, train: Interactions) -> None:
        super()._fit(train)
        past = histories(train)
        self.matrix_ = past.recent(train.n_items, len(past.items), self.decay)

    def _reads_order(self) -> bool:
        return True

    def _row(self, items: np.ndarray, ratings: np.ndarray) -> sparse.csr_array:
        past = Histories(items, np.array([0, len(items)]))
        return past.recent(self.n_items_, len(items), self.decay)


def largest(parts: np.ndarray, n: int) -> list[tuple[int, float]]:
    """Return the places of the n largest positive parts of a sum, and their shares of it."""
    order = np.argsort(-parts, kind="stable")[: check_int("n", n, minimum=1)]
    total = parts[parts > 0].sum()  # with centering others speak against: their sum may be 0
    return [(int(i), float(parts[i] / total)) for i in order if parts[i] > 0]
