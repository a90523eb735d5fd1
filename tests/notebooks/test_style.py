"""What a machine can see of the style that CONTRIBUTING.md asks for."""

import ast
import re

import pytest

from chapters import CHAPTERS, PAGES, ROOT, chapter, read

NAMES = ("README", "CONTRIBUTING", "CHANGELOG")
TEXTS = [*(ROOT / f"{name}.md" for name in NAMES), *sorted((ROOT / "book").rglob("*.md"))]
ANSWERS = sorted((ROOT / "recsys_lib" / "exercises").glob("*.py"))
# One spelling, American, and one way to write a number.
STYLE = {
    "British spelling": r"\b\w*(?:colour|behaviour|favour|neighbour|centre\b|learnt\b|grey\b"
    r"|catalogue\b|modelling|labelled|analyse|(?:recogn|regular|normal|minim|maxim|optim|general"
    r"|initial|factor|penal|summar|memor)is(?:e|ed|es|ing|ation))",
    "a decimal without its 0": r"(?<![\w.\d\[/*-])\.\d+\b(?!\w)",
    "a space before the percent sign": r"\d %",
    "an article is missing": r"(?i)\b(?:in|on|of|from|over|against) (?:train|test)\b"
    r"(?![-.]\w| (?:cases?|data|sets?|users?|items?|events?|rows?)\b)|\bin validation\b(?! \w+s\b)",
}


def running_text(text: str) -> str:
    """Return text without code, formulas, roles, and the targets of links; numbers stay."""
    text = re.sub(r"\$([\d.]+)\$", r"\1", text)
    for pattern in (r"```.*?```", r"\$\$.*?\$\$", r"\$[^$]*\$", r"\{[\w:-]+\}`[^`]*`", r"`[^`]*`"):
        text = re.sub(pattern, "", text, flags=re.DOTALL)
    return re.sub(r"\]\([^)]*\)", "]", text)


def said_in(source: str) -> list[str]:
    """Return what a program says: its texts of three words or more, docstrings among them."""
    lines = source.split("\n")
    code = "\n".join(line for line in lines if not line.lstrip().startswith(("%", "!")))
    texts = [node.value for node in ast.walk(ast.parse(code)) if isinstance(node, ast.Constant)]
    return [text for text in texts if isinstance(text, str) and len(text.split()) > 2]


def prose() -> list[tuple[str, str]]:
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
            else:
                texts += said_in(cell.source)
            found.append((f"{path.stem} {cell.id}", " ".join(texts)))
    found += [(str(path.relative_to(ROOT)), path.read_text()) for path in TEXTS]
    for path in ANSWERS:  # what an exercise says to who solves it
        found.append((path.stem, " \n".join(said_in(path.read_text()))))
    return found


@pytest.mark.parametrize("what", STYLE)
def test_text_has_one_style(what):
    found = []
    for where, text in prose():
        plain = running_text(text)
        for match in re.finditer(STYLE[what], plain):
            found.append(f"{where}: ...{plain[max(0, match.start() - 30) : match.end() + 20]}")
    assert found == []


@pytest.mark.parametrize(
    ("what", "wrong", "right"),
    [
        ("British spelling", "the behaviour of neighbouring models", "the behavior, regularized"),
        ("a decimal without its 0", "an HR of .395, and of .4.", "0.395, `.4`, $x=.4$, v1.5, [.5]"),
        ("a decimal without its 0", "at $.4$", "at $0.4$"),
        ("a space before the percent sign", "95 % of them", "95% of them"),
        ("an article is missing", "what is in train, counted", "what is in the training set"),
        (
            "an article is missing",
            "On test, it is ahead",
            "on the test set; the number of test users",
        ),
        ("an article is missing", "fitted on train and validation rows", "in validation sets"),
        (
            "an article is missing",
            "it falls in validation, too",
            "best on validation, then to test",
        ),
    ],
)
def test_style_is_seen(what, wrong, right):
    assert re.search(STYLE[what], running_text(wrong))
    assert not re.search(STYLE[what], running_text(right))


def test_no_page_is_left_out():
    """Chapters, pages that help with them, the pages of the book, and those beside them."""
    where = {one.split()[0] for one, _ in prose()}
    assert {path.stem for path in CHAPTERS} < {path.stem for path in PAGES} < where
    assert {"README.md", "CHANGELOG.md", "book/glossary.md", "book/reference/models.md"} < where
    (toc,) = ROOT.glob("_toc.yml")
    pages = set(re.findall(r"(?m)(?:file|root): (\S+)", toc.read_text()))
    assert {page.removeprefix("notebooks/") for page in pages} <= {
        w.removesuffix(".md") for w in where
    }
    assert "Three words here" in said_in('%time\nx = "Three words here"\ny = "two words"')


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
