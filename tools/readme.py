"""Fill the tables of README.md from what is recorded: `make record` and `make bench` call it.

``python tools/readme.py`` writes, ``python tools/readme.py --check`` only says whether it would.
"""

import json
import re
import sys
from pathlib import Path

import nbformat

from student import glued_numbers

ROOT = Path(__file__).resolve().parent.parent


def chapters() -> str:
    """Return the table of chapters: title, method and headline result, all from the chapter."""
    rows = []
    for path in sorted((ROOT / "notebooks").glob("[0-9]*.ipynb")):
        notebook = nbformat.read(path, as_version=4)
        found = {name: _value(text) for name, text in glued_numbers(notebook).items()}
        title = notebook.cells[0].source.split("\n")[0].removeprefix("# ")
        number = int(path.name[:2])
        link = f"[{f'{number} ' if number else ''}{title}](notebooks/{path.name})"
        rows.append((link, found["method"], found["headline"].format(**found)))
    lines = ["| chapter | method | headline result |", "|---|---|---|"]
    return "\n".join(lines + [f"| {' | '.join(row)} |" for row in rows])


def _value(text: str) -> float | str:
    try:
        return float(text)
    except ValueError:
        return text


Row = tuple[str, str, str, str]


def timings() -> str:
    """Return the table of timings."""
    run = json.loads((ROOT / "results" / "benchmarks.json").read_text())
    found, versions = run["found"], run["versions"]
    rows = _of_learning(found["factorization"], versions)
    rows += _of_simple_models(found["simple_models"], versions)
    rows += _of_features(found["with_features"], versions)
    rows += _of_lists(found["ranking"], versions)
    rows.append(_of_reading(found["reading"]))
    rows.append(_of_index(found["index"]))
    lines = ["| task | recsys_lib | beside it | faster by |", "|---|--:|---|--:|"]
    return "\n".join(lines + [f"| {' | '.join(row)} |" for row in rows])


def _of_learning(learning: dict, versions: dict[str, str]) -> list[Row]:
    peers = {
        "surprise": f"Surprise {versions['scikit-surprise']}",
        "surprise_sorted": "the same, on sorted ratings",
        "cornac": f"cornac {versions['cornac']}",
    }
    rows = []
    for factors in (16, 100):
        epoch = learning["descent"][f"1m_{factors}"]["nanoseconds"]
        task = f"an epoch of SGD with biases, {factors} factors, 900,000 ratings in random order"
        ours = f"{epoch['recsys_lib']:.0f} ns a rating"
        for peer, name in peers.items():
            ratio = f"{epoch[peer] / epoch['recsys_lib']:.1f}×"
            rows.append((task, ours, f"{name}: {epoch[peer]:.0f} ns", ratio))
    for factors in (16, 100):
        sweep = learning["als"][f"1m_{factors}"]
        task = f"a sweep of ALS, {factors} factors, the same ratings"
        beside = (
            f"implicit {versions['implicit']}, which solves another problem of this size: "
            f"{sweep['implicit']:.2f} s"
        )
        ratio = f"{sweep['implicit_by_fit']:.1f}×"
        rows.append((task, f"{sweep['recsys_lib']:.2f} s", beside, ratio))
    return rows


def _of_simple_models(found: dict, versions: dict[str, str]) -> list[Row]:
    sweep, bpr, implicit = found["ials"]["sweep"], found["bpr"], f"implicit {versions['implicit']}"
    ours, task = f"{sweep['recsys_lib_seconds']:.2f} s", "a sweep of iALS, 64 factors, 1,000,000"
    rows = [
        (
            f"{task} interactions",
            ours,
            f"{implicit}, {how}: {sweep[name]:.2f} s",
            f"{sweep[name] / sweep['recsys_lib_seconds']:.1f}×",
        )
        for name, how in (
            ("implicit_seconds", "by Cholesky as here"),
            ("implicit_conjugate_gradients_seconds", "three conjugate gradients, approximate"),
        )
    ]
    return [
        *rows,
        (
            "BPR, 32 factors: to the NDCG@10 that implicit's reaches, both from the same settings",
            f"{bpr['recsys_lib']['seconds']:.1f} s",
            f"{implicit}: {bpr['implicit']['seconds']:.1f} s",
            f"{1 / bpr['fit_by_implicit']:.1f}×",
        ),
    ]


def _of_features(found: dict, versions: dict[str, str]) -> list[Row]:
    cost, new = found["cost"]["1m"], found["new_items"]
    seconds = {name: cost[name]["epoch_seconds"] for name in ("FeatureMF", "BinaryMF")}
    rows = [
        (
            f"an epoch of FeatureMF, {cost['features_each']} features an item, 1,000,000 "
            "interactions",
            f"{seconds['FeatureMF']:.2f} s",
            f"BinaryMF, which reads no features: {seconds['BinaryMF']:.2f} s",
            f"{1 / cost['ratio']:.1f}×",
        )
    ]
    for name, peer in (("MappedFactors", "CTR"), ("FeatureMF", "VBPR")):
        ours, theirs = new[name], new[f"cornac {peer}"]
        gap = new["differences"][f"{name} - cornac {peer}"]
        ahead = f"{gap['difference']:+.3f} [{gap['low']:+.3f}, {gap['high']:+.3f}] in HR@10"
        ends = [
            f"; {kind}'s choice of {' and '.join(one['at_end'])} at an end of what was tried"
            for kind, one in ((name, ours), (peer, theirs))
            if one["at_end"]
        ]
        rows.append(
            (
                f"one fit of {name} that ranks new films by their words ({ahead}, over users and "
                f"{len(ours['hr@10'])} seeds; {len(ours['settings'])} settings each"
                f"{''.join(ends)})",
                f"{ours['fit_seconds']:.1f} s",
                f"cornac {versions['cornac']}, {peer}: {theirs['fit_seconds']:.0f} s",
                f"{theirs['fit_seconds'] / ours['fit_seconds']:.0f}×",
            )
        )
    return rows


def _of_lists(found: dict, versions: dict[str, str]) -> list[Row]:
    ranking, metrics = found["ranking"], found["metrics"]
    return [
        (
            "top 10 of 6,040 users × 3,706 items from 16 factors, known items left out",
            f"{ranking['recsys_lib']:.3f} s",
            f"implicit {versions['implicit']}: {ranking['implicit']:.3f} s",
            f"{ranking['ratio']:.1f}×",
        ),
        (
            "four metrics at K = 1..10 of those lists",
            f"{metrics['recsys_lib']:.3f} s",
            f"ranx {versions['ranx']}, with its conversion: {metrics['ranx']:.3f} s",
            f"{metrics['ratio']:.0f}×",
        ),
    ]


def _of_index(found: dict) -> Row:
    million, exact = found["a_million"], found["a_million"]["curves"]["exact"]["milliseconds"]
    one = next(
        row
        for name, row in million["curves"].items()
        if name.startswith("faiss") and row["recall_at_100"] >= 0.95
    )
    return (
        f"the 100 best of {million['items']:,} items of {million['factors']} numbers for one user, "
        f"recall {one['recall_at_100']:.2f}, by inverted lists of faiss "
        f"{found['versions']['faiss-cpu']}",
        f"{one['milliseconds']:.2f} ms",
        f"NumPy, all of them: {exact:.0f} ms",
        f"{one['times_faster_than_exact']:.0f}×",
    )


def _of_reading(reading: dict) -> Row:
    return (
        f"{reading['rows'] / 1e6:.1f} million ratings of {reading['users'] / 1e6:.2f} million "
        "users: read and numbered; then filtered",
        f"{reading['read']:.1f} s; {reading['filter']:.1f} s",
        f"at most {reading['peak_gb']:.2f} GB of memory",
        "",
    )


def filled(text: str) -> str:
    """Return README.md with its tables made anew."""
    for mark, table in (("results", chapters()), ("timings", timings())):
        pattern = rf"(?s)(<!-- {mark} -->\n).*?(<!-- end of {mark} -->)"
        text, n = re.subn(pattern, lambda m, table=table: f"{m[1]}{table}\n{m[2]}", text)
        if n != 1:
            sys.exit(f"README.md must have one place for the {mark}, between two marks; it has {n}")
    return text


if __name__ == "__main__":
    readme = ROOT / "README.md"
    before = readme.read_text()
    after = filled(before)
    unknown = [argument for argument in sys.argv[1:] if argument != "--check"]
    if unknown:
        sys.exit(f"{unknown[0]!r} is no argument; there is --check alone")
    if "--check" in sys.argv and after != before:
        sys.exit("README.md is not what the recorded results say: run python tools/readme.py")
    readme.write_text(after)
