"""The exercises on real ratings, one a chapter: each finds something out about MovieLens.

That of chapter 10 finds something out about the recorded results.

What an answer says is measured again here, by other means than the chapter's solution.
"""

from functools import cache
from numbers import Integral

import numpy as np
from scipy.stats import hypergeom, spearmanr

from recsys_lib import data
from recsys_lib.data import Interactions, Split
from recsys_lib.evaluation import evaluate, new_item_candidates
from recsys_lib.evaluation.candidates import sample_candidates
from recsys_lib.evaluation.significance import bootstrap_interval, paired_test
from recsys_lib.evaluation.verdicts import compared
from recsys_lib.exercises.compare import show
from recsys_lib.exercises.finding import Finding, Wrong, movielens, movielens_split, numbers
from recsys_lib.metrics import METRICS, ranks_from_scores
from recsys_lib.models import (
    EASE,
    MLP,
    SVD,
    BinaryMF,
    Content,
    ItemKNN,
    Markov,
    Popularity,
    UserKNN,
    iALS,
)
from recsys_lib.results import recorded
from recsys_lib.top_k import top_k
from recsys_lib.validation import DataError

TOP = 10

# ------------------------------------------------------------------ 0: whom popularity serves


@cache
def _popular_lists() -> tuple:
    split = movielens_split()
    train, test = split.train, split.test
    users = np.arange(train.n_users)
    lists = Popularity().fit(train).recommend(users, TOP, exclude=train)[0]
    hidden = [test.item[test.user == user].tolist() for user in users]
    return lists.tolist(), hidden, train.user_counts


def _judge_served(result: object, lists: list, held_out: list, n_ratings: np.ndarray) -> str:
    found = numbers(result, (3,), "three hit ratios, those with the fewest ratings first")
    hits = np.array([bool(set(a) & set(b)) for a, b in zip(lists, held_out, strict=True)])
    order = np.argsort(n_ratings, kind="stable")
    right = np.array([hits[part].mean() for part in np.array_split(order, 3)])
    if np.allclose(found, right, atol=1e-6):
        few, _, many = right
        return (
            f"of the third with the fewest ratings popularity serves {few:.1%}, of the third with "
            f"the most {many:.1%}: who has seen most popular films gets the less popular ones"
        )
    if np.allclose(found, right[::-1], atol=1e-6):
        raise Wrong("the thirds are in the wrong order: those with the fewest ratings come first")
    if np.allclose(found, 100 * right, atol=1e-4):
        raise Wrong("you return percentages; wanted are numbers between 0 and 1")
    as_given = np.array([part.mean() for part in np.array_split(hits, 3)])
    if np.allclose(found, as_given, atol=1e-6):
        raise Wrong(
            "you split the people as they are numbered, not by their ratings: sort them first, "
            "with np.argsort"
        )
    if np.allclose(found, hits.mean(), atol=1e-6):
        raise Wrong("all three are the hit ratio of everybody: take the people of each third alone")
    raise Wrong(
        f"expected about {_listed(right)}, got {_listed(found)}. Is each number the mean of the "
        "hits of one third of the people?"
    )


START_4 = Finding("start-4", "served(lists, held_out, n_ratings)", _popular_lists, _judge_served)

# ------------------------------------------------------------------ 1: the largest core


def _judge_core(result: object, ratings: Interactions) -> str:
    if isinstance(result, bool) or not isinstance(result, Integral):
        raise Wrong(f"expected a whole number, got {show(result)}")
    k = int(result)
    left = _core(ratings, k)
    if left is None:
        raise Wrong(f"the {k}-core is empty: your k is too large")
    more = _core(ratings, k + 1)
    if more is not None:
        raise Wrong(
            f"the {k + 1}-core is not empty, it still has {len(more):,} ratings: your k is too "
            "small"
        )
    filled = len(left) / (left.n_users * left.n_items)
    return (
        f"the {k}-core has {left.n_users} people and {left.n_items} films, and {filled:.0%} of "
        f"its cells are filled. One film has {ratings.item_counts.max()} ratings and one person "
        f"{ratings.user_counts.max():,}, but there is no group in which all have {k + 1} within it"
    )


def _core(ratings: Interactions, k: int) -> Interactions | None:
    try:
        return data.k_core(ratings, k) if k > 0 else ratings
    except DataError:
        return None


DATA_6 = Finding("data-6", "largest_core(ratings)", lambda: (movielens(),), _judge_core)

# ------------------------------------------------------------------ 2: how many neighbors

NEIGHBORS_REACH = 0.04  # NDCG@10 on validation: the best few of the chapter's grid


def _judge_neighbors(result: object, split: Split) -> str:
    if not isinstance(result, dict):
        raise Wrong(f"expected a dict of hyperparameters, got {show(result)}")
    unknown = set(result) - {"n_neighbors", "shrinkage"}
    if unknown or not result:
        raise Wrong(
            "expected a dict with n_neighbors and shrinkage, the hyperparameters of UserKNN, got "
            f"the keys {sorted(map(str, result))}"
        )
    try:
        model = UserKNN(**result).fit(split.train)
    except (TypeError, ValueError) as error:
        raise Wrong(f"UserKNN does not take this setting: {error}") from None
    chosen, default = (
        evaluate(one, split, on="valid")["ndcg@10"] for one in (model, UserKNN().fit(split.train))
    )
    if chosen.mean() < NEIGHBORS_REACH:
        raise Wrong(
            f"NDCG@10 on validation is {chosen.mean():.4f}, the default has {default.mean():.4f}, "
            f"and {NEIGHBORS_REACH} can be reached. Try fewer neighbors than the default's 50, "
            'and more; each with and without shrinkage; and measure with on="valid": without it '
            "evaluate measures on the test set"
        )
    p = paired_test((chosen - default).to_numpy())
    return (
        f"NDCG@10 on validation is {chosen.mean():.4f}, that of the default {default.mean():.4f}. "
        f"Can {len(chosen)} users tell the two apart? The p-value of the difference is {p:.2f}: "
        f"{'yes' if p < 0.05 else 'no. It is the better bet, and no proof'}"
    )


COSINE_6 = Finding("cosine-6", "choose(split)", lambda: (movielens_split(),), _judge_neighbors)

# ------------------------------------------------------------------ 3: what two factors hold

KNOWN = 20  # ratings of a film, at least: with fewer its factors are noise


@cache
def _factors() -> tuple:
    train = movielens_split().train
    V = SVD(TOP).fit(train).item_factors_.astype(np.float64)
    known = train.item_counts >= KNOWN
    assert train.items is not None  # the packaged data has them
    return V[known], train.item_counts[known], train.items["year"].to_numpy(dtype=float)[known]


def _judge_factors(result: object, V: np.ndarray, counts: np.ndarray, year: np.ndarray) -> str:
    found = numbers(result, (2,), "two numbers of factors, counted from 0")
    likeness = [[spearmanr(v, one).statistic for v in V.T] for one in (counts, year)]
    best = [int(np.abs(one).argmax()) for one in likeness]
    for place, (mine, right, what) in enumerate(
        zip(found, best, ("popularity", "the year"), strict=True)
    ):
        if mine == right:
            continue
        if mine == right + 1:
            raise Wrong(f"for {what}: factors are counted from 0, as columns are")
        if mine not in range(TOP):
            raise Wrong(f"for {what}: expected a factor from 0 to {TOP - 1}, got {mine:g}")
        raise Wrong(
            f"for {what}: factor {mine:g} has a rank correlation of "
            f"{likeness[place][int(mine)]:.2f} with it; another one has more, up or down. Does "
            "your largest one count both signs, as np.abs does?"
        )
    train = movielens_split().train
    titles = train.titles(np.flatnonzero(train.item_counts >= KNOWN))
    order = np.argsort(V[:, best[1]])
    ends = [", ".join(titles[i] for i in order[end]) for end in (slice(3), slice(-3, None))]
    return (
        f"factor {best[0]} is popularity (rank correlation {likeness[0][best[0]]:.2f}), factor "
        f"{best[1]} the age of a film ({likeness[1][best[1]]:.2f}), though no year was in the "
        f"data. Its two ends: {ends[0]}; {ends[1]}"
    )


SVD_6 = Finding("svd-6", "two_factors(V, counts, year)", _factors, _judge_factors)

# ------------------------------------------------------------------ 4: the most loved films

LAMS = (0.0, 5.0, 25.0)


@cache
def _stars() -> tuple:
    train = movielens_split().train
    return train.item, train.rating.astype(np.float64), train.n_items, np.array(LAMS)


def _judge_loved(
    result: object, item: np.ndarray, rating: np.ndarray, n_items: int, lams: np.ndarray
) -> str:
    given = numbers(result, (len(lams), TOP), "ten film numbers for every lambda")
    found = given.astype(int)
    if (found != given).any():
        raise Wrong(
            f"film numbers are whole, and yours begin with {given[0, 0]:.3f}: return the numbers "
            "of the films, as np.argsort gives them, and not their biases"
        )
    counts = np.bincount(item, minlength=n_items)
    sums = np.bincount(item, weights=rating - rating.mean(), minlength=n_items)
    medians = []
    for row, lam in zip(found, lams, strict=True):
        if row.min() < 0 or row.max() >= n_items:
            raise Wrong(f"with lambda {lam:g}: film numbers go from 0 to {n_items - 1}")
        bias = np.where(counts > 0, sums / np.maximum(counts + lam, 1e-12), 0.0)
        order = np.lexsort((np.arange(n_items), -bias.round(9)))[:TOP]
        totals = np.bincount(item, weights=rating, minlength=n_items)
        if not np.array_equal(row, order) and not _rounded_apart(row, totals, counts, lam):
            why = _why_not_loved(row, order, bias, (sums, totals, counts), float(lam))
            raise Wrong(f"with lambda {lam:g}: {why}")
        medians.append(float(np.median(counts[row])))
    titles = movielens().titles(found[[0, -1], 0])
    return (
        f"the ten best rest on a median of {', '.join(f'{m:g}' for m in medians)} ratings with "
        f"lambda {', '.join(f'{lam:g}' for lam in lams)}. First is {titles[0]!r} without the "
        f"penalty, and {titles[1]!r} with the strongest: what few people love is noise first"
    )


def _rounded_apart(row: np.ndarray, totals: np.ndarray, counts: np.ndarray, lam: float) -> bool:
    """Whether the films come in this order by a right formula whose last digits break ties."""
    n, mean = np.maximum(counts, 1), totals.sum() / counts.sum()
    formulas = (
        (totals - counts * mean) / np.maximum(counts + lam, 1),
        counts / np.maximum(counts + lam, 1) * (totals / n - mean),
    )
    return any(np.array_equal(row, np.argsort(-b, kind="stable")[:TOP]) for b in formulas)


def _why_not_loved(
    row: np.ndarray,
    order: np.ndarray,
    bias: np.ndarray,
    of_films: tuple[np.ndarray, np.ndarray, np.ndarray],
    lam: float,
) -> str:
    """Say how the films of `row` were found, if it can be told, or where it leaves the order."""
    sums, totals, counts = of_films
    if np.array_equal(np.sort(row), np.sort(order)):
        return (
            "these are the ten, in another order: the highest bias first, and of equal ones the "
            "lower number"
        )
    if np.isin(row, np.lexsort((np.arange(len(bias)), bias.round(9)))[:TOP]).all():
        return "these are the ten with the lowest biases: sort the negated biases"
    if np.allclose(bias[row], bias[order], rtol=0, atol=1e-9):
        return (
            "the biases are right, but of films with equal ones the lower number comes first: "
            'np.argsort(-b.round(9), kind="stable")'
        )
    below = np.maximum(counts + lam, 1)
    ways = {
        "the penalty is not used, or it multiplies n: divide by n + lambda": sums
        / np.maximum(counts, 1),
        "you add up the ratings as they are: subtract the mean of all ratings from each first": (
            totals / below
        ),
        "you take the sums: divide them by n + lambda": sums,
        "these are the films with the most ratings": counts,
        "the mean is subtracted once for each film; subtract it from each rating": (
            (totals - (totals - sums).sum() / counts.sum()) / below
        ),
    }
    for why, key in ways.items():
        if np.allclose(np.sort(key[row]), np.sort(key)[-TOP:], rtol=0, atol=1e-9):
            return why
    place = int(np.argmax(row != order))
    one, other = int(row[place]), int(order[place])
    return (
        f"at place {place + 1} you have film {one}, with the bias {bias[one]:.3f} of {counts[one]} "
        f"ratings; there belongs film {other}, with {bias[other]:.3f} of {counts[other]}. The bias "
        "is the sum of rating minus the mean of all ratings, divided by n + lambda"
    )


MF_6 = Finding("mf-6", "most_loved(item, rating, n_items, lams)", _stars, _judge_loved)

# ------------------------------------------------------------------ 5: a forecast that pays

FILMS, SHOWN = 20, 400  # the most popular films; people whose ratings are shown


@cache
def _met() -> tuple[np.ndarray, np.ndarray]:
    ratings = movielens()
    films = np.argsort(-ratings.item_counts, kind="stable")[:FILMS]
    met = ratings.to_csr("ones").toarray()[:, films].astype(int)
    order = np.random.default_rng(0).permutation(ratings.n_users)
    return met[order], ratings.user_counts[order]


def _to_forecast() -> tuple:
    met, n = _met()
    return met[:SHOWN], n[:SHOWN], n[SHOWN:]


def _judge_forecast(result: object, met: np.ndarray, n: np.ndarray, n_new: np.ndarray) -> str:
    wanted = "a probability for each new person and film"
    found = numbers(result, (len(n_new), FILMS), wanted)
    if found.min() < 0 or found.max() > 1:
        raise Wrong(f"expected {wanted}, and yours go from {found.min():.2g} to {found.max():.2g}")
    truth = _met()[0][SHOWN:]
    if ((found == 0) & (truth == 1)).any() or ((found == 1) & (truth == 0)).any():
        raise Wrong(
            "you were sure, with a probability of 0 or 1, and wrong: the cross-entropy of that is "
            "infinite"
        )
    base = _entropy(np.broadcast_to(met.mean(axis=0), truth.shape), truth)
    mine = _entropy(found, truth)
    if mine > 0.95 * base:
        raise Wrong(
            f"your cross-entropy is {mine:.3f}; each film's share, the same for everybody, has "
            f"{base:.3f}, and {0.95 * base:.3f} can be reached. Who has rated more films has "
            "rated more of these: fit a weight for log(n), and a constant for each film"
        )
    return (
        f"your cross-entropy is {mine:.3f}, that of each film's share {base:.3f}. The number of "
        "a person's ratings alone tells this much of which films they have met"
    )


def _entropy(p: np.ndarray, truth: np.ndarray) -> float:
    p = np.clip(p, 1e-15, 1 - 1e-15)
    return float(-np.mean(np.where(truth == 1, np.log(p), np.log1p(-p))))


BCE_6 = Finding("bce-6", "forecast(met, n, n_new)", _to_forecast, _judge_forecast)

# ------------------------------------------------------------------ 6: without the item bias


@cache
def _binary() -> tuple:
    split = movielens_split()
    model = BinaryMF(32, regularization=0.01, epochs=25).fit(split.train)
    users, items = split.valid.user, split.valid.item
    scores = model.score(users).astype(np.float64)
    return scores, model.item_biases_.astype(np.float64), split.train, users, items


def _judge_without(
    result: object,
    scores: np.ndarray,
    bias: np.ndarray,
    train: Interactions,
    users: np.ndarray,
    items: np.ndarray,
) -> str:
    wanted = "two rows, with the biases and without, each the hit ratio and the popularity"
    found = numbers(result, (2, 2), wanted)
    right = np.array([_described(one, train, users, items) for one in (scores, scores - bias)])
    if np.allclose(found, right, rtol=1e-3, atol=1e-3):
        (hr, known), (hr_less, known_less) = right
        return (
            f"with the biases of the films HR@10 is {hr:.3f} and a film of the lists was met by "
            f"{known:.0f} people; without them {hr_less:.3f} and {known_less:.0f}. Most of what "
            "makes these lists popular is one number a film"
        )
    if np.allclose(found, right[::-1], rtol=1e-3, atol=1e-3):
        raise Wrong("the rows are in the wrong order: with the biases comes first")
    if np.allclose(found, right.T, rtol=1e-3, atol=1e-3):
        raise Wrong("rows and columns are exchanged: a row for each model")
    seen = np.array([_described(s, None, users, items) for s in (scores, scores - bias)])
    if np.allclose(found[:, 0], seen[:, 0], atol=1e-3):
        raise Wrong(
            "your lists hold films that the person has in the training set: exclude these first"
        )
    doubled = _described(scores + bias, train, users, items)
    if np.allclose(found[1], doubled, rtol=1e-3, atol=1e-3):
        raise Wrong("in the second row the biases are added once more; take them away")
    names = ("HR@10", "the popularity of the films in the lists")
    row, column = np.argwhere(~np.isclose(found, right, rtol=1e-3, atol=1e-3))[0]
    raise Wrong(
        f"row {row + 1}, {names[column]}: expected {right[row, column]:.4g}, got "
        f"{found[row, column]:.4g}"
    )


def _described(
    scores: np.ndarray, train: Interactions | None, users: np.ndarray, items: np.ndarray
) -> tuple[float, float]:
    lists, _ = top_k(scores, TOP, exclude=None if train is None else train.to_csr("ones")[users])
    counts = movielens_split().train.item_counts
    return float((lists == items[:, None]).any(axis=1).mean()), float(counts[lists].mean())


BMF_6 = Finding(
    "bmf-6", "with_and_without(scores, bias, train, users, items)", _binary, _judge_without
)

# ------------------------------------------------------------------ 7: what the kink is for

PEOPLE, CATALOG = 100, 500


@cache
def _tower() -> tuple:
    train = movielens_split().train
    model = MLP((64, 32, 16), learning_rate=0.01, batch_size=4096, epochs=4, seed=1).fit(train)
    arrays = {name: array.astype(np.float64) for name, array in model._weights().items()}
    popular = np.argsort(-train.item_counts, kind="stable")[:CATALOG]
    layers = [
        (arrays[f"tower.layers.{k}.weight"].T, arrays[f"tower.layers.{k}.bias"]) for k in (0, 2)
    ]
    return (
        arrays["tower.user_embedding.weight"][:PEOPLE],
        arrays["tower.item_embedding.weight"][popular],
        layers,
        arrays["output.weight"][0],
    )


def _judge_kink(result: object, P: np.ndarray, Q: np.ndarray, layers: list, h: np.ndarray) -> str:
    found = numbers(result, (2,), "two numbers of different lists, with ReLU and without")
    with_relu = _n_lists(P, Q, layers, h)
    if found[1] == 1 and abs(found[0] - with_relu) <= 1:
        return (
            f"{with_relu} different lists for {PEOPLE} people with the ReLUs, and one for "
            "everybody without them: all that is personal in this network goes through the kink"
        )
    if found[0] == 1:
        raise Wrong("the numbers are in the wrong order: with ReLU comes first")
    if found[1] == TOP:
        raise Wrong("you count the films of the lists; wanted is the number of different lists")
    if found[1] != 1:
        raise Wrong(
            f"without the ReLUs you have {found[1]:g} different lists. Are all of them gone, in "
            "each layer? And is a list ten film numbers, the best first?"
        )
    raise Wrong(
        f"with ReLU expected {with_relu} different lists of ten, got {found[0]:g}. "
        f"{_why_not_lists(int(found[0]), P, Q, layers, h)}"
    )


def _why_not_lists(found: int, P: np.ndarray, Q: np.ndarray, layers: list, h: np.ndarray) -> str:
    if found == len(P):
        return (
            "So each person has a list of their own. Does a list have ten films, and not all of "
            "them, the highest logit first? And does the person's embedding come first in z_1?"
        )
    without = [(W, 0 * b) for W, b in layers]
    ways = {
        "It looks as if the last layer has no ReLU; each layer of the list has one": _n_lists(
            P, Q, layers, h, kinks=len(layers) - 1
        ),
        "It looks as if the biases of the layers are left out": _n_lists(P, Q, without, h),
        "It looks as if you put the films of a list into a set, which forgets their order; the "
        "order counts": _n_lists(P, Q, layers, h, kind=frozenset),
    }
    for why, count in ways.items():
        if found == count:
            return why
    return "Two lists are the same only if they have the same films in the same order"


def _n_lists(
    P: np.ndarray,
    Q: np.ndarray,
    layers: list,
    h: np.ndarray,
    kinks: int | None = None,
    kind: type = tuple,
) -> int:
    """Count the different lists of ten, with ReLU after the first `kinks` layers (or after all)."""
    lists = set()
    for p in P:
        z = np.column_stack([np.tile(p, (len(Q), 1)), Q])
        for number, (W, b) in enumerate(layers):
            z = z @ W + b
            z = np.maximum(z, 0) if kinks is None or number < kinks else z
        lists.add(kind(np.argsort(-(z @ h).round(9), kind="stable")[:TOP].tolist()))
    return len(lists)


MLP_6 = Finding("mlp-6", "different_lists(P, Q, layers, h)", _tower, _judge_kink)

# ------------------------------------------------------------------ 8: models of one kind together


@cache
def _alike() -> tuple:
    split = movielens_split()
    held_out = sample_candidates(split, 99, on="valid", seed=0)
    items = np.column_stack([held_out.positives, held_out.negatives])
    models = [
        BinaryMF(32, regularization=0.01, epochs=15, seed=seed).fit(split.train)
        for seed in range(4)
    ]
    return (np.array([model.score_items(held_out.users, items) for model in models], dtype=float),)


def _judge_together(result: object, scores: np.ndarray) -> str:
    found = numbers(result, (len(scores),), "four NDCGs, of one model, of two, of three, of four")
    right = np.array([_ndcg(scores[: m + 1].mean(axis=0)) for m in range(len(scores))])
    if np.allclose(found, right, atol=1e-5):
        single = [_ndcg(one) for one in scores]
        return (
            f"alone the four have {_listed(np.array(single))}; the means of the first one, two, "
            f"three and four {_listed(right)}. Whoever shows a combination of two models should "
            "have shown that of two alike"
        )
    if np.allclose(found, [_ndcg(one) for one in scores], atol=1e-5):
        raise Wrong("these are the four models alone; wanted are the means of the first m")
    if np.allclose(found, [np.mean([_ndcg(one) for one in scores[: m + 1]]) for m in range(4)]):
        raise Wrong("you average the NDCGs; average the scores, and rank by them")
    first = int(np.argmax(~np.isclose(found, right, atol=1e-5)))
    raise Wrong(f"for {first + 1} models: expected {right[first]:.4f}, got {found[first]:.4f}")


def _ndcg(scores: np.ndarray) -> float:
    held_out = np.zeros((len(scores), 1), dtype=np.int32)  # the first film of each list
    return float(METRICS["ndcg"](ranks_from_scores(scores, held_out), TOP).mean())


NEUMF_6 = Finding("neumf-6", "together(scores)", _alike, _judge_together)

# ------------------------------------------------------------------ 9: an order that turns round


@cache
def _places() -> tuple:
    split = movielens_split()
    train, valid = split.train, split.valid
    models = {
        "Popularity": Popularity(),
        "UserKNN, 20 neighbors": UserKNN(n_neighbors=20),
        "UserKNN, 200 neighbors": UserKNN(n_neighbors=200),
        "ItemKNN": ItemKNN(),
        "SVD": SVD(TOP),
    }
    met = train.to_csr("ones").toarray()[valid.user] > 0
    places = {}
    for name, model in models.items():
        scores = model.fit(train).score(valid.user).astype(np.float64)
        scores[met] = -np.inf
        mine = scores[np.arange(len(valid)), valid.item][:, None]
        tied = (scores == mine).sum(axis=1) - 1
        places[name] = (1 + (scores > mine).sum(axis=1) + tied / 2).round().astype(int)
    return places, train.n_items


def _judge_turned(result: object, places: dict, n: int) -> str:
    if not isinstance(result, tuple | list) or len(result) != 3:
        raise Wrong(f"expected two names and the number m, got {show(result)}")
    one, other, m = result
    for name in (one, other):
        if name not in places:
            raise Wrong(f"the names are {', '.join(map(repr, places))}; got {show(name)}")
    if isinstance(m, bool) or not isinstance(m, Integral) or not 1 <= int(m) < n:
        raise Wrong(f"m must be a whole number from 1 to {n - 1}, got {show(m)}")
    full = {name: float((places[name] <= TOP).mean()) for name in (one, other)}
    few = {name: _expected_hits(places[name], n, int(m)) for name in (one, other)}
    said = (
        f"among all films HR@10 is {full[one]:.3f} for {one} and {full[other]:.3f} for {other}; "
        f"among {m} sampled ones it is {few[one]:.3f} and {few[other]:.3f}"
    )
    if not (full[one] > full[other] and few[one] < few[other]):
        raise Wrong(
            f"{said}. Wanted is a pair of which the first is ahead among all, and behind among m"
        )
    return f"{said}. The order of the two turns round, in expectation and not by chance"


def _expected_hits(places: np.ndarray, n: int, m: int) -> float:
    return float(hypergeom.cdf(TOP - 1, n - 1, places - 1, m).mean())


EVAL_6 = Finding("eval-6", "turned_round(places, n)", _places, _judge_turned)

# ------------------------------------------------------------------ 10: the winner's curse

WAYS = ((1, 2), (2, 1))  # chosen by one seed, looked at by the other; seed 0 made the shortlist
DOT_PRODUCTS = ("iALS", "BPR", "BinaryMF")
ROUNDED = 6e-5  # as far as four decimals may be off, and a little


@cache
def _thrice() -> tuple[dict[str, np.ndarray]]:
    """Return NDCG@10 on validation for each model: a row for each setting, a column for a seed."""
    tables = {}
    for name, one in recorded("search")["found"]["models"].items():
        trials = [trial["ndcg@10"] for trial in one["trials"]]
        rows = [row for row in trials if len(row) > 1 and None not in row]
        if rows:
            tables[name] = np.array(rows, dtype=np.float64)
    return (tables,)


def _lost(table: np.ndarray, one: int, other: int) -> float:
    winner = int(table[:, one].argmax())
    return float(table[winner, one] - table[winner, other])


def _same_winner(table: np.ndarray) -> bool:
    return len({int(table[:, seed].argmax()) for seed in WAYS[0]}) == 1


def _judge_winners(result: object, tables: dict[str, np.ndarray]) -> str:
    found = numbers(result, (len(tables), 2), "a row of two numbers for each model")
    all_tables = list(tables.values())
    lost = np.array([np.mean([_lost(t, *way) for way in WAYS]) for t in all_tables])
    kept = np.array([_same_winner(t) for t in all_tables])
    right = np.column_stack([lost, kept])
    if not np.allclose(found, right, rtol=0, atol=ROUNDED):
        raise Wrong(_why_not_winners(found, right, tables))
    dots = np.isin(list(tables), DOT_PRODUCTS)
    told = []
    for which, who in ((dots, ", ".join(DOT_PRODUCTS)), (~dots, "the networks")):
        lead, apart = _lead_and_spread([all_tables[place] for place in np.flatnonzero(which)])
        told.append(
            f"{kept[which].sum()} of {which.sum()} among {who}, where in the median a winner leads "
            f"the second by {lead:.4f} and two seeds of one setting differ by {apart:.4f}"
        )
    return (
        f"both seeds have the same winner in {kept.sum()} of {len(tables)} models: "
        f"{'; '.join(told)}. A lead that is smaller than what another seed changes may be "
        "luck, and need not come again: over the networks a winner loses "
        f"{lost[~dots].mean():.4f} in the mean and {np.median(lost[~dots]):.4f} in the median. "
        "Over the two ways it cannot gain. "
        "Both seeds have the same users, so luck with these is not in these numbers"
    )


def _lead_and_spread(tables: list[np.ndarray]) -> tuple[float, float]:
    """Return two medians: the lead of the winner over the second, and between two seeds."""
    leads = [np.diff(np.sort(t[:, seed])[-2:])[0] for t in tables for seed in WAYS[0]]
    apart = np.concatenate([np.abs(t[:, 1] - t[:, 2]) for t in tables])
    return float(np.median(leads)), float(np.median(apart))


def _why_not_winners(found: np.ndarray, right: np.ndarray, tables: dict[str, np.ndarray]) -> str:
    """Say how other numbers may have come about, or which one is wrong."""
    if np.allclose(found, right[:, ::-1], rtol=0, atol=ROUNDED):
        return "the two numbers of a row are in the wrong order: what the winner loses comes first"
    if np.allclose(found, right * [100, 1], rtol=0, atol=100 * ROUNDED):
        return "you return percentages; what is lost is a difference of two NDCGs"
    for column, ways in enumerate((_other_losses(tables), _other_counts(tables))):
        if np.allclose(found[:, column], right[:, column], rtol=0, atol=ROUNDED):
            continue
        for why, one in ways.items():
            if np.allclose(found[:, column], one, rtol=0, atol=ROUNDED):
                return why
        row = int(np.argmax(~np.isclose(found[:, column], right[:, column], rtol=0, atol=ROUNDED)))
        what = ("what the winner loses", "the same winner")[column]
        return (
            f"{list(tables)[row]}, {what}: expected {right[row, column]:.4g}, got "
            f"{found[row, column]:.4g}. Choose by one of the seeds 1 and 2, the last two columns, "
            "and look at the same setting by the other; then the other way round"
        )
    raise AssertionError  # one of the two columns is wrong


def _other_losses(tables: dict[str, np.ndarray]) -> dict[str, list[float]]:
    """Return for each usual mistake what the winners would lose."""
    all_tables = list(tables.values())
    one, other = ([_lost(t, *way) for t in all_tables] for way in WAYS)
    both = [sum(pair) for pair in zip(one, other, strict=True)]
    return {
        "you subtract the wrong way round: what a winner loses is its NDCG by the seed that chose "
        "it minus that by the other seed": [-x / 2 for x in both],
        "you add up what is lost in the two ways; wanted is the mean": both,
        "you choose by seed 1 only; then choose by seed 2 as well, and take the mean": one,
        "you choose by seed 2 only; choose by seed 1 as well, and take the mean": other,
        "you use seeds 0 and 1; seed 0 decided which settings are in the table, so it has to stay "
        "out": [(_lost(t, 0, 1) + _lost(t, 1, 0)) / 2 for t in all_tables],
        "you choose by seed 0; it decided which settings are in the table, so it has to stay out": [
            (_lost(t, 0, 1) + _lost(t, 0, 2)) / 2 for t in all_tables
        ],
        "nothing is lost in any of your models. Each way has a winner of its own, the best by one "
        "seed alone (in a mean over seeds, or in the best of each column, the other seed has a "
        "part); what it loses is its own value by this seed minus its own by the other": [0.0]
        * len(all_tables),
        "you choose the lowest NDCG; the highest is the best": [
            -sum(_lost(-t, *way) for way in WAYS) / 2 for t in all_tables
        ],
    }


def _other_counts(tables: dict[str, np.ndarray]) -> dict[str, list[float]]:
    """Return for each usual mistake what would stand for the same winner."""
    all_tables = list(tables.values())
    same = [_same_winner(t) for t in all_tables]
    return {
        "your second number is 1 where the winners differ; it is 1 where they are the same": [
            not one for one in same
        ],
        "you count the two ways; if the winner of seed 1 is first by seed 2, that of seed 2 is "
        "first by seed 1, so wanted is 1 or 0": [2 * one for one in same],
        "you ask whether the winner's NDCG is no lower by the other seed; wanted is whether the "
        "same setting is the highest there": [
            any(_lost(t, *way) <= 0 for way in WAYS) for t in all_tables
        ],
    }


TRUST_4 = Finding("trust-4", "winners_curse(tables)", _thrice, _judge_winners)

# ------------------------------------------------------------------ 11: EASE has one number

EASE_REACH = 0.0545  # NDCG@10 on validation: what lies around the best


@cache
def _core_split() -> tuple:
    return (data.leave_last_out(data.k_core(movielens(), 20), n_test=2, n_valid=1),)


def _judge_ease(result: object, split: Split) -> str:
    lam = float(numbers(result, (), "one number"))
    if lam <= 0:
        raise Wrong(f"lambda must be above 0, got {lam:g}")
    mine, default = (
        evaluate(model.fit(split.train), split, on="valid")["ndcg@10"].mean()
        for model in (EASE(lam), EASE())
    )
    said = f"with lambda {lam:g} NDCG@10 on validation is {mine:.4f}"
    if mine < EASE_REACH:
        raise Wrong(
            f"{said}, and {EASE_REACH} can be reached. Try numbers that each are about three "
            "times the one before, from 1 to 10,000"
        )
    return (
        f"{said}, that of the default {default:.4f}. One number was to be chosen, and a dozen "
        "trials see all there is to see of it"
    )


SIMPLE_6 = Finding("simple-6", "choose(split)", _core_split, _judge_ease)

# ------------------------------------------------------------------ 12: when words are passed

EVENTS = (0, 2, 4, 8, 16, 32, 48)  # of a new film that are known


@cache
def _growing() -> tuple:
    ratings = data.min_counts(movielens(), user=1, item=5)
    ratings = ratings.with_features(items=data.item_features(ratings))
    folds = [
        {n: data.split_new_items(ratings, n, fold, test_after=EVENTS[-1]) for n in EVENTS}
        for fold in range(2)
    ]
    return (folds,)


@cache
def _reached() -> dict[str, list[np.ndarray]]:
    """Return NDCG@10 of words and of SVD: for each fold a row for each n, a column a user."""
    (folds,) = _growing()
    models = {"words": Content(), "SVD": SVD(TOP)}
    found: dict[str, list[np.ndarray]] = {name: [] for name in models}
    for splits in folds:
        among = new_item_candidates(splits[0])
        for name, model in models.items():
            tables = [
                evaluate(model.fit(one.train), one, candidates=among) for one in splits.values()
            ]
            found[name].append(np.array([one["ndcg@10"] for one in tables]))
    return found


def _judge_crossing(result: object, folds: list) -> str:
    found = numbers(result, (2,), "two numbers of events, one for each fold").tolist()
    words, events = (
        np.array([rows.mean(axis=1) for rows in _reached()[name]]) for name in ("words", "SVD")
    )
    ahead = events > words
    from_here_on = np.logical_and.accumulate(ahead[:, ::-1], axis=1)[:, ::-1]
    places = from_here_on.argmax(axis=1).tolist()
    right = [EVENTS[place] for place in places]
    if found == right:
        p = [
            paired_test(of_svd[place] - of_words[place])
            for of_words, of_svd, place in zip(*_reached().values(), places, strict=True)
        ]
        return (
            f"SVD is ahead of the words from {right[0]} events on in one fifth of the films, and "
            f"from {right[1]} on in another. The p-values of these leads are {p[0]:.2f} and "
            f"{p[1]:.2f}: {'they are no chance' if max(p) < 0.05 else 'they may be chance'}. So "
            "how long words help cannot be said from one fold, nor for a model that reads them "
            "worse or better"
        )
    if found == places:
        raise Wrong("you return places in the list of the numbers; wanted are the numbers there")
    if bad := [n for n in found if n not in EVENTS]:
        raise Wrong(f"the numbers must be among {', '.join(map(str, EVENTS))}, got {bad[0]:g}")
    if found == right[::-1]:
        raise Wrong("the two folds are in the wrong order")
    if found == [EVENTS[place] for place in (~ahead).argmax(axis=1)]:
        raise Wrong("you return where the words are ahead; wanted is from where on SVD is")
    if found == [EVENTS[place - 1] for place in places]:
        raise Wrong(
            "you return the last number at which the words are ahead; wanted is the next one"
        )
    fold = next(f for f in range(len(right)) if found[f] != right[f])
    by_events = ", ".join(
        f"{n}: {a:.3f} and {b:.3f}"
        for n, a, b in zip(EVENTS, words[fold], events[fold], strict=True)
    )
    raise Wrong(
        f"fold {fold}: got {found[fold]:g}. NDCG@10 of words and of SVD by the number of events is "
        f"{by_events}. Wanted is the smallest number from which on SVD is ahead. If you have other "
        "numbers, are your candidates those of splits[0]?"
    )


NEW_6 = Finding("new-6", "crossing(folds)", _growing, _judge_crossing)


# ------------------------------------------------------------------ 13: how many candidates

CANDIDATES = (10, 20, 50, 100, 200, 500, 1000)
ENOUGH = 0.96  # of the NDCG@10 that the second stage has by itself


@cache
def _two_stages() -> tuple:
    split = data.leave_last_out(data.min_counts(movielens(), user=1, item=5), n_test=2, n_valid=1)
    train, users = split.train, np.arange(split.train.n_users)
    learned = iALS(
        32, unobserved_weight=1.0, regularization=1.0, frequency_power=1.0, epochs=8
    ).fit(train)
    stages = [
        model.recommend(users, max(CANDIDATES), exclude=train)[0]
        for model in (Popularity().fit(train), learned)
    ]
    scores = EASE(300.0).fit(train).score(users).astype(np.float64)
    held = np.full(train.n_users, -1)
    held[split.valid.user] = split.valid.item
    has = held >= 0  # a validation item; the others cannot be judged
    return [stage[has] for stage in stages], scores[has], held[has]


def _after(stage: np.ndarray, scores: np.ndarray, held: np.ndarray, n: int) -> float:
    """NDCG@10 of the best n of a first stage, put in order by the scores of a second one."""
    few = stage[:, :n]
    found = (few == held[:, None]) & (few >= 0)
    own = scores[np.arange(len(held)), held]
    rated = np.take_along_axis(scores, np.maximum(few, 0), axis=1)
    rank = ((rated > own[:, None]) & (few >= 0)).sum(axis=1)
    return float(np.where(found.any(axis=1) & (rank < TOP), 1 / np.log2(rank + 2.0), 0.0).mean())


def _judge_enough(result: object, stages: list, scores: np.ndarray, held: np.ndarray) -> str:
    found = numbers(result, (2,), "two numbers of candidates, one for each first stage").tolist()
    reached = [[_after(stage, scores, held, n) for n in CANDIDATES] for stage in stages]
    best = reached[1][-1]  # all that can be reached: 1,000 candidates of a good first stage
    right = [
        next((n for n, x in zip(CANDIDATES, row, strict=True) if x >= ENOUGH * best), None)
        for row in reached
    ]
    if found == right:
        return (
            f"after popularity {right[0]:,} candidates are enough, after iALS {right[1]}, of "
            f"{scores.shape[1]:,} films. The better the first stage, the less is left to do for "
            "the second: it looks at one film in "
            f"{scores.shape[1] / right[0]:.0f}, or in {scores.shape[1] / right[1]:.0f}"
        )
    places = [CANDIDATES.index(n) for n in right]
    if found == places:
        raise Wrong("you return places in the list of the numbers; wanted are the numbers there")
    if bad := [n for n in found if n not in CANDIDATES]:
        raise Wrong(f"the numbers must be among {', '.join(map(str, CANDIDATES))}, got {bad[0]:g}")
    if found == right[::-1]:
        raise Wrong("the two are in the wrong order: the first stage of the list comes first")
    if found == [CANDIDATES[place - 1] for place in places]:
        raise Wrong(
            "you return the largest number that is not enough yet; wanted is the next one, the "
            "smallest that is"
        )
    place = next(i for i in range(2) if found[i] != right[i])
    told = ", ".join(f"{n}: {x:.4f}" for n, x in zip(CANDIDATES, reached[place], strict=True))
    raise Wrong(
        f"first stage {place}: got {found[place]:g}. NDCG@10 after the second stage, by the number "
        f"of candidates: {told}. Wanted is the smallest number with at least {ENOUGH:.0%} of "
        f"{best:.4f}. If you have other numbers: a held-out film that is no candidate counts 0, "
        "and its rank is counted among the candidates alone, from 0: it does not count itself"
    )


SCALE_5 = Finding("scale-5", "enough(stages, scores, held_out)", _two_stages, _judge_enough)


# ------------------------------------------------------------------ 14: what the order is worth

MEMORIES = (1, 5, 20)  # lengths of the chain
CLOSE = 0.003  # by so much the ends of two intervals of the same users may differ


@cache
def _chains() -> dict[str, np.ndarray]:
    """Return NDCG@10 with true and with shuffled times: a row for each length, a column a user."""
    split = movielens_split()
    times = {"true": split.train, "shuffled": data.shuffled_times(split.train)}
    return {
        name: np.array(
            [
                evaluate(Markov(n, decay=1.0).fit(train), split, on="valid")["ndcg@10"]
                for n in MEMORIES
            ]
        )
        for name, train in times.items()
    }


def _judge_order(result: object, split: Split) -> str:
    wanted = "two lengths, with true times and with shuffled ones, and the two ends of the interval"
    found = numbers(result, (4,), wanted)
    true, shuffled = _chains().values()
    best = [int(rows.mean(axis=1).argmax()) for rows in (true, shuffled)]
    _check_lengths(found[:2].tolist(), best, [true.mean(axis=1), shuffled.mean(axis=1)])
    gain = true[best[0]] - shuffled[best[1]]
    right = np.array(bootstrap_interval(gain))
    if not np.allclose(found[2:], right, rtol=0, atol=CLOSE):
        raise Wrong(_why_not_interval(found[2:], right, best))
    means = [true[best[0]].mean(), shuffled[best[1]].mean()]
    seen = compared({"difference": means[0] - means[1], "low": right[0], "high": right[1]})
    return (
        f"with true times validation chooses a memory of {MEMORIES[best[0]]} events, NDCG@10 "
        f"{means[0]:.3f}; with shuffled ones the longest there is, {MEMORIES[best[1]]}, "
        f"{means[1]:.3f}. The chain with true times is {seen.word} the other by {seen.text}. "
        "Without the order a chain is a model of neighbors, and more events tell it more; with the "
        f"order, {MEMORIES[-1]} events that count alike give away "
        f"{means[0] - true[-1].mean():.3f} of it. Whether this order is taste, or the order in "
        "which MovieLens showed its films, no shuffling tells"
    )


def _check_lengths(found: list[float], best: list[int], means: list[np.ndarray]) -> None:
    right = [MEMORIES[place] for place in best]
    if found == right:
        return
    if found == best:
        raise Wrong("you return places in the list of the lengths; wanted are the lengths there")
    if bad := [n for n in found if n not in MEMORIES]:
        raise Wrong(f"the lengths must be among {', '.join(map(str, MEMORIES))}, got {bad[0]:g}")
    if found == right[::-1]:
        raise Wrong("the two lengths are in the wrong order: that with the true times comes first")
    if found == [right[0]] * 2:
        raise Wrong(
            f"with shuffled times you keep the length that is best with true ones, {right[0]}; a "
            "fair control is tuned as well, so choose its length by its own NDCG@10"
        )
    place = next(i for i in range(2) if found[i] != right[i])
    told = ", ".join(f"{n}: {x:.4f}" for n, x in zip(MEMORIES, means[place], strict=True))
    raise Wrong(
        f"with {('true', 'shuffled')[place]} times: got length {found[place]:g}. NDCG@10 on "
        f"validation by length is {told}; the best is the highest. If you have other numbers: is "
        "the decay 1, and are the times shuffled in split.train alone, with seed 0?"
    )


def _why_not_interval(found: np.ndarray, right: np.ndarray, best: list[int]) -> str:
    true, shuffled = _chains().values()
    gain = true[best[0]] - shuffled[best[1]]
    alone = [np.array(bootstrap_interval(one)) for one in (true[best[0]], shuffled[best[1]])]
    told = {
        "the two ends are in the wrong order: the lower one comes first": right[::-1],
        "you subtract the true from the shuffled; what the order is worth is true minus "
        "shuffled": -right[::-1],
        "this is the interval of the chain with true times; wanted is that of the "
        "difference": alone[0],
        "this is the interval of the chain with shuffled times; wanted is that of the "
        "difference": alone[1],
        "you subtract one interval from the other; both chains have the same users, so subtract "
        "for each user, and resample these differences": alone[0] - alone[1][::-1],
        "you subtract the ends of one interval from those of the other; subtract for each user, "
        "and resample these differences": alone[0] - alone[1],
        "you return percentages; NDCG@10 is a number between 0 and 1": 100 * right,
        "this is where the differences of single users lie; wanted is where their mean lies: draw "
        "as many users again, with replacement, take the mean, and repeat": np.quantile(
            gain, [0.025, 0.975]
        ),
        f"both chains have the length {MEMORIES[best[0]]} in your difference; compare each at its "
        "own best length": np.array(bootstrap_interval(true[best[0]] - shuffled[best[0]])),
        f"both chains have the length {MEMORIES[best[1]]} in your difference; compare each at its "
        "own best length": np.array(bootstrap_interval(true[best[1]] - shuffled[best[1]])),
    }
    near = {why: float(np.abs(found - one).max()) for why, one in told.items()}
    why = min(near, key=lambda one: near[one])
    if near[why] <= CLOSE * (100 if "percentages" in why else 1):
        return why
    return (
        f"the lengths are right; the interval is about {right[0]:.3f} to {right[1]:.3f}, got "
        f"{found[0]:.3f} to {found[1]:.3f}. Subtract for each user, and give the differences to "
        "bootstrap_interval"
    )


ORDER_6 = Finding("order-6", "order_worth(split)", lambda: (movielens_split(),), _judge_order)


def _listed(values: np.ndarray) -> str:
    return ", ".join(f"{value:.3f}" for value in values)


FINDINGS = (
    START_4,
    DATA_6,
    COSINE_6,
    SVD_6,
    MF_6,
    BCE_6,
    BMF_6,
    MLP_6,
    NEUMF_6,
    EVAL_6,
    TRUST_4,
    SIMPLE_6,
    NEW_6,
    SCALE_5,
    ORDER_6,
)
