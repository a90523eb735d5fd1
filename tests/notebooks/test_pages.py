"""The pages of prose that hold code: every line runs, and gives what the page shows."""

import doctest
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PAGES = [page for page in sorted((ROOT / "book").rglob("*.md")) if ">>>" in page.read_text()]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_the_code_of_a_page_gives_what_it_shows(page, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    tests = doctest.DocTestParser().get_doctest(
        page.read_text().replace("```", ""), {}, page.name, str(page), 0
    )
    said: list[str] = []
    runner = doctest.DocTestRunner(optionflags=doctest.NORMALIZE_WHITESPACE)
    runner.run(tests, out=said.append)
    assert runner.summarize(verbose=False).failed == 0, "".join(said)


def test_a_page_with_code_is_found():
    assert "own_data" in [page.stem for page in PAGES]
