"""What helps a reader to find the way: facts of a chapter, words explained, a search that finds.

Nothing here is written twice: the facts are the chapter's own line, the words are the glossary's.
"""

import json
import re
from functools import cache
from html import escape
from typing import Any

from docutils import nodes
from sphinx import addnodes
from sphinx.application import Sphinx
from sphinx.environment import BuildEnvironment

GLOSSARY = "book/glossary"
LENGTH = 200  # letters of a description that search engines show
PREVIEW = "_static/preview.png"
# Of pages that no text was written for; the titles say the rest.
ABOUT = {
    "index": "A course on recommender systems that computes all that it says: from counting, over "
    "matrix factorization, to deep networks, with exercises that are checked.",
    "search": "Search the course on recommender systems: chapters, glossary and reference.",
    "404": "There is no such page in the course on recommender systems; here are its chapters.",
}
# What people type, beside what the pages say.
SYNONYMS = {
    r"leave[- ]last[- ](?:\w+[- ])?out": ("leave-one-out", "holdout"),
    r"overfit\w*|fitted too closely": ("overfitting", "overfit", "regularisation"),
    r"new users|without training data": ("cold start", "cold-start", "coldstart"),
    r"popularity": ("popularity bias", "most popular baseline"),
    r"k-core": ("kcore", "filtering", "sparsity filter"),
    r"k nearest|neighbors": ("knn", "k-nn", "nearest neighbours", "collaborative filtering"),
    r"learning rate": ("step size",),
    r"early stopping|patience": ("early stopping",),
    r"fold(?:ed|s|ing)? in": ("fold-in", "foldin", "new user"),
    r"inverted lists": ("ann", "approximate nearest neighbor", "vector database", "retrieval"),
    r"two stages": ("re-ranking", "reranking", "candidate generation"),
    r"shuffle": ("big data", "distributed", "mapreduce"),
    r"service": ("deployment", "rest api", "production", "fastapi"),
}
BRITISH = (("ization", "isation"), ("ize", "ise"), ("color", "colour"), ("neighbor", "neighbour"))
BRITISH += (("behavior", "behaviour"), ("center", "centre"), ("favor", "favour"))
# What the endings also stand in: "figsize" is no word that somebody writes with an s.
NO_SPELLING = re.compile(r"siz|priz|seiz|current")
# In running text these mostly have their everyday sense: never negative, the third power, to rank.
EVERYDAY = {"content", "negative", "positive", "power", "rank", "recall", "shuffle"}
MARK = re.compile(r"[\w-]*[.,;:!?)\]%]*")  # what can follow a formula without a space
# A glossary word stands for itself in running text alone.
NOT_IN = (nodes.literal, nodes.reference, nodes.title, nodes.caption, nodes.math, nodes.strong)
NOT_IN += (nodes.emphasis, nodes.raw, addnodes.pending_xref, nodes.term, nodes.literal_block)


def add_search_words(app: Sphinx, doctree: nodes.document) -> None:
    """Let the search find a page by other spellings and names of what it is about.

    The page keeps what it says in their place, so that it opens there (course.js).
    """
    said = other_words(doctree.astext())
    if not said:
        return
    known = {word for typed in said for word in (*typed.split(), *re.split(r"[ -]", typed))}
    doctree.insert(0, nodes.meta("", name="keywords", content=", ".join(sorted(known)), lang="en"))
    pairs = json.dumps(list(said.items()), ensure_ascii=False, separators=(",", ":"))
    doctree.insert(0, nodes.meta("", name="said-here", content=pairs))


def other_words(text: str) -> dict[str, str]:
    """Return what somebody may type who looks for a page, and what the page says in its place."""
    text = " ".join(text.lower().split())
    said = {}
    for pattern, typed in SYNONYMS.items():
        if found := re.search(pattern, text):
            said |= {one: found[0] for one in typed if one not in text}
    for ours, theirs in BRITISH:
        for word in re.findall(rf"\b[a-z]*{ours}[a-z]*\b", text):
            if not NO_SPELLING.search(word):
                said[word.replace(ours, theirs)] = word
    return said


def put_facts_first(app: Sphinx, doctree: nodes.document) -> None:
    """Move the line with what a chapter needs and how long it takes up under its title."""
    for paragraph in doctree.findall(nodes.paragraph):
        if paragraph.astext().startswith("You need: "):
            title = next(doctree.findall(nodes.title))
            paragraph.parent.remove(paragraph)
            paragraph["classes"].append("chapter-facts")
            title.parent.insert(title.parent.index(title) + 1, paragraph)
            return


@cache  # of one build, which asks for every page
def glossary(env: BuildEnvironment) -> dict[str, tuple[str, str]]:
    """Return the terms of the glossary, in small letters, with anchor and explanation.

    Without those that mean something else in everyday language.
    """
    found: dict[str, tuple[str, str]] = {}
    for item in env.get_doctree(GLOSSARY).findall(nodes.definition_list_item):
        terms = [child for child in item.children if isinstance(child, nodes.term)]
        meaning = item.next_node(nodes.definition)
        for term in terms:
            word = term.astext().lower()
            if meaning is not None and term["ids"] and word not in EVERYDAY:
                text = " ".join(meaning.next_node(nodes.paragraph).astext().split())
                found[word] = term["ids"][0], text
    return found


def explain_words(app: Sphinx, doctree: nodes.document, docname: str) -> None:
    """Make the first place of a page where a glossary word stands a link that explains it."""
    if app.builder.format != "html" or not docname.startswith("notebooks/"):
        return
    if GLOSSARY not in app.env.found_docs:  # a chapter is shown alone
        return
    words = glossary(app.env)
    names = "|".join(sorted(map(re.escape, words), key=len, reverse=True))
    pattern = re.compile(rf"(?<![\w-])({names})(?![\w-])", re.IGNORECASE)
    target = app.builder.get_relative_uri(docname, "book/glossary")
    told: set[str] = set()
    for text in list(doctree.findall(nodes.Text)):
        paragraph = text.parent
        if not isinstance(paragraph, nodes.paragraph) or _is_inside(paragraph, NOT_IN):
            continue
        pieces: list[nodes.Node] = []
        rest = str(text)
        while found := pattern.search(rest):
            word = found[0].lower()
            if word in told:
                pieces.append(nodes.Text(rest[: found.end()]))
            else:
                told.add(word)
                anchor, meaning = words[word]
                html = (
                    f'<a class="explained" href="{target}#{anchor}" '
                    f'data-meaning="{escape(meaning)}">{escape(found[0])}</a>'
                )
                pieces += [nodes.Text(rest[: found.start()]), nodes.raw("", html, format="html")]
            rest = rest[found.end() :]
        if any(isinstance(piece, nodes.raw) for piece in pieces):
            paragraph.replace(text, [*pieces, nodes.Text(rest)])


def keep_marks_with_formulas(app: Sphinx, doctree: nodes.document, docname: str) -> None:
    """Let no line begin with the comma, or the rest of a word, that belongs to a formula before."""
    if app.builder.format != "html":
        return
    for formula in list(doctree.findall(nodes.math)):
        after = formula.next_node(descend=False, siblings=True)
        if isinstance(after, nodes.Text) and (mark := MARK.match(after)[0]):
            both = nodes.inline("", "", classes=["unbroken"])
            formula.replace_self(both)
            both += [formula, nodes.Text(mark)]
            after.parent.replace(after, nodes.Text(after[len(mark) :]))


def _is_inside(node: nodes.Node | None, kinds: tuple[type, ...]) -> bool:
    while node is not None:
        if isinstance(node, kinds):
            return True
        node = node.parent
    return False


def describe(
    app: Sphinx, pagename: str, templatename: str, context: dict[str, Any], doctree: nodes.document
) -> None:
    """Say in the head of a page what it is about, from its first paragraph."""
    said = [] if doctree is None else _paragraphs(doctree)
    # words that are explained are links already, and stand there as HTML
    text = " ".join(re.sub("<[^>]*>", "", said[0]).split()) if said else ABOUT.get(pagename, "")
    if len(text) > LENGTH:
        text = text[:LENGTH].rsplit(" ", 1)[0] + " …"
    title = re.sub("<[^>]*>", "", context.get("title", "")) or pagename.capitalize()
    if text:
        tags = description(app, pagename, title, text)
        context["metatags"] = context.get("metatags", "") + tags


def _paragraphs(doctree: nodes.document) -> list[str]:
    return [
        p.astext()
        for p in doctree.findall(nodes.paragraph)
        if "chapter-facts" not in p["classes"] and not _is_inside(p, (nodes.table,))
    ]


def description(app: Sphinx, pagename: str, title: str, text: str) -> str:
    """Return the tags that say what a page is about, to a search engine or where a link is shown.

    Open Graph wants whole addresses. The book has none of its own: it is built to be put anywhere.
    Who puts it somewhere says where, by `baseurl` in _config.yml; until then the picture has its
    address as seen from the page, which most readers of these tags understand.
    """
    base = app.config.html_baseurl
    facts = {
        "og:title": title,
        "og:description": text,
        "og:type": "article",
        "og:site_name": app.config.html_title,
        "og:image": (f"{base.rstrip('/')}/" if base else "../" * pagename.count("/")) + PREVIEW,
    }
    if base:
        facts["og:url"] = f"{base.rstrip('/')}/{pagename}.html"
    tags = [f'<meta name="description" content="{escape(text)}">']
    tags += [f'<meta property="{k}" content="{escape(v)}">' for k, v in facts.items()]
    return "\n".join(tags)


def setup(app: Sphinx) -> dict[str, Any]:
    app.connect("doctree-read", add_search_words)
    app.connect("doctree-read", put_facts_first)
    app.connect("doctree-resolved", explain_words)
    app.connect("doctree-resolved", keep_marks_with_formulas, priority=900)
    app.connect("html-page-context", describe)
    return {"version": "1.0", "parallel_read_safe": True, "parallel_write_safe": True}
