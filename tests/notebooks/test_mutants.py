"""What `make mutants` changes, and what it leaves alone."""

import ast
import json
import shutil

import mutants

TEXT = '''
def f(x: int = 3, flag=True) -> int:
    """Says 5."""
    if x < 2 and flag:
        raise ValueError(f"x is {x + 1}")
    total = 0.0
    for i in range(x):
        total += g(i, x)[:i]
    self.total = -total
    return total
'''


def all_of(text):
    n = len(list(mutants.changes(ast.parse(text))))
    return [mutants.mutant(text, number) for number in range(n)]


def test_every_mutant_is_another_program_with_one_line_changed():
    found = all_of(TEXT)
    assert len({text for text, _ in found}) == len(found)
    for text, difference in found:
        ast.parse(text)
        assert [line[0] for line in difference.split("\n")].count("+") == 1


def test_each_kind_of_change_is_there_and_messages_stay():
    added = "\n".join(
        line for _, text in all_of(TEXT) for line in text.split("\n") if line[0] == "+"
    )
    for expected in (
        "x: int=4",  # a constant
        "flag=False",
        "if x <= 2 and flag",  # a comparison
        "if x < 2 or flag",  # an operator
        "if not (x < 2 and flag)",  # a condition
        "range(x - 1)",  # an end
        "[:i + 1]",
        "g(x, i)",  # arguments
        "total -= g(i, x)",
        "+        pass",  # a statement
        "self.total = +total",
    ):
        assert expected in added, expected
    assert "Says" not in added
    assert "x is" not in added


def test_the_seed_decides_which_are_drawn():
    assert mutants.drawn(20, 1) == mutants.drawn(20, 1) != mutants.drawn(20, 2)
    assert mutants.drawn(5, 1) == mutants.drawn(20, 1)[:5]
    assert {module for module, _ in mutants.drawn(10**6, 0)} == set(mutants.TARGETS)


def test_a_change_in_one_function_leaves_the_draw_of_others_as_it_was(monkeypatch, tmp_path):
    def places():
        texts = {m: (mutants.ROOT / "recsys_lib" / f"{m}.py").read_text() for m in mutants.TARGETS}
        trees = {m: list(mutants.changes(ast.parse(text))) for m, text in texts.items()}
        owners = ((trees[m][n][0], m) for m, n in mutants.drawn(200))
        return {(m, owner.name if owner else "") for owner, m in owners}

    before = places()
    shutil.copytree(mutants.ROOT / "recsys_lib", tmp_path / "recsys_lib")
    path = tmp_path / "recsys_lib" / "metrics.py"
    path.write_text(f"def more(x):\n    return 1 + 2 + 3 * x\n\n\n{path.read_text()}")
    monkeypatch.setattr(mutants, "ROOT", tmp_path)
    after = places()
    assert len(before - after) < 5
    assert after - before <= {("metrics", "more")}


def test_what_is_listed_as_equivalent_says_why():
    listed = json.loads(mutants.EQUIVALENT.read_text())
    assert len({one["mutant"] for one in listed}) == len(listed)
    for one in listed:
        assert one["mutant"].split()[0] in mutants.TARGETS
        source = (mutants.ROOT / "recsys_lib" / f"{one['mutant'].split()[0]}.py").read_text()
        before = one["change"].partition(" -> ")[0]
        assert before in ast.unparse(ast.parse(source)), "the line is no longer there"
        assert len(one["why"]) > 20


def test_every_module_has_its_tests():
    for names in mutants.TARGETS.values():
        for name in (one.split()[0] for one in (*names, *mutants.ALWAYS)):
            assert (mutants.ROOT / "tests" / "library" / f"test_{name}.py").exists()
