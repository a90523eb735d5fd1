"""The first page: the finding, chapters as cards with a picture of theirs, and a film to pick.

Nothing is counted for this page: the finding is drawn from the record that chapter 10 shows, and
pictures, titles and minutes are the chapters' own. The same list of cards says which figures are
shown large on the page of figures to project.
"""

import re
from html import escape
from pathlib import Path
from typing import Any

from docutils import nodes
from docutils.parsers.rst import Directive
from inline_figures import figure
from sphinx import addnodes
from sphinx.application import Sphinx

from recsys_lib import data
from recsys_lib.models import ItemKNN
from recsys_lib.results import recorded
from recsys_lib.show.pickers import neighbors

LEFT, RIGHT, ENDS = 62, 332, (0.15, 0.55)  # pixels across, and the shares of hits that lie there
TOP, ROW = 44, 42  # pixels down to the first model, and from one to the next


class chapter_cards(nodes.General, nodes.Element):
    """A place for the cards, filled in when all chapters are read."""


class Cards(Directive):
    """One line for each chapter: its document, the name of a figure, and its question."""

    has_content = True

    def run(self) -> list[nodes.Node]:
        """Keep the lines until all chapters are read."""
        lines = [[part.strip() for part in line.split("|")] for line in self.content if line]
        for line in lines:
            if len(line) != 3:
                raise self.error(f"a card needs document | figure | question, got {line}")
        return [chapter_cards("", cards=lines)]


class main_figures(nodes.General, nodes.Element):
    """A place for the figures of the cards, one a screen, filled in like these."""


class MainFigures(Directive):
    """The figures that the cards of the first page name, large, with question and caption."""

    def run(self) -> list[nodes.Node]:
        """Leave a place until all chapters are read."""
        return [main_figures("")]


class FilmNeighbors(Directive):
    """A film to pick, and its neighbors in the data that come with the library."""

    def run(self) -> list[nodes.Node]:
        """Fit the model of the first chapter and show its neighbors."""
        ratings = data.load("movielens-small")
        model = ItemKNN(n_neighbors=50).fit(ratings)
        then = "Nearest to it, by who has rated what:"
        first = "Finding Nemo"  # whose neighbors anybody sees to be like it
        html = neighbors(model, ratings, "Pick a film:", then, n_items=300, first=first).data
        return [nodes.raw("", html, format="html")]


class Finding(Directive):
    """What the course finds, in one drawing: three printed numbers, mended, beside popularity."""

    def run(self) -> list[nodes.Node]:
        """Draw what `make record` has found."""
        return [nodes.raw("", finding(recorded("published")["found"]), format="html")]


def finding(found: dict[str, Any]) -> str:
    """Return the drawing, if it still shows what its caption says.

    Parameters
    ----------
    found : dict
        Of the record "published": what was printed, the chains of mended steps, and popularity.

    Raises
    ------
    ValueError
        If a printed number is not below popularity, or a mended one not above it.
    """
    metric, plain = "hr@10", found["popularity"]["fair ties"]["hr@10"]
    printed = {name: row[metric] for name, row in found["printed"]["table 1"].items()}
    mended = {name: found["chains"][name][-1]["mean"][metric]["mean"] for name in printed}
    if not max(printed.values()) < plain < min(mended.values()):
        raise ValueError(f"popularity, {plain}, must lie between {printed} and {mended}")
    rows = [_change(k, name, printed[name], mended[name]) for k, name in enumerate(printed)]
    floor = TOP + ROW * len(rows) - 16
    ticks = "".join(_at_share(share, f"{share:.1f}", floor + 18) for share in (0.2, 0.3, 0.4, 0.5))
    x = _across(plain)
    label = (
        "Three rows, one for each model of the paper. The printed hit ratios, in red, all lie left "
        "of a dashed line for popularity; the mended ones, in blue, all lie right of it"
    )
    return (
        '<figure class="finding"><div class="drawing">'
        f'<svg role="img" aria-label="{label}" viewBox="0 0 360 {floor + 40}" font-size="13" '
        f'style="max-width: 33rem"><path d="M{LEFT} {floor}H{RIGHT}" stroke="var(--fig-ink)"/>'
        f'<path d="M{x} 18V{floor}" stroke="var(--fig-ink)" stroke-width="1.5" '
        f'stroke-dasharray="4 3"/><text x="{x}" y="12" text-anchor="middle">popularity '
        f"{plain:.3f}</text>{''.join(rows)}{ticks}"
        f'<text x="{RIGHT}" y="{floor + 36}" text-anchor="end">hit ratio at 10</text></svg></div>'
        "<figcaption><p>The three models of the paper, as it printed them (red) and as chapter 10 "
        "mends them (blue), beside a count of what sells.</p></figcaption></figure>"
    )


def _across(share: float) -> float:
    low, high = ENDS
    return round(LEFT + (RIGHT - LEFT) * (share - low) / (high - low), 1)


def _at_share(share: float, text: str, y: float, extra: str = "") -> str:
    return f'<text x="{_across(share)}" y="{y}" text-anchor="middle"{extra}>{text}</text>'


def _change(row: int, name: str, before: float, after: float) -> str:
    """Return the row of a model: where it was, where it came to, and an arrow between."""
    y, (x, end) = TOP + ROW * row, (_across(before), _across(after))
    words = ("printed ", "mended ") if row == 0 else ("", "")
    red, blue = 'style="fill: var(--fig-red)"', 'style="fill: var(--fig-blue)"'
    return (
        f'<text x="{LEFT - 8}" y="{y + 4}" text-anchor="end">{escape(name)}</text>'
        f'<path d="M{x} {y}H{end - 7}" stroke="var(--fig-gray)" stroke-width="1.5"/>'
        f'<circle cx="{x}" cy="{y}" r="5" {red}/><circle cx="{end}" cy="{y}" r="5" {blue}/>'
        f'<text x="{x + 5}" y="{y - 9}" text-anchor="end" {red}>{words[0]}{before:.3f}</text>'
        f'<text x="{end}" y="{y - 9}" text-anchor="middle" {blue}>{words[1]}{after:.3f}</text>'
    )


def fill_cards(app: Sphinx, doctree: nodes.document, docname: str) -> None:
    for place in list(doctree.findall(chapter_cards)):
        if app.builder.format != "html":
            place.parent.remove(place)
            continue
        cards = "".join(_card(app, docname, *card) for card in place["cards"])
        place.replace_self(nodes.raw("", f'<div class="chapters">{cards}</div>', format="html"))


def _card(app: Sphinx, docname: str, chapter: str, name: str, question: str) -> str:
    doctree = app.env.get_doctree(chapter)
    title = next(doctree.findall(nodes.title)).astext()
    facts = [p for p in doctree.findall(nodes.paragraph) if "chapter-facts" in p["classes"]]
    minutes = re.search(r"Time:\s+(\d+)\s+minutes", " ".join(p.astext() for p in facts))
    number = int(Path(chapter).name[:2])
    return (
        f'<a href="{app.builder.get_relative_uri(docname, chapter)}" '
        f'data-chapter="{Path(chapter).name}.html">{_picture(app, doctree, name)}'
        f"<strong>{f'{number} ' if number else ''}{escape(title)}</strong>"
        f"<span>{escape(question)}{f' {minutes[1]} minutes.' if minutes else ''}</span></a>"
    )


def fill_figures(app: Sphinx, doctree: nodes.document, docname: str) -> None:
    for place in list(doctree.findall(main_figures)):
        if app.builder.format != "html":
            place.parent.remove(place)
            continue
        first = app.env.get_doctree(app.config.root_doc)
        cards = [card for cards in first.findall(chapter_cards) for card in cards["cards"]]
        place.replace_self([_screen(app, docname, *card) for card in cards])


def _screen(app: Sphinx, docname: str, chapter: str, name: str, question: str) -> nodes.section:
    """Return a section of one screen: the chapter's question, its figure, and the caption."""
    doctree = app.env.get_doctree(chapter)
    found = _figure(doctree, name)
    alt = next(found.findall(nodes.image)).get("alt", "")
    drawing = figure(_drawing(app, found), f"large-{name}", alt)
    screen = nodes.section("", ids=[f"large-{name}"], classes=["screen"])
    screen += nodes.title("", question)
    screen += nodes.raw("", drawing, format="html")
    title = next(doctree.findall(nodes.title)).astext()
    number = int(Path(chapter).name[:2])
    address = f"{app.builder.get_relative_uri(docname, chapter)}#{found['ids'][0]}"
    link = nodes.reference("", f"{f'{number} ' if number else ''}{title}", refuri=address)
    caption = nodes.paragraph("", "", link, nodes.Text(". "))
    for text in found.findall(nodes.caption):
        caption += [child.deepcopy() for child in text.children]
    for reference in list(caption.findall(addnodes.pending_xref)):
        reference.replace_self(reference.children)  # its words; the chapter has the link
    screen += caption
    return screen


def _picture(app: Sphinx, doctree: nodes.document, name: str) -> str:
    return figure(_drawing(app, _figure(doctree, name)), name, None)


def _figure(doctree: nodes.document, name: str) -> nodes.figure:
    for found in doctree.findall(nodes.figure):
        if name in found["names"]:
            return found
    raise ValueError(f"{doctree['source']} has no figure {name!r}, which the first page shows")


def _drawing(app: Sphinx, found: nodes.figure) -> str:
    file = Path(app.srcdir) / next(found.findall(nodes.image))["uri"]
    return file.read_text(encoding="utf-8")


def setup(app: Sphinx) -> dict[str, Any]:
    app.add_node(chapter_cards)
    app.add_directive("chapter-cards", Cards)
    app.add_node(main_figures)
    app.add_directive("main-figures", MainFigures)
    app.add_directive("film-neighbors", FilmNeighbors)
    app.add_directive("finding", Finding)
    app.connect("doctree-resolved", fill_cards)
    app.connect("doctree-resolved", fill_figures)
    return {"version": "1.0", "parallel_read_safe": True, "parallel_write_safe": True}
