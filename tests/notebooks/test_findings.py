"""Exercises that find something out: the solution finds it, and what is wrong is said."""

import numpy as np
import pytest

from recsys_lib.evaluation.significance import bootstrap_interval
from recsys_lib.exercises import FINDINGS, check, core, finding, real
from recsys_lib.exercises.finding import Finding, Wrong
from recsys_lib.results import recorded

from chapters import CHAPTERS, checked_function, exercises, solutions

FOUND = {name: path for path in CHAPTERS for name in exercises(path)}
each = pytest.mark.parametrize("name", sorted(FINDINGS))


def solution(name):
    path = FOUND[name]
    return solutions(path)[checked_function(path, name)]


@each
def test_the_solution_of_the_chapter_finds_it(name):
    verdict = check(name, solution(name))
    assert verdict, verdict
    assert len(verdict.message) > 60  # it says what that means


@each
def test_failures_are_told_apart(name):
    given = FINDINGS[name].given()

    def stub(*arguments):
        raise NotImplementedError

    def nothing(*arguments):
        pass

    def breaks(*arguments):
        return arguments[0].no_such_thing

    assert check(name, stub) == core.Verdict(name, False, "not done yet")
    assert "None. Is the `return` missing?" in check(name, nothing).message
    assert "AttributeError" in check(name, breaks).message
    assert "give check the function itself" in check(name, 3.0).message
    assert f"so it must take {len(given)} arguments" in check(name, lambda *, a: 0).message
    assert not check(name, lambda *arguments: "fortytwo")
    assert not check(name, lambda *arguments: [[1.0, np.nan]])


def test_what_is_given_cannot_be_changed_and_what_is_said_is_kept_out(capsys):
    def changes(lists, held_out, n_ratings):
        print("I was here")
        lists.clear()
        n_ratings[:] = 0
        return [0.0, 0.0, 0.0]

    check("start-4", changes)
    assert capsys.readouterr().out == ""
    assert check("start-4", solution("start-4"))


def test_numbers_of_another_shape_or_kind_are_refused():
    for result, said in (
        ("a", "expected three numbers, got 'a'"),
        ([1, 2], r"in the shape \(3,\), got the shape \(2,\)"),
        ([1, 2, np.inf], "not finite"),
    ):
        with pytest.raises(Wrong, match=said):
            finding.numbers(result, (3,), "three numbers")
    toy = Finding("toy-1", "f(x)", lambda: (1,), lambda result, x: f"{result} of {x}")
    assert toy.check(lambda x: x + 1) == core.Verdict("toy-1", True, "2 of 1")


def thirds(result):
    return lambda lists, held_out, n_ratings: result(
        np.array([bool(set(a) & set(b)) for a, b in zip(lists, held_out, strict=True)]),
        np.argsort(n_ratings, kind="stable"),
    )


def parts_of(hits, order):
    return [hits[part].mean() for part in np.array_split(order, 3)]


def _binary_rows(how):
    """Two rows as the exercise asks for them, or nearly."""

    def answer(scores, bias, train, users, items):
        met = train.to_csr("ones").toarray()[users] > 0
        rows = []
        for logits in how(scores, bias):
            lists = np.argsort(-np.where(met, -np.inf, logits), axis=1)[:, :10]
            hits = (lists == items[:, None]).any(axis=1)
            rows.append([hits.mean(), train.item_counts[lists].mean()])
        return rows

    return answer


def _with_seen(scores, bias, train, users, items):
    rows = []
    for logits in (scores, scores - bias):
        lists = np.argsort(-logits, axis=1)[:, :10]
        hits = (lists == items[:, None]).any(axis=1)
        rows.append([hits.mean(), train.item_counts[lists].mean()])
    return rows


def _loved(divide, last=slice(10), sign=-1):
    def answer(item, rating, n_items, lams):
        n = np.bincount(item, minlength=n_items)
        total = np.bincount(item, rating - rating.mean(), minlength=n_items)
        return [np.argsort(sign * divide(total, n, lam), kind="stable")[last] for lam in lams]

    return answer


def _ties_upwards(item, rating, n_items, lams):
    lists = [row.tolist() for row in solution("mf-6")(item, rating, n_items, lams)]
    n = np.bincount(item, minlength=n_items)
    b = np.bincount(item, rating - rating.mean(), minlength=n_items) / np.maximum(n, 1)
    return [np.argsort(b, kind="stable")[::-1][:10].tolist(), *lists[1:]]


def _mean_left_in(item, rating, n_items, lams):
    n, total = np.bincount(item, minlength=n_items), np.bincount(item, rating, minlength=n_items)
    return [np.argsort(-_penalized(total, n, lam), kind="stable")[:10] for lam in lams]


def _mean_once(item, rating, n_items, lams):
    n, total = np.bincount(item, minlength=n_items), np.bincount(item, rating, minlength=n_items)
    once = total - rating.mean()
    return [np.argsort(-_penalized(once, n, lam), kind="stable")[:10] for lam in lams]


def _biases_returned(item, rating, n_items, lams):
    n = np.bincount(item, minlength=n_items)
    total = np.bincount(item, rating - rating.mean(), minlength=n_items)
    return [np.sort(_penalized(total, n, lam))[::-1][:10] for lam in lams]


def _lists(**other):
    return lambda *given: [real._n_lists(*given, **other), 1]


def _penalized(total, n, lam):
    return total / np.maximum(n + lam, 1)


def _ndcgs(tables):
    return [real._ndcg(table) for table in tables]


def _words_ahead(folds):
    """Return the first n at which the words are ahead; at 0 SVD's order is that of rounding."""
    words, svd = (
        np.array([rows.mean(axis=1) for rows in real._reached()[name]]) for name in ("words", "SVD")
    )
    return [real.EVENTS[place] for place in (words >= svd).argmax(axis=1)]


def _candidates(share, mark=lambda table: table[1][-1]):
    """Return the smallest numbers of candidates for a mean over people of `share`.

    That one is called with the candidates of a stage, the scores and the held-out films.
    """

    def answer(stages, scores, held_out):
        own = scores[np.arange(len(held_out)), held_out]
        table = [
            [share(stage[:, :n], scores, held_out, own) for n in real.CANDIDATES]
            for stage in stages
        ]
        enough = np.array(table) >= real.ENOUGH * mark(table)
        return [real.CANDIDATES[place] for place in enough.argmax(axis=1)]

    return answer


def _gain(rank, counted):
    return np.where(counted & (rank < 10), 1 / np.log2(rank + 2), 0.0)


def _higher(few, scores, own):
    return (np.take_along_axis(scores, few, axis=1) > own[:, None]).sum(axis=1)


def _counts_itself(few, scores, held_out, own):
    rank = (np.take_along_axis(scores, few, axis=1) >= own[:, None]).sum(axis=1)
    return _gain(rank, (few == held_out[:, None]).any(axis=1)).mean()


def _among_all_films(few, scores, held_out, own):
    rank = (scores > own[:, None]).sum(axis=1)
    return _gain(rank, (few == held_out[:, None]).any(axis=1)).mean()


def _no_candidate_counts(few, scores, held_out, own):
    return _gain(_higher(few, scores, own), True).mean()


def _found_alone(few, scores, held_out, own):
    there = (few == held_out[:, None]).any(axis=1)
    return _gain(_higher(few, scores, own), True)[there].mean()


def _order_of_the_first_stage(few, scores, held_out, own):
    there = few == held_out[:, None]
    return _gain(there.argmax(axis=1), there.any(axis=1)).mean()


def _candidates_alone(few, scores, held_out, own):
    return (few == held_out[:, None]).any(axis=1).mean()


def _interval(of):
    """Return the right lengths, and what `of` makes of the NDCGs of each user at these."""

    def answer(split):
        true, shuffled = real._chains().values()
        return (5, 20, *of(true[1], shuffled[2]))

    return answer


def _apart(a, b):
    (low, high), (other_low, other_high) = bootstrap_interval(a), bootstrap_interval(b)
    return low - other_high, high - other_low


def _end_by_end(a, b):
    return np.subtract(bootstrap_interval(a), bootstrap_interval(b))


def _same_length(place):
    return lambda a, b: bootstrap_interval(
        np.subtract(*(x[place] for x in real._chains().values()))
    )


WAYS = ((1, 2), (2, 1))


def _winners(lost, kept=lambda t: t[:, 1].argmax() == t[:, 2].argmax()):
    """Return rows as trust-4 asks for them, from what is lost in one way, and what is kept."""

    def answer(tables):
        return [
            [np.mean([lost(t, a, b, t[:, a].argmax()) for a, b in WAYS]), kept(t)]
            for t in tables.values()
        ]

    return answer


def _down(t, a, b, w):
    return t[w, a] - t[w, b]


def _by_these(*seeds):
    """Choose by one seed alone, in ways of one's own."""

    def answer(tables):
        rows = []
        for t in tables.values():
            winners = [(t[:, a].argmax(), a, b) for a, b in seeds]
            lost = [t[w, a] - t[w, b] for w, a, b in winners]
            rows.append([np.mean(lost), all(w == t[:, b].argmax() for w, _, b in winners)])
        return rows

    return answer


def _no_lower(t):
    return any(_down(t, a, b, t[:, a].argmax()) <= 0 for a, b in WAYS)


WRONG = [
    ("start-4", thirds(lambda h, o: parts_of(h, o)[::-1]), "wrong order: those with the fewest"),
    ("start-4", thirds(lambda h, o: 100 * np.array(parts_of(h, o))), "percentages"),
    ("start-4", thirds(lambda h, o: parts_of(h, np.arange(len(h)))), "sort them first"),
    ("start-4", thirds(lambda h, o: [h.mean()] * 3), "everybody: take the people of each third"),
    ("start-4", thirds(lambda h, o: [0.5, 0.4, 0.3]), "Is each number the mean"),
    ("data-6", lambda ratings: 54, "the 55-core is not empty, it still has 14,"),
    ("data-6", lambda ratings: 56, "the 56-core is empty: your k is too large"),
    ("data-6", lambda ratings: 55.0, "expected a whole number, got 55"),
    ("cosine-6", lambda split: {"n_neighbors": 400}, "0.04 can be reached. Try fewer neighbors"),
    ("cosine-6", lambda split: {"k": 20}, "hyperparameters of UserKNN, got the keys ['k']"),
    ("cosine-6", lambda split: {"n_neighbors": -1}, "does not take this setting: n_neighbors must"),
    ("cosine-6", lambda split: 20, "expected a dict of hyperparameters, got 20"),
    ("svd-6", lambda V, counts, year: (1, 2), "for popularity: factors are counted from 0"),
    ("svd-6", lambda V, counts, year: (0, 4), "for the year: factor 4 has a rank correlation of"),
    ("svd-6", lambda V, counts, year: (0, 44), "expected a factor from 0 to 9, got 44"),
    ("mf-6", _loved(lambda t, n, lam: t / np.maximum(n, 1)), "the penalty is not used"),
    ("mf-6", _loved(_penalized, sign=1), "lowest biases: sort the negated biases"),
    ("mf-6", _loved(_penalized, last=slice(9, None, -1)), "these are the ten, in another order"),
    ("mf-6", _loved(lambda t, n, lam: t), "with lambda 0: you take the sums: divide"),
    ("mf-6", _loved(lambda t, n, lam: n), "these are the films with the most ratings"),
    ("mf-6", _loved(lambda t, n, lam: t / np.maximum(n * (1 + lam), 1)), "or it multiplies n"),
    ("mf-6", _loved(lambda t, n, lam: t / np.maximum(n + lam + 1, 1)), "at place 1 you have film"),
    ("mf-6", _ties_upwards, "of films with equal ones the lower number comes first"),
    ("mf-6", _mean_left_in, "with lambda 5: you add up the ratings as they are"),
    ("mf-6", _mean_once, "subtracted once for each film; subtract it from each"),
    ("mf-6", _biases_returned, "yours begin with 1.460: return the numbers of the films"),
    ("cosine-6", lambda split: {"n_neighbors": 50}, 'and measure with on="valid": without it'),
    ("mf-6", lambda item, rating, n_items, lams: np.full((3, 10), -1), "go from 0 to 9065"),
    ("bce-6", lambda met, n, n_new: np.zeros((len(n_new), 20)), "infinite"),
    ("bce-6", lambda met, n, n_new: np.full((len(n_new), 20), 1.5), "yours go from 1.5 to 1.5"),
    (
        "bce-6",
        lambda met, n, n_new: np.tile(met.mean(axis=0), (len(n_new), 1)),
        "fit a weight for log(n)",
    ),
    ("bmf-6", _binary_rows(lambda s, b: (s - b, s)), "the rows are in the wrong order"),
    ("bmf-6", _binary_rows(lambda s, b: (s, s + b)), "added once more; take them away"),
    ("bmf-6", lambda *a: np.transpose(solution("bmf-6")(*a)), "rows and columns are exchanged"),
    ("bmf-6", _with_seen, "exclude these first"),
    ("bmf-6", lambda *a: [[0.5, 100.0], [0.5, 100.0]], "row 1, HR@10: expected 0.0"),
    ("mlp-6", lambda *a: [1, 90], "wrong order: with ReLU comes first"),
    ("mlp-6", lambda *a: [90, 67], "without the ReLUs you have 67 different lists"),
    ("mlp-6", lambda *a: [90, 10], "you count the films of the lists"),
    ("mlp-6", lambda *a: [100, 1], "each person has a list of their own"),
    ("mlp-6", _lists(kinks=1), "the last layer has no ReLU; each layer of the list has one"),
    ("mlp-6", _lists(kind=frozenset), "into a set, which forgets their order"),
    (
        "mlp-6",
        lambda P, Q, layers, h: _lists()(P, Q, [(W, 0 * b) for W, b in layers], h),
        "the biases of the layers are left out",
    ),
    ("mlp-6", lambda *a: [5, 1], "different lists of ten, got 5"),
    ("neumf-6", lambda s: _ndcgs(s), "these are the four models alone"),
    (
        "neumf-6",
        lambda s: [np.mean(_ndcgs(s)[: m + 1]) for m in range(4)],
        "average the scores, and rank by them",
    ),
    ("neumf-6", lambda s: [*solution("neumf-6")(s)[:3], 0.9], "for 4 models: expected 0.5"),
    ("eval-6", lambda places, n: ("Popularity", "ItemKNN", 30), "Wanted is a pair of which"),
    ("eval-6", lambda places, n: ("Popularity", "EASE", 30), "the names are 'Popularity'"),
    ("eval-6", lambda places, n: ("Popularity", "ItemKNN", 0), "whole number from 1 to 9065"),
    ("eval-6", lambda places, n: "ItemKNN", "expected two names and the number m"),
    ("trust-4", _winners(lambda t, a, b, w: -_down(t, a, b, w)), "you subtract the wrong way"),
    ("trust-4", _winners(lambda t, a, b, w: 2 * _down(t, a, b, w)), "add up what is lost in the"),
    ("trust-4", _winners(lambda t, a, b, w: 100 * _down(t, a, b, w)), "you return percentages"),
    (
        "trust-4",
        _winners(lambda t, a, b, w: _down(t, a, b, t[:, a].argmin())),
        "you choose the lowest NDCG",
    ),
    (
        "trust-4",
        _winners(lambda t, a, b, w: _down(t, a, b, t.mean(axis=1).argmax())),
        "the best by one seed alone (in a mean over seeds, or in the best of each column,",
    ),
    (
        "trust-4",
        _winners(lambda t, a, b, w: t[:, a].max() - t[:, b].max()),
        "Each way has a winner of its own",
    ),
    (
        "trust-4",
        _winners(lambda t, a, b, w: (a - b) * np.diff(t[t[:, 1].argmax(), 1:])[0]),
        "Each way has a winner of its own",
    ),
    ("trust-4", _by_these((1, 2)), "you choose by seed 1 only"),
    ("trust-4", _by_these((2, 1)), "you choose by seed 2 only"),
    ("trust-4", _by_these((0, 1), (1, 0)), "you use seeds 0 and 1; seed 0 decided which"),
    ("trust-4", _by_these((0, 1), (0, 2)), "you choose by seed 0; it decided which settings"),
    (
        "trust-4",
        _winners(_down, lambda t: t[:, 1].argmax() != t[:, 2].argmax()),
        "is 1 where the winners differ; it is 1 where they are the same",
    ),
    (
        "trust-4",
        _winners(_down, lambda t: sum(t[:, a].argmax() == t[:, b].argmax() for a, b in WAYS)),
        "you count the two ways; if the winner of seed 1",
    ),
    ("trust-4", _winners(_down, _no_lower), "no lower by the other seed; wanted is whether the"),
    ("trust-4", _winners(_down, lambda t: 7), "iALS, the same winner: expected 1, got 7"),
    ("trust-4", _winners(lambda t, a, b, w: 0.5), "iALS, what the winner loses: expected 0, got 0"),
    (
        "trust-4",
        lambda tables: np.flip(solution("trust-4")(tables), axis=1),
        "in the wrong order: what the winner loses comes first",
    ),
    ("trust-4", lambda tables: [3, 7], "a row of two numbers for each model, in the shape (7, 2)"),
    ("simple-6", lambda split: 5000.0, "0.0545 can be reached"),
    ("simple-6", lambda split: 0.0, "lambda must be above 0"),
    ("new-6", lambda folds: [48, 4], "the two folds are in the wrong order"),
    ("new-6", lambda folds: [2, 6], "you return places in the list"),
    ("new-6", lambda folds: [2, 32], "the last number at which the words are ahead"),
    ("new-6", _words_ahead, "where the words are ahead; wanted is from where on SVD is"),
    ("new-6", lambda folds: [5, 48], "must be among 0, 2, 4, 8, 16, 32, 48, got 5"),
    ("new-6", lambda folds: [48, 48], "fold 0: got 48. NDCG@10 of words and of SVD by the number"),
    ("new-6", lambda folds: [8, 48], "the smallest number from which on SVD is ahead"),
    ("new-6", lambda folds: [4], "two numbers of events, one for each fold, in the shape (2,)"),
    ("scale-5", lambda *a: [20, 500], "the two are in the wrong order"),
    ("scale-5", lambda *a: [5, 1], "you return places in the list of the numbers"),
    ("scale-5", lambda *a: [200, 10], "the largest number that is not enough yet"),
    ("scale-5", lambda *a: [500, 30], "among 10, 20, 50, 100, 200, 500, 1000, got 30"),
    ("scale-5", lambda *a: [0.0552, 0.0556], "among 10, 20, 50, 100, 200, 500, 1000, got 0.0552"),
    ("scale-5", lambda *a: [np.True_, 20], "among 10, 20, 50, 100, 200, 500, 1000, got 1"),
    ("scale-5", lambda *a: [500], "one for each first stage, in the shape (2,), got the shape (1,"),
    ("scale-5", lambda *a: np.array([[500], [20]]), "in the shape (2,), got the shape (2, 1)"),
    ("scale-5", lambda *a: 500, "in the shape (2,), got the shape ()"),
    ("scale-5", lambda *a: ["1,000", "20"], "one for each first stage, got ['1,000', '20']"),
    ("scale-5", lambda *a: {500, 20}, "two numbers of candidates, one for each first stage, got {"),
    ("scale-5", lambda *a: [500, None], "some of yours are not finite"),
    ("scale-5", _candidates(_counts_itself), "first stage 0: got 1000. NDCG@10 after the second"),
    ("scale-5", _candidates(_among_all_films), "its rank is counted among the candidates alone"),
    ("scale-5", _candidates(_no_candidate_counts), "held-out film that is no candidate counts 0"),
    ("scale-5", _candidates(_found_alone), "held-out film that is no candidate counts 0"),
    ("scale-5", _candidates(_order_of_the_first_stage), "Wanted is the smallest number with at"),
    ("scale-5", _candidates(_candidates_alone), "Wanted is the smallest number with at least 96%"),
    ("order-6", lambda split: (20, 5, 0.036, 0.07), "the two lengths are in the wrong order"),
    ("order-6", lambda split: (1, 2, 0.036, 0.07), "you return places in the list of the lengths"),
    ("order-6", lambda split: (5, 10, 0.036, 0.07), "must be among 1, 5, 20, got 10"),
    ("order-6", lambda split: (5, 5, 0.04, 0.075), "a fair control is tuned as well"),
    ("order-6", lambda split: (20, 20, 0.013, 0.039), "with true times: got length 20. NDCG@10 on"),
    ("order-6", lambda split: (5, 1, 0.05, 0.08), "with shuffled times: got length 1. NDCG@10 on"),
    (
        "order-6",
        lambda split: (5, 20, 0.0523),
        "and the two ends of the interval, in the shape (4,)",
    ),
    ("order-6", lambda split: (5, 20, (0.036, 0.07)), "two lengths, with true times and with"),
    ("order-6", _interval(lambda a, b: bootstrap_interval(a - b)[::-1]), "lower one comes first"),
    ("order-6", _interval(lambda a, b: bootstrap_interval(b - a)), "is true minus shuffled"),
    (
        "order-6",
        _interval(lambda a, b: bootstrap_interval(a)),
        "of the chain with true times; want",
    ),
    ("order-6", _interval(lambda a, b: bootstrap_interval(b)), "with shuffled times; wanted is"),
    ("order-6", _interval(lambda a, b: np.quantile(a - b, [0.025, 0.975])), "of single users lie"),
    (
        "order-6",
        _interval(_apart),
        "subtract one interval from the other; both chains have the same",
    ),
    (
        "order-6",
        _interval(_end_by_end),
        "subtract the ends of one interval from those of the other",
    ),
    ("order-6", _interval(lambda a, b: [3.56, 6.97]), "you return percentages"),
    ("order-6", _interval(_same_length(1)), "both chains have the length 5 in your difference"),
    ("order-6", _interval(_same_length(2)), "both chains have the length 20 in your difference"),
    (
        "order-6",
        _interval(lambda a, b: [0.2, 0.3]),
        "the interval is about 0.036 to 0.070, got 0.2",
    ),
]


@pytest.mark.parametrize(("name", "answer", "said"), WRONG, ids=range(len(WRONG)))
def test_what_is_wrong_is_said_in_a_sentence(name, answer, said):
    verdict = check(name, answer)
    assert not verdict, verdict
    assert said in verdict.message


@each
def test_every_exercise_has_wrong_answers_here(name):
    assert sum(one == name for one, _, _ in WRONG) >= 2


def test_a_right_formula_for_the_most_loved_is_accepted_where_its_last_digits_break_ties():
    def sums_less_means(item, rating, n_items, lams):
        n, total = np.bincount(item, minlength=n_items), np.bincount(item, rating, n_items)
        biases = [(total - n * rating.mean()) / np.maximum(n + lam, 1) for lam in lams]
        return [np.argsort(-b, kind="stable")[:10] for b in biases]

    def shrunk_means(item, rating, n_items, lams):
        n, total = np.bincount(item, minlength=n_items), np.bincount(item, rating, n_items)
        means = total / np.maximum(n, 1) - rating.mean()
        biases = [n / np.maximum(n + lam, 1) * means for lam in lams]
        return [np.argsort(-b, kind="stable")[:10] for b in biases]

    for answer in (sums_less_means, shrunk_means):
        verdict = check("mf-6", answer)
        assert verdict, verdict


def test_where_svd_passes_the_words_is_accepted():
    verdict = check("new-6", lambda folds: (4, 48))
    assert verdict, verdict
    assert "The p-values of these leads are 0.9" in verdict.message
    assert "they may be chance" in verdict.message


@pytest.mark.parametrize(
    "numbers",
    [[500, 20], (500.0, 20.0), np.array([500, 20], dtype=np.uint16), [np.int64(500), np.int64(20)]],
    ids=["list", "floats", "array", "numpy-integers"],
)
def test_how_many_candidates_are_enough_is_accepted_in_any_form(numbers):
    verdict = check("scale-5", lambda stages, scores, held_out: numbers)
    assert verdict, verdict
    assert "500 candidates are enough, after iALS 20, of 3,496 films" in verdict.message
    assert "it looks at one film in 7, or in 175" in verdict.message


def test_the_winners_curse_is_accepted_in_any_form_and_rounded_to_four_decimals():
    for form in (np.array, lambda rows: [tuple(row) for row in rows], lambda r: np.round(r, 4)):
        verdict = check("trust-4", lambda tables, form=form: form(solution("trust-4")(tables)))
        assert verdict, verdict
        assert "both seeds have the same winner in 3 of 7 models: 3 of 3 among" in str(verdict)
        assert "0 of 4 among the networks" in str(verdict)


def test_the_tables_of_the_winners_curse_are_those_of_the_search():
    (tables,) = FINDINGS["trust-4"].given()
    models = recorded("search")["found"]["models"]
    assert set(tables) < set(models)
    assert len(tables) == 7  # the neighbors and EASE have no seed
    for name, table in tables.items():
        assert table.shape[1] == 3
        assert np.isfinite(table).all()
        trials = [trial["ndcg@10"] for trial in models[name]["trials"]]
        assert table.tolist() == [row for row in trials if len(row) == 3]


def _by_hand(a, b, rng):
    means = [rng.choice(a - b, len(a)).mean() for _ in range(2000)]
    return np.quantile(means, [0.025, 0.975])


def _by_the_normal(a, b, rng):
    d = a - b
    return d.mean() + np.array([-1.96, 1.96]) * d.std(ddof=1) / len(d) ** 0.5


def _by_pairs(a, b, rng):
    drawn = rng.integers(len(a), size=(2000, len(a)))
    return np.percentile(a[drawn].mean(axis=1) - b[drawn].mean(axis=1), [2.5, 97.5])


@pytest.mark.parametrize("interval", [_by_hand, _by_the_normal, _by_pairs])
@pytest.mark.parametrize("kind", [tuple, list, np.array])
def test_the_worth_of_the_order_is_accepted_however_users_were_drawn(interval, kind):
    rng = np.random.default_rng(7)
    verdict = check(
        "order-6", lambda split: kind(_interval(lambda a, b: interval(a, b, rng))(split))
    )
    assert verdict, verdict
    assert "chooses a memory of 5 events, NDCG@10 0.078; with shuffled" in verdict.message


@pytest.mark.parametrize("n", [15, 30])
def test_every_setting_that_reaches_it_passes(n):
    """There is no list of right ones."""
    assert check("cosine-6", lambda split: {"n_neighbors": n, "shrinkage": 0.0})
