"""Fill the tables of README.md from what is recorded: `make record` and `make bench` call it.

``python tools/readme.py`` writes, ``python tools/readme.py --check`` only says whether it would.
"""

import json
import re
import sys
from pathlib import Path
from typing import Any

import nbformat

from student import glued_numbers

ROOT = Path(__file__).resolve().parent.parent


def numbers(chapter: str) -> dict[str, Any]:
    """Return what a chapter hands to its text, by name: numbers, and comparisons as text."""
    notebook = nbformat.read(ROOT / "notebooks" / f"{chapter}.ipynb", as_version=4)
    return {name: _value(text) for name, text in glued_numbers(notebook).items()}


def _value(text: str) -> float | str:
    try:
        return float(text)
    except ValueError:
        return text


def chapters() -> str:
    """Return the chapter table, one headline result each."""
    start, data, cosine, svd, mf, bce, bmf, mlp, neumf, evaluation, trust = map(
        numbers,
        [
            "00_start_here",
            "01_data",
            "02_cosine",
            "03_svd",
            "04_mf",
            "05_bce",
            "06_bmf",
            "07_mlp",
            "08_neumf",
            "09_evaluation",
            "10_trust",
        ],
    )
    rows = [
        (
            "[Start here](notebooks/00_start_here.ipynb)",
            "a first recommendation",
            f"HR@10 on MovieLens, one hidden film each: chance {start['hr_Random']:.3f}, "
            f"popularity {start['hr_Popularity']:.3f}, similar films {start['hr_ItemKNN']:.3f}",
        ),
        (
            "[1 The data](notebooks/01_data.ipynb)",
            "filters, splits, candidates",
            f"the paper's filter for at least 20 interactions leaves {data['p_below']:,.0f} of "
            f"{data['p_users']:,.0f} users with fewer; knowing half a year of the "
            f"future is worth "
            f"{data['p_gain']:+.3f} in HR@10, between {data['p_gain_low']:.3f} and "
            f"{data['p_gain_high']:.3f}",
        ),
        (
            "[2 Cosine](notebooks/02_cosine.ipynb)",
            "nearest neighbors",
            f"HR@10, popularity against similar users: MovieLens {cosine['hr_Popularity']:.3f} and "
            f"{cosine['hr_UserKNN']:.3f}, the paper's data {cosine['a_pop']:.3f} and "
            f"{cosine['a_user']:.3f} (popularity of the year before: {data['p_before']:.3f})",
        ),
        (
            "[3 SVD](notebooks/03_svd.ipynb)",
            "truncated singular value decomposition",
            f"RMSE on MovieLens (validation), empty cells filled with zeros "
            f"{svd['fill_zero']:.3f}, with biases {svd['fill_bias']:.3f}, biases without any SVD "
            f"{svd['bias_alone']:.3f}; "
            f"HR@10 on the paper's data, SVD minus popularity: {svd['a_popularity']}",
        ),
        (
            "[4 Matrix factorization](notebooks/04_mf.ipynb)",
            "stochastic gradient descent, derived; ALS",
            f"RMSE, MF minus biases: MovieLens {mf['t_mf_text']}, the paper's data "
            f"{mf['a_mf_text']}",
        ),
        (
            "[5 Binary cross-entropy](notebooks/05_bce.ipynb)",
            "its derivation, its traps, negatives",
            f"calibration on unseen ratings of the most popular films: fitted to all zeros, says "
            f"{bce['says_all']:.3f}, and {bce['happens_all']:.3f} happens; to one zero in twenty, "
            f"says {bce['says_raw']:.3f}",
        ),
        (
            "[6 Binary matrix factorization](notebooks/06_bmf.ipynb)",
            "logistic factors and sampled negatives",
            f"HR@10 on the paper's data: positives alone, as the paper trains, "
            f"{bmf['p_hr50']:.3f}, popularity {bmf['p_pop']:.3f}, with negatives and tuned "
            f"{bmf['b_hr']:.3f} (95% interval {bmf['b_hr_low']:.3f} to {bmf['b_hr_high']:.3f})",
        ),
        (
            "[7 Multi-layer perceptron](notebooks/07_mlp.ipynb)",
            "embeddings, backpropagation, AdamW",
            f"HR@10 on the paper's data: {mlp['a_hr']:.3f}; NDCG@10, MLP minus BinaryMF "
            f"{mlp['a_bmf']}",
        ),
        (
            "[8 Neural matrix factorization](notebooks/08_neumf.ipynb)",
            "product and network, side by side",
            f"HR@10 on the paper's data: from scratch {neumf['n_hr']:.3f}, from trained halves "
            f"{neumf['p_hr']:.3f}; NDCG@10 of the latter minus BinaryMF {neumf['pb']}",
        ),
        (
            "[9 Evaluation](notebooks/09_evaluation.ipynb)",
            "metrics, sampled candidates, intervals, many tests, leaks",
            f"NDCG@10 on the paper's data, similar users minus MLP, as a share of their mean: "
            f"{evaluation['c_sampled']:+.3f} among 99 sampled products, "
            f"{evaluation['c_full']:+.3f} among all: change {evaluation['c_change']}",
        ),
        (
            "[10 Can we trust table 1?](notebooks/10_trust.ipynb)",
            "the paper's run repeated, mended, and compared fairly",
            f"HR@10 counted as in the paper: popularity {trust['pop_hr']:.3f}, above all three of "
            f"its rows; the MLP of the table, whose losses are those of plain gradient descent, "
            f"ten seeds: {trust['mlp_min']:.3f} to {trust['mlp_max']:.3f}; BinaryMF minus NeuMF, "
            f"as searched here: {trust['bn_hr']}",
        ),
    ]
    lines = ["| chapter | method | headline result |", "|---|---|---|"]
    return "\n".join(lines + [f"| {' | '.join(row)} |" for row in rows])


def timings() -> str:
    """Return the table of timings."""
    run = json.loads((ROOT / "results" / "benchmarks.json").read_text())
    found, versions = run["found"], run["versions"]
    ranking, metrics, reading = (
        found["ranking"]["ranking"],
        found["ranking"]["metrics"],
        found["reading"],
    )
    learning = found["factorization"]
    epoch = {size: one["nanoseconds"] for size, one in learning["descent"].items()}
    sweep = learning["als"]
    rows = [
        *(
            (
                f"an epoch of SGD with biases, {factors} factors, 900,000 ratings in random order",
                f"{epoch[f'1m_{factors}']['recsys_lib']:.0f} ns a rating",
                f"{name}: {epoch[f'1m_{factors}'][peer]:.0f} ns",
                f"{epoch[f'1m_{factors}'][peer] / epoch[f'1m_{factors}']['recsys_lib']:.1f}×",
            )
            for factors in (16, 100)
            for peer, name in (
                ("surprise", f"Surprise {versions['scikit-surprise']}"),
                ("surprise_sorted", "the same, on sorted ratings"),
                ("cornac", f"cornac {versions['cornac']}"),
            )
        ),
        *(
            (
                f"a sweep of ALS, {factors} factors, the same ratings",
                f"{sweep[f'1m_{factors}']['recsys_lib']:.2f} s",
                f"implicit {versions['implicit']}, which solves another problem of this size: "
                f"{sweep[f'1m_{factors}']['implicit']:.2f} s",
                f"{sweep[f'1m_{factors}']['implicit_by_fit']:.1f}×",
            )
            for factors in (16, 100)
        ),
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
        (
            f"{reading['rows'] / 1e6:.1f} million ratings of {reading['users'] / 1e6:.2f} million "
            "users: read and numbered; then filtered",
            f"{reading['read']:.1f} s; {reading['filter']:.1f} s",
            f"at most {reading['peak_gb']:.2f} GB of memory",
            "",
        ),
    ]
    lines = ["| task | recsys_lib | beside it | faster by |", "|---|--:|---|--:|"]
    return "\n".join(lines + [f"| {' | '.join(row)} |" for row in rows])


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
