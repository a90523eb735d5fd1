"""The glossary has the words that the chapters introduce, and none that they do not use."""

import re

import pytest
from test_style import TEXTS, prose, running_text

from chapters import PAGES, ROOT, read

GLOSSARY = ROOT / "book" / "glossary.md"
# A word that is introduced stands in bold, in small letters; these are bold for other reasons.
EMPHASIS = {
    *("all", "all at once", "all settings tuned", "against the gradient", "behind popularity"),
    *("biases", "chance", "columns", "decompose", "died", "difference", "ellipse", "empty"),
    *("epoch chosen on validation", "equal share", "every", "explanation", "fill", "folds"),
    *("in proportion", "items", "largest dot product", "lowest MAE of all", "mean", "nearest"),
    *("new", "not shown", "one step per epoch", "popular", "product", "ranking", "recorded"),
    *("rounded", "shuffled", "spread", "square root", "stretches", "turns", "view", "worse"),
    "whatever their size",
}
# What stands in a chapter in another form than in the glossary.
FORMS = {
    "dead unit": r"\bdead\b",
    "sharding": r"\bshard",
    "folding in": r"fold(?:s|ed|ing)?[ -]in",
    "leave-last-out": r"leave[- _]last[- _](?:\w+[- _])?out",
    "leak": r"leak",
}


def entries(text: str) -> dict[str, str]:
    """Return what the glossary says of each term, in its order."""
    body = text.partition(":::{glossary}\n")[2].rpartition(":::")[0]
    return dict(one.split("\n  ", 1) for one in body.strip().split("\n\n"))


def root(term: str) -> str:
    """Return a term in small letters, its words without the endings of the plural."""
    return " ".join(
        re.sub(r"(?:(?<=ch)es|(?<=\w\w)'?s)$", "", word) for word in term.lower().split()
    )


def explained(glossary: dict[str, str]) -> set[str]:
    """Return the roots of the terms, and of the words in italics that their entries explain too."""
    inside = [w for text in glossary.values() for w in re.findall(r"(?<!\*)\*([^*]+)\*", text)]
    parts = [part for term in glossary for part in (term, *term.split(", "))]
    return {root(term) for term in (*parts, *inside)}


def is_explained(word: str, known: set[str]) -> bool:
    """Whether a word is a term or the beginning of one: "explicit" of "explicit feedback"."""
    return any(one == root(word) or one.startswith(root(word) + " ") for one in known)


def introduced(text: str) -> list[str]:
    """Return what a text has in bold and small letters, of at most four words."""
    bold = re.findall(r"(?<!\*)\*\*([a-z][\w' -]{1,40})\*\*(?!\*)", text)
    return [word for word in bold if len(word.split()) <= 4]


def bold() -> dict[str, list[str]]:
    """Return by word on which pages it is introduced."""
    found: dict[str, list[str]] = {}
    for path in PAGES:
        for cell in read(path).cells:
            if cell.cell_type == "markdown":
                for word in introduced(cell.source):
                    found.setdefault(word, []).append(path.stem)
    return found


def test_a_word_is_seen_where_it_is_introduced_and_an_entry_in_each_of_its_forms():
    assert introduced("a **dead unit**, **Bold**, ***both***, **a + b**") == ["dead unit"]
    glossary = entries(
        ":::{glossary}\nQuery, key\n  What. *Values*, too.\n\nTest set\n  Held out.\n:::\n"
    )
    assert list(glossary) == ["Query, key", "Test set"]
    known = explained(glossary)
    assert all(is_explained(word, known) for word in ("keys", "query", "value", "test"))
    assert not is_explained("tests of it", known)


def test_every_word_that_a_page_introduces_is_in_the_glossary():
    known, found = explained(entries(GLOSSARY.read_text())), bold()
    assert {
        w: p for w, p in found.items() if w not in EMPHASIS and not is_explained(w, known)
    } == {}
    assert found.keys() >= EMPHASIS  # nothing is excused that is not there


def test_every_word_of_the_glossary_is_used_on_a_page():
    names = tuple(path.stem for path in PAGES)
    text = " ".join(running_text(t) for where, t in prose() if where.startswith(names)).lower()
    text = root(re.sub(r"[^\w'-]+", " ", text))
    unused = [
        part
        for term in entries(GLOSSARY.read_text())
        for part in term.split(", ")
        if not re.search(FORMS.get(part.lower(), rf"\b{re.escape(root(part))}\b"), text)
    ]
    assert unused == []


def test_the_glossary_is_in_order_and_has_each_word_once():
    terms = re.findall(r"(?m)^(\S[^\n]*)\n  \S", GLOSSARY.read_text())
    keys = [re.sub("[^a-z0-9]", "", term.lower()) for term in terms]
    assert keys == sorted(set(keys))
    assert len(terms) == len(entries(GLOSSARY.read_text()))


@pytest.mark.parametrize("text", ["{term}`Logit`", "{term}`logits <Logit>`"])
def test_a_word_that_is_asked_for_is_found(text):
    assert asked_for(text) == ["Logit"]


def asked_for(text: str) -> list[str]:
    """Return the terms of the glossary to which a text leads."""
    roles = re.findall(r"\{term\}`(?:[^`<]*<)?([^`>]+)>?`", text)
    return [one.strip() for one in roles]


def test_every_term_to_which_a_page_leads_is_in_the_glossary():
    known = {term.lower() for term in entries(GLOSSARY.read_text())}
    cells = [cell.source for path in PAGES for cell in read(path).cells]
    texts = [*cells, *(path.read_text() for path in TEXTS)]
    assert {
        term for text in texts for term in asked_for(text) if term.lower() not in known
    } == set()
