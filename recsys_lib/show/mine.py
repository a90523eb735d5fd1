"""Lists for the reader: what each model would recommend to them, side by side."""

from collections.abc import Mapping

import numpy as np
import pandas as pd
from scipy import sparse

from recsys_lib.data.interactions import Interactions, check_interactions
from recsys_lib.show.tables import Table, table
from recsys_lib.top_k import top_k
from recsys_lib.validation import check_int


def my_lists(
    ratings: Interactions,
    scores: Mapping[str, np.ndarray],
    items: np.ndarray,
    k: int = 10,
    caption: str = "What each model would show you.",
) -> Table:
    """Show the lists that several models make for one person, side by side.

    Parameters
    ----------
    ratings : Interactions
        With titles.
    scores : dict of str to array, shape (n_items,)
        By the name of a model what it says of every item, for example ``model.fold_in(items)``.
    items : array of int
        What the person has rated; these do not come back.
    k : int
        Length of the lists.
    caption : str
        Stands above.

    Returns
    -------
    Table
        A row for each place in the lists.

    Raises
    ------
    TypeError, ValueError
        If there are no scores, or not one for each item.
    """
    check_interactions("ratings", ratings)
    k = check_int("k", k, 1)
    if not scores:
        raise ValueError("scores must be of at least one model, got none")
    items = np.unique(np.asarray(items, dtype=np.int64))
    met = sparse.csr_array((np.ones(len(items)), items, [0, len(items)]), (1, ratings.n_items))
    columns = {}
    for name, values in scores.items():
        values = np.asarray(values, dtype=np.float32)
        if values.shape != (ratings.n_items,):
            raise ValueError(
                f"scores of {name} must be {ratings.n_items} numbers, one for each item, "
                f"got an array of shape {values.shape}"
            )
        places, _ = top_k(values[None], k, met)
        columns[name] = ratings.titles(places[0][places[0] >= 0])
    longest = max(map(len, columns.values()))
    rows = {name: titles + [""] * (longest - len(titles)) for name, titles in columns.items()}
    frame = pd.DataFrame(rows, index=pd.RangeIndex(1, longest + 1, name="place"))
    return table(frame, caption=caption)
