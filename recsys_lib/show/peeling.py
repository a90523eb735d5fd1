"""A table that is peeled down to its cores, pass by pass: what falls, and what is left."""

from dataclasses import dataclass

import numpy as np
from IPython.display import HTML

from recsys_lib.data import DataError, Interactions, min_counts
from recsys_lib.show.plots import BLUE, RED, of_page
from recsys_lib.show.sliders import slider

CELL = 14  # pixels


@dataclass(frozen=True)
class Pass:
    """One pass of the filter: who was there before it, and who after.

    Parameters
    ----------
    k, number : int
        The least number of interactions, and which pass with it this is, from 1.
    users, items : array of bool
        Who is there before.
    users_left, items_left : array of bool
        And after.
    core : bool
        Whether nothing more falls with this `k`.
    """

    k: int
    number: int
    users: np.ndarray
    items: np.ndarray
    users_left: np.ndarray
    items_left: np.ndarray
    core: bool


def passes(ratings: Interactions) -> list[Pass]:
    """Repeat `min_counts` with k = 2 until nothing falls, then with 3, and so on to the end.

    Passes in which nothing falls are left out. The last one leaves nothing.
    """
    found: list[Pass] = []
    left: Interactions | None = ratings
    k = 2
    while left is not None:
        number = 1
        while left is not None:
            after = _one_pass(left, k)
            if after is not None and len(after) == len(left):
                break
            more = None if after is None else _one_pass(after, k)
            core = more is not None and after is not None and len(more) == len(after)
            found.append(Pass(k, number, *_there(ratings, left), *_there(ratings, after), core))
            left, number = after, number + 1
        k += 1
    return found


def _one_pass(ratings: Interactions, k: int) -> Interactions | None:
    try:
        return min_counts(ratings, user=k, item=k)
    except DataError:  # nothing is left
        return None


def _there(whole: Interactions, part: Interactions | None) -> tuple[np.ndarray, np.ndarray]:
    """Say which users and items of the whole are in a part of it."""
    if part is None:
        return np.zeros(whole.n_users, dtype=bool), np.zeros(whole.n_items, dtype=bool)
    return np.isin(whole.user_ids, part.user_ids), np.isin(whole.item_ids, part.item_ids)


def peeling(ratings: Interactions, caption: str) -> HTML:
    """Show a small table and let the reader peel it: to the 2-core, the 3-core, and so on.

    Parameters
    ----------
    ratings : Interactions
        Of some twenty users and items.
    caption : str
        The message.
    """
    met = ratings.to_csr("ones").toarray() > 0
    steps = passes(ratings)
    # Who stays longest comes first, so that every core is a corner of the table.
    users, items = (
        np.sum(masks, axis=0)
        for masks in ([step.users_left for step in steps], [step.items_left for step in steps])
    )
    rows = np.lexsort((-met.sum(axis=1), -users))
    columns = np.lexsort((-met.sum(axis=0), -items))
    everybody = np.ones(len(rows), dtype=bool), np.ones(len(columns), dtype=bool)
    whole = Pass(1, 0, *everybody, *everybody, False)
    frames = {_said(step, met): _drawn(step, met, rows, columns) for step in (whole, *steps)}
    return slider(frames, "Peel:", caption=caption)


def _said(step: Pass, met: np.ndarray) -> str:
    users, items = int(step.users_left.sum()), int(step.items_left.sum())
    n = int(met[np.ix_(step.users_left, step.items_left)].sum())
    left = f"{n} ratings of {_people(users)} and {_films(items)}"
    if step.number == 0:
        return f"The whole table: {left}."
    fallen = int(step.users.sum()) - users, int(step.items.sum()) - items
    text = (
        f"k = {step.k}, pass {step.number}: {_people(fallen[0])} and {_films(fallen[1])} with "
        f"fewer than {step.k} ratings fall. "
    )
    if n == 0:
        return text + f"Nothing is left: the {step.k}-core is empty."
    return text + f"Left: {left}" + (f", the {step.k}-core." if step.core else ".")


def _people(n: int) -> str:
    return "1 person" if n == 1 else f"{n} people"


def _films(n: int) -> str:
    return "1 film" if n == 1 else f"{n} films"


def _drawn(step: Pass, met: np.ndarray, rows: np.ndarray, columns: np.ndarray) -> str:
    """Draw the table: a dot is a rating, a number how many there are where it is counted."""
    stays = step.users_left[:, None] & step.items_left
    falls = step.users[:, None] & step.items & ~stays
    groups = (
        (met & stays, f'style="stroke:{of_page(BLUE)}"'),
        (met & falls, f'style="stroke:{of_page(RED)}"'),
        (met & ~stays & ~falls, 'stroke="currentColor" opacity=".15"'),
    )
    dots = ""
    for cells, color in groups:
        y, x = np.nonzero(cells[np.ix_(rows, columns)])
        d = "".join(
            f"M{CELL * a} {CELL * b}h0" for a, b in zip(x.tolist(), y.tolist(), strict=True)
        )
        dots += f'<path d="{d}" fill="none" {color} stroke-width="9" stroke-linecap="round"/>'
    width, height = CELL * len(columns), CELL * len(rows)
    # People are counted before anybody falls, films without the people who have fallen.
    per_user, per_item = met[:, step.items].sum(axis=1), met[step.users_left].sum(axis=0)
    numbers = "".join(
        _number(width + 3, CELL * place + 4, per_user[u], step.users_left[u])
        for place, u in enumerate(rows)
        if step.users[u]
    ) + "".join(
        _number(CELL * place, height + 6, per_item[i], step.items_left[i])
        for place, i in enumerate(columns)
        if step.items[i]
    )
    corner = CELL * int(step.items_left.sum()), CELL * int(step.users_left.sum())
    frame = (
        f'<rect x="{-CELL / 2:g}" y="{-CELL / 2:g}" width="{corner[0]}" height="{corner[1]}" '
        'rx="5" fill="none" stroke="currentColor" opacity=".6"/>'
        if corner[0]
        else ""
    )
    return (
        '<svg role="img" aria-label="A table of dots, one for each rating, people in rows and '
        'films in columns, with the number of dots beside each" '
        f'viewBox="{-26} {-24} {width + 38} {height + 34}" '
        f'style="max-width:26rem;width:100%">{dots}{frame}'
        f'<g font-size="11" text-anchor="middle" fill="currentColor">{numbers}'
        f'<text x="{width / 2 - CELL / 2:g}" y="-13">films</text>'
        f'<text transform="translate(-14 {height / 2 - CELL / 2:g}) rotate(-90)">people</text>'
        "</g></svg>"
    )


def _number(x: int, y: int, count: int, stays: bool) -> str:
    red = "" if stays else f' font-weight="700" style="fill:{of_page(RED)}"'
    return f'<text x="{x}" y="{y}"{red}>{count}</text>'
