"""Figures that compute: something is moved, and a drawing and its numbers follow at once.

Where there are too many states to compute them all when the page is built (see `sliders`), a few
lines of script compute the one that is wanted. The same function stands in Python beside it: it
draws the state at the start, which stands still without scripts and on paper, and a test holds the
script to it. What follows has a name, and so has what is moved: a function takes the values of the
controls and returns the attributes of the parts.
"""

import json
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from html import escape

from IPython.display import HTML

from recsys_lib.show.sliders import PLACE, room

Values = Mapping[str, float]  # of the controls, by their names
Parts = Mapping[str, Mapping[str, str]]  # attributes of what follows, by name; "text" is inside

SLACK = 1e-9  # 1 / 0.2 may be a little below 5

# FIGURE is what a kind of figure brings: `draw`, from values to parts, and `moved`, from a place
# that was pointed at to values. A finger may point or take hold of a handle, and scroll elsewhere.
_SCRIPT = """
(f => {
  const svg = f.querySelector("svg"), inputs = [...f.querySelectorAll("input, select")];
  const [x0, dx, y0, dy] = JSON.parse(svg.dataset.plane);
  const tenth = x => Math.round(10 * x) / 10;
  const X = x => tenth(x0 + dx * x), Y = y => tenth(y0 + dy * y);
  const line = points => "M" + points.map(([x, y]) => X(x) + " " + Y(y)).join("L");
  const n = (x, digits) => (+x.toFixed(digits) + 0).toFixed(digits).replace("-", "\\u2212");
  const {draw, moved} = FIGURE;
  const show = () => {
    const values = {};
    for (const i of inputs) {
      if (i.type === "radio" && !i.checked) continue;
      values[i.dataset.name] = +i.value;
      if (i.type === "range") i.nextElementSibling.textContent = i.value.replace("-", "\\u2212");
    }
    for (const [name, attributes] of Object.entries(draw(values))) {
      const part = f.querySelector(`[data-part="${name}"]`);
      for (const [key, value] of Object.entries(attributes)) {
        if (key === "text") part.textContent = value; else part.setAttribute(key, value);
      }
    }
  };
  f.addEventListener("input", show);
  if (!moved) return;
  svg.style.cursor = "pointer";
  let held = false;
  const go = e => {
    const at = new DOMPoint(e.clientX, e.clientY).matrixTransform(svg.getScreenCTM().inverse());
    for (const [name, value] of Object.entries(moved((at.x - x0) / dx, (at.y - y0) / dy))) {
      inputs.find(i => i.dataset.name === name).value = value;
    }
    show();
  };
  svg.onclick = go;
  svg.onpointerdown = e => {
    held = e.pointerType === "mouse" || e.target.hasAttribute("data-handle");
    if (held) { svg.setPointerCapture(e.pointerId); go(e); }
  };
  svg.onpointermove = e => { if (held) go(e); };
  svg.onpointerup = svg.onpointercancel = () => { held = false; };
})(document.currentScript.closest("figure"))
"""


@dataclass(frozen=True)
class Range:
    """A number that is moved between two ends in equal steps.

    Parameters
    ----------
    label : str
        What is moved.
    low, high, step, start : float
    """

    label: str
    low: float
    high: float
    step: float
    start: float

    def html(self, name: str, said: str = "") -> str:
        """Return the control, with its number behind it; `said` names it if nothing else does."""
        label = f'aria-label="{escape(said)}" ' if said else ""
        return (
            f'<label style="white-space:nowrap">{self.label} <input type="range" {label}'
            f'data-name="{name}" min="{self.low:g}" max="{self.high:g}" step="{self.step:g}" '
            f'value="{self.start:g}" autocomplete="off" '
            'style="vertical-align:middle;width:9em"> '
            '<span style="display:inline-block;min-width:2.8em;font-variant-numeric:tabular-nums">'
            f"{number(self.start)}</span></label>"
        )


@dataclass(frozen=True)
class Select:
    """One of many numbers, each with a name, in a list that opens.

    Parameters
    ----------
    label : str
        What is chosen.
    options : sequence of str
        Their numbers are 0, 1, 2, ...; the first is chosen at the start.
    """

    label: str
    options: Sequence[str]
    start = 0

    def html(self, name: str) -> str:
        """Return the control."""
        options = "".join(
            f'<option value="{k}">{escape(option)}</option>'
            for k, option in enumerate(self.options)
        )
        return (
            f'<label style="white-space:nowrap">{self.label} <select data-name="{name}" '
            f'autocomplete="off" style="max-width:14em">{options}</select></label>'
        )


@dataclass(frozen=True)
class Choice:
    """One of several numbers, each with a name.

    Parameters
    ----------
    label : str
        What is chosen.
    options : dict of str to float
        The first is chosen at the start.
    """

    label: str
    options: Mapping[str, float]

    @property
    def start(self) -> float:
        """What is chosen at first."""
        return next(iter(self.options.values()))

    def html(self, name: str) -> str:
        """Return the radio buttons in one line."""
        buttons = " ".join(
            f'<label style="white-space:nowrap"><input type="radio" name="choice-{name}" '
            f'data-name="{name}" value="{value:g}" autocomplete="off"'
            f"{' checked' if place == 0 else ''}> {escape(option)}</label>"
            for place, (option, value) in enumerate(self.options.items())
        )
        return (
            '<fieldset style="border:0;margin:0;padding:0"><legend style="float:left;font:inherit;'
            f'margin:0 .6em 0 0;width:auto">{escape(self.label)}</legend>{buttons}</fieldset>'
        )


@dataclass(frozen=True)
class Plane:
    """A piece of a plane with its axes, and where its points lie in a drawing.

    Parameters
    ----------
    x, y : (float, float)
        The ends of the axes.
    names : (str, str)
        Of the axes.
    every : (float, float)
        How far apart the numbers on the axes are.
    width, height : int
        Of the inside, in pixels.
    """

    x: tuple[float, float]
    y: tuple[float, float]
    names: tuple[str, str]
    every: tuple[float, float]
    width: int = 300
    height: int = 300

    @property
    def numbers(self) -> tuple[float, float, float, float]:
        """Pixels from the left at x = 0 and for each 1 of x, and from above for y."""
        dx = self.width / (self.x[1] - self.x[0])
        dy = -self.height / (self.y[1] - self.y[0])
        return round(-dx * self.x[0], 6), round(dx, 6), round(-dy * self.y[1], 6), round(dy, 6)

    def at(self, x: float, y: float) -> tuple[float, float]:
        """Return the place of a point in the drawing, in tenths of a pixel."""
        x0, dx, y0, dy = self.numbers
        return round(x0 + dx * x, 1), round(y0 + dy * y, 1)

    def line(self, points: Sequence[tuple[float, float]]) -> str:
        """Return the ``d`` of a path through points."""
        return "M" + "L".join("{:g} {:g}".format(*self.at(*point)) for point in points)

    def axes(self) -> str:
        """Draw the frame of the plane, its numbers and the names of the axes."""
        left, top, right, bottom = 0, 0, self.width, self.height
        words = "".join(
            f'<text x="{self.at(tick, 0)[0]:g}" y="{bottom + 15}" text-anchor="middle">'
            f"{number(tick)}</text>"
            for tick in _ticks(self.x, self.every[0])
        ) + "".join(
            f'<text x="-5" y="{self.at(0, tick)[1] + 4:g}" text-anchor="end">{number(tick)}</text>'
            for tick in _ticks(self.y, self.every[1])
        )
        return (
            f'<path d="M{left} {top}V{bottom}H{right}" fill="none" stroke="currentColor" '
            f'opacity=".5"/><g font-size="12" fill="currentColor">{words}'
            f'<text x="{right / 2:g}" y="{bottom + 31}" text-anchor="middle">{self.names[0]}</text>'
            f'<text x="-31" y="{bottom / 2:g}" text-anchor="middle" '
            f'transform="rotate(-90 -31 {bottom / 2:g})">{self.names[1]}</text></g>'
        )

    def svg(self, inside: str, label: str, height: int | None = None) -> str:
        """Return the drawing of what lies in the plane, with its axes; it may reach below them."""
        box = f"-44 -8 {self.width + 54} {(height or self.height) + 44}"
        return (
            f'<svg role="img" aria-label="{escape(label)}" viewBox="{box}" '
            f'data-plane="{json.dumps(self.numbers)}" '
            'style="max-width:26rem;overflow:visible;touch-action:pan-y pinch-zoom;width:100%">'
            f"{self.axes()}{inside}</svg>"
        )


def _ticks(ends: tuple[float, float], every: float) -> list[float]:
    first, last = math.ceil(ends[0] / every - SLACK), math.floor(ends[1] / every + SLACK)
    return [every * place for place in range(first, last + 1)]


def number(x: float, digits: int | None = None) -> str:
    """Write a number as the script does: without -0, and with a minus sign that is as long as +.

    Parameters
    ----------
    x : float
    digits : int, optional
        Behind the point; as many as it has, if left out.
    """
    text = f"{x:g}" if digits is None else f"{round(x, digits) + 0:.{digits}f}"
    return text.replace("-", "\u2212")


def part(tag: str, name: str, fixed: str, drawn: Parts, inside: str = "") -> str:
    """Return an element that follows, as it is drawn now.

    Parameters
    ----------
    tag, name : str
    fixed : str
        Attributes that stay.
    drawn : dict
        All parts.
    inside : str
        What stays in it.
    """
    given = "".join(f' {key}="{value}"' for key, value in drawn[name].items() if key != "text")
    inside += escape(drawn[name].get("text", ""))
    return f'<{tag} data-part="{name}" {fixed}{given}>{inside}</{tag}>'


def said(drawn: Parts, others: Iterable[str] = ()) -> str:
    """Return the sentence of a figure, as it is now; it is read aloud when it changes.

    Parameters
    ----------
    drawn : dict
        All parts, the sentence under "said".
    others : iterable of str
        The sentences of other states, for the longest of which there is to be room.
    """
    sentence = part("output", "said", f'aria-live="polite" style="{PLACE}"', drawn)
    return f'<div style="display:grid;min-height:3em">{sentence}{room(others)}</div>'


def starts(controls: Mapping[str, Range | Choice | Select]) -> dict[str, float]:
    """Return what the controls are set to at first."""
    return {name: control.start for name, control in controls.items()}


def moving(controls: str, picture: str, said: str, script: str, caption: str) -> HTML:
    """Put a figure together from its controls, its drawing and what is said of it.

    Parameters
    ----------
    controls, picture, said : str
        HTML; what is moved has ``data-name``, what follows ``data-part``.
    script : str
        An object with ``draw`` and perhaps ``moved``, see above.
    caption : str
    """
    line = 'style="display:flex;flex-wrap:wrap;gap:.2em 1.5em;align-items:center"'
    return HTML(
        f'<figure class="moving" style="margin:1em 0"><div {line}>{controls}</div>'
        f"{picture}{said}<figcaption>{escape(caption)}</figcaption>"
        f"<script>{_SCRIPT.replace('FIGURE', script.strip())}</script></figure>"
    )
