"""Training curves of one model with a hyperparameter moved: what learns, and what is remembered."""

from collections.abc import Mapping, Sequence

import numpy as np
from IPython.display import HTML

from recsys_lib.show.planes import Plane
from recsys_lib.show.plots import BLUE, GRAY, RED, of_page
from recsys_lib.show.sliders import slider

WIDE, HIGH = 320, 120  # pixels of a panel
BELOW = HIGH + 58  # where the second panel begins
POINTS = 50  # of a curve: more cannot be seen
Row = Mapping[str, Sequence[float]]


def training(
    rows: Mapping[str, Row], label: str, floor: float, caption: str, start: int = 0
) -> HTML:
    """Show losses and ranking by epoch, for the value of a hyperparameter that the reader chooses.

    Parameters
    ----------
    rows : dict of str to dict of str to list
        What each value is called, and its ``loss``, ``valid_loss`` and ``valid_ndcg@10`` by epoch.
    label : str
        What is moved.
    floor : float
        The validation ``NDCG@10`` of popularity.
    caption : str
        The message.
    start : int
        The position at first, from 0.
    """
    losses = [x for row in rows.values() for name in ("loss", "valid_loss") for x in row[name]]
    ranking = [floor, *(x for row in rows.values() for x in row["valid_ndcg@10"])]
    n = len(next(iter(rows.values()))["loss"])
    step = 0.2 if max(losses) - min(losses) < 1.5 else 0.5
    above = Plane((0, n), _round(losses, 0.1), ("epoch", "loss"), (n // 5, step), WIDE, HIGH)
    below = Plane((0, n), _round(ranking, 0.02), ("epoch", "NDCG@10"), (n // 5, 0.05), WIDE, HIGH)
    frames = {_said(name, row): _drawn(row, above, below, floor) for name, row in rows.items()}
    return slider(frames, label, start=start, caption=caption)


def _round(values: Sequence[float], step: float) -> tuple[float, float]:
    return step * (min(values) // step), step * -(-max(values) // step)


def _said(name: str, row: Row) -> str:
    loss, ranking = np.array(row["valid_loss"]), np.array(row["valid_ndcg@10"])
    return (
        f"{name}: the training loss ends at {row['loss'][-1]:.2f}. The validation loss is least, "
        f"{loss.min():.2f}, at epoch {loss.argmin() + 1}, and the ranking best, "
        f"{ranking.max():.3f}, at epoch {ranking.argmax() + 1}."
    )


def _drawn(row: Row, above: Plane, below: Plane, floor: float) -> str:
    n = len(row["loss"])
    shown = np.unique(np.linspace(0, n - 1, min(n, POINTS)).round().astype(int))

    def path(plane: Plane, name: str, color: str, more: str = "") -> str:
        line = plane.line([(int(e) + 1, row[name][e]) for e in shown])
        ink = of_page(color)
        return f'<path d="{line}" fill="none" style="stroke:{ink}" stroke-width="2"{more}/>'

    def word(text: str, color: str, x: int, y: int) -> str:
        return f'<text x="{x}" y="{y}" style="fill:{of_page(color)}">{text}</text>'

    popular = below.line([(0, floor), (n, floor)])
    inside = (
        path(above, "loss", BLUE)
        + path(above, "valid_loss", RED, ' stroke-dasharray="6 3"')
        + f'<g transform="translate(0 {BELOW})">{below.axes()}'
        + f'<path d="{popular}" style="stroke:{of_page(GRAY)}" stroke-dasharray="2 3"/>'
        + path(below, "valid_ndcg@10", RED, ' stroke-dasharray="6 3"')
        + f'<g font-size="12">{word("popularity", GRAY, 6, int(below.at(0, floor)[1]) - 4)}</g></g>'
        + f'<g font-size="12">{word("training", BLUE, 8, 10)}'
        + f"{word('validation', RED, 64, 10)}</g>"
    )
    label = "Above, the training and the validation loss by epoch; below, the ranking on validation"
    return above.svg(inside, label, BELOW + HIGH)
