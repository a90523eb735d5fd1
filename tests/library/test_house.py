"""Everything points down: a module imports from rooms below its own, wherever the import stands."""

import ast
from pathlib import Path

import pytest

import recsys_lib

ROOT = Path(recsys_lib.__file__).parent
ROOMS = (  # from the ground up; rooms on one floor do not know each other
    {"validation"},
    {"files", "metrics", "results"},
    {"top_k"},
    {"data"},
    {"models"},
    {"evaluation"},
    {"experiments", "rank", "exercises", "show"},
    {"reproduce"},
)
WITHIN = {  # the same inside two rooms
    "models": (
        {"base"},
        {"training", "popularity", "biases", "neighbors"},
        {"factors", "implicit"},
        {"svd"},
        {"metadata"},
        {"mf", "als", "network", "bmf"},
        {"mlp"},
        {"neumf"},
    ),
    "evaluation": (
        {"significance", "verdicts", "lists", "candidates"},
        {"items", "ratings"},
        {"watch"},
        {"tuning"},
    ),
}
MODULES = sorted(path for path in ROOT.rglob("*.py") if path != ROOT / "__init__.py")


def imported(path: Path) -> list[tuple[int, str]]:
    """Return line and dotted name of each import of this library, those inside functions too."""
    found = []
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}, line {node.lineno}: a relative import"
            if node.module == "recsys_lib":
                found += [(node.lineno, f"recsys_lib.{alias.name}") for alias in node.names]
            else:
                found.append((node.lineno, node.module))
        elif isinstance(node, ast.Import):
            found += [(node.lineno, alias.name) for alias in node.names]
    return [(line, name) for line, name in found if name.startswith("recsys_lib.")]


def floor(rooms: tuple[set[str], ...], name: str) -> int:
    (number,) = (n for n, floor in enumerate(rooms) if name in floor)
    return number


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(ROOT)))
def test_every_import_points_down(path):
    own, *inside = path.relative_to(ROOT).with_suffix("").parts
    for line, name in imported(path):
        _, room, *rest = name.split(".")
        where = f"line {line}: {name}"
        if room != own:
            assert floor(ROOMS, room) < floor(ROOMS, own), where
        elif own in WITHIN and rest and inside != ["__init__"]:
            assert floor(WITHIN[own], rest[0]) < floor(WITHIN[own], inside[0]), where


def test_every_module_has_its_floor():
    tops = {path.relative_to(ROOT).with_suffix("").parts[0] for path in MODULES}
    assert tops == set().union(*ROOMS)
    for room, floors in WITHIN.items():
        names = {path.stem for path in (ROOT / room).glob("*.py")} - {"__init__"}
        assert names == set().union(*floors)


def test_an_import_that_points_up_is_found(tmp_path):
    text = "if TYPE_CHECKING:\n    from recsys_lib.models import MF\n"
    (tmp_path / "metrics.py").write_text(text)
    assert imported(tmp_path / "metrics.py") == [(2, "recsys_lib.models")]
