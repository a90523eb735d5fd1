"""Item factors from what is known of the items: words, weighted by TF-IDF, and an SVD of them.

This is the "metadata embeddings for informed initialization" of the paper's algorithm 1, which its
code leaves out.
"""

from collections.abc import Sequence

import numpy as np
from sklearn.feature_extraction.text import TfidfVectorizer

from recsys_lib.data.interactions import Interactions
from recsys_lib.data.metadata import COLUMNS, item_texts
from recsys_lib.models.svd import truncated_svd
from recsys_lib.validation import DataError, check_int, check_real


def metadata_factors(
    ratings: Interactions,
    factors: int,
    columns: Sequence[str] = COLUMNS,
    scale: float = 0.1,
    min_items: int = 2,
    seed: int = 0,
) -> np.ndarray:
    """Return factors in which items with similar words point in similar directions.

    Each item becomes a row of TF-IDF weights: how often a word stands in its text, times the
    logarithm of how rare the word is among the items, the row scaled to length 1 (Salton and
    Buckley 1988, as scikit-learn computes it). A truncated SVD brings the rows to `factors`
    numbers.

    Parameters
    ----------
    ratings : Interactions
        With metadata in `ratings.items`.
    factors : int
    columns : sequence of str
        Which metadata to read, where the data has it.
    scale : float
        Root mean square of the result, to be that of the random factors it replaces.
    min_items : int
        Leave out words that fewer items have.
    seed : int
        Of the SVD's starting vector.

    Returns
    -------
    ndarray of float64, shape (n_items, factors)
        A row of zeros for an item of which nothing is known.
    """
    check_int("factors", factors, minimum=1)
    scale, min_items = check_real("scale", scale, 0), check_int("min_items", min_items, minimum=1)
    check_int("seed", seed)
    texts = item_texts(ratings, columns)
    words = TfidfVectorizer(min_df=min_items, sublinear_tf=True, stop_words="english")
    try:
        weights = words.fit_transform(texts)
    except ValueError as error:
        raise DataError(f"the metadata of {ratings.name} gives no words: {error}") from None
    if factors >= min(weights.shape):
        raise DataError(
            f"factors must be below the {weights.shape[0]} items and {weights.shape[1]} words of "
            f"{ratings.name}, got {factors}"
        )
    u, s, _ = truncated_svd(weights.astype(np.float64), factors, seed=seed)
    found = u * s
    return found * (scale / np.sqrt((found**2).mean()))
