"""A film to pick, and the films that a model takes for its neighbors.

All lists are computed when the page is built and travel with it, so picking needs no network. The
control is the browser's own list, in which one can type. Without scripts the first film's list
stands still.
"""

import json
import textwrap
from collections.abc import Sequence
from html import escape

import numpy as np
from IPython.display import HTML

from recsys_lib.data import Interactions
from recsys_lib.models import Recommender
from recsys_lib.show.sliders import HIDDEN, PLACE
from recsys_lib.validation import DataError, check_int

WIDTHS = range(16, 61, 2)  # letters in a line, on all screens that are not wider than most titles

_SCRIPT = """
(f => {
  const [names, lists] = JSON.parse(f.dataset.films), list = f.querySelector("ol");
  f.querySelector("select").onchange = e => {
    list.replaceChildren(...lists[e.target.selectedIndex].map(i => {
      const line = document.createElement("li");
      line.textContent = names[i];
      return line;
    }));
  };
})(document.currentScript.closest("figure"))
"""


def neighbors(
    model: Recommender,
    ratings: Interactions,
    label: str,
    then: str,
    n_items: int = 200,
    k: int = 5,
    first: str | None = None,
) -> HTML:
    """Let the reader pick one of the best-known items, and show the k that are most like it.

    Parameters
    ----------
    model : Recommender
        Fitted on `ratings`.
    ratings : Interactions
        With titles; its items with the most interactions are offered, in the order of titles.
    label, then : str
        What stands before the choice, and over the neighbors.
    n_items, k : int
    first : str, optional
        Title of the item that is shown before the reader picks one; else the best-known of all.

    Returns
    -------
    HTML

    Raises
    ------
    NotFittedError, ValueError, DataError
        If the model is not fitted or knows no neighbors, there are no titles, or `first` is not
        among those that are offered.
    KeyError
        If `first` is no title.
    """
    n_items = check_int("n_items", n_items, 1)
    shown_first = int(ratings.item_counts.argmax()) if first is None else ratings.find_item(first)
    often = np.argsort(-ratings.item_counts, kind="stable")[:n_items]
    titles = dict(zip(often.tolist(), ratings.titles(often), strict=True))
    if shown_first not in titles:
        raise DataError(
            f"first must be among the {len(titles)} best-known items, which {first!r} is not: "
            "raise n_items"
        )
    offered = sorted(titles, key=lambda item: titles[item])
    near, _ = model.similar_items(np.array(offered), k)
    known = [[int(item) for item in row if item >= 0] for row in near]
    every = sorted({item for row in known for item in row})
    place = {item: number for number, item in enumerate(every)}
    names = ratings.titles(np.array(every)) if every else []
    lists = [[place[item] for item in row] for row in known]
    options = "".join(
        f"<option{' selected' if item == shown_first else ''}>{escape(titles[item])}</option>"
        for item in offered
    )
    shown = "".join(
        f"<li>{escape(names[number])}</li>" for number in lists[offered.index(shown_first)]
    )
    films = escape(json.dumps([names, lists], separators=(",", ":"), ensure_ascii=False))
    return HTML(
        f'<figure class="picker" style="margin:1em 0" data-films="{films}">'
        f'<label>{escape(label)} <select autocomplete="off" style="max-width:100%">{options}'
        f'</select></label><p>{escape(then)}</p><div style="display:grid">'
        f'<ol aria-live="polite" style="{PLACE}">{shown}</ol>{_room(names, lists)}</div>'
        f"<script>{_SCRIPT}</script></figure>"
    )


def _room(names: Sequence[str], lists: Sequence[Sequence[int]]) -> str:
    """Return unseen lists that hold the place of all others: at each width one has most lines."""
    highest = {}
    for width in WIDTHS:
        lines = [len(textwrap.wrap(name, width)) for name in names]
        heights = [sum(lines[item] for item in one) for one in lists]
        most = lists[heights.index(max(heights))]
        highest[tuple(most)] = "".join(f"<li>{escape(names[item])}</li>" for item in most)
    return "".join(
        f'<ol class="room" aria-hidden="true" style="{HIDDEN}">{inside}</ol>'
        for inside in highest.values()
    )
