"""Every difference with its interval on a page was made by `verdicts.compared`, with its word."""

import json
import os
import re
from dataclasses import dataclass
from pathlib import Path

import pytest
from bs4 import BeautifulSoup, Tag

from recsys_lib.evaluation.verdicts import LESS, LEVEL, MORE

from site_helpers import Site, report

# A difference and its interval, as a table and as a sentence may print it: one of the three numbers
# has a sign, or the words before say that it is a difference; and the interval has brackets, or is
# called one, or is one number behind a plus-minus sign. A few words may stand between.
NUMBER = r"[+\-]?\d*\.\d+(?:e[+\-]?\d+)?%?"
GAP = r"(?:[^\d\[\]+\-\u00b1]|@\d+|\d[\d,]* (?:seeds|users|runs)){0,80}?"
CALLED = r"(?:95\s?%[^\d+\-]{0,30}|interval[^\d+\-]{0,30}|between\s|from\s|\(\s*)"
TO = r"\s*(?:,|;|to|and|\u2013|\.{2,3}|-(?=\s))\s*"
INTERVAL = (
    rf"(?:\[\s*(?P<low>{NUMBER}){TO}(?P<high>{NUMBER})\s*\]|"
    rf"{CALLED}(?P<from>{NUMBER}){TO}(?P<to>{NUMBER})|\u00b1\s*(?P<reach>{NUMBER}))"
)
COMPARISON = re.compile(rf"(?<![\d.])(?P<d>{NUMBER})(?P<gap>{GAP}){INTERVAL}")
NAMED = re.compile(
    r"\b(?:minus|differences?|ahead|behind|leads?|gains?(?! ?\.)|by)\b", re.IGNORECASE
)
HEADINGS = ("difference", "low", "high")  # of a table of comparisons that prints itself


@dataclass(frozen=True)
class Seen:
    """A comparison on a page: its numbers as printed, and the words of its sentence around it.

    What stands between two comparisons is both behind the first and before the second.
    """

    numbers: tuple[str, ...]
    before: str
    after: str

    def words(self, known: set[str]) -> set[str]:
        """Return the words that the sentence says of it; `known` are all that a page may use."""
        before = self.before
        for word in known:  # directly behind the comparison before, and so about that one
            before = before.removeprefix(word)
        before = re.split(r"[.;)] ", before[-70:])[-1]
        after = re.split(r"[.;:] |, (?:and|but|while|whereas)\b", self.after)[0]
        said = {
            word for word in (LESS, LEVEL, MORE) if re.search(rf"\b{word}\b", f"{before} | {after}")
        }
        return said | {word for word in known if self.after.startswith(word)}


def comparisons(text: str) -> list[Seen]:
    """Return each comparison in a text, in its order."""
    text = re.sub(r"\\[()]|\$", "", text.replace("\u2212", "-"))  # a formula's marks
    matches = list(COMPARISON.finditer(text))
    ends = [0, *(match.end() for match in matches)]
    starts = [*(match.start() for match in matches), len(text)]
    found = []
    for number, match in enumerate(matches):
        low, high = match["low"] or match["from"], match["high"] or match["to"]
        numbers = (match["d"], low, high) if low else (match["d"], f"\u00b1{match['reach']}")
        apart = match["d"][0] not in "+-" and re.search("[A-Za-z(]", match["gap"])
        signed = not apart and any(one[0] in "+-" for one in numbers)
        before = text[ends[number] : match.start()].lstrip(") ")
        if signed or NAMED.search(text[max(0, match.start() - 60) : match.start()]):
            after = text[match.end() : starts[number + 1]].lstrip(") ")
            found.append(Seen(numbers, before, after))
    return found


@pytest.mark.parametrize(
    "text",
    [
        "+0.034 [+0.025, +0.043]  ahead of",
        "BinaryMF - MLP  +0.034  [+0.025, +0.043]",
        "is +0.034 (95% interval +0.025 to +0.043), which",
        "\u22120.018 (between \u22120.031 and \u22120.004)",
        "+0.021 (0.013 to 0.028)",
        "0.000 [-0.010, +0.010]",
        "0.034 [ -0.010; +0.078 ]",
        "+0.021 in HR@10, between 0.013 and 0.028",
        "+0.034, 95% interval +0.025 to +0.043",
        "+0.034 stars (95% interval over users: +0.025 to +0.043)",
        "+0.034 | [+0.025, +0.043]",
        "+0.034 (+0.025, +0.043)",
        "+0.034 95% confidence interval 0.025\u20130.043",
        "BinaryMF leads by 0.777 (95% interval 0.666 to 0.888)",
        "The difference is 0.777 [0.666, 0.888]",
        "BinaryMF minus MLP is +0.777 over 5 seeds (95% interval +0.666 to +0.888)",
        "+0.034 in HR@10 over all users and all seeds of both of these models (95% interval "
        "+0.025 to +0.043)",
        "+77.7% [+66.6%, +88.8%]",
        "+0.777 \u00b1 0.111",
        "ahead by 0.777 \u00b1 0.111",
        "+0.034 [+0.025 \u2013 +0.043]",
        "+0.034 [+0.025 .. +0.043]",
        "+0.034, 95% CI +0.025 - +0.043",
        "+0.034 with a 95% interval that goes from +0.025 to +0.043",
        "+3.4e-2 [+2.5e-2, +4.3e-2]",
        r"\(+0.034\) [\(+0.025\), \(+0.043\)]",
    ],
)
def test_a_comparison_is_seen_in_every_form(text: str):
    assert len(comparisons(text)) == 1


def test_what_is_no_comparison_is_not_taken_for_one():
    assert not comparisons("0.529 [0.516, 0.542] and 0.5 (95% interval 0.4 to 0.6), not -0.3 or .2")
    assert not comparisons("f(x, 2.0) gives [0.5, -0.5]")
    assert not comparisons("weights -0.12 0.40 and 0.31; the errors are -0.3 0.2 and 0.5")
    assert not comparisons("assert gain.low > 0 prints HR@10 = 0.474 [0.461, 0.487]")


@pytest.mark.parametrize(
    "text",
    [
        "MLP +0.034 [+0.025, +0.043] behind BinaryMF",
        "BinaryMF is behind MLP by +0.034 (95% interval +0.025 to +0.043)",
        "BinaryMF is behind MLP: +0.034 [+0.025, +0.043]",
        "+0.034 [+0.025, +0.043], so behind MLP",
        "+0.034 (95% interval +0.025 to +0.043) and clearly behind MLP",
        "+0.010 [+0.001, +0.020]  ahead of MLP, which is behind GMF by +0.034 [+0.025, +0.043]",
    ],
)
def test_the_word_of_a_comparison_is_read_wherever_the_sentence_has_it(text: str):
    seen = comparisons(text)[-1]
    assert seen.numbers == ("+0.034", "+0.025", "+0.043")
    assert seen.words({"ahead of", "behind"}) == {"behind"}


def test_a_word_of_another_sentence_or_comparison_is_not_taken_for_its_own():
    text = "MLP is behind. GMF has +0.034 [+0.025, +0.043], and MF is behind GMF. It is behind all."
    assert comparisons(text)[0].words({"behind"}) == set()
    first, second = comparisons("+0.034 [+0.025, +0.043]  ahead of  MF  -0.3 [-0.5, -0.1]  behind")
    assert first.words({"ahead of", "behind"}) == {"ahead of"}
    assert second.words({"ahead of", "behind"}) == {"behind"}


def tables_of_comparisons(article: Tag) -> list[str]:
    """Return the headings of tables, printed ones too, of differences with their intervals."""
    printed = [pre for pre in article.select("pre") if not pre.find_parent(class_="cell_input")]
    lines = [line for pre in printed for line in pre.get_text().splitlines()]
    rows = [re.sub(r"\s+", " ", row.get_text(" ")) for row in article.select("tr")]
    return [
        line
        for line in (*lines, *rows)
        if all(re.search(rf"\b{heading}\b", line) for heading in HEADINGS)
    ]


def test_a_printed_table_of_comparisons_is_seen():
    table = "       difference   low   high\nhr@10      +0.777 +0.666 +0.888"
    rows = "<tr><th></th><th>difference</th>\n<th>low</th><th>high</th></tr><tr><td>0.1</td></tr>"
    code = "compared({'difference': d, 'low': low, 'high': high})"
    for inside, found in (
        (f"<div class='output'><pre>{table}</pre></div>", 1),
        (f"<table>{rows}</table>", 1),
        (f"<div class='cell_input'><pre>{code}</pre></div>", 0),
    ):
        assert len(tables_of_comparisons(BeautifulSoup(inside, "lxml"))) == found


def registered(lines: list[str]) -> dict[tuple[str, ...], set[str]]:
    """Return the words of each comparison that `verdicts.compared` noted, by its numbers."""
    words: dict[tuple[str, ...], set[str]] = {}
    for line in lines:
        numbers, _, word = json.loads(line)
        for seen in comparisons(f"difference {numbers}"):  # 0.000 [0.000, 0.000] has no sign
            words.setdefault(seen.numbers, set()).add(word)
    return words


def test_a_difference_of_nothing_is_known_where_a_table_shows_it():
    numbers = "0.000 [0.000, 0.000]"
    rows = f"<tr><th></th><th>difference</th></tr><tr><td>ties</td><td>{numbers}</td></tr>"
    page = BeautifulSoup(f"<main><article><table>{rows}</table></article></main>", "lxml")
    words = registered([f'["{numbers}", "", "level"]', '["+0.1 [+0.1, +0.2]", "", "ahead"]'])
    assert not problems_of_comparisons(page, words)
    assert (
        len(problems_of_comparisons(page, registered(['["+0.1 [+0.1, +0.2]", "", "ahead"]']))) == 1
    )


def problems_of_comparisons(article: Tag, words: dict[tuple[str, ...], set[str]]) -> list[str]:
    """Say which comparisons of a page are not registered, or are with another word."""
    every = set().union(*words.values())
    problems = [
        f"a table of differences, without verdicts.compared: {line}"
        for line in tables_of_comparisons(article)
    ]
    for seen in comparisons(re.sub(r"[ \n]+", " ", article.get_text(" "))):
        known, said = words.get(seen.numbers, set()), seen.words(every)
        if not known:
            problems.append(f"not from verdicts.compared: {seen.numbers} {seen.after[:40]}")
        elif said and not said & known:
            around = f"{seen.before[-40:]} ... {seen.after[:40]}"
            problems.append(f"{seen.numbers} is {known}, and the page says {said}: {around}")
    return problems


@pytest.mark.parametrize(
    "untrue",
    [
        "BinaryMF leads by 0.777 (95% interval 0.666 to 0.888)",
        "BinaryMF minus MLP is +0.777 over 5 seeds (95% interval +0.666 to +0.888)",
        "</p><div class='output'><pre>  difference low high\nhr +0.777 +0.666 +0.888</pre></div>",
        "+77.7% [+66.6%, +88.8%]",
        "+0.777 \u00b1 0.111",
        "BinaryMF is <em>behind</em> MLP by +0.021 (95% interval +0.013 to +0.028)",
    ],
)
def test_an_untrue_comparison_on_a_page_is_a_problem(untrue: str):
    words = registered(['["+0.021 [+0.013, +0.028]", "", "ahead of"]'])
    true = "BinaryMF is ahead of MLP by +0.021 (95% interval +0.013 to +0.028)."
    page = f"<main><article><p>{true}</p><p>{untrue}.</p><p>{true}</p></article></main>"
    assert len(problems_of_comparisons(BeautifulSoup(page, "lxml"), words)) == 1


def test_every_comparison_on_a_page_took_its_word_from_its_interval(site: Site):
    """`verdicts.compared` notes each difference that it puts into words."""
    register = Path(os.environ.get("RECSYS_COMPARISONS", site.folder.parent / ".comparisons"))
    if not register.exists():
        pytest.fail(
            f"{register} is missing: the site was built by an older Makefile; run make book"
        )
    words = registered(register.read_text(encoding="utf-8").splitlines())
    assert words
    articles = {page: site.soup(page).select_one("main article") for page in site.chapters}
    report({page: problems_of_comparisons(article, words) for page, article in articles.items()})
