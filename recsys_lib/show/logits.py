"""A logit that is moved, with what it costs and how steep the cost is there: two losses."""

import math

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
    starts,
)
from recsys_lib.show.plots import BLUE, RED, of_page

PLANE = Plane((-8, 8), (0, 8), ("logit x", "cost"), (2, 2), 320, 240)
RANGE = Range("Logit <i>x</i>", -8, 8, 0.1, -6)
LABEL = Choice("What happened:", {"a one, r = 1": 1, "a zero, r = 0": 0})
CONTROLS: dict[str, Range | Choice] = {"x": RANGE, "r": LABEL}
LOSSES = ("entropy", "squared")
REACH = 2.0  # of a tangent to each side

# `costs` and `drawn` below.
_SCRIPT = """
(() => {
  const at = (x, r) => {
    const s = 1 / (1 + Math.exp(-x)), z = r ? -x : x;
    return {
      entropy: [Math.max(z, 0) + Math.log1p(Math.exp(-Math.abs(z))), s - r],
      squared: [(s - r) * (s - r), 2 * (s - r) * s * (1 - s)],
    };
  };
  return {
    draw: ({x, r}) => {
      const here = at(x, r), s = 1 / (1 + Math.exp(-x)), parts = {};
      for (const name of ["entropy", "squared"]) {
        const [cost, slope] = here[name], curve = [];
        for (let k = -40; k <= 40; k++) curve.push([k / 5, at(k / 5, r)[name][0]]);
        parts[name] = {d: line(curve)};
        const ends = [-2, 2].map(a => [x + a, cost + a * slope]);
        parts[name + "-tangent"] = {d: line(ends)};
        parts[name + "-dot"] = {cx: X(x), cy: Y(cost)};
        parts[name + "-cost"] = {text: n(cost, 3)};
        parts[name + "-slope"] = {text: n(slope, 3)};
      }
      parts.here = {x1: X(x), x2: X(x)};
      parts.said = {text: `The model says ${n(100 * s, 1)} percent, and it was a ` +
        `${r ? "one" : "zero"}. Prediction minus truth, ${n(here.entropy[1], 3)}, is the slope ` +
        `of the cross-entropy; the squared error has ${n(here.squared[1], 3)}.`};
      return parts;
    },
    moved: x => ({x}),
  };
})()
"""


def costs(x: float, r: float) -> dict[str, tuple[float, float]]:
    """Return cost and slope, with respect to the logit, of the two losses of one cell."""
    s, z = 1 / (1 + math.exp(-x)), -x if r else x
    return {
        "entropy": (max(z, 0) + math.log1p(math.exp(-abs(z))), s - r),
        "squared": ((s - r) * (s - r), 2 * (s - r) * s * (1 - s)),
    }


def drawn(values: Values) -> Parts:
    """Return what the figure shows at the logit `x` of a cell that is `r`."""
    x, r = values["x"], values["r"]
    here, s = costs(x, r), 1 / (1 + math.exp(-x))
    parts: dict[str, dict[str, str]] = {}
    for name in LOSSES:
        cost, slope = here[name]
        left, right = (x - REACH, cost - REACH * slope), (x + REACH, cost + REACH * slope)
        cx, cy = PLANE.at(x, cost)
        parts[name] = {"d": PLANE.line([(k / 5, costs(k / 5, r)[name][0]) for k in range(-40, 41)])}
        parts[f"{name}-tangent"] = {"d": PLANE.line([left, right])}
        parts[f"{name}-dot"] = {"cx": f"{cx:g}", "cy": f"{cy:g}"}
        parts[f"{name}-cost"] = {"text": number(cost, 3)}
        parts[f"{name}-slope"] = {"text": number(slope, 3)}
    column = f"{PLANE.at(x, 0)[0]:g}"
    parts["here"] = {"x1": column, "x2": column}
    parts["said"] = {
        "text": f"The model says {number(100 * s, 1)} percent, and it was a "
        f"{'one' if r else 'zero'}. Prediction minus truth, {number(here['entropy'][1], 3)}, is "
        "the slope of the cross-entropy; the squared error has "
        f"{number(here['squared'][1], 3)}."
    }
    return parts


def logits(caption: str) -> HTML:
    """Show the two losses over the logit, and their tangents where the reader stands.

    Parameters
    ----------
    caption : str
        The message.
    """
    parts, rows, inside = drawn(starts(CONTROLS)), "", ""
    for name, title, color in zip(
        LOSSES, ("cross-entropy", "squared error"), (BLUE, RED), strict=True
    ):
        ink = of_page(color)
        stroke = f'fill="none" style="stroke:{ink}" '
        inside += (
            part("path", name, stroke + 'stroke-width="2"', parts)
            + part(
                "path",
                f"{name}-tangent",
                stroke + 'stroke-width="5" stroke-linecap="round" opacity=".5"',
                parts,
            )
            + part("circle", f"{name}-dot", f'r="5" style="fill:{ink}"', parts)
        )
        rows += (
            f'<tr><th scope="row" style="text-align:left"><span aria-hidden="true" '
            f'style="color:{ink}">&#9632;</span> {title}</th>'
            + "".join(
                part("td", f"{name}-{what}", 'style="text-align:right;padding-left:1em"', parts)
                for what in ("cost", "slope")
            )
            + "</tr>"
        )
    upright = f'y1="0" y2="{PLANE.height}" stroke="currentColor" opacity=".4" stroke-dasharray="3"'
    picture = PLANE.svg(
        part("line", "here", upright, parts) + inside,
        "Two curves of the cost over the logit, cross-entropy and squared error, each with a "
        "tangent where the logit stands",
    )
    table = (
        '<table style="font-variant-numeric:tabular-nums;margin:.3em 0;width:auto">'
        "<thead><tr><td></td>"
        '<th scope="col">cost</th><th scope="col">slope</th></tr></thead>'
        f"<tbody>{rows}</tbody></table>"
    )
    return moving(
        RANGE.html("x") + LABEL.html("r"),
        picture + table,
        said(parts),
        _SCRIPT,
        caption,
    )
