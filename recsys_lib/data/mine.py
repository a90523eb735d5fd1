"""The reader's own ratings: a small file of titles and stars, and an example for who has none."""

import csv
import os
import re
from pathlib import Path

import numpy as np

from recsys_lib.data.interactions import Interactions, check_interactions
from recsys_lib.validation import DataError

FILE = "my_ratings.csv"
COLUMNS = ["title", "stars"]
EXAMPLE = {  # somebody who likes science fiction and does not care for love stories
    "Matrix, The": 5.0,
    "Blade Runner": 4.5,
    "Alien": 4.0,
    "Back to the Future": 4.0,
    "Titanic (1997)": 2.0,
}

ARTICLE = re.compile(r"^(.*), (The|An?|La|Le|Les|L'|Das|Der|Die|Il|El|Los|Las)$")
WITH_OTHER_NAMES = re.compile(r"^(.*?)\s+(\(.*\))$")


def my_ratings(
    ratings: Interactions, file: str | os.PathLike = FILE
) -> tuple[np.ndarray, np.ndarray]:
    """Return your own ratings, from a file that you fill, or those of an example person.

    Parameters
    ----------
    ratings : Interactions
        With titles.
    file : path
        A text file with the header ``title,stars`` and a film in each line. A title need not be
        complete, as long as it fits one film alone; one with a comma in it stands in quotes.
        "Matrix, The", as in the data, and "The Matrix" are the same, and a film that stands in the
        data twice is the one that more people have rated. Where there is no such file,
        the example is taken. The page "My taste" writes one for you.

    Returns
    -------
    items : ndarray of int64, shape (n,)
        In rising order.
    stars : ndarray of float64, shape (n,)

    Raises
    ------
    TypeError
        If `ratings` are no `Interactions`.
    DataError
        If the file holds something else, with the line and what is wrong with it.
    """
    check_interactions("ratings", ratings)
    path = Path(file)
    if path.exists():
        found = _read(path, ratings)
    else:
        found = {ratings.find_item(title): stars for title, stars in EXAMPLE.items()}
    items = np.array(sorted(found), dtype=np.int64)
    return items, np.array([found[item] for item in items.tolist()])


def natural(title: str) -> tuple[str, str]:
    """Return a title as one says it, and its other names: "Boot, Das (Boat, The)" is "Das Boot"."""
    named = WITH_OTHER_NAMES.match(title)
    title, others = (named[1], named[2]) if named else (title, "")
    moved = ARTICLE.match(title)
    if moved:
        title = f"{moved[2]}{'' if moved[2].endswith(chr(39)) else ' '}{moved[1]}"
    return title, others.replace("(a.k.a. ", "(").replace(")", "").replace("(", "").strip()


def _by_name(ratings: Interactions) -> dict[str, int]:
    """Return the items by their titles, as written and as one says them: "The Matrix".

    Alone, where it is the title of one film, and with the year. A film that stands in the data
    twice is the one that more people have rated.
    """
    alone: dict[str, set[int]] = {}
    with_year: dict[str, int] = {}
    table = ratings.items
    years = table["year"].tolist() if table is not None and "year" in table else None
    titles = ratings.titles(np.arange(ratings.n_items))
    for item in np.argsort(-ratings.item_counts, kind="stable").tolist():
        for name in {titles[item].casefold(), natural(titles[item])[0].casefold()}:
            alone.setdefault(name, set()).add(item)
            if years is not None:
                with_year.setdefault(f"{name} ({years[item]})", item)
    return with_year | {name: items.pop() for name, items in alone.items() if len(items) == 1}


def _read(path: Path, ratings: Interactions) -> dict[int, float]:
    """Return the stars by item."""
    found: dict[int, float] = {}
    try:
        with path.open(newline="", encoding="utf-8-sig") as lines:
            rows = [(n, row) for n, row in enumerate(csv.reader(lines, strict=True), 1) if row]
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise DataError(f"{path} cannot be read: {error}") from error
    if not rows or [name.strip().lower() for name in rows[0][1]] != COLUMNS:
        raise DataError(f"{path}, line 1: must be the header {','.join(COLUMNS)}")
    named = _by_name(ratings)
    for number, row in rows[1:]:
        where = f"{path}, line {number}"
        if len(row) != len(COLUMNS):
            raise DataError(
                f"{where}: must be a title, a comma and a number of stars; "
                f"a title with a comma in it stands in quotes; got {','.join(row)!r}"
            )
        title, text = (part.strip() for part in row)
        try:
            item = named.get(title.casefold())
            item = ratings.find_item(title) if item is None else item
        except KeyError as error:
            raise DataError(f"{where}: {error.args[0]}") from None
        if item in found:
            raise DataError(f"{where}: {ratings.titles([item])[0]!r} is rated twice")
        found[item] = _stars(text, where)
    if not found:
        raise DataError(f"{path} rates no film; add lines, or remove it to see the example")
    return found


def _stars(text: str, where: str) -> float:
    try:
        stars = float(text)
    except ValueError:
        stars = float("nan")
    if not 0.5 <= stars <= 5:
        raise DataError(f"{where}: stars must be a number from 0.5 to 5, got {text!r}")
    return stars
