"""The pages of prose that hold code: every line runs, and gives what the page shows."""

import doctest
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PAGES = [page for page in sorted((ROOT / "book").rglob("*.md")) if ">>>" in page.read_text()]


NUMBER = r"[+-]?\d[\d,]*(?:\.\d+)?"


class Checker(doctest.OutputChecker):
    """As doctest, but what is printed of BinaryMF may be a little other on other processors."""

    def check_output(self, want, got, flags):
        if super().check_output(want, got, flags):
            return True
        if "BinaryMF" not in want:
            return False
        texts = [re.sub(NUMBER, "#", one).split() for one in (want, got)]
        numbers = [[float(n.replace(",", "")) for n in re.findall(NUMBER, x)] for x in (want, got)]
        return texts[0] == texts[1] and numbers[0] == pytest.approx(numbers[1], abs=0.006)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_the_code_of_a_page_gives_what_it_shows(page, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    tests = doctest.DocTestParser().get_doctest(
        page.read_text().replace("```", ""), {}, page.name, str(page), 0
    )
    said: list[str] = []
    runner = doctest.DocTestRunner(Checker(), optionflags=doctest.NORMALIZE_WHITESPACE)
    runner.run(tests, out=said.append)
    assert runner.summarize(verbose=False).failed == 0, "".join(said)


def test_a_page_with_code_is_found():
    assert "own_data" in [page.stem for page in PAGES]


def test_only_what_hangs_on_the_processor_may_differ_and_only_a_little():
    def passes(want, got):
        return Checker().check_output(want, got, 0)

    assert passes("BinaryMF 0.531\n", "BinaryMF 0.534\n")
    assert not passes("BinaryMF 0.531\n", "BinaryMF 0.541\n")
    assert not passes("BinaryMF 0.531\n", "BinaryMF 0.531 2\n")
    assert not passes("SVD 0.531\n", "SVD 0.534\n")


def test_every_number_of_the_example_report_was_printed_above_it():
    """Those of the test above: what code printed, or an argument of it."""
    page = (ROOT / "book" / "project.md").read_text()
    above, _, report = page.partition("### The report")
    code = "\n".join(re.findall(r"(?s)```python\n(.*?)```", above))
    shown = set(re.findall(NUMBER, code))
    shown |= {one.lstrip("+-") for one in shown}
    trials = code.partition("show.table(trials")[2].partition(">>>")[0]
    shown.add(str(len(re.findall(r"(?m)^\d", trials))))
    given = re.findall(NUMBER, report.replace("95% interval", ""))
    assert len(given) > 30
    assert [one for one in given if one.rstrip(",") not in shown] == []


def test_the_template_stands_on_the_page_of_the_project_by_reference():
    page = (ROOT / "book" / "project.md").read_text()
    assert "```{literalinclude} ../recsys_lib/template.txt\n" in page
    assert "class Mine" not in page
