"""Two arrows, of which one is turned and stretched: what the cosine sees of them.

The shadow of v on the line of u is as long as v times the cosine; times the length of u it is the
dot product.
"""

import math

from IPython.display import HTML

from recsys_lib.show.planes import (
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

U = (4.0, 3.0)  # of length 5
PLANE = Plane((-5.5, 5.5), (-3.5, 5.5), ("first number", "second number"), (1, 1), 330, 270)
CONTROLS = {
    "angle": Range("Angle <i>θ</i> (degrees)", 0, 180, 1, 40),
    "length": Range("Length of <i>v</i>", 1, 5, 0.1, 3),
}

# `drawn` below, and what is set when one points at a place.
_SCRIPT = """
{
  draw: ({angle, length}) => {
    const u = Math.atan2(3, 4), t = angle * Math.PI / 180, cosine = Math.cos(t);
    const v = [length * Math.cos(u + t), length * Math.sin(u + t)];
    const shadow = length * cosine, foot = [shadow * 0.8, shadow * 0.6];
    const dot = 4 * v[0] + 3 * v[1], arc = [];
    for (let k = 0; k <= 20; k++) arc.push([Math.cos(u + t * k / 20), Math.sin(u + t * k / 20)]);
    const side = turn => [v[0] - 0.4 * Math.cos(u + t + turn), v[1] - 0.4 * Math.sin(u + t + turn)];
    const stars = v[0] < -1e-9 || v[1] < -1e-9
      ? " No stars are below 0, but centered ratings can be." : "";
    return {
      v: {d: line([[0, 0], v]) + line([side(0.4), v, side(-0.4)])},
      handle: {cx: X(v[0]), cy: Y(v[1])},
      shadow: {d: line([[0, 0], foot])},
      drop: {d: line([v, foot])},
      arc: {d: line(arc)},
      name: {x: X(1.14 * v[0]), y: Y(1.14 * v[1])},
      dot: {text: n(dot, 2)},
      long: {text: n(length, 2)},
      cosine: {text: n(cosine, 2)},
      said: {text: `v is (${n(v[0], 1)}, ${n(v[1], 1)}). Its shadow on u has the length ` +
        `${n(shadow, 2)}: the length of v, ${n(length, 1)}, times the cosine, ${n(cosine, 2)}.` +
        stars},
    };
  },
  moved: (x, y) => {
    const t = (Math.atan2(y, x) - Math.atan2(3, 4)) * 180 / Math.PI;
    return {angle: Math.abs(t < -180 ? t + 360 : t), length: Math.hypot(x, y)};
  },
}
"""


def drawn(values: Values) -> Parts:
    """Return what the figure shows of v, `angle` degrees from u and of the given `length`."""
    u, t, length = math.atan2(U[1], U[0]), math.radians(values["angle"]), values["length"]
    v = length * math.cos(u + t), length * math.sin(u + t)
    cosine = math.cos(t)
    shadow = length * cosine
    foot = shadow * U[0] / 5, shadow * U[1] / 5
    arc = [(math.cos(u + t * k / 20), math.sin(u + t * k / 20)) for k in range(21)]
    sides = [
        (v[0] - 0.4 * math.cos(u + t + turn), v[1] - 0.4 * math.sin(u + t + turn))
        for turn in (0.4, -0.4)
    ]
    below = min(v) < -1e-9
    x, y = PLANE.at(*v)
    name = PLANE.at(1.14 * v[0], 1.14 * v[1])
    return {
        "v": {"d": PLANE.line([(0, 0), v]) + PLANE.line([sides[0], v, sides[1]])},
        "handle": {"cx": f"{x:g}", "cy": f"{y:g}"},
        "shadow": {"d": PLANE.line([(0, 0), foot])},
        "drop": {"d": PLANE.line([v, foot])},
        "arc": {"d": PLANE.line(arc)},
        "name": {"x": f"{name[0]:g}", "y": f"{name[1]:g}"},
        "dot": {"text": number(U[0] * v[0] + U[1] * v[1], 2)},
        "long": {"text": number(length, 2)},
        "cosine": {"text": number(cosine, 2)},
        "said": {
            "text": f"v is ({number(v[0], 1)}, {number(v[1], 1)}). Its shadow on u has the length "
            f"{number(shadow, 2)}: the length of v, {number(length, 1)}, times the cosine, "
            f"{number(cosine, 2)}."
            + (" No stars are below 0, but centered ratings can be." if below else "")
        },
    }


def arrows(caption: str) -> HTML:
    """Show two arrows; v is turned and stretched, by sliders or by its tip.

    Parameters
    ----------
    caption : str
        The message.
    """
    parts = drawn(starts(CONTROLS))
    u, blue, red = U, of_page(BLUE), of_page(RED)
    (ux, uy), (nx, ny) = PLANE.at(*u), PLANE.at(1.1 * u[0], 1.1 * u[1])
    head = PLANE.line([(3.53, 2.91), u, (3.83, 2.6)])
    ox, oy = PLANE.at(0, 0)
    line = f'fill="none" stroke-linecap="round" style="stroke:{red}" '
    letter = 'text-anchor="middle" font-size="16"'
    handle = 'data-handle r="16" fill="transparent" style="cursor:grab;touch-action:none"'
    inside = (
        f'<path d="M0 {oy}H{PLANE.width}M{ox} 0V{PLANE.height}" stroke="currentColor" '
        'opacity=".25"/>'
        + part("path", "shadow", line + 'stroke-width="9" opacity=".35"', parts)
        + part("path", "drop", line + 'stroke-width="1.5" stroke-dasharray="2 4"', parts)
        + part("path", "arc", 'fill="none" stroke="currentColor" opacity=".7"', parts)
        + f'<path d="M{ox} {oy}L{ux} {uy}{head}" fill="none" style="stroke:{blue}" '
        'stroke-width="2.5"/>'
        + part("path", "v", line + 'stroke-width="2.5"', parts)
        + f'<text x="{nx}" y="{ny + 5}" {letter} style="fill:{blue}">u</text>'
        + part("text", "name", f'dy="5" {letter} style="fill:{red}"', parts, "v")
        + part("circle", "handle", handle, parts)
    )
    picture = PLANE.svg(
        inside, "Two arrows from the origin, u and v, the angle between them, and the shadow of v "
        "on the line of u"
    )  # fmt: skip
    others = (drawn({"angle": t, "length": 2.5})["said"]["text"] for t in range(0, 181, 10))
    dot, long, cosine = (part("strong", name, "", parts) for name in ("dot", "long", "cosine"))
    reading = (
        '<div style="font-variant-numeric:tabular-nums">cosine = dot product / '
        "(‖<i>u</i>‖ ‖<i>v</i>‖) = "
        f"{dot} / ({number(5, 2)} · {long}) = {cosine}</div>"
    )
    return moving(
        "".join(control.html(name) for name, control in CONTROLS.items()),
        picture + reading,
        said(parts, others),
        _SCRIPT,
        caption,
    )
