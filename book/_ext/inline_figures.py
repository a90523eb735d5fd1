"""Set the book's own figures into the page, where their colors follow light, dark and print.

An SVG in an ``<img>`` is a picture of its own, which knows nothing of the page around it. Here each
becomes a part of the page: its text takes the page's font, the colors of `recsys_lib.show.plots`
become variables of course.css, and of a figure that was drawn twice the screen shows the one that
fits it.
"""

import re
from html import escape
from pathlib import Path
from typing import Any

from docutils import nodes
from sphinx.application import Sphinx

from recsys_lib.show.plots import NAMED

PALETTE = {color.lower(): name for color, name in NAMED.items()}
TWO = re.compile(r'<svg class="(wide|narrow)"(.*?</svg>)', re.DOTALL)


def inline(app: Sphinx, doctree: nodes.document, docname: str) -> None:
    """Put the drawing itself in the place of each picture that a cell has drawn as SVG."""
    if app.builder.format != "html":
        return
    for number, image in enumerate(list(doctree.findall(nodes.image)), start=1):
        file = Path(app.srcdir) / image["uri"]
        if file.suffix == ".svg" and "jupyter_execute" in file.parts:
            html = figure(file.read_text(encoding="utf-8"), f"fig{number}", image.get("alt", ""))
            image.replace_self(nodes.raw("", html, format="html"))


def figure(svg: str, name: str, label: str | None) -> str:
    """Return the drawing, or its two drawings, as a part of a page.

    Parameters
    ----------
    svg : str
        As `recsys_lib.show.plots.svg` writes it.
    name : str
        What the ids of this drawing begin with: no two drawings of a page may share one.
    label : str or None
        What is to be seen, for those who do not see it. None of a picture that only decorates, of
        which the wide drawing alone is returned.
    """
    both = TWO.findall(svg)
    drawings = both or [("", svg[svg.index("<svg") + 4 :])]
    seen = 'aria-hidden="true"' if label is None else f'role="img" aria-label="{escape(label)}"'
    if label is None:
        drawings, both = [("", drawings[0][1])], []
    parts = "".join(_drawing(text, f"{name}{kind[:1]}-", kind, seen) for kind, text in drawings)
    return f'<div class="drawing{" two" if both else ""}">{parts}</div>'


def _drawing(text: str, prefix: str, kind: str, seen: str) -> str:
    head, _, body = text.partition(">")
    box = re.search(r'viewBox="([^"]*)"', head)
    assert box is not None
    width = float(box[1].split()[2]) * 4 / 3  # points to pixels
    body = re.sub(r"<style.*?</style>", "", body, flags=re.DOTALL)  # holds for a whole page here
    body = re.sub(r' id="', f' id="{prefix}', body)
    body = re.sub(r'(href="|url\()#', rf"\1#{prefix}", body)
    body = re.sub(r'style="([^"]*)"', lambda style: f'style="{_style(style[1])}"', body)
    body = re.sub(r"\s*\n\s*", " ", body)
    body = re.sub(r"<[^>]*>", _short, body)
    return (
        f'<svg class="{kind}" {seen} viewBox="{box[1]}" '
        f'style="max-width: {width:.0f}px" xmlns:xlink="http://www.w3.org/1999/xlink">{body}'
    )


def _short(tag: re.Match[str]) -> str:
    """Cut the coordinates of a tag to a hundredth of a pixel; what is written stays as it is."""
    return re.sub(r"(\d\.\d\d)\d+", r"\1", tag[0])


def _style(style: str) -> str:
    style = re.sub(r"font-family: [^;]*(;|$)", "", style)
    return re.sub(r"#([0-9a-f]{6})\b", _color, style).strip("; ")


def _color(found: re.Match[str]) -> str:
    """A color of the palette by its name; a gray as a mixture of ink and paper; others as is."""
    if name := PALETTE.get(found[0]):
        return f"var(--fig-{name})"
    red, green, blue = (int(found[1][start : start + 2], 16) for start in (0, 2, 4))
    if not red == green == blue:
        return found[0]
    if red == 255:
        return "var(--fig-paper)"
    return f"color-mix(in srgb, var(--fig-ink) {100 - red / 2.55:.0f}%, var(--fig-paper))"


def setup(app: Sphinx) -> dict[str, Any]:
    app.connect("doctree-resolved", inline)
    return {"version": "1.0", "parallel_read_safe": True, "parallel_write_safe": True}
