"""A walk downhill on the loss of one rating, from where the reader points.

The loss of one user and one item with one number each is (r - p q)^2 + lambda (p^2 + q^2); one step
is that of `recsys_lib.models.mf`.
"""

import math

from IPython.display import HTML

from recsys_lib.show.planes import Parts, Plane, Range, Values, moving, number, part, said, starts
from recsys_lib.show.plots import BLUE, RED, of_page

RATING, STEPS = 2.0, 100
REACH = 2.5  # of the plane to each side
LEVELS = (0.5, 1, 2, 3.5, 6, 10, 17, 28, 44)  # of the loss, at which the shade changes
SAMPLES = 32  # points along each side of the border of a shade
PLANE = Plane((-REACH, REACH), (-REACH, REACH), ("p (user)", "q (film)"), (1, 1))
CONTROLS = {
    "p": Range("Start: <i>p</i>", -2.5, 2.5, 0.05, 0.1),
    "q": Range("<i>q</i>", -2.5, 2.5, 0.05, -0.05),
    "eta": Range("Learning rate <i>η</i>", 0.02, 1, 0.02, 0.1),
    "lam": Range("Penalty <i>λ</i>", 0, 3, 0.1, 0.1),
}

# `walk`, `border` and `drawn` below.
_SCRIPT = """
(() => {
  const R = 2, REACH = 2.5, LEVELS = [0.5, 1, 2, 3.5, 6, 10, 17, 28, 44];
  const loss = (p, q, lam) => (R - p * q) * (R - p * q) + lam * (p * p + q * q);
  const walk = ({p, q, eta, lam}) => {
    const path = [[p, q]];
    for (let k = 0; k < 100 && Math.abs(p) + Math.abs(q) < 1e6; k++) {
      const e = R - p * q;
      [p, q] = [p + eta * (e * q - lam * p), q + eta * (e * p - lam * q)];
      path.push([p, q]);
    }
    return path;
  };
  const border = (c, lam) => {
    const b = c - lam * lam, root = b * b - 4 * lam * lam * (R * R - c);
    if (root < 0) return "";
    const far2 = lam > 0 ? (b + Math.sqrt(root)) / (2 * lam) : 99;
    const near2 = lam > 0 ? (b - Math.sqrt(root)) / (2 * lam) : c < R * R ? 1e-4 : -1;
    if (far2 <= 0 || near2 > REACH * REACH) return "";
    const far = Math.min(Math.sqrt(far2), REACH), near = near2 > 0 ? Math.sqrt(near2) : -far;
    const upper = [], lower = [];
    for (let k = 0; k <= 32; k++) {
      const p = (near + far) / 2 - (far - near) / 2 * Math.cos(Math.PI * k / 32);
      const a = Math.max(p * p + lam, 1e-9);
      const d = Math.sqrt(Math.max(R * R * p * p - a * (R * R + lam * p * p - c), 0));
      const cut = q => Math.min(Math.max(q, -REACH), REACH);
      upper.push([p, cut((R * p + d) / a)]);
      lower.unshift([p, cut((R * p - d) / a)]);
    }
    const ring = upper.concat(lower);
    return line(ring) + "Z" + (near2 > 0 ? line(ring.map(([p, q]) => [-p, -q])) + "Z" : "");
  };
  return {
    draw: values => {
      const {lam} = values, path = walk(values), [p, q] = path[path.length - 1];
      const least = lam < R ? lam * (2 * R - lam) : R * R;
      const there = path.findIndex(([p, q]) => loss(p, q, lam) < least + 0.01);
      const inside = path.findIndex(([p, q]) => Math.abs(p) > 4 || Math.abs(q) > 4);
      const seen = inside < 0 ? path : path.slice(0, inside);
      const grown = Math.abs(p) + Math.abs(q) >= 1e6;
      const end = grown
        ? `The walk diverges: after ${path.length - 1} steps p or q is beyond a million.`
        : `After 100 steps p = ${n(p, 2)}, q = ${n(q, 2)}, and the loss is ` +
          `${n(loss(p, q, lam), 2)}; the lowest there is, ${n(least, 2)}, was ` +
          (there < 0 ? "not reached" : there ? `reached after ${there}` : "there at once") +
          (there >= 0 && loss(p, q, lam) >= least + 0.01 ? " and left again." : ".") +
          (there < 0 && Math.abs(p) + Math.abs(q) < 0.1 ? " It is still at the saddle point." : "");
      const parts = {
        path: {d: line(seen)},
        dots: {d: seen.map(one => line([one]) + "h0").join("")},
        start: {cx: X(values.p), cy: Y(values.q)},
        said: {text: end},
      };
      LEVELS.forEach((c, k) => { parts["level" + k] = {d: border(c, lam)}; });
      return parts;
    },
    moved: (p, q) => ({p, q}),
  };
})()
"""


def loss(p: float, q: float, lam: float) -> float:
    """Return the loss of the rating 2."""
    return (RATING - p * q) ** 2 + lam * (p * p + q * q)


def walk(values: Values) -> list[tuple[float, float]]:
    """Return the places of a walk of 100 steps, or of fewer if it leaves for good."""
    p, q, eta, lam = (values[name] for name in ("p", "q", "eta", "lam"))
    path = [(p, q)]
    while len(path) <= STEPS and abs(p) + abs(q) < 1e6:
        e = RATING - p * q
        p, q = p + eta * (e * q - lam * p), q + eta * (e * p - lam * q)
        path.append((p, q))
    return path


def border(c: float, lam: float) -> str:
    """Return the outline of where the loss is at most `c`, as the ``d`` of a path.

    For a given p the loss is a parabola in q, at most `c` between the roots of
    (p^2 + lambda) q^2 - 2 r p q + r^2 + lambda p^2 - c. They are real where
    -lambda s^2 + (c - lambda^2) s - lambda (r^2 - c), with s = p^2, is not negative: between two
    values of s, which are the ends of a valley.
    """
    b, r2 = c - lam * lam, RATING * RATING
    root = b * b - 4 * lam * lam * (r2 - c)
    if root < 0:
        return ""
    far2 = (b + math.sqrt(root)) / (2 * lam) if lam > 0 else 99
    near2 = (b - math.sqrt(root)) / (2 * lam) if lam > 0 else 1e-4 if c < r2 else -1
    if far2 <= 0 or near2 > REACH * REACH:
        return ""
    far = min(math.sqrt(far2), REACH)
    near = math.sqrt(near2) if near2 > 0 else -far
    upper: list[tuple[float, float]] = []
    lower: list[tuple[float, float]] = []
    for k in range(SAMPLES + 1):
        p = (near + far) / 2 - (far - near) / 2 * math.cos(math.pi * k / SAMPLES)
        a = max(p * p + lam, 1e-9)
        d = math.sqrt(max(r2 * p * p - a * (r2 + lam * p * p - c), 0))
        upper.append((p, _cut((RATING * p + d) / a)))
        lower.insert(0, (p, _cut((RATING * p - d) / a)))
    ring = upper + lower
    mirrored = [(-p, -q) for p, q in ring]
    return PLANE.line(ring) + "Z" + (PLANE.line(mirrored) + "Z" if near2 > 0 else "")


def _cut(q: float) -> float:
    return min(max(q, -REACH), REACH)


def drawn(values: Values) -> Parts:
    """Return what the figure shows of a walk from `p` and `q` with `eta` and `lam`."""
    lam, path = values["lam"], walk(values)
    p, q = path[-1]
    least = lam * (2 * RATING - lam) if lam < RATING else RATING * RATING
    low = [step for step, one in enumerate(path) if loss(*one, lam) < least + 0.01]
    out = [step for step, one in enumerate(path) if max(map(abs, one)) > 4]
    seen = path[: out[0]] if out else path
    if abs(p) + abs(q) >= 1e6:
        end = f"The walk diverges: after {len(path) - 1} steps p or q is beyond a million."
    else:
        reached = f"reached after {low[0]}" if low and low[0] else "there at once"
        end = (
            f"After 100 steps p = {number(p, 2)}, q = {number(q, 2)}, and the loss is "
            f"{number(loss(p, q, lam), 2)}; the lowest there is, {number(least, 2)}, was "
            + (reached if low else "not reached")
            + (" and left again." if low and loss(p, q, lam) >= least + 0.01 else ".")
        )
        if not low and abs(p) + abs(q) < 0.1:
            end += " It is still at the saddle point."
    x, y = PLANE.at(values["p"], values["q"])
    return {
        "path": {"d": PLANE.line(seen)},
        "dots": {"d": "".join(PLANE.line([one]) + "h0" for one in seen)},
        "start": {"cx": f"{x:g}", "cy": f"{y:g}"},
        "said": {"text": end},
    } | {f"level{k}": {"d": border(c, lam)} for k, c in enumerate(LEVELS)}


# As long as any: the walk that stays at the saddle point, and one that leaves what it has reached.
_ENDS = [
    "After 100 steps p = -0.00, q = -0.00, and the loss is 10.00; the lowest there is, 10.00, was "
    + reached
    for reached in (
        "not reached. It is still at the saddle point.",
        "reached after 10 and left again.",
    )
]


def walks(caption: str) -> HTML:
    """Show the loss as shades, and a walk of a hundred steps from where the reader points.

    Parameters
    ----------
    caption : str
        The message.
    """
    parts = drawn(starts(CONTROLS))
    shade = f'style="fill:{of_page(BLUE)}" fill-opacity=".11"'
    red = f'fill="none" style="stroke:{of_page(RED)}" stroke-linecap="round" '
    x, y = PLANE.at(0, 0)
    cross = f"M{x - 5:g} {y - 5:g}l10 10m0 -10l-10 10"
    handle = (
        'data-handle r="8" fill="transparent" stroke="currentColor" stroke-width="2" '
        'style="cursor:grab;touch-action:none"'
    )
    inside = (
        f'<svg width="{PLANE.width}" height="{PLANE.height}">'  # cuts off what leaves the plane
        + "".join(part("path", f"level{k}", shade, parts) for k in range(len(LEVELS)))
        + f'<path d="{cross}" stroke="currentColor" stroke-width="2"/>'
        + part("path", "path", red + 'stroke-width="1" stroke-linejoin="round"', parts)
        + part("path", "dots", red + 'stroke-width="5"', parts)
        + "</svg>"
        + part("circle", "start", handle, parts)
    )
    picture = PLANE.svg(
        inside, "The loss over p and q, bluer where it is lower, with a cross at the origin, and "
        "the dots of a walk downhill from a circle"
    )  # fmt: skip
    return moving(
        "".join(control.html(name) for name, control in CONTROLS.items()),
        picture,
        said(parts, _ENDS),
        _SCRIPT,
        caption,
    )
