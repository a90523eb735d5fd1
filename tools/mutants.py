"""Change the library at random places and see whether its tests notice: `make mutants`.

A mutant is a module with one thing changed: an operator, a comparison, a constant, the end of a
range, the order of two arguments, a condition, or a statement left out. One that passes the tests
of its module has survived: a test is missing, or the change makes no difference, and then it is
listed, with the reason, in `tests/mutants/equivalent.json`.

Each is tried in a copy of the tree, in a process of its own in which the heavy packages are loaded
already; what is compiled of the other modules is kept. What came out is kept too, in
`_build/mutants.json`: a run that was broken off goes on where it stopped.
"""

import argparse
import ast
import difflib
import hashlib
import json
import multiprocessing
import os
import shutil
import sys
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
RESULTS = ROOT / "_build" / "mutants.json"
EQUIVALENT = ROOT / "tests" / "mutants" / "equivalent.json"
NEEDED = ("recsys_lib", "results", "tests/library")  # by the tests that run
SAME = "equivalent"
TARGETS = {  # a module and the tests that it has, those first that find most
    "metrics": ("metrics", "evaluation"),
    "models/implicit": ("candidates", "bmf", "training", "fold_in"),
    "evaluation/candidates": ("candidates", "evaluation"),
    "evaluation/items": ("evaluation",),
    "evaluation/significance": ("significance", "evaluation"),
    "models/neighbors": ("models -k KNN", "markov", "fold_in", "growth -k neighbors", "models"),
    "models/popularity": ("models -k Popularity", "models"),
    "models/biases": ("biases", "models -k Biases", "fold_in"),
    "models/svd": ("svd", "models -k SVD", "fold_in"),
    "models/als": ("als", "training", "models -k ALS", "fold_in"),
    "models/mf": ("mf", "training", "models -k MF", "fold_in"),
    "models/factors": ("als", "mf", "bmf", "fold_in"),
    "models/ials": ("ials", "models -k iALS", "fold_in"),
    "models/ease": ("ease", "models -k EASE", "fold_in"),
    "models/bpr": ("bpr", "models -k BPR", "fold_in"),
    "data/histories": ("histories", "split"),
    "models/decay": ("decay", "models -k Decay", "fold_in"),
    "models/markov": ("markov", "models -k Markov", "fold_in"),
    "models/sequence": ("sequence", "models -k SASRec", "fold_in"),
    "models/sasrec": ("sequence", "models -k SASRec", "fold_in"),
    "models/bmf": ("bmf", "training", "models -k BinaryMF", "fold_in"),
}
ALWAYS = ("small_inputs", "defaults")  # tests that belong to several modules
SYMMETRIC = ("min", "max", "minimum", "maximum", "allclose")  # in their first two arguments
LONGEST = 400  # seconds of a processor for the tests of a module
ONE = ast.Constant(1)
HEAVY = ("matplotlib.pyplot", "numba", "pandas", "scipy.stats", "sklearn", "torch")
OPERATORS = {
    **{ast.Add: ast.Sub, ast.Sub: ast.Add, ast.Mult: ast.Div, ast.Div: ast.Mult},
    **{ast.Pow: ast.Mult, ast.FloorDiv: ast.Div, ast.Mod: ast.FloorDiv},
    **{ast.BitAnd: ast.BitOr, ast.BitOr: ast.BitAnd, ast.And: ast.Or, ast.Or: ast.And},
    **{ast.Lt: ast.LtE, ast.LtE: ast.Lt, ast.Gt: ast.GtE, ast.GtE: ast.Gt},
    **{ast.Eq: ast.NotEq, ast.NotEq: ast.Eq, ast.Is: ast.IsNot, ast.IsNot: ast.Is},
    **{ast.In: ast.NotIn, ast.NotIn: ast.In, ast.USub: ast.UAdd},
}


Owner = ast.FunctionDef | None


def changes(node: ast.AST, owner: Owner = None) -> Iterator[tuple[Owner, Callable[[], None]]]:
    """Yield what can be changed in a tree: the function that it stands in, and a call that does."""
    if isinstance(node, ast.Raise | ast.Import | ast.ImportFrom | ast.JoinedStr | ast.AnnAssign):
        return  # messages, and what only readers and type checkers see
    if isinstance(node, ast.FunctionDef):
        owner = owner or node
    for name, value in ast.iter_fields(node):
        if name in ("annotation", "returns", "decorator_list"):
            continue
        children = value if isinstance(value, list) else [value]
        for place, child in enumerate(children):
            docstring = isinstance(child, ast.Expr) and isinstance(child.value, ast.Constant)
            if docstring or not isinstance(child, ast.AST):
                continue

            def put(new: ast.AST, name=name, value=value, place=place) -> None:
                if isinstance(value, list):
                    value[place] = new
                else:
                    setattr(node, name, new)

            yield from ((owner, change) for change in _of_one(child, put))
            yield from changes(child, owner)


def _of_one(node: ast.AST, put: Callable[[ast.AST], None]) -> Iterator[Callable[[], None]]:
    """Yield the changes of one node, which `put` replaces in the tree."""
    if type(node) in OPERATORS:
        yield lambda: put(OPERATORS[type(node)]())
    elif isinstance(node, ast.Constant) and isinstance(node.value, bool):
        yield lambda: put(ast.Constant(not node.value))
    elif isinstance(node, ast.Constant) and isinstance(node.value, int | float):
        new = node.value + 1 if isinstance(node.value, int) else 2 * node.value or 1.0
        yield lambda: put(ast.Constant(new))
    elif isinstance(node, ast.If | ast.IfExp | ast.While):
        yield lambda: setattr(node, "test", ast.UnaryOp(ast.Not(), node.test))
    elif isinstance(node, ast.Slice) and node.upper:
        yield lambda: setattr(node, "upper", ast.BinOp(node.upper, ast.Add(), ONE))
    elif isinstance(node, ast.Call) and len(node.args) > 1 and _name(node) not in SYMMETRIC:
        yield lambda: node.args.__setitem__(slice(2), node.args[1::-1])
    elif isinstance(node, ast.Call) and _name(node) == "range":
        yield lambda: node.args.insert(0, ast.BinOp(node.args.pop(0), ast.Sub(), ONE))
    if isinstance(node, ast.Expr | ast.AugAssign | ast.Continue | ast.Break) or (
        isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Attribute | ast.Subscript)
    ):
        yield lambda: put(ast.Pass())


def _name(call: ast.Call) -> str:
    return getattr(call.func, "attr", getattr(call.func, "id", ""))


def mutant(text: str, number: int) -> tuple[str, str]:
    """Return a module with its change of this number, and the difference, without line numbers."""
    tree = ast.parse(text)
    list(changes(tree))[number][1]()
    before, after = (ast.unparse(ast.fix_missing_locations(t)) for t in (ast.parse(text), tree))
    lines = list(difflib.unified_diff(before.split("\n"), after.split("\n"), n=1, lineterm=""))
    return after + "\n", "\n".join(line for line in lines[2:] if not line.startswith("@@"))


def drawn(n: int, seed: int = 0) -> list[tuple[str, int]]:
    """Return module and number of the changes to try, in an order that the seed decides.

    A checksum of the seed, of the function that is changed and of the place in it decides when its
    turn comes: whoever changes a function has the others drawn as before, and what came out for
    them is still of use.
    """
    every = []
    for module in TARGETS:
        text = (ROOT / "recsys_lib" / f"{module}.py").read_text()
        sources: dict[ast.AST, str] = {}
        seen: Counter[str] = Counter()
        for number, (owner, _) in enumerate(changes(ast.parse(text))):
            if owner not in sources:
                sources[owner] = module + ("" if owner is None else ast.unparse(owner))
            place = f"{seed} {sources[owner]} {seen[sources[owner]]}"
            seen[sources[owner]] += 1
            every.append((_checksum(place), module, number))
    return [(module, number) for _, module, number in sorted(every)[:n]]


def _checksum(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


class Bench:
    """A copy of the tree in which mutants are tried, one after the other."""

    def __init__(self, folder: Path):
        self.folder, self.compiled, self.limits = folder, folder / "compiled", {}
        for name in NEEDED:
            shutil.copytree(
                ROOT / name, folder / name, ignore=shutil.ignore_patterns("__pycache__")
            )
        shutil.copy(ROOT / "pyproject.toml", folder)

    def survives(self, module: str, changed: str) -> bool:
        """Whether the tests of a module pass with the module changed to this."""
        if module not in self.limits:
            start = os.times().children_user
            if not self._passes(module, LONGEST, self.compiled):
                sys.exit(f"the tests of {module} fail as they are: {TARGETS[module]}")
            # a loop without an end is found; 30 seconds to compile what was changed
            self.limits[module] = 30 + 2 * (os.times().children_user - start)
        path = self.folder / "recsys_lib" / f"{module}.py"
        text, times = path.read_text(), path.stat()
        path.write_text(changed)
        try:
            with tempfile.TemporaryDirectory() as scratch:  # so that the others stay compiled
                shutil.copytree(self.compiled, scratch, dirs_exist_ok=True)
                return self._passes(module, self.limits[module], Path(scratch))
        finally:
            path.write_text(text)
            os.utime(path, ns=(times.st_atime_ns, times.st_mtime_ns))

    def _passes(self, module: str, seconds: float, compiled: Path) -> bool:
        arguments = self.folder, module, seconds, compiled
        process = multiprocessing.get_context("fork").Process(target=_test, args=arguments)
        process.start()
        process.join()
        return process.exitcode == 0


def _test(folder: Path, module: str, seconds: float, compiled: Path) -> None:
    import resource  # there is none on Windows, where the rest can be imported and tested

    from numba.core import config

    resource.setrlimit(resource.RLIMIT_CPU, (int(seconds), int(seconds)))  # of the processor
    config.CACHE_DIR = str(compiled)
    sys.dont_write_bytecode = True  # which knows a text by its second and its length alone
    sys.path.insert(0, str(folder))
    os.chdir(folder)
    with open(os.devnull, "w") as nowhere:
        os.dup2(nowhere.fileno(), 1)
        os.dup2(nowhere.fileno(), 2)
    for name, *options in map(str.split, (*TARGETS[module], *ALWAYS)):
        if pytest.main(["-x", "-p", "no:cacheprovider", f"tests/library/test_{name}.py", *options]):
            os._exit(1)
    os._exit(0)


_bench: Bench  # of a process of the pool


def _prepare(folder: str) -> None:
    global _bench
    _bench = Bench(Path(tempfile.mkdtemp(dir=folder)))


def _try(module: str, changed: str) -> bool:
    return _bench.survives(module, changed)


def main() -> None:
    """Draw mutants, try those that were not tried before, and say which survived."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--n", type=int, default=300)
    parser.add_argument("--jobs", type=int, default=1, help="so many at a time")
    options = parser.parse_args()
    results = json.loads(RESULTS.read_text()) if RESULTS.exists() else {}
    results |= dict.fromkeys((one["mutant"] for one in json.loads(EQUIVALENT.read_text())), SAME)
    for name in HEAVY:
        __import__(name)
    texts = {m: (ROOT / "recsys_lib" / f"{m}.py").read_text() for m in TARGETS}
    found = []
    for module, number in drawn(options.n):
        changed, difference = mutant(texts[module], number)
        found.append((f"{module} {_checksum(difference)[:8]}", module, changed, difference))
    # of survivors a new test may be the end
    left = [one for one in found if results.get(one[0]) not in ("killed", SAME)]
    fork = multiprocessing.get_context("fork")
    with (
        tempfile.TemporaryDirectory() as folder,
        ProcessPoolExecutor(options.jobs, fork, initializer=_prepare, initargs=(folder,)) as pool,
    ):
        survived = pool.map(_try, [one[1] for one in left], [one[2] for one in left])
        for (key, _, _, difference), lives in zip(left, survived, strict=True):
            results[key] = "survived" if lives else "killed"
            RESULTS.parent.mkdir(exist_ok=True)
            RESULTS.write_text(json.dumps(results, indent=1))
            if lives:
                print(f"{key} survived\n{difference}\n", flush=True)
    counts = Counter(results[key] for key, *_ in found)
    killed, tried = counts["killed"], max(counts["killed"] + counts["survived"], 1)
    print(f"{killed} of {tried} killed, {killed / tried:.1%}; {counts[SAME]} more are equivalent")


if __name__ == "__main__":
    main()
