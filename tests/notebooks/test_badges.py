"""The badges of chapter 10: one verdict on each claim, the same wherever it stands."""

import ast
import re

from chapters import CHAPTERS, read

(TRUST,) = (path for path in CHAPTERS if path.stem == "10_trust")
BADGE = re.compile(r'<a class="verdict ([\w-]+)" href="#(L\w+)">([^<]+)</a>')
IN_TABLE = re.compile(rf"(?m)^\| \[(\d+)\]\(#claim-(\d+)\): [^|]+ \| {BADGE.pattern}")
DEFINED = re.compile(r'<span class="verdict ([\w-]+)">([^<]+)</span>')


def cells(kind):
    return [cell for cell in read(TRUST).cells if cell.cell_type == kind]


def text():
    return "\n\n".join(cell.source for cell in cells("markdown"))


def computed():
    """The verdicts as the chapter's cells have found them from the recorded numbers."""
    (cell,) = (cell for cell in cells("code") if cell.id == "badges")
    return ast.literal_eval(cell.outputs[0]["data"]["text/plain"])


def under_claims():
    """The badge below the heading of each claim: its class, its link and its word."""
    parts = re.split(r"(?m)^### Claim (\d+)$", text())[1:]
    found = {}
    for number, part in zip(parts[::2], parts[1::2], strict=True):
        (found[int(number)],) = BADGE.findall(re.split(r"(?m)^##", part)[0])
    return found


def in_table():
    rows = IN_TABLE.findall(text())
    assert all(number == claim for number, claim, *_ in rows)
    return {int(number): tuple(badge) for number, _, *badge in rows}


def test_a_verdict_is_the_same_in_the_table_below_its_claim_and_by_the_numbers():
    said = computed()
    assert len(said) == 10
    below, above = under_claims(), in_table()
    assert {claim: word.lower() for claim, (_, _, word) in below.items()} == said
    assert {claim: word for claim, (_, _, word) in above.items()} == said
    assert len(BADGE.findall(text())) == 2 * len(said)
    for claim, word in said.items():
        assert below[claim][:2] == above[claim][:2], "another look, or another line"
        assert below[claim][0] == word.replace(" ", "-")


def test_the_words_of_the_badges_are_those_that_the_chapter_defines():
    defined = DEFINED.findall(text())
    assert [word for _, word in defined] == ["holds", "half", "not shown", "falls"]
    assert all(kind == word.replace(" ", "-") for kind, word in defined)
    assert set(computed().values()) <= {word for _, word in defined}


def test_a_badge_leads_to_a_row_that_is_there():
    shown = "\n".join(str(output) for cell in cells("code") for output in cell.outputs)
    for _, line, _ in BADGE.findall(text()):
        assert re.search(rf"\\n{line}, ", shown), line
