"""The game of chapter 10: choose what nobody sees, until the model of your choice is first."""

import json
from collections.abc import Iterator, Mapping, Sequence
from html import escape
from itertools import product

from IPython.display import HTML

from recsys_lib.show.planes import Choice, Parts, Select, Values, moving, number, part, said
from recsys_lib.show.plots import BLUE, RED, of_page
from recsys_lib.show.sliders import PLACE, room

EPOCHS = ("validation", "test")
RIVALS = ("the mean of their runs", "the worst of their runs")
ROW, NAMES, WIDE = 22, 118, 190  # pixels: of a bar with what is around it, of its name, of the bars
Runs = Sequence[Mapping[str, Mapping[str, Mapping[str, float]]]]  # by epoch, way, metric

# `shown`, `ways_to_win` and `drawn` below; VALUES has for every model and run, for both ways of
# choosing the epoch, a list of numbers for every way of measuring, one for each metric.
_SCRIPT = """
(() => {
  const values = VALUES, names = NAMED, ways = WAYS, metrics = METRICS, honest = HONEST;
  const pixel = x => Math.round(10 * x) / 10;
  const mean = all => all.reduce((a, b) => a + b, 0) / all.length;
  const own = (model, run, epoch, way, metric) => {
    const each = values[model].map(one => (one[epoch] ?? one[0])[way][metric]);
    return run && each.length > 1 ? each[run - 1] : mean(each);
  };
  const shown = c => names.map((_, model) => {
    if (model === c.model) return own(model, c.run, c.epoch, c.way, c.metric);
    const each = values[model].map(one => one[0][c.way][c.metric]);
    return c.rivals ? Math.min(...each) : mean(each);
  });
  const first = (all, model) => all.every((x, k) => k === model || x < all[model]);
  const count = model => {
    const runs = values[model].length > 1 ? values[model].length + 1 : 1;
    let won = 0, total = 0;
    const counts = [runs, values[model][0].length, ways.length, metrics.length, 2];
    const choose = chosen => {
      if (chosen.length < counts.length) {
        for (let k = 0; k < counts[chosen.length]; k++) choose([...chosen, k]);
        return;
      }
      const [run, epoch, way, metric, rivals] = chosen;
      total += 1;
      won += first(shown({model, run, epoch, way, metric, rivals}), model);
    };
    choose([]);
    return [won, total];
  };
  return {draw: c => {
    const all = shown(c), top = Math.max(...all), parts = {}, mine = all[c.model];
    let best = -1;
    all.forEach((x, k) => { if (k !== c.model && (best < 0 || x > all[best])) best = k; });
    all.forEach((x, k) => {
      const ink = k === c.model ? "RED" : "BLUE";
      parts["bar" + k] = {width: pixel(WIDE * x / top), style: `fill:${ink}`};
      parts["number" + k] = {text: n(x, 3), x: pixel(WIDE * x / top + 5)};
      parts["name" + k] = {"font-weight": k === c.model ? 700 : 400};
    });
    const place = 1 + all.filter(x => x > mine).length, [won, total] = count(c.model);
    const name = names[c.model], what = metrics[c.metric].toUpperCase();
    const result = first(all, c.model)
      ? `${name} is first of ${names.length}: ${what} ${n(mine, 3)}; the next, ${names[best]}, has `
      : `${name} is number ${place} of ${names.length}: ${what} ${n(mine, 3)}; ${names[best]} has `;
    parts.said = {text: `${result}${n(all[best], 3)}. It is first in ${won} of the ${total} ` +
      "tables that can be made of these choices."};
    parts.honest = {text: honest[c.model]};
    return parts;
  }};
})()
"""


def shown(runs: Mapping[str, Runs], ways: Sequence[str], metrics: Sequence[str], c: Values) -> list:
    """Return the figure of every model as it is printed, by the numbers of what was chosen."""
    way, metric = ways[int(c["way"])], metrics[int(c["metric"])]
    found = []
    for place, each in enumerate(runs.values()):
        mine = place == c["model"]
        epoch = EPOCHS[int(c["epoch"])] if mine else EPOCHS[0]
        values = [one.get(epoch, one[EPOCHS[0]])[way][metric] for one in each]
        mean = sum(values) / len(values)
        if mine:
            found.append(values[int(c["run"]) - 1] if c["run"] and len(values) > 1 else mean)
        else:
            found.append(min(values) if c["rivals"] else mean)
    return found


def ways_to_win(
    runs: Mapping[str, Runs], ways: Sequence[str], metrics: Sequence[str], model: int
) -> tuple[int, int]:
    """Return in how many of all tables a model is first, and how many tables there are."""
    all_choices = list(_choices(list(runs.values())[model], len(ways), len(metrics)))
    won = 0
    for choice in all_choices:
        figures = shown(runs, ways, metrics, {"model": model, **choice})
        won += _first(figures, model)
    return won, len(all_choices)


def _choices(each: Runs, n_ways: int, n_metrics: int) -> Iterator[dict[str, int]]:
    n_runs = len(each) + 1 if len(each) > 1 else 1
    counts = (n_runs, len(each[0]), n_ways, n_metrics, len(RIVALS))
    for one in product(*(range(n) for n in counts)):
        yield dict(zip(("run", "epoch", "way", "metric", "rivals"), one, strict=True))


def _first(figures: Sequence[float], model: int) -> bool:
    return all(x < figures[model] for k, x in enumerate(figures) if k != model)


def drawn(
    values: Values,
    runs: Mapping[str, Runs],
    ways: Sequence[str],
    metrics: Sequence[str],
    honest: Sequence[str],
) -> Parts:
    """Return what the figure shows for the numbers of what was chosen."""
    names, model = list(runs), int(values["model"])
    figures = shown(runs, ways, metrics, values)
    top, mine = max(figures), figures[model]
    best = max((k for k in range(len(names)) if k != model), key=lambda k: (figures[k], -k))
    parts: dict[str, dict[str, str]] = {}
    for k, x in enumerate(figures):
        ink = of_page(RED if k == model else BLUE)
        parts[f"bar{k}"] = {"width": f"{round(WIDE * x / top, 1):g}", "style": f"fill:{ink}"}
        parts[f"number{k}"] = {"text": number(x, 3), "x": f"{round(WIDE * x / top + 5, 1):g}"}
        parts[f"name{k}"] = {"font-weight": "700" if k == model else "400"}
    won = ways_to_win(runs, ways, metrics, model)
    what = f"{metrics[int(values['metric'])].upper()} {number(mine, 3)}"
    place = 0 if _first(figures, model) else 1 + sum(x > mine for x in figures)
    next_best = (names[best], figures[best])
    parts["said"] = {"text": _said(names[model], place, len(names), what, next_best, won)}
    parts["honest"] = {"text": honest[model]}
    return parts


def _said(
    name: str, place: int, n: int, what: str, rival: tuple[str, float], won: tuple[int, int]
) -> str:
    """Say where a model stands (place 0: first and alone), and in how many tables it is first."""
    result = (
        f"{name} is number {place} of {n}: {what}; {rival[0]} has "
        if place
        else f"{name} is first of {n}: {what}; the next, {rival[0]}, has "
    )
    return (
        f"{result}{number(rival[1], 3)}. It is first in {won[0]} of the {won[1]} tables that can "
        "be made of these choices."
    )


def _others(names: Sequence[str], metrics: Sequence[str], total: int) -> list[str]:
    """Return sentences as long as any: each model, beside the rival of the longest name."""
    long = max(metrics, key=len).upper() + " 0.000"
    rival = {name: max((one for one in names if one != name), key=len) for name in names}
    return [
        _said(name, place, len(names), long, (rival[name], 0), (total, total))
        for name in names
        for place in (0, len(names))
    ]


def choosing(
    runs: Mapping[str, Runs],
    ways: Mapping[str, str],
    metrics: Sequence[str],
    honest: Mapping[str, str],
    caption: str,
) -> HTML:
    """Let the reader choose what a table does not say, until the model of their choice is first.

    Parameters
    ----------
    runs : dict of str to list
        For every model a run for each seed: the figures at the epoch that validation chose, under
        "validation", and those at the best epoch on the test, under "test", by way of measuring
        and metric. A model without epochs has one run, and no "test".
    ways : dict of str to str
        The ways of measuring, and what each is called.
    metrics : list of str
    honest : dict of str to str
        What the comparison over all users and seeds says of every model.
    caption : str
        The message.
    """
    most = max(len(each) for each in runs.values())
    controls = (
        Select("Your model", list(runs)).html("model")
        + Select("shown with", _own(most)).html("run")
        + Choice("its epoch chosen on", {name: k for k, name in enumerate(EPOCHS)}).html("epoch")
        + Select("the others with", RIVALS).html("rivals")
        + Select("ranked among", list(ways.values())).html("way")
        + Select("printed is", [metric.upper() for metric in metrics]).html("metric")
    )
    start = dict.fromkeys(("model", "run", "epoch", "rivals", "way", "metric"), 0)
    told = [honest[name] for name in runs]
    parts = drawn(start, runs, list(ways), metrics, told)
    rows = "".join(
        f'<g transform="translate(0 {ROW * k})">'
        + part("text", f"name{k}", 'x="-6" y="14" text-anchor="end"', parts, escape(name))
        + part("rect", f"bar{k}", f'y="3" height="{ROW - 7}"', parts)
        + part("text", f"number{k}", 'y="14"', parts)
        + "</g>"
        for k, name in enumerate(runs)
    )
    picture = (
        f'<svg role="img" aria-label="A bar for each model, yours in red" viewBox="{-NAMES} 0 '
        f'{NAMES + WIDE + 42} {ROW * len(runs)}" data-plane="[0, 1, 0, 1]" font-size="12" '
        f'fill="currentColor" style="max-width:26rem;width:100%">{rows}</svg>'
    )
    lead = "Over all users and runs, by intervals:"
    words = part("span", "honest", "", parts)
    honestly = (
        f'<div style="display:grid;margin-block:.5em"><span style="{PLACE}"><strong>{lead}'
        f"</strong> {words}</span>{room(f'{lead} {one}' for one in told)}</div>"
    )
    total = max(ways_to_win(runs, list(ways), metrics, k)[1] for k in range(len(runs)))
    sentence = said(parts, _others(list(runs), metrics, total))
    script = _script(runs, list(ways), metrics, told)
    return moving(controls, picture, sentence + honestly, script, caption)


def _own(n_runs: int) -> list[str]:
    return ["the mean of its runs", *(f"its run {k + 1} alone" for k in range(n_runs))]


def _script(
    runs: Mapping[str, Runs], ways: Sequence[str], metrics: Sequence[str], honest: Sequence[str]
) -> str:
    values = [
        [
            [
                [[one[epoch][way][m] for m in metrics] for way in ways]
                for epoch in EPOCHS
                if epoch in one
            ]
            for one in each
        ]
        for each in runs.values()
    ]
    script = _SCRIPT.replace("WIDE", str(WIDE))
    script = script.replace('"RED"', json.dumps(of_page(RED)))
    script = script.replace('"BLUE"', json.dumps(of_page(BLUE)))
    given = {"VALUES": values, "NAMED": list(runs), "WAYS": list(ways), "METRICS": list(metrics)}
    for name, value in (given | {"HONEST": list(honest)}).items():
        script = script.replace(name, json.dumps(value, separators=(",", ":")))
    return script
