"""Points in space that turn under the finger: a flat picture of a space hides a third of it.

The points travel as whole numbers and are drawn by a script of a few lines, in the colors of the
page. Without scripts, and on paper, the first view stands still. A point stands in its direction
from the origin, at the square root of its distance: so few far ones leave room for the many.
"""

import json
from collections.abc import Mapping, Sequence
from html import escape

import numpy as np
from IPython.display import HTML

from recsys_lib.show.plots import COLORS, of_page
from recsys_lib.validation import DataError, check_kind

SIZE, REACH = 300, 120  # of a panel, and from its middle to the farthest point, in pixels
START = 35  # degrees around the upright axis
TILT = 18  # degrees from above

# `f` is the figure. `turn` draws all its panels as seen from an angle around the upright axis.
_SCRIPT = """
(f => {
  const data = JSON.parse(f.dataset.points), slider = f.querySelector("input");
  const tilt = %(tilt)s * Math.PI / 180, up = Math.sin(tilt), flat = Math.cos(tilt);
  const at = (p, a) => {
    const x = p[0] * Math.cos(a) - p[1] * Math.sin(a), y = p[0] * Math.sin(a) + p[1] * Math.cos(a);
    return [Math.round(x), Math.round(y * up - p[2] * flat)];
  };
  const turn = degrees => {
    const a = degrees * Math.PI / 180;
    f.querySelectorAll("[data-panel]").forEach((panel, i) => {
      panel.querySelectorAll("path.points").forEach((path, j) => {
        path.setAttribute("d", data[i][j].map(p => "M" + at(p, a).join(" ") + "h0").join(""));
      });
      panel.querySelectorAll("line").forEach((line, axis) => {
        const end = at([0, 1, 2].map(k => k === axis ? %(reach)s : 0), a);
        line.setAttribute("x2", end[0]); line.setAttribute("y2", end[1]);
        const name = panel.querySelectorAll("text")[axis];
        name.setAttribute("x", end[0] * 1.1); name.setAttribute("y", end[1] * 1.1 + 4);
      });
    });
    slider.setAttribute("aria-valuetext", degrees + " degrees");
  };
  slider.oninput = () => turn(+slider.value);
  f.querySelectorAll("svg").forEach(s => {
    let from = null;
    s.onpointerdown = e => { from = [e.clientX, +slider.value]; s.setPointerCapture(e.pointerId); };
    s.onpointermove = e => {
      if (!from) return;
      slider.value = (((from[1] + (e.clientX - from[0])) %% 360) + 360) %% 360;
      turn(+slider.value);
    };
    s.onpointerup = s.onpointercancel = () => { from = null; };
  });
})(document.currentScript.closest("figure"))
"""


def clouds(
    panels: Mapping[str, Mapping[str, np.ndarray]],
    label: str,
    caption: str = "",
    axes: Sequence[str] = "123",
) -> HTML:
    """Show clouds of points in space side by side, which the reader turns around together.

    Parameters
    ----------
    panels : dict of str to dict of str to array (n, 3)
        For the title of each panel its groups of points, by name; the names are the same in all.
    label : str
        What is to be seen, for those who do not see it.
    caption : str
        Stands below; should say that distances are drawn by their roots.
    axes : three str
        Names of the coordinates.

    Returns
    -------
    HTML
        A figure with a slider; the clouds follow a finger or the mouse as well.

    Raises
    ------
    DataError
        If points are not rows of three finite numbers, or two panels have other groups.

    Examples
    --------
    >>> import numpy as np
    >>> from recsys_lib import show
    >>> points = {"films": np.eye(3), "users": -np.eye(3)}
    >>> show.clouds({"before": points, "after": points}, "two groups that lie apart")
    <IPython.core.display.HTML object>
    """
    check_kind("panels", panels, Mapping, "a mapping from titles to groups of points")
    names = [list(groups) for groups in panels.values()]
    if not names or any(one != names[0] for one in names):
        raise DataError(f"panels must have the same groups, at least one panel, got {names}")
    whole = [_whole(title, groups) for title, groups in panels.items()]
    room = _room(whole)
    drawn = "".join(
        _panel(title, points, axes, label, room)
        for title, points in zip(panels, whole, strict=True)
    )
    key = " ".join(
        f'<span style="white-space:nowrap"><svg width="12" height="12" aria-hidden="true"><circle '
        f'cx="6" cy="6" r="5" style="fill:{_color(place)}"/></svg> {escape(name)}</span>'
        for place, name in enumerate(names[0])
    )
    points = json.dumps([[group.tolist() for group in one] for one in whole], separators=(",", ":"))
    script = _SCRIPT % {"tilt": TILT, "reach": REACH}
    return HTML(
        f'<figure class="clouds" style="margin:1em 0" data-points="{points}">'
        f'<label>Turn <input type="range" min="0" max="360" value="{START}" step="1" '
        f'autocomplete="off" style="vertical-align:middle;width:12em"></label>'
        f"<div>{key}</div>"
        f'<div style="display:flex;flex-wrap:wrap;gap:1em">{drawn}</div>'
        f"<figcaption>{escape(caption)}</figcaption><script>{script}</script></figure>"
    )


def _whole(title: str, groups: Mapping[str, np.ndarray]) -> list[np.ndarray]:
    """Return the points of a panel in pixels, at the root of their distance from the origin."""
    arrays = [np.asarray(points, dtype=float) for points in groups.values()]
    for name, points in zip(groups, arrays, strict=True):
        if points.ndim != 2 or points.shape[1] != 3 or not np.isfinite(points).all():
            raise DataError(
                f"panels[{title!r}][{name!r}] must be rows of three finite numbers, got an array "
                f"of shape {points.shape}"
            )
    far = [np.linalg.norm(points, axis=1, keepdims=True) for points in arrays]
    farthest = max((one.max() for one in far if len(one)), default=0) or 1
    return [
        np.rint(REACH * points / np.sqrt(np.where(one > 0, one, 1) * farthest)).astype(int)
        for points, one in zip(arrays, far, strict=True)
    ]


def _at(points: np.ndarray) -> np.ndarray:
    """Where points are drawn at the start; `at` of the script says the same."""
    turn, tilt = np.radians([START, TILT])
    x = points[:, 0] * np.cos(turn) - points[:, 1] * np.sin(turn)
    y = points[:, 0] * np.sin(turn) + points[:, 1] * np.cos(turn)
    return np.column_stack([x, y * np.sin(tilt) - points[:, 2] * np.cos(tilt)]).round().astype(int)


def _room(panels: list[list[np.ndarray]]) -> tuple[int, int]:
    """Return how far up and down the axes and clouds of all panels reach when they are turned."""
    points = np.vstack([REACH * np.eye(3), *(group for one in panels for group in one)])
    around = np.hypot(points[:, 0], points[:, 1]) * np.sin(np.radians(TILT))
    height = points[:, 2] * np.cos(np.radians(TILT))
    name = round(0.1 * REACH) + 12  # of an axis, beyond its end
    return round((height + around).max()) + name, round((around - height).max()) + name


def _color(place: int) -> str:
    return of_page(COLORS[place % len(COLORS)])


def _panel(
    title: str,
    groups: list[np.ndarray],
    axes: Sequence[str],
    label: str,
    room: tuple[int, int],
) -> str:
    dots = "".join(
        f'<path class="points" d="{"".join(f"M{x} {y}h0" for x, y in _at(points))}" fill="none" '
        f'style="stroke:{_color(place)}" stroke-width="4" stroke-linecap="round" opacity=".7"/>'
        for place, points in enumerate(groups)
    )
    ends = _at(REACH * np.eye(3))
    lines = "".join(
        f'<line x1="0" y1="0" x2="{x}" y2="{y}" stroke="currentColor" opacity=".6"/>'
        f'<text x="{1.1 * x:.0f}" y="{1.1 * y + 4:.0f}" text-anchor="middle" font-size="13" '
        f'fill="currentColor">{escape(name)}</text>'
        for (x, y), name in zip(ends, axes, strict=True)
    )
    half, (up, down) = SIZE / 2, room
    return (
        f'<div data-panel style="flex:1 1 {SIZE * 0.8:.0f}px;max-width:26rem">'
        f"<strong>{escape(title)}</strong>"
        f'<svg role="img" aria-label="{escape(title)}: {escape(label)}" '
        f'viewBox="{-half:g} {-up} {SIZE} {up + down}" '
        f'style="width:100%;cursor:grab;touch-action:pan-y">{lines}{dots}</svg></div>'
    )
