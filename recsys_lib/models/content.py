r"""Content: recommend items whose words are those of the items that a user has met.

A word that every item has says nothing, and a rare one much. Let a share :math:`s_f` of the items
have word f. To find it on an item picked at random has the probability :math:`s_f`, and what has
the probability s is news of :math:`-\log s` (Shannon 1948). So the weight of word f on item i is

.. math::

    x_{if} = (1 + \log t_{if}) \cdot (-\log s_f), \qquad s_f = \frac{n_f + 1}{n + 1}

if it stands there :math:`t_{if}` times, and else 0 (Spärck Jones 1972; Salton and Buckley 1988).
n items are known, :math:`n_f` of them with the word; the item at hand is counted as one more with
it, so that a word which none of the known items has is rare and not impossible. Each row is scaled
to length 1. The profile of a user is the sum of the rows of the items met, and the score of an item
is the cosine between the profile and its row: no event of the item is needed.
"""

import numpy as np
from scipy import sparse

from recsys_lib.data.features import Features
from recsys_lib.data.interactions import Interactions
from recsys_lib.models.base import Personal
from recsys_lib.models.neighbors import largest, normalize_rows
from recsys_lib.validation import DataError, check_ids


def needed_features(train: Interactions, model: object) -> Features:
    """Return the features of the items, or raise DataError: the model cannot do without."""
    if train.item_features is None:
        raise DataError(
            f"train must have features of its items, which {model!r} needs: give them before the "
            "split, ratings.with_features(items=data.item_features(ratings))"
        )
    return train.item_features


def rarity(matrix: sparse.csr_array, known: np.ndarray) -> np.ndarray:
    r"""Return :math:`-\log s_f` of each column: the inverse document frequency, IDF.

    Parameters
    ----------
    matrix : csr_array, shape (n_items, n_features)
    known : ndarray of bool, shape (n_items,)
        The items that are counted.

    Returns
    -------
    ndarray of float32, shape (n_features,)
        0 for a feature that all known items have.
    """
    having = np.bincount(matrix[known].indices, minlength=matrix.shape[1])
    return -np.log((having + 1) / (known.sum() + 1)).astype(np.float32)


def tf_idf(matrix: sparse.csr_array, known: np.ndarray) -> sparse.csr_array:
    """Return the rows of a table weighted by TF-IDF, each of length 1, float32.

    Numbers up to 1, such as the ones of genres, are taken as they are, as the logarithm of larger
    ones is for words that come again. Parameters as in `rarity`.
    """
    weighted = matrix.copy()
    weighted.data = np.where(matrix.data > 1, 1 + np.log(np.maximum(matrix.data, 1)), matrix.data)
    weighted.data *= rarity(matrix, known)[matrix.indices]
    weighted.eliminate_zeros()
    return normalize_rows(weighted)


class Content(Personal):
    """Score an item by the cosine between its words and those of the items a user has met.

    The training set must have features of its items (`Interactions.with_features`). It scores items
    that nobody has met as all others; one of which nothing is known has the score 0. Features that
    all known items have weigh 0. There is no hyperparameter: what is compared, is chosen with the
    features.

    Attributes
    ----------
    vectors_ : csr_array of float32, shape (n_items, n_features)
        The TF-IDF weights of each item, counted over items with a training row; rows of length 1.
    names_ : ndarray of str, shape (n_features,)
        Of the features.
    matrix_ : csr_array, shape (n_users, n_items)
        Training cells.
    cold_, popularity_
        As in `base.Personal`.

    Raises
    ------
    DataError
        On `fit`, if the training set has no features of its items.

    Examples
    --------
    >>> from recsys_lib import data
    >>> from recsys_lib.models import Content
    >>> films = data.k_core(data.load(), 5)
    >>> films = films.with_features(items=data.item_features(films))
    >>> items, _ = Content().fit(films).similar_items([films.find_item("Alien")], k=2)
    >>> films.titles(items[0])
    ['Alien: Resurrection', 'Alien³ (a.k.a. Alien 3)']
    """

    vectors_: sparse.csr_array
    names_: np.ndarray
    matrix_: sparse.csr_array

    def _fit(self, train: Interactions) -> None:
        features = needed_features(train, self)
        self.vectors_ = tf_idf(features.matrix, train.item_counts > 0)
        self.names_ = np.array(features.names, dtype=str)
        self.matrix_ = train.to_csr("ones")

    def _personal(self, users: np.ndarray) -> np.ndarray:
        return self._cosines(self.matrix_[users])

    def _cosines(self, met: sparse.csr_array) -> np.ndarray:
        """Return the scores of all items for rows of items met, (n, n_items)."""
        return (self._profiles(met) @ self.vectors_.T).toarray()

    def _profiles(self, met: sparse.csr_array) -> sparse.csr_array:
        return normalize_rows(met @ self.vectors_)

    def _fold_in(self, items: np.ndarray, ratings: np.ndarray) -> np.ndarray:
        """Sum up the rows of the items, as for all others: exact."""
        met = sparse.csr_array(
            (np.ones(len(items), np.float32), items, [0, len(items)]), shape=(1, self.n_items_)
        )
        return self._cosines(met)[0]

    def _similar(self, items: np.ndarray) -> np.ndarray:
        cosines = (self.vectors_[items] @ self.vectors_.T).toarray()
        return np.where(cosines > 0, cosines, -np.inf)

    def explain(self, user: int, item: int, n: int = 3) -> list[tuple[str, float]]:
        """Features that speak most for an item: (name, share), largest first.

        The shares of all that the item and the user's items have in common sum to 1.

        Examples
        --------
        >>> from recsys_lib import data
        >>> from recsys_lib.models import Content
        >>> films = data.load()
        >>> films = films.with_features(items=data.item_features(films, ["genres", "year"]))
        >>> model = Content().fit(films)
        >>> parts = model.explain(user=0, item=films.find_item("Ben-Hur"), n=2)
        >>> [name for name, _ in parts]
        ['genres: Adventure', 'genres: Action']
        """
        user = int(check_ids("user", [user], self.shape[0])[0])
        item = int(check_ids("item", [item], self.shape[1])[0])
        profile = self._profiles(self.matrix_[[user]])
        parts = (profile * self.vectors_[[item]]).toarray()[0]
        return [(str(self.names_[place]), share) for place, share in largest(parts, n)]
