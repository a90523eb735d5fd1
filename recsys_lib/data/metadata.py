"""What a table of items says of them, as texts and as features."""

import ast
import json
from collections.abc import Sequence
from typing import Any

from recsys_lib.data.features import MOST_WORDS, Features, is_missing
from recsys_lib.data.interactions import Interactions, check_interactions
from recsys_lib.validation import DataError

COLUMNS = ("title", "genres", "categories", "store", "main_category")
TEXTS = ("title", "features", "description")  # read as words, all together
LISTS = ("genres", "categories")
CATEGORIES = ("store", "main_category")
NO_GENRES = "(no genres listed)"  # what MovieLens says of such films
RANGES: dict[str, float | None] = {"year": 10.0, "price": None}  # and how wide; None: by quantiles


def item_texts(ratings: Interactions, columns: Sequence[str] = COLUMNS) -> list[str]:
    """Return one text per item: all that its columns of metadata say, missing ones left out.

    Raises
    ------
    DataError
        If the data has none of the columns.
    """
    if not isinstance(ratings, Interactions):
        raise TypeError(f"ratings must be Interactions, got {type(ratings).__name__}")
    if isinstance(columns, str) or not isinstance(columns, Sequence):
        raise TypeError(f"columns must be a sequence of names, got {columns!r}")
    table = ratings.items
    known = [] if table is None else [c for c in columns if c in table]
    if table is None or not known:
        have = None if table is None else list(table)
        raise DataError(f"{ratings.name} must have one of the columns {columns}, it has {have}")
    return [
        " ".join(str(value) for value in row if not is_missing(value))
        for row in table[known].itertuples(index=False)
    ]


def item_features(
    ratings: Interactions,
    columns: Sequence[str] | None = None,
    *,
    min_items: int = 2,
    most: int = MOST_WORDS,
) -> Features:
    """Return what the metadata says of each item, to be given to `Interactions.with_features`.

    Of the title and other texts (features, description) each word is a feature, the words of all of
    them together; of genres and categories each name; the store and the main category; of the year
    the decade, and of the price a fifth of all prices.

    Parameters
    ----------
    ratings : Interactions
        With metadata in `ratings.items`. MovieLens has titles, years and genres; products have
        titles, categories, stores and prices.
    columns : sequence of str, optional
        Of these which to read; by default all that there are.
    min_items : int
        Leave out words and names that fewer items have: nothing can be learned from one alone.
    most : int
        Keep at most so many words, the most frequent ones.

    Returns
    -------
    Features
        Names begin with that of the column, or with "word".

    Raises
    ------
    DataError
        If the data has none of the columns, one is unknown or has nothing to give, or a value is
        not what it should be, with the identifier of its item.

    Examples
    --------
    >>> from recsys_lib import data
    >>> films = data.load()
    >>> features = data.item_features(films, ["genres", "year"])
    >>> features
    <31 features of 9,066 rows, 3.2 in each; 2 rows without any>
    >>> [features.names[place] for place in features.matrix[[0]].indices[-2:]]
    ['genres: Fantasy', 'year: 1990 to 2000']
    """
    check_interactions("ratings", ratings)
    table, wanted = ratings.items, (*TEXTS, *LISTS, *CATEGORIES, *RANGES)
    found = [] if table is None else list(table)
    if columns is None:
        columns = [name for name in wanted if name in found]
    elif isinstance(columns, str):
        raise TypeError(f"columns must be a sequence of names, got {columns!r}")
    missing = [name for name in columns if name not in wanted or name not in found]
    if table is None or missing or not columns:
        raise DataError(
            f"{ratings.name} must have columns of items to make features of, among "
            f"{', '.join(wanted)}; asked for are {list(columns)}, it has {found}"
        )
    ids, groups = ratings.item_ids, {}
    texts = [name for name in columns if name in TEXTS]
    if texts:
        words = item_texts(ratings, texts)
        groups["word"] = Features.from_texts(ids, words, min_items=min_items, most=most)
    for name in columns:
        column = table[name].tolist()
        if name in LISTS:
            both = zip(ids, column, strict=True)
            lists = [_names(value, f"{name} of {identifier}") for identifier, value in both]
            groups[name] = Features.from_lists(ids, lists, min_items=min_items)
        elif name in CATEGORIES:
            groups[name] = Features.from_categories(ids, column, min_items=min_items)
        elif name in RANGES:
            groups[name] = Features.from_numbers(ids, column, width=RANGES[name])
    return Features.stack(groups)


def _names(value: Any, what: str) -> Any:
    """Return the list of names where a file writes one as text: a|b, JSON, or as Python does."""
    if not isinstance(value, str):
        return value
    if not value.startswith("["):
        return [] if value == NO_GENRES else value.split("|")
    for read in (json.loads, ast.literal_eval):
        try:
            return list(read(value))
        except (ValueError, SyntaxError, TypeError, RecursionError, MemoryError):
            continue
    raise DataError(f"{what} must be a list of names, got {value[:80]!r}")
