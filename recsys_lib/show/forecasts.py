"""A game of probabilities: the reader states them, and sees what they cost."""

import json
import math
from collections.abc import Mapping
from html import escape
from itertools import pairwise

from IPython.display import HTML

from recsys_lib.show.planes import Parts, Plane, Range, Values, moving, number, part
from recsys_lib.show.plots import BLUE, of_page

EVEN = 50
CLOSE = 16  # pixels: the numbers of dots nearer to each other would touch
PLANE = Plane((0, 100), (0, 100), ("you say (percent)", "it happens (percent)"), (25, 25), 240, 240)

# `cost`, `brier` and `drawn` below; SHARES is a list of percentages.
_SCRIPT = """
(() => {
  const shares = SHARES, N = shares.length;
  const cost = (share, r) => -share * Math.log(r) - (1 - share) * Math.log(1 - r);
  const brier = (share, r) => share * (1 - r) * (1 - r) + (1 - share) * r * r;
  return {
    draw: values => {
      const parts = {}, more = [];
      let all = 0, squares = 0;
      shares.forEach((share, k) => {
        const r = values["p" + k] / 100, paid = cost(share, r);
        all += paid; squares += brier(share, r); more.push(paid - cost(share, share));
        parts["dot" + k] = {transform: `translate(${X(100 * r)} ${Y(100 * share)})`};
        parts["said" + k] = {text: n(100 * r, 0)};
        parts["paid" + k] = {text: n(paid, 3)};
      });
      const worst = more.indexOf(Math.max(...more));
      parts.log = {text: n(all / N, 3)};
      parts.brier = {text: n(squares / N, 3)};
      parts.said = {text: `Your cross-entropy is ${n(all / N, 3)}. You pay most for statement ` +
        `${worst + 1}: ${n(more[worst], 3)} more than an honest forecast.`};
      return parts;
    },
  };
})()
"""


def cost(share: float, r: float) -> float:
    """Return the mean cross-entropy of a forecast `r` of what happens in a share of all cases."""
    return -share * math.log(r) - (1 - share) * math.log(1 - r)


def brier(share: float, r: float) -> float:
    """Return its mean squared error, the Brier score."""
    return share * (1 - r) * (1 - r) + (1 - share) * r * r


def drawn(values: Values, shares: list[float]) -> Parts:
    """Return what the figure shows of the forecasts `p0`, `p1`, ... in percent."""
    parts: dict[str, dict[str, str]] = {}
    said = [values[f"p{k}"] / 100 for k in range(len(shares))]
    pairs = list(zip(shares, said, strict=True))
    more = [cost(share, r) - cost(share, share) for share, r in pairs]
    for k, (share, r) in enumerate(pairs):
        x, y = PLANE.at(100 * r, 100 * share)
        parts[f"dot{k}"] = {"transform": f"translate({x:g} {y:g})"}
        parts[f"said{k}"] = {"text": number(100 * r, 0)}
        parts[f"paid{k}"] = {"text": number(cost(share, r), 3)}
    worst = more.index(max(more))
    log, squares = _means(shares, said)
    parts["log"], parts["brier"] = {"text": number(log, 3)}, {"text": number(squares, 3)}
    parts["said"] = {
        "text": f"Your cross-entropy is {number(log, 3)}. You pay most for statement {worst + 1}: "
        f"{number(more[worst], 3)} more than an honest forecast."
    }
    return parts


def _means(shares: list[float], said: list[float]) -> tuple[float, float]:
    pairs = list(zip(shares, said, strict=True))
    return (
        sum(cost(*pair) for pair in pairs) / len(pairs),
        sum(brier(*pair) for pair in pairs) / len(pairs),
    )


def _beside(shares: list[float]) -> list[tuple[int, str]]:
    """Return where the number of each dot stands: in it, or beside it if another may lie on it."""
    places = [(0, "middle")] * len(shares)
    order = sorted(range(len(shares)), key=lambda k: shares[k])
    for low, high in pairwise(order):
        if PLANE.height * (shares[high] - shares[low]) < CLOSE:
            places[high] = (12, "start") if places[low][0] <= 0 else (-12, "end")
            if places[low][0] == 0:
                places[low] = (-12, "end")
    return places


def rivals(shares: list[float]) -> dict[str, tuple[float, float]]:
    """Return cross-entropy and Brier score of three who also play."""
    mean = sum(shares) / len(shares)
    return {
        "always 50 percent": _means(shares, [0.5] * len(shares)),
        f"always the mean, {number(100 * mean, 0)} percent": _means(shares, [mean] * len(shares)),
        "the honest forecasts": _means(shares, shares),
    }


def forecasts(statements: Mapping[str, float], caption: str) -> HTML:
    """Let the reader say how probable each statement is, and show what that costs.

    Parameters
    ----------
    statements : dict of str to float
        Each with the share of all cases in which it is true, above 0 and below 1.
    caption : str
        The message.
    """
    shares = [float(share) for share in statements.values()]
    controls = {f"p{k}": Range("", 1, 99, 1, EVEN) for k in range(len(shares))}
    parts = drawn({name: EVEN for name in controls}, shares)
    asked = "".join(
        f'<li style="line-height:1.3;margin:0 0 .3em">{escape(text)} <br>'
        f"{control.html(name, text)}</li>"
        for (name, control), text in zip(controls.items(), statements, strict=True)
    )
    left, right = 'style="text-align:left"', 'style="text-align:right;padding-left:.8em"'
    rows = "".join(
        f'<tr><th scope="row" {left}>{k + 1}</th>{part("td", f"said{k}", right, parts)}'
        f"<td {right}>{number(100 * share, 0)}</td>{part('td', f'paid{k}', right, parts)}"
        f"<td {right}>{number(cost(share, share), 3)}</td></tr>"
        for k, share in enumerate(shares)
    )
    others = "".join(
        f'<tr><th scope="row" {left}>{name}</th><td {right}>{number(log, 3)}</td>'
        f"<td {right}>{number(squares, 3)}</td></tr>"
        for name, (log, squares) in rivals(shares).items()
    )
    dots = "".join(
        part(
            "g",
            f"dot{k}",
            "",
            parts,
            f'<circle r="9" style="fill:{of_page(BLUE)}" fill-opacity=".25"/>'
            f'<text x="{x}" y="4" text-anchor="{anchor}">{k + 1}</text>',
        )
        for k, (x, anchor) in enumerate(_beside(shares))
    )
    picture = PLANE.svg(
        f'<path d="M0 {PLANE.height}L{PLANE.width} 0" stroke="currentColor" opacity=".5" '
        f'stroke-dasharray="3"/><g font-size="12" fill="currentColor">{dots}</g>',
        "Each statement as a numbered dot: how often it happens over what you say, with a diagonal "
        "on which honest forecasts lie",
    )
    small = 'style="line-height:1.35;margin:0;width:auto"'
    said = part("output", "said", 'aria-live="polite"', parts)
    head = f'<th scope="col" {right}>'
    shown = (
        f"<details><summary>Show how often it happens, and what you pay</summary>"
        '<div style="display:flex;flex-wrap:wrap;align-items:flex-start;gap:1em;'
        'font-variant-numeric:tabular-nums">'
        f'<div style="flex:0 1 16rem">{picture}</div>'
        f'<table {small}><thead><tr><th scope="col" {left}>statement</th>{head}you say'
        f"</th>{head}it is</th>{head}you pay</th>{head}at least</th></tr></thead>"
        f"<tbody>{rows}</tbody></table>"
        f"<table {small}><thead><tr><td></td>{head}cross-entropy</th>{head}Brier score"
        f'</th></tr></thead><tbody><tr><th scope="row" {left}>you</th>'
        f"{part('td', 'log', right, parts)}{part('td', 'brier', right, parts)}</tr>{others}</tbody>"
        f"</table></div>{said}</details>"
    )
    return moving(
        f'<ol style="margin:0">{asked}</ol>',
        shown,
        "",
        _SCRIPT.replace("SHARES", json.dumps(shares)),
        caption,
    )
