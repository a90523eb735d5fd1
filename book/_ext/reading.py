"""What helps a reader to find the way: facts of a chapter, words explained, a search that finds.

Nothing here is written twice: the facts are the chapter's own line, the words are the glossary's.
"""

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
# What people type, beside what the pages say.
SYNONYMS = {
    r"leave[- ]last[- ]out": "leave-one-out leave one out holdout",
    r"overfit|fitted too closely": "overfitting overfit regularisation",
    r"new users|without training data": "cold start cold-start coldstart",
    r"popularity": "popularity bias most popular baseline",
    r"k-core": "kcore filtering sparsity filter",
    r"k nearest|neighbors": "knn k-nn nearest neighbours collaborative filtering",
    r"learning rate": "step size",
    r"early stopping|patience": "early stopping",
    r"fold(ed|s|ing)? in": "fold-in foldin new user",
}
BRITISH = (("ization", "isation"), ("ize", "ise"), ("color", "colour"), ("neighbor", "neighbour"))
BRITISH += (("behavior", "behaviour"), ("center", "centre"), ("favor", "favour"))
# What the endings also stand in: "figsize" is no word that somebody writes with an s.
NO_SPELLING = re.compile(r"siz|priz|seiz|current")
# In running text these mostly have their everyday sense: never negative, the third power, to rank.
EVERYDAY = {"content", "negative", "positive", "power", "rank", "recall"}
MARK = re.compile(r"[\w-]*[.,;:!?)\]%]*")  # what can follow a formula without a space
# A glossary word stands for itself in running text alone.
NOT_IN = (nodes.literal, nodes.reference, nodes.title, nodes.caption, nodes.math, nodes.strong)
NOT_IN += (nodes.emphasis, nodes.raw, addnodes.pending_xref, nodes.term, nodes.literal_block)


def add_search_words(app: Sphinx, doctree: nodes.document) -> None:
    """Let the search find a page by other spellings and names of what it is about."""
    text = doctree.astext().lower()
    words = {more for pattern, more in SYNONYMS.items() if re.search(pattern, text)}
    for ours, theirs in BRITISH:
        words |= {
            word.replace(ours, theirs)
            for word in re.findall(rf"\b[a-z]*{ours}[a-z]*\b", text)
            if not NO_SPELLING.search(word)
        }
    if words:
        keywords = ", ".join(sorted({word for text in words for word in text.split()}))
        doctree.insert(0, nodes.meta("", name="keywords", content=keywords, lang="en"))


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
    if doctree is None:
        return
    said = [
        p.astext()
        for p in doctree.findall(nodes.paragraph)
        if "chapter-facts" not in p["classes"] and not _is_inside(p, (nodes.table,))
    ]
    # words that are explained are links already, and stand there as HTML
    text = " ".join(re.sub("<[^>]*>", "", said[0]).split()) if said else ""
    if len(text) > LENGTH:
        text = text[:LENGTH].rsplit(" ", 1)[0] + " …"
    title = re.sub("<[^>]*>", "", context.get("title", ""))
    up = "../" * pagename.count("/")
    facts = {
        "og:title": title,
        "og:description": text,
        "og:type": "article",
        "og:site_name": app.config.html_title,
        "og:image": f"{up}_static/preview.png",
    }
    tags = [f'<meta name="description" content="{escape(text)}">']
    tags += [f'<meta property="{k}" content="{escape(v)}">' for k, v in facts.items()]
    context["metatags"] = context.get("metatags", "") + "\n".join(tags)


def setup(app: Sphinx) -> dict[str, Any]:
    app.connect("doctree-read", add_search_words)
    app.connect("doctree-read", put_facts_first)
    app.connect("doctree-resolved", explain_words)
    app.connect("doctree-resolved", keep_marks_with_formulas, priority=900)
    app.connect("html-page-context", describe)
    return {"version": "1.0", "parallel_read_safe": True, "parallel_write_safe": True}
