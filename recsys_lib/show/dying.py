"""A unit that learns, or dies: one ReLU, twenty pairs, and steps whose length is moved."""

import json
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

# What comes in for twenty pairs; four of them were met, as with four negatives for each positive.
INPUTS = (
    *(-2.0, -1.6, -1.3, -1.1, -0.8, -0.6, -0.4, -0.1, 0.1, 0.3),
    *(0.5, 0.6, 0.8, 1.0, 1.2, 1.4, 1.6, 1.7, 1.9, 2.1),
)
MET = tuple(int(y in (0.6, 1.4, 1.9, 2.1)) for y in INPUTS)
START = 0.5  # of the weight and the bias
OUTPUT = -math.log(4)  # what is added to what comes out, for the logit of the pair
STEPS = 40
CONTROLS = {
    "eta": Range("Step length <i>η</i>", 0.5, 12, 0.5, 2),
    "t": Range("after step", 0, STEPS, 1, 1),
}
UNIT = Plane((-2.3, 2.3), (0, 3), ("what comes in, y", "what comes out, z"), (1, 1), 320, 150)
LOSS = Plane((0, STEPS), (0.35, 0.65), ("step", "loss"), (10, 0.1), 320, 80)
BELOW = UNIT.height + 56  # where the second drawing begins
State = tuple[float, float, float, int]  # weight, bias, loss, and for how many pairs it is above 0

# `trained` and `drawn` below.
_SCRIPT = """
(() => {
  const inputs = INPUTS, met = MET, N = inputs.length, steps = STEPS, output = OUTPUT;
  const [lx, ldx, ly, ldy] = LOSS, below = BELOW;
  const at = ([t, loss]) => tenth(lx + ldx * t) + " " +
    tenth(below + ly + ldy * Math.min(Math.max(loss, 0.35), 0.65));
  const trained = eta => {
    let w = START, b = START;
    const states = [];
    for (let t = 0; t <= steps; t++) {
      let loss = 0, slopeW = 0, slopeB = 0, active = 0;
      inputs.forEach((y, k) => {
        const a = w * y + b, x = Math.max(a, 0) + output, r = met[k];
        loss += (Math.max(x, 0) - r * x + Math.log1p(Math.exp(-Math.abs(x)))) / N;
        if (a <= 0) return;
        const delta = (1 / (1 + Math.exp(-x)) - r) / N;
        active += 1; slopeW += delta * y; slopeB += delta;
      });
      states.push([w, b, loss, active]);
      w -= eta * slopeW; b -= eta * slopeB;
    }
    return states;
  };
  return {draw: ({eta, t}) => {
    const states = trained(eta), [w, b, loss, active] = states[t], parts = {};
    const high = y => Math.min(Math.max(w * y + b, 0), 3), points = [-2.3, 2.3];
    for (const level of w ? [0, 3] : []) {
      const bend = (level - b) / w;
      if (Math.abs(bend) < 2.3) points.push(bend);
    }
    points.sort((p, q) => p - q);
    parts.unit = {d: line(points.map(y => [y, high(y)]))};
    inputs.forEach((y, k) => { parts["pair" + k] = {cx: X(y), cy: Y(high(y))}; });
    parts.curve = {d: "M" + states.map((one, k) => at([k, one[2]])).join("L")};
    const [cx, cy] = at([t, loss]).split(" ");
    parts.here = {cx, cy};
    const first = states.findIndex(one => one[3] === 0);
    const what = active ? `The unit is above 0 for ${active} of ${N} pairs, and learns from those.`
      : `The unit is at 0 for all ${N} pairs, since step ${first}: it is dead. No gradient comes ` +
        "back, and no later step moves it.";
    parts.said = {text: `${what} The loss is ${n(loss, 2)}.`};
    return parts;
  }};
})()
"""


def trained(eta: float) -> list[State]:
    """Return the states of the unit before the first step and after each."""
    w = b = START
    states, n = [], len(INPUTS)
    for _ in range(STEPS + 1):
        loss = slope_w = slope_b = 0.0
        active = 0
        for y, r in zip(INPUTS, MET, strict=True):
            a = w * y + b
            x = max(a, 0) + OUTPUT
            loss += (max(x, 0) - r * x + math.log1p(math.exp(-abs(x)))) / n
            if a <= 0:
                continue  # nothing comes back where the unit is at 0
            delta = (1 / (1 + math.exp(-x)) - r) / n
            active, slope_w, slope_b = active + 1, slope_w + delta * y, slope_b + delta
        states.append((w, b, loss, active))
        w, b = w - eta * slope_w, b - eta * slope_b
    return states


def drawn(values: Values) -> Parts:
    """Return what the figure shows after step `t` of the length `eta`."""
    states, t = trained(values["eta"]), int(values["t"])
    w, b, loss, active = states[t]
    left, right = UNIT.x
    bends = [(level - b) / w for level in UNIT.y] if w else []
    points = sorted([left, right, *(y for y in bends if left < y < right)])
    parts: dict[str, dict[str, str]] = {
        "unit": {"d": UNIT.line([(y, _out(w, b, y)) for y in points])},
        "curve": {
            "d": "M" + "L".join("{:g} {:g}".format(*_below(*one)) for one in enumerate(states))
        },
    }
    for k, y in enumerate(INPUTS):
        cx, cy = UNIT.at(y, _out(w, b, y))
        parts[f"pair{k}"] = {"cx": f"{cx:g}", "cy": f"{cy:g}"}
    cx, cy = _below(t, states[t])
    parts["here"] = {"cx": f"{cx:g}", "cy": f"{cy:g}"}
    parts["said"] = {"text": f"{_what(states, active)} The loss is {number(loss, 2)}."}
    return parts


def _out(w: float, b: float, y: float) -> float:
    low, high = UNIT.y
    return min(max(w * y + b, low), high)


def _below(step: int, state: State) -> tuple[float, float]:
    """Return where the loss of a state lies in the second drawing."""
    x, y = LOSS.at(step, min(max(state[2], LOSS.y[0]), LOSS.y[1]))
    return x, round(BELOW + y, 1)


def _what(states: list[State], active: int) -> str:
    n = len(INPUTS)
    if active:
        return f"The unit is above 0 for {active} of {n} pairs, and learns from those."
    first = [state[3] for state in states].index(0)
    return (
        f"The unit is at 0 for all {n} pairs, since step {first}: it is dead. No gradient comes "
        "back, and no later step moves it."
    )


def dying(caption: str) -> HTML:
    """Show one ReLU unit on twenty pairs, and let the reader choose how long its steps are.

    Parameters
    ----------
    caption : str
        The message.
    """
    parts = drawn(starts(CONTROLS))
    stroke = 'fill="none" stroke-width="2" '
    dots = "".join(
        part("circle", f"pair{k}", f'r="5" style="fill:{of_page(RED if r else BLUE)}"', parts)
        for k, r in enumerate(MET)
    )
    key = (
        f'<g font-size="12"><text x="4" y="12" style="fill:{of_page(RED)}">met</text>'
        f'<text x="34" y="12" style="fill:{of_page(BLUE)}">not met</text></g>'
    )
    below = (
        f'<g transform="translate(0 {BELOW})">{LOSS.axes()}</g>'
        + part("path", "curve", f'{stroke}stroke="currentColor"', parts)
        + part("circle", "here", 'r="5" fill="currentColor"', parts)
    )
    picture = UNIT.svg(
        part("path", "unit", f'{stroke}stroke="currentColor"', parts) + dots + key + below,
        "Above, what a unit makes of twenty pairs, those that were met in red; below, its loss "
        "step by step",
        BELOW + LOSS.height,
    )
    controls = "".join(control.html(name) for name, control in CONTROLS.items())
    others = (drawn({"eta": eta, "t": STEPS})["said"]["text"] for eta in range(1, 13))
    return moving(controls, picture, said(parts, others), _script(), caption)


def _script() -> str:
    given = {
        "INPUTS": INPUTS,
        "MET": MET,
        "STEPS": STEPS,
        "OUTPUT": OUTPUT,
        "START": START,
        "LOSS": LOSS.numbers,
        "BELOW": BELOW,
    }
    script = _SCRIPT
    for name, value in given.items():
        script = script.replace(name, json.dumps(value))
    return script
