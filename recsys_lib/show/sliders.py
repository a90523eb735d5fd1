"""Figures that answer: something is moved, and what belongs to it is shown.

Every state is computed when the page is built, so nothing is computed by the reader's machine and
nothing is loaded. The control is the browser's own, so it works by finger and by keyboard. Without
scripts, and on paper, the state at the start stands still.
"""

from collections.abc import Iterable, Mapping
from html import escape

from IPython.display import HTML

from recsys_lib.validation import check_int, check_kind

# `this` is the control. A frame is shown or hidden, and what is chosen is said in words. What is
# hidden keeps its place under what is shown, so that what stands below never moves.
_CHOOSE = (
    "const f=this.closest('figure'),n=+this.value;"
    "f.querySelectorAll('[data-frame]').forEach((e,i)=>{"
    "e.style.visibility=i===n?'':'hidden'});"
    "const w=f.querySelectorAll('[data-frame]')[n].dataset.frame;"
    "f.querySelector('output').textContent=w;this.setAttribute('aria-valuetext',w)"
)


LONG = 30  # letters: names that are longer are sentences, and have lines of their own
PLACE = "grid-area:1/1"  # of things that lie in one place, on each other
HIDDEN = f"{PLACE};visibility:hidden"
MOST = 3  # of the longest texts one needs the most lines, wherever they break


def room(texts: Iterable[str]) -> str:
    """Return unseen texts that hold the place of all that may be said there, in one grid with it.

    Parameters
    ----------
    texts : iterable of str
        All that may be said, as text without markup.
    """
    longest = sorted(dict.fromkeys(texts), key=len)[-MOST:]  # always in the same order
    return "".join(
        f'<span class="room" aria-hidden="true" style="{HIDDEN}">{escape(text)}</span>'
        for text in longest
    )


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
        f'<div data-frame="{escape(name)}" style="{PLACE if place == start else HIDDEN}">'
        f"{frame}</div>"
        for place, (name, frame) in enumerate(frames.items())
    )
    parts = f'<div style="display:grid;grid-template-columns:minmax(0,1fr)">{parts}</div>'
    control = (
        f'<label>{escape(label)} <input type="range" min="0" max="{len(names) - 1}" step="1" '
        f'value="{start}" autocomplete="off" aria-valuetext="{escape(names[start])}" '
        f'style="vertical-align:middle" oninput="{_CHOOSE}"></label>'
    )
    said = f'<output aria-live="polite" style="{PLACE}">{escape(names[start])}</output>'
    said += room(names)
    if max(map(len, names)) > LONG:  # below, where the drawing does not move when a line is added
        parts += f'<div style="display:grid;min-height:3em">{said}</div>'
    else:
        control += f' <span style="display:inline-grid">{said}</span>'
    below = f"<figcaption>{escape(caption)}</figcaption>" if caption else ""
    return HTML(f'<figure style="margin:1em 0"><div>{control}</div>{parts}{below}</figure>')
