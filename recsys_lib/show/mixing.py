"""Two models in one weighted mean: the reader chooses the two, and the share of the first.

The curve is the answer to a guess, so it is drawn only as far as the share has been moved, for each
two models on their own. Without scripts and on paper it is there as a whole.
"""

import json
from collections.abc import Mapping, Sequence

from IPython.display import HTML

from recsys_lib.show.planes import (
    Choice,
    Parts,
    Plane,
    Range,
    Values,
    moving,
    number,
    part,
    said,
)
from recsys_lib.show.plots import BLUE, of_page

Curve = Sequence[Mapping[str, float]]  # for every share: share, mean, low, high

# `drawn` below; CURVES has for every pair the numbers of `_numbers`, NAMES what the two are called.
# `reveal` cuts the curve off at the smallest and the largest share at which its pair has been.
_SCRIPT = """
(() => {
  const curves = CURVES, names = NAMES, been = curves.map(() => [1, 0]);
  const clip = f.querySelector("clipPath"), hole = clip.firstElementChild;
  const reveal = (pair, first) => {
    const from = Math.min(been[pair][0], first), to = Math.max(been[pair][1], first);
    been[pair] = [from, to];
    hole.setAttribute("x", X(from));
    hole.setAttribute("width", X(to) - X(from));
  };
  clip.id = "been-" + document.querySelectorAll("clipPath").length;
  f.querySelector("[data-curve]").setAttribute("clip-path", `url(#${clip.id})`);
  reveal(0, 0);
  return {draw: ({pair, first}) => {
    reveal(pair, first);
    const curve = curves[pair], [one, other] = names[pair];
    const [share, mean, low, high] = curve[Math.round(first * (curve.length - 1))];
    const ends = [curve[0], curve[curve.length - 1]], better = Math.max(...ends.map(c => c[1]));
    const gain = mean - better, parts = {};
    parts.band = {d: line(curve.map(c => [c[0], c[3]]).concat(
      curve.map(c => [c[0], c[2]]).reverse())) + "Z"};
    parts.line = {d: line(curve.map(c => [c[0], c[1]]))};
    parts.here = {cx: X(share), cy: Y(mean)};
    const what = share === 0 ? `${other} alone` : share === 1 ? `${one} alone` :
      `${n(share, 1)} of ${one} and ${n(1 - share, 1)} of ${other}`;
    const than = share === 0 || share === 1 ? "" : gain > 0 ?
      `, ${n(gain, 3)} more than the better of the two alone` :
      `, ${n(-gain, 3)} less than the better of the two alone`;
    parts.said = {text: `${what}: NDCG@10 is ${n(mean, 3)}, interval over seeds ${n(low, 3)} to ` +
      `${n(high, 3)}${than}.`};
    return parts;
  }};
})()
"""


# What is cut off on the screen is there on paper.
_ON_PAPER = "<style>@media print {[data-curve] {clip-path: none}}</style>"


def drawn(
    values: Values, curves: Sequence[Curve], names: Sequence[tuple[str, str]], plane: Plane
) -> Parts:
    """Return what the figure shows of the pair number `pair`, at the share `first` of the first."""
    curve, (one, other) = curves[int(values["pair"])], names[int(values["pair"])]
    here = curve[round(values["first"] * (len(curve) - 1))]
    share, mean = here["share"], here["mean"]
    gain = mean - max(curve[0]["mean"], curve[-1]["mean"])
    band = [(row["share"], row["high"]) for row in curve]
    band += [(row["share"], row["low"]) for row in reversed(curve)]
    cx, cy = plane.at(share, mean)
    interval = f"{number(here['low'], 3)} to {number(here['high'], 3)}"
    return {
        "band": {"d": plane.line(band) + "Z"},
        "line": {"d": plane.line([(row["share"], row["mean"]) for row in curve])},
        "here": {"cx": f"{cx:g}", "cy": f"{cy:g}"},
        "said": {
            "text": f"{_what(share, one, other)}: NDCG@10 is {number(mean, 3)}, interval over "
            f"seeds {interval}{_than(share, gain)}."
        },
    }


def _what(share: float, one: str, other: str) -> str:
    if share in (0, 1):
        return f"{one if share else other} alone"
    return f"{number(share, 1)} of {one} and {number(1 - share, 1)} of {other}"


def _than(share: float, gain: float) -> str:
    if share in (0, 1):
        return ""
    word = "more" if gain > 0 else "less"
    return f", {number(abs(gain), 3)} {word} than the better of the two alone"


def mixing(pairs: Mapping[str, Curve], caption: str) -> HTML:
    """Show how well the mean of two models ranks, for every share of the first.

    The share starts at 0, and the curve appears as it is moved.

    Parameters
    ----------
    pairs : dict of str to list of dict
        Under "one + other" a row for each share of the first, from 0 to 1, with its "share" and
        the "mean", "low" and "high" of ``NDCG@10``. All pairs have the same shares.
    caption : str
        The message.
    """
    names = [(name.split(" + ")[0], name.split(" + ")[1]) for name in pairs]
    curves = list(pairs.values())
    plane = _plane(curves)
    choice = Choice("The mean of", {name: k for k, name in enumerate(pairs)})
    control = Range("share of the first", 0, 1, curves[0][1]["share"], 0)
    parts = drawn({"pair": 0, "first": control.start}, curves, names, plane)
    ink = of_page(BLUE)
    inside = (
        f'<clipPath><rect y="0" height="{plane.height}"/></clipPath>{_ON_PAPER}<g data-curve="">'
        + part("path", "band", f'style="fill:{ink}" opacity=".2"', parts)
        + part("path", "line", f'fill="none" style="stroke:{ink}" stroke-width="2"', parts)
        + "</g>"
        + part("circle", "here", f'r="6" style="fill:{ink}"', parts)
    )
    label = "NDCG@10 on validation over the share of the first of two models, with its interval"
    controls = choice.html("pair") + control.html("first")
    script = _SCRIPT.replace("CURVES", json.dumps([_numbers(curve) for curve in curves]))
    script = script.replace("NAMES", json.dumps(names))
    others = (
        drawn({"pair": pair, "first": row["share"]}, curves, names, plane)["said"]["text"]
        for pair, curve in enumerate(curves)
        for row in curve
    )
    return moving(controls, plane.svg(inside, label), said(parts, others), script, caption)


def _numbers(curve: Curve) -> list[list[float]]:
    return [[row[key] for key in ("share", "mean", "low", "high")] for row in curve]


def _plane(curves: Sequence[Curve]) -> Plane:
    low = min(row["low"] for curve in curves for row in curve)
    high = max(row["high"] for curve in curves for row in curve)
    every = 0.01 if high - low > 0.025 else 0.005
    ends = (every * (low // every), every * -(-high // every))
    return Plane((0, 1), ends, ("share of the first", "NDCG@10 on validation"), (0.2, every))
