"""Figures that answer: something is moved, and what belongs to it is shown.

Every state is computed when the page is built, so nothing is computed by the reader's machine and
nothing is loaded. The control is the browser's own, so it works by finger and by keyboard. Without
scripts, and on paper, the state at the start stands still.
"""

from collections.abc import Mapping
from html import escape

from IPython.display import HTML

from recsys_lib.validation import check_int, check_kind

# `this` is the control. A frame is shown or hidden, and what is chosen is said in words.
_CHOOSE = (
    "const f=this.closest('figure'),n=+this.value;"
    "f.querySelectorAll('[data-frame]').forEach((e,i)=>{e.hidden=i!==n});"
    "const w=f.querySelectorAll('[data-frame]')[n].dataset.frame;"
    "f.querySelector('output').textContent=w;this.setAttribute('aria-valuetext',w)"
)


LONG = 30  # letters: names that are longer are sentences, and have lines of their own


def slider(frames: Mapping[str, str], label: str, start: int = 0, caption: str = "") -> HTML:
    """Show one of several frames, which the reader chooses with a slider.

    Parameters
    ----------
    frames : dict of str to str
        What each position of the slider is called, and the HTML that it shows, at least two.
    label : str
        What is moved.
    start : int
        The position at first, from 0.
    caption : str
        Stands below.

    Raises
    ------
    ValueError
        If there are fewer than two frames, or `start` is not the position of one.

    Examples
    --------
    >>> from recsys_lib import show
    >>> frames = {"5 factors": "<p>blurred</p>", "50 factors": "<p>sharp</p>"}
    >>> show.slider(frames, label="SVD with")
    <IPython.core.display.HTML object>
    """
    check_kind("frames", frames, Mapping, "a mapping from names to HTML")
    if len(frames) < 2:
        raise ValueError(f"frames must be at least two, got {len(frames)}")
    start, names = check_int("start", start), list(frames)
    if start >= len(names):
        raise ValueError(f"start must be below the number of frames, {len(names)}, got {start}")
    parts = "".join(
        f'<div data-frame="{escape(name)}"{"" if place == start else " hidden"}>{frame}</div>'
        for place, (name, frame) in enumerate(frames.items())
    )
    control = (
        f'<label>{escape(label)} <input type="range" min="0" max="{len(names) - 1}" step="1" '
        f'value="{start}" autocomplete="off" aria-valuetext="{escape(names[start])}" '
        f'style="vertical-align:middle" oninput="{_CHOOSE}"></label>'
    )
    said = f'<output aria-live="polite">{escape(names[start])}</output>'
    if max(map(len, names)) > LONG:  # below, where the drawing does not move when a line is added
        parts += f'<div style="min-height:3em">{said}</div>'
    else:
        control += f" {said}"
    below = f"<figcaption>{escape(caption)}</figcaption>" if caption else ""
    return HTML(f'<figure style="margin:1em 0"><div>{control}</div>{parts}{below}</figure>')
