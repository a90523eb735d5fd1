"""The page of the project: its example report says what its code has printed."""

import re

from chapters import ROOT

PAGE = ROOT / "book" / "project.md"
NUMBER = r"[+-]?\d[\d,]*(?:\.\d+)?"


def test_every_number_of_the_example_report_was_printed_above_it():
    """What code printed, or an argument of it; that code is run with all examples of pages."""
    above, _, report = PAGE.read_text().partition("### The report")
    code = "\n".join(re.findall(r"(?s)```python\n(.*?)```", above))
    shown = set(re.findall(NUMBER, code))
    shown |= {one.lstrip("+-") for one in shown}
    trials = code.partition("show.table(trials")[2].partition(">>>")[0]
    shown.add(str(len(re.findall(r"(?m)^\d", trials))))
    given = re.findall(NUMBER, report.replace("95% interval", ""))
    assert len(given) > 30
    assert [one for one in given if one.rstrip(",") not in shown] == []


def test_the_template_stands_on_the_page_of_the_project_by_reference():
    page = PAGE.read_text()
    assert "```{literalinclude} ../recsys_lib/template.txt\n" in page
    assert "class Mine" not in page
