"""Everything points down: a module imports from rooms below its own, wherever the import stands."""

import ast
import sys
import tomllib
from pathlib import Path

import pytest

import recsys_lib
from recsys_lib.exercises import CHAPTERS
from recsys_lib.models import GMF, MLP, BinaryMF, NeuMF

from model_suite import planted

ROOT = Path(recsys_lib.__file__).parent
ROOMS = (  # from the ground up; rooms on one floor do not know each other
    {"validation"},
    {"files", "metrics", "results"},
    {"top_k"},
    {"data"},
    {"models"},
    {"evaluation"},
    {"contest", "experiments", "rank", "exercises", "show"},
    {"reproduce", "scale", "serve"},
)
WITHIN = {  # the same inside two rooms
    "models": (
        {"base"},
        {"training", "popularity", "biases", "neighbors", "ease", "decay", "markov"},
        {"factors", "implicit", "ials", "content"},
        {"svd"},
        {"metadata"},
        {"mf", "als", "network", "bmf", "bpr"},
        {"mlp", "features", "mapped", "sequence"},
        {"neumf", "sasrec", "gru4rec"},
        {"bag"},
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


def compiled(tree: ast.Module) -> set[str]:
    """Return the names of what Numba compiles: below `@njit(...)`, or in `njit(...)(name)`."""
    found = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef):
            if any(ast.unparse(one).startswith("njit(") for one in node.decorator_list):
                found.add(node.name)
        elif isinstance(node, ast.Call) and ast.unparse(node.func).startswith("njit("):
            found.add(ast.unparse(node.args[0]))
    return found


def untyped(path: Path) -> list[str]:
    """Return the functions of a module, the compiled ones apart, that leave out a type."""
    tree = ast.parse(path.read_text())
    kernels, found = compiled(tree), []
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef) and node.name not in kernels:
            given = [*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs]
            types = [one.annotation for one in given if one.arg not in ("self", "cls")]
            if None in types or (node.returns is None and node.name != "__init__"):
                found.append(f"line {node.lineno}: {node.name}")
    return found


KERNELS = [path for path in MODULES if compiled(ast.parse(path.read_text()))]


@pytest.mark.parametrize("path", KERNELS, ids=lambda path: str(path.relative_to(ROOT)))
def test_in_a_module_of_kernels_all_else_is_typed(path):
    assert untyped(path) == []


def test_a_function_without_types_is_found(tmp_path):
    text = "def sgd(P): ...\n\ndef fit(P): ...\n\nepoch = njit(cache=True)(sgd)\n"
    (tmp_path / "mf.py").write_text(text)
    assert untyped(tmp_path / "mf.py") == ["line 3: fit"]


def test_mypy_spares_the_modules_of_kernels_and_of_wrong_answers_only():
    text = (ROOT.parent / "pyproject.toml").read_text()
    overrides = tomllib.loads(text)["tool"]["mypy"]["overrides"]
    kernels, answers = (one["module"] for one in overrides if "disallow_untyped_defs" in one)
    paths = [path.relative_to(ROOT.parent).with_suffix("") for path in KERNELS]
    assert kernels == [".".join(path.parts) for path in paths]
    assert answers == sorted(chapter.__name__ for chapter in CHAPTERS)


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


# ------------------------------------------------------------------ how far one has to jump


def jumps(call):
    """Files, functions and the deepest chain of calls of the library that a call goes through."""
    seen, depth = set(), 0

    def of_us(frame):
        named = not frame.f_code.co_name.startswith("<")  # no comprehensions
        return named and frame.f_code.co_filename.startswith(str(ROOT))

    def profile(frame, event, _):
        nonlocal depth
        if event != "call" or not of_us(frame):
            return
        seen.add((frame.f_code.co_filename, frame.f_code.co_qualname))
        depth = max(depth, sum(map(of_us, outward(frame))))

    def outward(frame):
        while frame is not None:
            yield frame
            frame = frame.f_back

    sys.setprofile(profile)
    try:
        call()
    finally:
        sys.setprofile(None)
    return len({file for file, _ in seen}), len(seen), depth


def test_a_fit_can_be_followed():
    """With the constructor; compiled loops are not traced (each is one function)."""
    train = planted().train

    def watch(model):
        return {"valid_ndcg@10": 0.1}

    halves = GMF(2, epochs=1).fit(train), MLP((8, 4), epochs=1).fit(train)
    files, functions, depth = jumps(
        lambda: BinaryMF(2, epochs=4, patience=2).fit(train, watch=watch)
    )
    assert files <= 7
    assert functions <= 40
    assert depth <= 8
    files, functions, depth = jumps(
        lambda: NeuMF(2, (8, 4), epochs=2).fit(train, pretrained=halves)
    )
    assert files <= 8
    assert functions <= 55
    assert depth <= 9
