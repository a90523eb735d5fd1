"""The order of models by who competes: among few sampled items, among more, among all."""

from collections.abc import Mapping
from html import escape

from IPython.display import HTML

from recsys_lib.show.plots import BLUE, GRAY, RED, of_page
from recsys_lib.show.sliders import slider

ROW, NAMES, WIDE = 22, 138, 150  # pixels: of a bar with what is around it, of names, of the bars


def orders(
    by_rivals: Mapping[str, Mapping[str, float]], base: str, marked: tuple[str, ...], caption: str
) -> HTML:
    """Show how models rank as others join the competition, each as a multiple of one of them.

    Parameters
    ----------
    by_rivals : dict of str to dict of str to float
        For every number of rivals, from few to all, the figure of each model.
    base : str
        The model of which the others are shown as multiples: a figure among few is not on the
        scale of one among many.
    marked : tuple of str
        Models to follow, in red.
    caption : str
        The message.
    """
    frames = {}
    for rivals, figures in by_rivals.items():
        multiples = {name: x / figures[base] for name, x in figures.items()}
        order = sorted(multiples, key=lambda name: -multiples[name])
        places = [f"{name} is number {order.index(name) + 1}" for name in marked]
        said = f"Among {rivals}: {', '.join(places)} of {len(order)}."
        frames[said] = _drawn({name: multiples[name] for name in order}, base, marked)
    return slider(frames, "Others in the ranking:", caption=caption)


def _drawn(multiples: Mapping[str, float], base: str, marked: tuple[str, ...]) -> str:
    top = max(multiples.values())
    rows = ""
    for k, (name, x) in enumerate(multiples.items()):
        ink = of_page(GRAY if name == base else RED if name in marked else BLUE)
        bold = ' font-weight="700"' if name in marked else ""
        rows += (
            f'<g transform="translate(0 {ROW * k})"><text x="-6" y="15" text-anchor="end"{bold}>'
            f'{escape(name)}</text><rect y="4" width="{WIDE * x / top:.1f}" height="{ROW - 7}" '
            f'style="fill:{ink}"/><text x="{WIDE * x / top + 5:.1f}" y="15">{x:.2f}</text></g>'
        )
    label = f"The models in their order, each with its multiple of {base}"
    return (
        f'<svg role="img" aria-label="{escape(label)}" viewBox="{-NAMES} 0 {NAMES + WIDE + 36} '
        f'{ROW * len(multiples)}" font-size="12" fill="currentColor" '
        f'style="max-width:26rem;width:100%">{rows}</svg>'
    )
