"""Set the book's own figures into the page, where their colors follow light, dark and print.

An SVG in an ``<img>`` is a picture of its own, which knows nothing of the page around it. Here each
becomes a part of the page: its text takes the page's font, the colors of `recsys_lib.show.plots`
become variables of course.css, and of a figure that was drawn twice the screen shows the one that
fits it.
"""

import re
from functools import cache
from html import escape, unescape
from pathlib import Path
from typing import Any

from docutils import nodes
from matplotlib import get_data_path
from matplotlib.ft2font import FT2Font, LoadFlags
from sphinx.application import Sphinx
from sphinx.environment import BuildEnvironment

from recsys_lib.show.plots import NAMED

PALETTE = {color.lower(): name for color, name in NAMED.items()}
# The id of a text, or a formula: its letters, each at its place in Matplotlib's font, and no line
# beside them, such as that of a fraction, which has its place in that font, too.
FORMULA = re.compile(
    r'<g id="([^"]*)"|<text>((?:\s*<tspan[^>]*>[^<]*</tspan>)+)\s*</text>(?=\s*</g>)'
)
LETTERS = re.compile(r'<tspan x="([^"]*)" y="([^"]*)" style="([^"]*)">([^<]*)</tspan>')
FONTS = {"oblique": "DejaVuSans-Oblique", "weight: 700": "DejaVuSans-Bold", "": "DejaVuSans"}
# Dots of one look, each of which says what it looks like.
DOTS = re.compile(
    r'<g( clip-path="[^"]*")?>((?:\s*<use (?:(?!style=)[^>])*style="([^"]*)"/>)'
    r'(?:\s*<use (?:(?!style=)[^>])*style="\3"/>)+)\s*</g>'
)
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
    body = flowing(body)
    body = re.sub(r' id="', f' id="{prefix}', body)
    body = re.sub(r'(href="|url\()#', rf"\1#{prefix}", body)
    body = re.sub(r'style="([^"]*)"', lambda style: f'style="{_style(style[1])}"', body)
    body = DOTS.sub(_alike, body)
    body = re.sub(r"\s*\n\s*", " ", body)
    body = re.sub(r"<[^>]*>", _short, body)
    return (
        f'<svg class="{kind}" {seen} viewBox="{box[1]}" '
        f'style="max-width: {width:.0f}px" xmlns:xlink="http://www.w3.org/1999/xlink">{body}'
    )


def flowing(body: str) -> str:
    """Let the letters of formulas follow each other, as wide as they are in the page's font.

    Matplotlib places each letter by the widths of its own font, which is wider than the page's:
    the words of a formula would be spaced out. What stays is what lies between letters beyond
    their widths, such as the room around an equals sign.
    """
    name = ""

    def flow(found: re.Match[str]) -> str:
        nonlocal name
        if found[1] is not None:
            name = found[1]
            return found[0]
        return _flow(found[2], name.partition("-")[0]) or found[0]

    return FORMULA.sub(flow, body)


def _flow(tspans: str, anchor: str) -> str:
    """Return a formula as text that flows; nothing if letters stand above each other."""
    letters = []
    for xs, ys, style, text in LETTERS.findall(tspans):
        text, xs, ys = unescape(text), xs.split(), ys.split()
        ys *= len(xs) // len(ys)
        letters += [(float(x), float(y), style, c) for x, y, c in zip(xs, ys, text, strict=False)]
    letters.sort(key=lambda letter: letter[0])
    parts, end, before = [], 0.0, None
    for x, y, style, letter in letters:
        gap = x - end if parts else 0.0
        if gap < -0.1 * _size(style):
            return ""
        end = x + _width(letter, style)
        if before == (y, style) and abs(gap) < 0.1:
            parts[-1][1] += letter
            continue
        moved = f'dx="{max(gap, 0):.2f}" dy="{y - before[0]:.2f}"' if before else f'y="{y:.2f}"'
        parts.append([moved, letter, style])
        before = y, style
    place = {"middle": end / 2, "end": end}.get(anchor, 0.0)
    side = f' text-anchor="{anchor}"' if place else ""
    inside = "".join(
        f'<tspan {moved} style="{style}">{escape(text)}</tspan>' for moved, text, style in parts
    )
    return f'<text x="{place:.2f}"{side} xml:space="preserve">{inside}</text>'


def _size(style: str) -> float:
    found = re.search(r"font-size: ([\d.]+)px", style)
    return float(found[1]) if found else 10.0


def _width(letter: str, style: str) -> float:
    kind = next(kind for kind in FONTS if kind in style)
    return _size(style) * _share(letter, FONTS[kind])


@cache
def _share(letter: str, name: str) -> float:
    """Return the width of a letter in Matplotlib's font, as a share of the font's size."""
    font = FT2Font(f"{get_data_path()}/fonts/ttf/{name}.ttf")
    font.set_size(100, 72)
    return font.load_char(ord(letter), flags=LoadFlags.NO_HINTING).linearHoriAdvance / 6553600


def _alike(found: re.Match[str]) -> str:
    """Let dots of one look have it from their group, all but what they must have one by one."""
    rules = [rule.strip() for rule in found[3].split(";") if rule.strip()]
    own = [rule for rule in rules if rule.startswith("opacity:")]  # of a group, it is of the whole
    shared = "; ".join(rule for rule in rules if rule not in own)
    style = f' style="{own[0]}"' if own else ""
    dots = found[2].replace(f' style="{found[3]}"', style)
    return f'<g{found[1] or ""} style="{shared}">{dots}</g>'


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


def number_by_page(app: Sphinx, env: BuildEnvironment) -> list[str]:
    """Let the figures of a page whose sections have no numbers begin at 1.

    Sphinx counts on from page to page there: the first figure of the primer would be figure 3. It
    returns no pages to be written again: Sphinx has named all whose numbers it has just changed.
    """
    for kinds in env.toc_fignumbers.values():
        numbers = kinds.get("figure", {})
        if numbers and all(len(number) == 1 for number in numbers.values()):
            kinds["figure"] = {name: (place,) for place, name in enumerate(numbers, start=1)}
    return []


def setup(app: Sphinx) -> dict[str, Any]:
    app.connect("env-get-updated", number_by_page, priority=900)  # after Sphinx has numbered all
    app.connect("doctree-resolved", inline)
    return {"version": "1.0", "parallel_read_safe": True, "parallel_write_safe": True}
