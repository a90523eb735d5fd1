"""README.md states what is recorded, and nothing else."""

import readme


def test_the_tables_are_those_of_the_recorded_results():
    text = (readme.ROOT / "README.md").read_text()
    assert readme.filled(text) == text, "run python tools/readme.py"
    assert text.count("|---|") >= 2


def test_links_lead_to_files_that_exist():
    import re

    text = (readme.ROOT / "README.md").read_text()
    for target in re.findall(r"\]\(([^)#]+)\)", text):
        assert (readme.ROOT / target).exists(), target
