"""What a machine can see of the style that CONTRIBUTING.md asks for."""

import ast
import re

import pytest

from chapters import CHAPTERS, PAGES, ROOT, chapter, read

TEXTS = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "book").rglob("*.md"))]
# One spelling, American, and one way to write a number.
STYLE = {
    "British spelling": r"\b\w*(?:colour|behaviour|favour|neighbour|centre\b|learnt\b|grey\b"
    r"|catalogue\b|modelling|labelled|analyse|(?:recogn|regular|normal|minim|maxim|optim|general"
    r"|initial|factor|penal|summar|memor)is(?:e|ed|es|ing|ation))",
    "a decimal without its 0": r"(?<![\w.\d\[/*-])\.\d+\b(?!\w)",
    "a space before the percent sign": r"\d %",
    "an article is missing": r"\b(?:in|on) train\b(?! and)",
}
AS_NAMES = {"British spelling": ("neighbours",)}  # names of others, in quotes or as search words


def running_text(text: str) -> str:
    """Return text without code, formulas, roles, and the targets of links."""
    for pattern in (r"```.*?```", r"\$\$.*?\$\$", r"\$[^$]*\$", r"\{[\w:-]+\}`[^`]*`", r"`[^`]*`"):
        text = re.sub(pattern, "", text, flags=re.DOTALL)
    return re.sub(r"\]\([^)]*\)", "]", text)


def prose() -> list[pytest.param]:
    """Every text: cells, captions, what is said of pictures, questions; and the pages."""
    found = []
    for path in PAGES:
        for cell in read(path).cells:
            site = cell.metadata.get("mystnb", {})
            texts = [
                site.get("figure", {}).get("caption", ""),
                site.get("image", {}).get("alt", ""),
            ]
            if cell.cell_type == "markdown" or "display_quiz(" in cell.source:
                texts.append(cell.source)
            found.append((f"{path.stem} {cell.id}", " ".join(texts)))
    return found + [(str(path.relative_to(ROOT)), path.read_text()) for path in TEXTS]


@pytest.mark.parametrize("what", STYLE)
def test_text_has_one_style(what):
    found = []
    for where, text in prose():
        plain = running_text(text)
        for match in re.finditer(STYLE[what], plain):
            if not any(name in match[0] for name in AS_NAMES.get(what, ())):
                found.append(f"{where}: ...{plain[max(0, match.start() - 30) : match.end() + 20]}")
    assert found == []


@pytest.mark.parametrize(
    ("what", "wrong", "right"),
    [
        ("British spelling", "the behaviour of neighbouring models", "the behavior, regularized"),
        ("a decimal without its 0", "an HR of .395, and of .4.", "0.395, `.4`, $.4$, v1.5, [.5]"),
        ("a space before the percent sign", "95 % of them", "95% of them"),
        ("an article is missing", "what is in train, counted", "what is in the training set"),
    ],
)
def test_style_is_seen(what, wrong, right):
    assert re.search(STYLE[what], running_text(wrong))
    assert not re.search(STYLE[what], running_text(right))


def questions() -> list[dict]:
    """Every question of every quiz of which one answer is to be chosen."""
    found = []
    for path in PAGES:
        for cell in read(path).cells:
            if "display_quiz(" in cell.source:
                for node in ast.walk(ast.parse(cell.source)):
                    if (
                        isinstance(node, ast.Call)
                        and getattr(node.func, "id", "") == "display_quiz"
                    ):
                        found += ast.literal_eval(node.args[0])
    return [one for one in found if one["type"] == "multiple_choice"]


def test_the_right_answer_is_the_longest_no_more_often_than_by_chance():
    longest, by_chance = 0, 0.0
    for question in questions():
        lengths = {answer["answer"]: len(answer["answer"]) for answer in question["answers"]}
        (right,) = (answer["answer"] for answer in question["answers"] if answer["correct"])
        others = [length for text, length in lengths.items() if text != right]
        longest += lengths[right] > max(others)
        by_chance += 1 / len(lengths)
    assert len(questions()) > 40
    assert longest <= by_chance


LONGEST = 4_500  # words of the main line


def main_line(text: str) -> str:
    """Return the text that is open at first: without exercises, folds, and folded sections."""
    text = re.sub(r"(?s)\n## Exercises.*?(?=\n## )", "", text)
    text = re.sub(r"(?s)\n:{3,}\{dropdown\}.*?\n:{3,}(?=\n|\Z)", "", text)
    shown, folded = [], 0  # the level of the heading of a folded section
    for part in re.split(r"(?m)(?=^#{2,3} )", text):
        level = len(re.match("#*", part)[0])
        if folded and level > folded:
            continue
        marked = re.search(r"(?s):::\{beyond\}\n(.*?)\n:::", part)
        folded = level if marked else 0
        shown.append(f"{part.partition(chr(10))[0]} {marked[1]}" if marked else part)
    return "\n".join(shown)


def words(text: str) -> int:
    """Count words; a formula in a line is one."""
    text = re.sub(r"(?s)\$\$.*?\$\$", " ", text)
    return len(re.findall(r"[A-Za-z0-9][\w'’.,-]*", re.sub(r"\$[^$]*\$", " x ", text)))


def test_what_is_folded_is_not_of_the_main_line():
    fold, proof = ":::{beyond}\nsaid\n:::\n\nhidden", ":::{dropdown} Proof\nhidden\n:::"
    text = (
        f"# A\none\n{proof}\n## B\n\n{fold}\n### C\nhidden\n## D\ntwo $x + y$\n### E\n\n{fold}\n"
        "## Exercises\nhidden\n## F\nthree"
    )
    left = " ".join(main_line(text).split())
    assert left == "# A one ## B said ## D two $x + y$ ### E said ## F three"
    assert words(left) == 11


@pytest.mark.parametrize("path", [chapter(path) for path in CHAPTERS])
def test_the_main_line_of_a_chapter_can_be_read_in_one_go(path):
    cells = [cell.source for cell in read(path).cells if cell.cell_type == "markdown"]
    count = words(main_line("\n\n".join(cells)))
    assert count <= LONGEST, f"{count} words"
