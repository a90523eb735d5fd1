"""Exercises of chapter 9."""

import math
from itertools import product

import numpy as np
from scipy.stats import binom, hypergeom, rankdata

from recsys_lib.exercises.core import Case, Exercise


def _found(items, relevant, k):
    """Return the places of the relevant items, counted from 1."""
    return [place for place, item in enumerate(items[:k], start=1) if item in relevant]


def _dcg(places):
    return sum(1 / math.log2(place + 1) for place in places)


def _four(found, relevant, k, ideal):
    """All metrics, with an ideal list that has `ideal` ones."""
    gain = _dcg(found) / _dcg(range(1, ideal + 1)) if ideal else 0.0
    return float(bool(found)), gain, len(found) / k, len(found) / len(relevant)


EVAL_1 = Exercise(
    "eval-1",
    "metrics(items, relevant, k)",
    (
        Case(
            "one relevant item, at place 3",
            ([4, 7, 9, 2], [9], 4),
            np.array([1.0, 1 / 2, 1 / 4, 1.0]),
        ),
        Case(
            "two relevant items, one of them behind place k",
            ([7, 3, 9, 8], [3, 8], 3),
            np.array([1.0, 1 / (1 + math.log2(3)), 1 / 3, 1 / 2]),
        ),
        Case(
            "a list of one, and three relevant items",
            ([5, 6], [6, 5, 1], 1),
            np.array([1.0, 1.0, 1.0, 1 / 3]),
        ),
        Case(
            "fewer than k items",
            ([8, 2], [2, 8, 5], 4),
            np.array([1.0, 1 - 0.5 / (1.5 + math.log(2, 3)), 2 / 4, 2 / 3]),
        ),
        Case("the relevant item just behind place k", ([1, 2, 9], [9], 2), np.zeros(4)),
        Case("an empty list", ([], [4, 6], 5), np.zeros(4)),
        Case(
            "items drawn at random",  # DCG: places 2 and 5, ideal: places 1 to 5
            ([12, 0, 5, 8, 3, 9, 1], [3, 0, 7, 1, 11], 6),
            np.array([1.0, 1.0177825608 / 2.9484591189, 2 / 6, 2 / 5]),
        ),
    ),
)


@EVAL_1.mistake("HR is the number of hits; it is 1 if there is any hit, else 0")
def _hits_counted(items, relevant, k):
    found = _found(items, relevant, k)
    return len(found), *_four(found, relevant, k, min(k, len(relevant)))[1:]


@EVAL_1.mistake("you return the DCG; NDCG divides it by the DCG of the best list possible")
def _not_normalized(items, relevant, k):
    found = _found(items, relevant, k)
    hit, _, precision, recall = _four(found, relevant, k, min(k, len(relevant)))
    return hit, _dcg(found), precision, recall


@EVAL_1.mistake("your ideal list has k relevant items; it can have no more than there are")
def _ideal_of_k(items, relevant, k):
    return _four(_found(items, relevant, k), relevant, k, k)


@EVAL_1.mistake("your ideal list has all relevant items, however many; only k of them have a place")
def _ideal_of_all_relevant(items, relevant, k):
    return _four(_found(items, relevant, k), relevant, k, len(relevant))


@EVAL_1.mistake(
    "your ideal list has only the items that were found; the best list possible begins with all "
    "relevant ones, as far as they fit"
)
def _ideal_of_the_found(items, relevant, k):
    found = _found(items, relevant, k)
    return _four(found, relevant, k, len(found))


@EVAL_1.mistake(
    "you count the places from 0; the first one is place 1 and has log2(2) below the line"
)
def _counted_from_zero(items, relevant, k):
    found = _found(items, relevant, k)
    hit, _, precision, recall = _four(found, relevant, k, 0)
    gain = sum(1 / np.log2(place) for place in found)
    ideal = sum(1 / np.log2(place) for place in range(1, min(k, len(relevant)) + 1))
    return hit, gain / ideal, precision, recall


@EVAL_1.mistake("you go through the whole list; only the first k items count")
def _not_cut(items, relevant, k):
    found = _found(items, relevant, len(items))
    return _four(found, relevant, k, min(k, len(relevant)))


@EVAL_1.mistake(
    "you divide by the length of the list; precision divides by k, also where the list is shorter"
)
def _over_length(items, relevant, k):
    found = _found(items, relevant, k)
    hit, gain, _, recall = _four(found, relevant, k, min(k, len(relevant)))
    return hit, gain, len(found) / max(len(items[:k]), 1), recall


@EVAL_1.mistake(
    "your recall divides by min(k, number of relevant items); only the ideal DCG does that, "
    "recall divides by the number of relevant items"
)
def _recall_over_possible(items, relevant, k):
    found = _found(items, relevant, k)
    return *_four(found, relevant, k, min(k, len(relevant)))[:3], len(found) / min(k, len(relevant))


@EVAL_1.mistake("precision and recall have changed places: precision divides by k, and comes first")
def _precision_and_recall_swapped(items, relevant, k):
    found = _found(items, relevant, k)
    hit, gain, precision, recall = _four(found, relevant, k, min(k, len(relevant)))
    return hit, gain, recall, precision


def _above(scores, positive):
    return int((scores > scores[positive]).sum())


def _tied(scores, positive):
    """Return how many have the score of the positive, itself included."""
    return int((scores == scores[positive]).sum())


def _clipped(x):
    return min(max(x, 0.0), 1.0)


EVAL_2 = Exercise(
    "eval-2",
    "expected_hit(scores, positive, k)",
    (
        Case(
            "one above, three tied, two places",
            (np.array([0.9, 0.5, 0.5, 0.5, 0.1]), 3, 2),
            1 / 3,
        ),
        Case("no ties, and in the list", (np.array([0.2, 0.8, 0.5]), 2, 2), 1.0),
        Case("no ties, and not in the list", (np.array([0.2, 0.8, 0.5, 0.4]), 0, 2), 0.0),
        Case("all the same", (np.zeros(5), 1, 2), 2 / 5),
        Case("tied, but with room for all", (np.array([3.0, 1.0, 3.0, 0.0]), 2, 2), 1.0),
        Case("no place left for the tied", (np.array([5.0, 4.0, 1.0, 1.0]), 2, 2), 0.0),
        Case("more places than candidates", (np.array([1.0, 1.0]), 0, 5), 1.0),
        Case(
            "scores drawn at random, all negative",  # two above, four tied
            (np.array([-3.0, -1.0, -2.0, -4.0, -2.0, -2.0, -5.0, -1.0, -2.0]), 2, 5),
            3 / 4,
        ),
        Case("tiny scores, none tied", (np.array([1e-9, 3e-9, 2e-9]), 1, 1), 1.0),
    ),
)


@EVAL_2.mistake("you put the positive first among the tied; each of their orders counts the same")
def _first_of_the_tied(scores, positive, k):
    return float(_above(scores, positive) < k)


@EVAL_2.mistake(
    "you put the positive last among the tied, or cut their share down with //; each of their "
    "orders counts the same, so the result may lie between 0 and 1"
)
def _last_of_the_tied(scores, positive, k):
    return float(_above(scores, positive) + _tied(scores, positive) <= k)


@EVAL_2.mistake(
    "you put the positive in the middle of the tied; wanted is the share of their orders in which "
    "it is in the list"
)
def _middle_of_the_tied(scores, positive, k):
    return float(_above(scores, positive) + (_tied(scores, positive) + 1) / 2 <= k)


@EVAL_2.mistake(
    "you take the order in which the sort leaves the tied: those with a lower index come first, "
    "which is nobody's merit"
)
def _order_of_the_sort(scores, positive, k):
    return float(positive in np.argsort(-scores, kind="stable")[:k])


@EVAL_2.mistake(
    "you sort from low to high and turn the result round: the tied with a higher index come "
    "first, which is nobody's merit"
)
def _order_of_the_sort_turned(scores, positive, k):
    return float(positive in np.argsort(scores, kind="stable")[::-1][:k])


@EVAL_2.mistake("you do not count the positive among the tied; it takes one of their places itself")
def _tied_without_itself(scores, positive, k):
    tied = np.float64(_tied(scores, positive) - 1)
    return np.clip((k - _above(scores, positive)) / tied, 0, 1)


@EVAL_2.mistake("you count the tied as above the positive, with >= where > is needed")
def _tied_counted_as_above(scores, positive, k):
    tied = _tied(scores, positive)
    return _clipped((k - _above(scores, positive) - tied) / tied)


@EVAL_2.mistake(
    "you count the tied others as above the positive, with >= where > is needed; the positive "
    "itself you leave out"
)
def _tied_others_counted_as_above(scores, positive, k):
    tied = _tied(scores, positive)
    return _clipped((k - _above(scores, positive) - (tied - 1)) / tied)


@EVAL_2.mistake("you take nearly equal scores for tied; only equal ones are, so compare with ==")
def _nearly_tied(scores, positive, k):
    tied = np.isclose(scores, scores[positive])
    above = int((scores[~tied] > scores[positive]).sum())
    return _clipped((k - above) / int(tied.sum()))


@EVAL_2.mistake("you share out all k places among the tied; those above take theirs first")
def _above_left_out(scores, positive, k):
    return _clipped(k / _tied(scores, positive))


@EVAL_2.mistake("you count the lower scores as above; a high score is a good one")
def _low_is_best(scores, positive, k):
    return _clipped((k - _above(-scores, positive)) / _tied(scores, positive))


@EVAL_2.mistake(
    "your result can lie below 0 or above 1: there are no fewer than 0 places to share out, and "
    "no more than there are tied items"
)
def _not_clipped(scores, positive, k):
    return (k - _above(scores, positive)) / _tied(scores, positive)


EVAL_3 = Exercise(
    "eval-3",
    "my_sampled_hit(places, n_items, n_negatives, k)",
    (
        Case(
            "two negatives out of four",  # 3 of 6 pairs, and 1 of 6, have nobody better
            (np.array([1, 2, 3]), 5, 2, 1),
            np.array([1.0, 1 / 2, 1 / 6]),
        ),
        Case(
            "three negatives out of five, and two places",  # of 10 triples, 3 or 7 have two better
            (np.array([2, 3, 4, 5]), 6, 3, 2),
            np.array([1.0, 0.7, 0.3, 0.0]),
        ),
        Case(
            "a single negative",  # of the six others, none, three or all are better
            (np.array([1, 4, 7]), 7, 1, 1),
            np.array([1.0, 1 / 2, 0.0]),
        ),
        Case(
            "all others are drawn",
            (np.array([1, 3, 4, 10]), 10, 9, 3),
            np.array([1.0, 1.0, 0.0, 0.0]),
        ),
        Case("k beyond the end of the short list", (np.array([1, 50, 100]), 100, 4, 6), np.ones(3)),
        Case("no negatives", (np.array([8, 1]), 8, 0, 1), np.ones(2)),
        Case(
            "99 negatives in MovieLens 100K",
            (np.array([10, 100, 150, 200, 500]), 1682, 99, 10),
            np.array(  # draw by draw, in fractions
                [1.0, 0.9391666269796, 0.6198704126782, 0.2440032266207, 3.684819382655e-07]
            ),
        ),
    ),
)


@EVAL_3.mistake(
    "you draw with replacement, by the binomial distribution; here nobody is drawn twice"
)
def _with_replacement(places, n_items, n_negatives, k):
    return binom.cdf(k - 1, n_negatives, (places - 1) / (n_items - 1))


@EVAL_3.mistake("you count as many better items as the place says; at place 1 there are none")
def _place_better_ones(places, n_items, n_negatives, k):
    return hypergeom.cdf(k - 1, n_items - 1, places, n_negatives)


@EVAL_3.mistake(
    "you allow for k better ones in the short list; then the positive is at place k + 1"
)
def _k_better_allowed(places, n_items, n_negatives, k):
    return hypergeom.cdf(k, n_items - 1, places - 1, n_negatives)


@EVAL_3.mistake("you draw from all items; the positive itself cannot be drawn, so it is one fewer")
def _drawn_from_all(places, n_items, n_negatives, k):
    return hypergeom.cdf(k - 1, n_items, places - 1, n_negatives)


@EVAL_3.mistake(
    "you draw one negative too few; the positive stands beside them, it is none of them"
)
def _one_negative_fewer(places, n_items, n_negatives, k):
    return hypergeom.cdf(k - 1, n_items - 1, places - 1, n_negatives - 1)


@EVAL_3.mistake("you return the probability that it is *not* among the first k")
def _missed(places, n_items, n_negatives, k):
    return hypergeom.sf(k - 1, n_items - 1, places - 1, n_negatives)


@EVAL_3.mistake("you return the probability of place k alone; the places before it count as well")
def _exactly_at_k(places, n_items, n_negatives, k):
    return hypergeom.pmf(k - 1, n_items - 1, places - 1, n_negatives)


@EVAL_3.mistake(
    "you count the worse ones that are drawn; those who push the positive down are the better ones"
)
def _worse_ones_counted(places, n_items, n_negatives, k):
    return hypergeom.cdf(k - 1, n_items - 1, n_items - places, n_negatives)


@EVAL_3.mistake(
    "you scale the place down to the short list; the true place there depends on the draw, and "
    "wanted is a probability"
)
def _place_scaled(places, n_items, n_negatives, k):
    return (places * n_negatives / n_items <= k).astype(float)


@EVAL_3.mistake(
    "you look at the place among all items; in the short list most of the better ones are missing"
)
def _whole_list(places, n_items, n_negatives, k):
    return (places <= k).astype(float)


def _steps(p):
    """Return the order, and the p-values in it times m, m - 1, ..., 1."""
    order = np.argsort(p, kind="stable")
    return order, p[order] * np.arange(len(p), 0, -1)


def _back(order, values):
    result = np.empty(len(order))
    result[order] = values
    return result


EVAL_4 = Exercise(
    "eval-4",
    "holm(p_values)",
    (
        Case(
            "three, and the largest is raised to the one before",
            (np.array([0.04, 0.01, 0.03]),),
            np.array([0.06, 0.03, 0.06]),
        ),
        Case("a single test: nothing to adjust", (np.array([0.2]),), np.array([0.2])),
        Case(
            "in rising order already",
            (np.array([0.001, 0.02, 0.3]),),
            np.array([0.003, 0.04, 0.3]),
        ),
        Case(
            "products above 1",
            (np.array([0.8, 0.01, 0.7]),),
            np.array([1.0, 0.03, 1.0]),
        ),
        Case("all equal", (np.array([0.02, 0.02, 0.02]),), np.array([0.06, 0.06, 0.06])),
        Case(
            "raised by the first, and not only by the one before",
            (np.array([0.012, 0.01, 0.011, 0.0115]),),
            np.array([0.04, 0.04, 0.04, 0.04]),
        ),
        Case("0 and 1 among them", (np.array([1.0, 0.0, 0.5]),), np.array([1.0, 0.0, 1.0])),
        Case(
            "six drawn at random",  # .003 * 6, .011 * 5, .012 * 4 < .055, .04 * 3, .2 * 2, .6
            (np.array([0.2, 0.012, 0.003, 0.04, 0.011, 0.6]),),
            np.array([0.4, 0.055, 0.018, 0.12, 0.055, 0.6]),
        ),
        Case(
            "seven digits",
            (np.array([0.0123456, 0.4321567]),),
            np.array([0.0246912, 0.4321567]),
        ),
        Case(
            "two equal, and a larger one",
            (np.array([0.02, 0.01, 0.01]),),
            np.array([0.03, 0.03, 0.03]),
        ),
    ),
)


@EVAL_4.mistake(
    "you multiply all by their number, as Bonferroni does; after Holm the next one is multiplied "
    "by one less"
)
def _bonferroni(p_values):
    return np.minimum(p_values * len(p_values), 1)


@EVAL_4.mistake(
    "a larger p-value can come out smaller than the one before; then it is raised to it"
)
def _may_fall(p_values):
    order, raised = _steps(p_values)
    return _back(order, np.minimum(raised, 1))


@EVAL_4.mistake("you raise to the product before; it may have been raised itself, and that counts")
def _one_step_back(p_values):
    order, raised = _steps(p_values)
    return _back(order, np.minimum(np.maximum(raised, np.r_[0, raised[:-1]]), 1))


@EVAL_4.mistake("some of your p-values lie above 1; a probability ends there")
def _above_one(p_values):
    order, raised = _steps(p_values)
    return _back(order, np.maximum.accumulate(raised))


@EVAL_4.mistake("your result is still sorted; wanted is the order that was given")
def _left_sorted(p_values):
    _, raised = _steps(p_values)
    return np.minimum(np.maximum.accumulate(raised), 1)


@EVAL_4.mistake(
    "you go back with raised[order], which sorts once more; to undo a sort, write result[order] = "
    "raised"
)
def _wrong_way_back(p_values):
    order, raised = _steps(p_values)
    return np.minimum(np.maximum.accumulate(raised), 1)[order]


@EVAL_4.mistake(
    "you lower the smaller p-values to the one after them, which is Hochberg's way; Holm raises "
    "the larger ones to the one before"
)
def _hochberg(p_values):
    order, raised = _steps(p_values)
    return _back(order, np.minimum(np.minimum.accumulate(raised[::-1])[::-1], 1))


@EVAL_4.mistake(
    "you adjust after Benjamini and Hochberg, who allow for a share of false discoveries; the "
    "factors here are m, m - 1, and so on"
)
def _benjamini_hochberg(p_values):
    m = len(p_values)
    order = np.argsort(p_values, kind="stable")
    raised = p_values[order] * m / np.arange(1, m + 1)
    return _back(order, np.minimum(np.minimum.accumulate(raised[::-1])[::-1], 1))


@EVAL_4.mistake("the factors are the wrong way round: the smallest p-value has the largest")
def _factors_turned_round(p_values):
    order = np.argsort(p_values, kind="stable")
    raised = p_values[order] * np.arange(1, len(p_values) + 1)
    return _back(order, np.minimum(np.maximum.accumulate(raised), 1))


@EVAL_4.mistake("you multiply in the order that was given; sort first, and go back at the end")
def _not_sorted(p_values):
    raised = p_values * np.arange(len(p_values), 0, -1)
    return np.minimum(np.maximum.accumulate(raised), 1)


@EVAL_4.mistake("your factors end at 0, one too early: they go from m down to 1")
def _one_factor_too_low(p_values):
    order = np.argsort(p_values, kind="stable")
    raised = p_values[order] * np.arange(len(p_values) - 1, -1, -1)
    return _back(order, np.minimum(np.maximum.accumulate(raised), 1))


@EVAL_4.mistake(
    "equal p-values get the smallest of their factors; they get m, m - 1, ... one each, and are "
    "then raised to the one before"
)
def _smallest_factor_of_equal(p_values):
    order = np.argsort(p_values, kind="stable")
    raised = p_values[order] * (len(p_values) + 1 - rankdata(p_values[order], "max"))
    return _back(order, np.minimum(np.maximum.accumulate(raised), 1))


@EVAL_4.mistake(
    "equal p-values share one factor, and the next one gets but one less; each takes a factor of "
    "its own"
)
def _factors_of_different_values(p_values):
    order = np.argsort(p_values, kind="stable")
    raised = p_values[order] * (len(p_values) + 1 - rankdata(p_values[order], "dense"))
    return _back(order, np.minimum(np.maximum.accumulate(raised), 1))


def _sums(d):
    """All sums, each sign pattern in turn."""
    return [sum(signed) for signed in product(*((x, -x) for x in d.tolist()))]


def _share(d, counts):
    sums = _sums(d)
    return sum(map(counts, sums)) / len(sums)


EVAL_5 = Exercise(
    "eval-5",
    "sign_flip(d)",
    (
        Case("three differences", (np.array([4.0, 2.0, -1.0]),), 1 / 2),
        Case("all of one sign: as far as it goes", (np.array([1.0, 2.0, 3.0, 4.0]),), 2 / 16),
        Case("a negative sum", (np.array([-4.0, -2.0, 1.0, -8.0]),), 4 / 16),
        Case("differences that cancel", (np.array([1.0, -1.0]),), 1.0),
        Case("a difference of 0", (np.array([0.0, 1.0, 2.0]),), 1 / 2),
        Case("a single difference", (np.array([0.3]),), 1.0),
        Case(
            "sums that are equal but for rounding",  # flips of at most 0.3: 0, .1, .2, .3, .1 + .2
            (np.array([-0.2, 0.7, 0.3, -0.1, 0.4]),),
            10 / 32,
        ),
        Case(
            "other sums that are equal but for rounding",  # flips of at most 0.3 by which d falls
            (np.array([-0.1, 0.5, -0.3, 0.1, 0.4]),),
            1 / 2,
        ),
        Case("no sum is nearer to 0", (np.array([0.2, 0.2, 0.3, -0.5, -0.3]),), 1.0),
        Case(
            "nine users drawn at random",  # by scipy.stats.permutation_test
            (np.array([0.31, -0.12, 0.44, 0.05, -0.23, 0.52, 0.17, -0.08, 0.26]),),
            70 / 512,
        ),
        Case("sums that differ in the fourth digit", (np.array([1.0, 2e-4]),), 1 / 2),
        Case("sums that differ in the sixth digit", (np.array([1.0, 2e-6]),), 1 / 2),
    ),
)


@EVAL_5.mistake("you count sums on one side only; one that is as far below 0 counts as well")
def _one_sided(d):
    return _share(d, lambda total: total >= sum(d.tolist()) - 1e-12)


@EVAL_5.mistake(
    "where the sum of d is below 0 you count every pattern: take the absolute value of that sum "
    "too, or double the side on which it lies"
)
def _sum_keeps_its_sign(d):
    return _share(d, lambda total: abs(total) >= sum(d.tolist()) - 1e-12)


@EVAL_5.mistake(
    "you count only sums that are farther away; as far is enough, so that d counts itself"
)
def _farther_only(d):
    return _share(d, lambda total: abs(total) > abs(sum(d.tolist())) + 1e-12)


@EVAL_5.mistake("you count the sums that are nearer to 0; wanted are those at least as far away")
def _nearer_counted(d):
    return _share(d, lambda total: abs(total) <= abs(sum(d.tolist())) + 1e-12)


@EVAL_5.mistake("sums that should be equal differ by rounding; allow for it, with >= ... - 1e-12")
def _no_tolerance(d):
    return _share(d, lambda total: abs(total) >= abs(sum(d.tolist())))


@EVAL_5.mistake(
    "sums that should be equal differ by rounding, in a matrix product as well; allow for it, "
    "with >= ... - 1e-12"
)
def _no_tolerance_at_once(d):
    signs = np.array(list(product((1, -1), repeat=len(d))))
    return float((np.abs(signs @ d) >= abs(d.sum())).mean())


@EVAL_5.mistake(
    "you take sums for equal that are only near each other, as np.isclose does; allow for rounding "
    "alone, with >= ... - 1e-12"
)
def _nearly_as_far(d):
    far = abs(sum(d.tolist()))
    return _share(d, lambda total: abs(total) >= far or np.isclose(abs(total), far))


@EVAL_5.mistake("you return the number of patterns; divide it by that of all, 2^n")
def _number_of_patterns(d):
    return round(_share(d, lambda total: abs(total) >= abs(sum(d.tolist())) - 1e-12) * 2 ** len(d))


@EVAL_5.mistake(
    "you add 1 above and below the line, as with patterns drawn at random; here d is among all "
    "2^n already"
)
def _found_counted_twice(d):
    return (_number_of_patterns(d) + 1) / (2 ** len(d) + 1)


@EVAL_5.mistake("you leave out d itself; it is one of the 2^n patterns")
def _found_left_out(d):
    return (_number_of_patterns(d) - 1) / (2 ** len(d) - 1)


@EVAL_5.mistake("your signs are 1 and 0, which drops differences; those that are flipped have -1")
def _zero_for_minus(d):
    sums = [sum(some) for some in product(*((x, 0) for x in d.tolist()))]
    return sum(abs(total) >= abs(sum(d.tolist())) - 1e-12 for total in sums) / len(sums)


@EVAL_5.mistake(
    "you use the signs alone, which is the sign test; the sizes of the differences count"
)
def _signs_alone(d):
    signs = np.sign(d)
    return _share(signs, lambda total: abs(total) >= abs(signs.sum()))


EXERCISES = (EVAL_1, EVAL_2, EVAL_3, EVAL_4, EVAL_5)
