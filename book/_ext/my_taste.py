"""The widget "My taste": a reader rates films, and seven models answer in the page.

It stands on the page of that name and in chapter 0::

    :::{my-taste} What it is called
    :films: 5

    What is shown in its place on paper and where there are no scripts.
    :::

Without such a text an example stands there: a reader's ratings, and the lists whole. The part that
answers is hidden until its script, which these pages alone load, finds it. The models travel in one
file beside the pages, which the script fetches when the widget is about to be seen.
"""

import json
import zlib
from collections import Counter
from functools import cache
from html import escape
from pathlib import Path
from typing import Any, ClassVar

from docutils import nodes
from docutils.parsers.rst import Directive, directives
from sphinx.application import Sphinx
from sphinx.builders.html import StandaloneHTMLBuilder
from taste import LEAST, LENGTH, Taste, fit, known_films, pack

MODELS_FILE = "_static/my_taste_models.js"
EXAMPLE = {  # in the order of rating; the newest is shown first
    "Titanic": 2,
    "The Princess Bride": 4,
    "Groundhog Day": 5,
    "Spirited Away": 5,
    "Toy Story": 5,
}
# name, title, what it does, the chapter that explains it
MODELS = (
    ("popularity", "Popularity", "What most people have seen.", "00_start_here"),
    ("itemknn", "Nearest items", "ItemKNN: liked by the same people.", "02_cosine"),
    ("svd", "SVD", "A few numbers a film, from the stars.", "03_svd"),
    ("binarymf", "BinaryMF", "How probable it is that you like it.", "06_bmf"),
    ("ease", "EASE", "Each film predicted from all others.", "11_simple"),
    ("ials", "iALS", "What you left out counts a little, too.", "11_simple"),
    (
        "content",
        "Words",
        "Content: it does not know who liked what. It knows the films alone: their genres, their "
        "decades, and the words of their titles.",
        "12_new",
    ),
)
# By what stands before and after the title of the film that is the reason.
REASONS = {
    "itemknn": ("because you liked ", ""),
    "svd": ("because of your {stars} for ", ""),
    "binarymf": ("near ", ", which you liked"),
    "ease": ("because you liked ", ""),
    "ials": ("because you liked ", ""),
    "content": ("{words}, as in ", ""),
}
# What a model says that has nothing to go by; popularity always has.
WAITS = dict.fromkeys(REASONS, "Waits for a film with four or five stars.")
WAITS["svd"] = "Waits for your first film."


class taste_box(nodes.General, nodes.Element):
    """The widget, around what answers and what stands there otherwise."""


class MyTaste(Directive):
    """The whole of it: search, ratings and lists; the models are in a file of their own."""

    has_content = True
    optional_arguments = 1
    final_argument_whitespace = True
    option_spec: ClassVar[dict[str, Any]] = {"films": directives.positive_int}  # in a list

    def run(self) -> list[nodes.Node]:
        """Write everything that stands in the page."""
        env = self.state.document.settings.env
        page = env.docname
        links = {
            chapter: env.app.builder.get_relative_uri(page, f"notebooks/{chapter}")
            for _, _, _, chapter in MODELS
        }
        up = "../" * page.count("/")
        box = taste_box(
            called=(self.arguments or ["My taste"])[0],
            films=self.options.get("films", LENGTH),
            models=f"{up}{MODELS_FILE}?v={zlib.crc32(models_script().encode()):08x}",
        )
        level = self.state.memo.section_level + 1  # of its headings
        box += nodes.raw("", _app(links, level, box["films"]), format="html")
        if self.content:
            text = nodes.container(classes=["taste-text"])
            self.state.nested_parse(self.content, self.content_offset, text)
            box += text
        else:
            box += nodes.raw("", _example(links, level), format="html")
        return [box]


@cache
def models() -> Taste:
    """Fit the models, once for all pages."""
    ratings = known_films()
    return Taste(pack(ratings, fit(ratings)))


def example() -> dict[int, float]:
    """Return the stars of the example, by film number."""
    return {models().find(title): given for title, given in EXAMPLE.items()}


@cache
def models_script() -> str:
    """Return the models and what is said of them, as a script: a file can load nothing else."""
    sent = models().packed | {"example": [list(one) for one in example().items()]}
    data = json.dumps(sent | {"reasons": REASONS}, separators=(",", ":"), ensure_ascii=False)
    return f"var tasteModels = {data};\n"


def _app(links: dict[str, str], level: int, length: int) -> str:
    """What the script fills; hidden where there is none.

    What it shows before the first film needs no model, so it stands here.
    """
    n_films, n_people = len(models().films), models().packed["people"]
    popular = models().lists({})["popularity"] or []
    found = {"popularity": "".join(_line("popularity", *one, {}) for one in popular[:length])}
    waits = {name: f'<p class="taste-waits">{text}</p>' for name, text in WAITS.items()}
    return f"""
<div class="taste-app" hidden>
<div class="taste-desk">
<div class="taste-search">
<label for="taste-film">Which films do you know?</label>
<input id="taste-film" type="text" role="combobox" aria-expanded="false" aria-autocomplete="list"
 aria-controls="taste-found" aria-describedby="taste-hint" autocomplete="off" spellcheck="false"
 enterkeyhint="done" placeholder="a part of the title">
<ul id="taste-found" role="listbox" aria-label="Films found" hidden></ul>
<p id="taste-hint">There are {n_films} films to find: those up to 2016 that {LEAST} or more
of {n_people} people have rated.</p>
</div>
<div class="taste-mine">
{_heading(level, "Your films")}
<div class="taste-start">
<p>None yet. Name a film that you liked, and the lists below begin to answer; with five to ten they
know you better. A film comes in with five stars, which you can change.</p>
<p><button type="button" class="taste-try">Try an example</button></p>
</div>
<ul class="taste-rated"></ul>
<p class="taste-kept"><span>Your ratings stay in this browser; nothing is sent.</span>
<button type="button" class="taste-save">Save them for the notebooks</button>
<button type="button" class="taste-forget">Forget my ratings</button></p>
<p class="taste-said visually-hidden" role="status"></p>
</div>
</div>
{_heading(level, "Seven answers")}
<p class="taste-sum"></p>
{_cards(links, level, found, waits)}
</div>"""


def _example(links: dict[str, str], level: int) -> str:
    """A reader's ratings and lists, as they stand on paper and where there are no scripts."""
    stars = example()
    rated = "".join(
        f"<li>{_film(film)}, {_said(given)}</li>" for film, given in reversed(stars.items())
    )
    lists = {name: best or [] for name, best in models().lists(stars).items()}
    times = Counter(film for best in lists.values() for film, _ in best)
    often, most = times.most_common(1)[0]
    found = {
        name: "".join(_line(name, *one, stars, alone=times[one[0]] == 1) for one in best)
        for name, best in lists.items()
    }
    summary = (
        f"{len(times)} different films in {len(lists)} lists; {models().films[often][0]} stands in "
        f"{most} of them. A film with a ring around its number stands in no other list."
    )
    return f"""
<div class="taste-example">
{_heading(level, "An example")}
<p>On the site, where scripts are allowed, you rate films of your own. This is what the models
answer to somebody who has rated these five.</p>
<ul class="taste-given">{rated}</ul>
{_heading(level, "Seven answers to it")}
<p class="taste-sum">{escape(summary)}</p>
{_cards(links, level, found, {})}
</div>"""


def _heading(level: int, text: str) -> str:
    return f'<h{level} class="taste-heading">{text}</h{level}>'


def _cards(links: dict[str, str], level: int, found: dict[str, str], waits: dict[str, str]) -> str:
    """A card for each model, with the lines of its list and what it says without one."""
    cards = "".join(
        f'<div class="taste-list" data-model="{name}">'
        f'<h{level + 1} class="taste-name">{title}</h{level + 1}>'
        f"{_chapter(int(chapter[:2]), links[chapter])}<p>{escape(text)}</p>"
        f"<ol>{found.get(name, '')}</ol>{waits.get(name, '')}</div>"
        for name, title, text, chapter in MODELS
    )
    return f'<div class="taste-lists">{cards}</div>'


def _chapter(number: int, link: str) -> str:
    return f'<a href="{link}">Chapter {number}</a>' if link else "<span>This chapter</span>"


def _line(
    name: str, film: int, why: int | None, stars: dict[int, float], alone: bool = False
) -> str:
    return (
        f"<li{' class=alone' if alone else ''}>{_film(film)} "
        f"<small>{_reason(name, film, why, stars)}</small>"
        f"{'<span class=visually-hidden>, in no other list</span>' if alone else ''}</li>"
    )


def _film(film: int) -> str:
    title, year = models().films[film][:2]
    return f"<cite>{escape(title)}</cite>&nbsp;<span>{year}</span>"


def _said(given: float) -> str:
    return f"{given:g} star{'' if given == 1 else 's'}"


def _reason(name: str, film: int, why: int | None, stars: dict[int, float]) -> str:
    if why is None:
        return f"seen by {models().films[film][2]} of the {models().packed['people']} people"
    before, after = REASONS[name]
    words = " and ".join(models().in_common(film, why))
    before = before.format(stars=_said(stars[why]), words=words)
    return escape(f"{before}{models().films[why][0]}{after}")


def open_box(self: Any, node: nodes.Element) -> None:
    """Begin the widget."""
    self.body.append(
        f'<div class="taste" role="group" aria-label="{escape(node["called"])}" '
        f'data-films="{node["films"]}" data-models="{node["models"]}">'
    )


def close_box(self: Any, node: nodes.Element) -> None:
    """End it."""
    self.body.append("</div>\n")


def load_script(
    app: Sphinx, pagename: str, templatename: str, context: dict[str, Any], doctree: nodes.document
) -> None:
    """Load the script where the widget is."""
    if doctree is not None and any(doctree.findall(taste_box)):
        app.add_js_file("my_taste.js", priority=900, defer="defer")  # uses what course.js has


def write_models(app: Sphinx, exception: Exception | None) -> None:
    """Write the models' file when all else is written: they name no class of the style sheet."""
    if exception is None and isinstance(app.builder, StandaloneHTMLBuilder):
        (Path(app.outdir) / MODELS_FILE).write_text(models_script(), encoding="utf-8")


def setup(app: Sphinx) -> dict[str, Any]:
    """Register the directive and what it makes."""
    app.add_node(taste_box, html=(open_box, close_box))
    app.add_directive("my-taste", MyTaste)
    app.connect("html-page-context", load_script)
    app.connect("build-finished", write_models, priority=960)  # after the sheet is made light
    return {"version": "1.0", "parallel_read_safe": True, "parallel_write_safe": True}
