"""The page "My taste": a reader rates films, and seven models answer in the page.

What the directive writes is whole without scripts: an example reader's ratings and lists. The part
that answers is hidden until its script, which this page alone loads, finds it.
"""

import json
from collections import Counter
from html import escape
from typing import Any

from docutils import nodes
from docutils.parsers.rst import Directive
from sphinx.application import Sphinx
from taste import LEAST, Taste, fit, known_films, pack

PAGE = "book/my_taste"
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


class MyTaste(Directive):
    """The whole of it: search, ratings, lists, and the models as data."""

    def run(self) -> list[nodes.Node]:
        """Fit the models and write everything that the page needs."""
        builder = self.state.document.settings.env.app.builder
        ratings = known_films()
        taste = Taste(pack(ratings, fit(ratings)))
        links = {
            chapter: builder.get_relative_uri(PAGE, f"notebooks/{chapter}")
            for _, _, _, chapter in MODELS
        }
        return [nodes.raw("", html(taste, links), format="html")]


def html(taste: Taste, links: dict[str, str]) -> str:
    """Return the part that answers, the example, and the data."""
    stars = {taste.find(title): given for title, given in EXAMPLE.items()}
    sent = taste.packed | {"example": [list(one) for one in stars.items()], "reasons": REASONS}
    data = json.dumps(sent, separators=(",", ":"), ensure_ascii=False).replace("</", "<\\/")
    return (
        f'<div class="taste">{_app(taste, links)}{_example(taste, stars, links)}'
        f'<script type="application/json">{data}</script></div>'
    )


def _app(taste: Taste, links: dict[str, str]) -> str:
    """What the script fills; hidden where there is none."""
    n_films, n_people = len(taste.films), taste.packed["people"]
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
<h2>Your films</h2>
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
<h2>Seven answers</h2>
<p class="taste-sum"></p>
{_cards(links, {})}
</div>"""


def _example(taste: Taste, stars: dict[int, float], links: dict[str, str]) -> str:
    """A reader's ratings and lists, as they stand on paper and where there are no scripts."""
    rated = "".join(
        f"<li>{_film(taste, film)}, {_said(given)}</li>" for film, given in reversed(stars.items())
    )
    lists = {name: best or [] for name, best in taste.lists(stars).items()}
    times = Counter(film for best in lists.values() for film, _ in best)
    often, most = times.most_common(1)[0]

    def line(name: str, film: int, why: int | None) -> str:
        alone = times[film] == 1
        return (
            f"<li{' class=alone' if alone else ''}>{_film(taste, film)} "
            f"<small>{_reason(taste, stars, name, film, why)}</small>"
            f"{'<span class=visually-hidden>, in no other list</span>' if alone else ''}</li>"
        )

    found = {name: "".join(line(name, *one) for one in best) for name, best in lists.items()}
    summary = (
        f"{len(times)} different films in {len(lists)} lists; {taste.films[often][0]} stands in "
        f"{most} of them. A film with a ring around its number stands in no other list."
    )
    return f"""
<div class="taste-example">
<h2>An example</h2>
<p>On the site, where scripts are allowed, you rate films of your own. This is what the models
answer to somebody who has rated these five.</p>
<ul class="taste-given">{rated}</ul>
<h2>Seven answers to it</h2>
<p class="taste-sum">{escape(summary)}</p>
{_cards(links, found)}
</div>"""


def _cards(links: dict[str, str], found: dict[str, str]) -> str:
    cards = "".join(
        f'<div class="taste-list" data-model="{name}"><h3>{title}</h3>'
        f'<a href="{links[chapter]}">Chapter {int(chapter[:2])}</a><p>{escape(text)}</p>'
        f"<ol>{found.get(name, '')}</ol></div>"
        for name, title, text, chapter in MODELS
    )
    return f'<div class="taste-lists">{cards}</div>'


def _film(taste: Taste, film: int) -> str:
    title, year = taste.films[film][:2]
    return f"<cite>{escape(title)}</cite>&nbsp;<span>{year}</span>"


def _said(given: float) -> str:
    return f"{given:g} star{'' if given == 1 else 's'}"


def _reason(taste: Taste, stars: dict[int, float], name: str, film: int, why: int | None) -> str:
    if why is None:
        return f"seen by {taste.films[film][2]} of the {taste.packed['people']} people"
    before, after = REASONS[name]
    before = before.format(stars=_said(stars[why]), words=" and ".join(taste.in_common(film, why)))
    return escape(f"{before}{taste.films[why][0]}{after}")


def load_script(
    app: Sphinx, pagename: str, templatename: str, context: dict[str, Any], doctree: nodes.document
) -> None:
    if pagename == PAGE:
        app.add_js_file("my_taste.js", priority=900, defer="defer")  # uses what course.js has


def setup(app: Sphinx) -> dict[str, Any]:
    app.add_directive("my-taste", MyTaste)
    app.connect("html-page-context", load_script)
    return {"version": "1.0", "parallel_read_safe": True, "parallel_write_safe": True}
