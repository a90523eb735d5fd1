"""Exercises of chapter 14."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from itertools import pairwise

import numpy as np
from scipy.special import logsumexp

from recsys_lib.exercises.core import Case, Exercise

_RNG = np.random.default_rng(141)

# ------------------------------------------------------------- a score that forgets


def _events(what, times, half_life):
    """Add up all terms of each event's sum, without the recursion."""
    exact = [
        math.fsum(math.exp2(-(t - s) / half_life) for s in times[: k + 1])
        for k, t in enumerate(times)
    ]
    return Case(what, (np.array(times), float(half_life)), np.array(exact))


def _by_hand(what, times, half_life, expected):
    return Case(what, (np.array(times), half_life), np.array(expected))


_DAILY = np.array([2.0 - 2.0**-k for k in range(1500)])  # 1 + 1/2 + 1/4 + ..., by hand

ORDER_1 = Exercise(
    "order-1",
    "forgetting(times, half_life)",
    (
        _by_hand("gaps of 1 and 2 half-lives", [0.0, 1, 3], 1.0, [1, 3 / 2, 11 / 8]),
        _by_hand("one event", [5.0], 2.0, [1.0]),
        _by_hand("a first event that is not at 0", [10.0, 14, 22], 4.0, [1, 3 / 2, 11 / 8]),
        _by_hand("three events at once, one later", [2.0, 2, 2, 4], 2.0, [1, 2, 3, 5 / 2]),
        _events("gaps that are no whole half-lives", [0.5, 1.25, 4.0, 4.5], 3),
        _events("whole days since 1970, a long gap", [12000, 12007, 12007, 12014, 17000], 7),
        _by_hand("1,500 days, an event each", np.arange(1500.0), 1.0, _DAILY),
        _events("random", np.sort(_RNG.uniform(0, 300, size=40)).round(2).tolist(), 30),
    ),
)


def _step_by_step(times, left, new=1.0):
    """Return the scores if `left`, called with each event's number from 1 on, is kept each time."""
    scores = np.full(len(times), new)
    for k in range(1, len(times)):
        scores[k] += left(k) * scores[k - 1]
    return scores


def _halved(gap, half_life):
    return 2.0 ** (-gap / half_life)


@ORDER_1.mistake(
    "what is left after a half-life is 1/e, not 1/2: take 2 to the power of -gap / half_life"
)
def _powers_of_e(times, half_life):
    return _step_by_step(times, lambda k: np.exp(-(times[k] - times[k - 1]) / half_life))


@ORDER_1.mistake("you multiply the gap by the half-life; divide, to count it in half-lives")
def _times_half_life(times, half_life):
    return _step_by_step(times, lambda k: 2.0 ** -((times[k] - times[k - 1]) * half_life))


@ORDER_1.mistake("nothing is forgotten: this is how many events there were so far")
def _number_so_far(times, half_life):
    return np.arange(1.0, len(times) + 1)


@ORDER_1.mistake(
    "the score just before each event is returned; its own 1 belongs to the score just after it"
)
def _just_before(times, half_life):
    return _step_by_step(times, lambda k: _halved(times[k] - times[k - 1], half_life)) - 1


@ORDER_1.mistake(
    "the time is measured from the first event; what is left of the last score depends on the time "
    "since the last event"
)
def _since_the_first(times, half_life):
    return _step_by_step(times, lambda k: _halved(times[k] - times[0], half_life))


@ORDER_1.mistake(
    "only the event before counts, with its 1; multiply the whole score after it, which has all "
    "the earlier ones in it"
)
def _one_before(times, half_life):
    return 1 + np.r_[0.0, _halved(np.diff(times), half_life)]


@ORDER_1.mistake("an event's own 1 is shrunk with the rest; it is new, so add it afterward")
def _new_one_shrunk(times, half_life):
    scores = np.ones(len(times))
    for k in range(1, len(times)):
        scores[k] = (scores[k - 1] + 1) * _halved(times[k] - times[k - 1], half_life)
    return scores


@ORDER_1.mistake("the sign of the exponent is wrong: scores grow with time instead of shrinking")
def _growing(times, half_life):
    with np.errstate(over="ignore"):
        gaps = np.diff(times) / half_life
        return _step_by_step(times, lambda k: np.exp2(gaps[k - 1]))


@ORDER_1.mistake(
    "the score is halved at each event, whatever the time since the last one: use the gap"
)
def _each_event(times, half_life):
    return _step_by_step(times, lambda k: 0.5)


@ORDER_1.mistake("what you return is what each event alone still counts at the end")
def _each_at_the_end(times, half_life):
    return _halved(times[-1] - times, half_life)


@ORDER_1.mistake(
    "events at one time count all at once; each stands by itself, and the score after the first "
    "of them does not have the others yet"
)
def _all_of_a_time(times, half_life):
    scores = _step_by_step(times, lambda k: _halved(times[k] - times[k - 1], half_life))
    return scores[np.searchsorted(times, times, side="right") - 1]


@ORDER_1.mistake("of events at one time a single one counts; each of them adds 1")
def _one_of_a_time(times, half_life):
    scores = np.ones(len(times))
    for k in range(1, len(times)):
        gap = times[k] - times[k - 1]
        scores[k] = 1 + _halved(gap, half_life) * scores[k - 1] if gap > 0 else scores[k - 1]
    return scores


@ORDER_1.mistake(
    "you add up powers of 2 that grow with the time and divide by the last one: after a thousand "
    "half-lives they are too large for a float. Take powers of the gaps, which only shrink"
)
def _grown_and_divided(times, half_life):
    with np.errstate(over="ignore", invalid="ignore"):
        grown = np.exp2(times / half_life)
        return np.cumsum(grown) / grown


@ORDER_1.mistake(
    "you store the scores in an array of whole numbers, as np.zeros_like(times) is if the times "
    "are: take np.zeros(len(times))"
)
def _whole_numbers(times, half_life):
    scores = np.ones_like(times)
    for k in range(1, len(times)):
        scores[k] = 1 + _halved(times[k] - times[k - 1], half_life) * scores[k - 1]
    return scores


@ORDER_1.mistake("gaps are cut down to whole half-lives: divide by /, not by //")
def _whole_half_lives(times, half_life):
    return _step_by_step(times, lambda k: 2.0 ** -((times[k] - times[k - 1]) // half_life))


@ORDER_1.mistake("you return a weighted average; the score is the sum, divided by nothing")
def _averaged(times, half_life):
    scores = np.ones(len(times))
    for k in range(1, len(times)):
        left = _halved(times[k] - times[k - 1], half_life)
        scores[k] = (1 - left) + left * scores[k - 1]
    return scores


@ORDER_1.mistake("you return the score after the last event alone; wanted is one for each event")
def _last_alone(times, half_life):
    return _step_by_step(times, lambda k: _halved(times[k] - times[k - 1], half_life))[-1]


@ORDER_1.mistake(
    "your function calls itself once for each event; Python allows about a thousand calls inside "
    "each other. A loop has no such limit"
)
def _by_itself(times, half_life):
    if len(times) == 1:
        return [1.0]
    before = _by_itself(times[:-1], half_life)
    return [*before, 1 + _halved(times[-1] - times[-2], half_life) * before[-1]]


# ------------------------------------------------------------- what follows an item


def _shares_after(histories, n_items, j, shrinkage):
    """Return the probabilities in fractions, from a list of all pairs."""
    pairs = [(h[k], h[k + 1]) for h in histories for k in range(len(h) - 1)]
    after = [b for a, b in pairs if a == j]
    events = [i for h in histories for i in h]
    s, found = Fraction(shrinkage), []
    for i in range(n_items):
        popular = Fraction(events.count(i), len(events))
        total = len(after) + s
        found.append(float((after.count(i) + s * popular) / total if total else popular))
    return np.array(found)


def _past(what, histories, n_items, j, shrinkage):
    arguments = histories, n_items, j, float(shrinkage)
    return Case(what, arguments, _shares_after(*arguments))


_PEOPLE = [_RNG.integers(6, size=n).tolist() for n in _RNG.integers(9, size=30)]

ORDER_2 = Exercise(
    "order-2",
    "next_probability(histories, n_items, j, shrinkage)",
    (
        _past("no shrinkage", [[0, 1, 2], [0, 2], [0, 1]], 3, 0, 0),
        _past("popularity is worth one event", [[0, 1, 2], [1, 2]], 3, 1, 1),
        _past("popularity is worth two and a half", [[0, 1, 2], [0, 2, 1], [1, 0]], 3, 0, 2.5),
        _past("the end of a history, and the start of the next", [[0, 1], [2, 0], [2, 1]], 3, 1, 1),
        _past("an item that is met twice", [[0, 1, 0, 2], [1, 2]], 3, 0, 1),
        _past("an item that follows itself", [[0, 0, 0, 1], [1, 0]], 2, 0, 1),
        _past("an item that nobody has met", [[0, 1], [1, 0]], 4, 0, 3),
        _past("nothing followed j, no shrinkage", [[0, 1], [0, 2], [2, 0, 2]], 3, 1, 0),
        _past("nobody has met j", [[0, 1], [1, 0, 1]], 3, 2, 0),
        _past("histories of one event, and an empty one", [[1], [], [0, 1], [1], [2]], 3, 0, 1),
        _past("somebody with many events", [[0, 1, 0, 1, 0, 1, 2], [0, 2], [2, 0]], 3, 0, 4),
        _past("random", _PEOPLE, 6, 3, 10),
    ),
)


def _followers(histories, n_items, j):
    """Return how often each item followed j, and each item's share of all events."""
    pairs = [pair for h in histories for pair in pairwise(h)]
    counts = np.bincount([b for a, b in pairs if a == j], minlength=n_items).astype(float)
    return counts, _popular([i for h in histories for i in h], n_items)


def _popular(events, n_items):
    counts = np.bincount(np.array(events, dtype=int), minlength=n_items)
    return counts / max(counts.sum(), 1)


def _smoothed(counts, popular, shrinkage):
    total = counts.sum() + shrinkage
    return (counts + shrinkage * popular) / total if total else popular


@ORDER_2.mistake(
    "you put the histories together before you look for pairs: the first event of a user does not "
    "follow the last event of another one"
)
def _one_long_history(histories, n_items, j, shrinkage):
    counts, _ = _followers([[i for h in histories for i in h]], n_items, j)
    return _smoothed(counts, _followers(histories, n_items, j)[1], shrinkage)


@ORDER_2.mistake("the prior is the same for all items; it is their popularity")
def _uniform_prior(histories, n_items, j, shrinkage):
    counts, popular = _followers(histories, n_items, j)
    if counts.sum() + shrinkage == 0:
        return popular
    return _smoothed(counts, np.full(n_items, 1 / n_items), shrinkage)


@ORDER_2.mistake("the shrinkage is not used: this is the share of each item among the followers")
def _no_shrinkage(histories, n_items, j, shrinkage):
    return _smoothed(*_followers(histories, n_items, j), 0)


@ORDER_2.mistake(
    "you add the shrinkage to each item's count (add-one smoothing); popularity is to be worth so "
    "many events in all, so add the shrinkage times the item's popularity"
)
def _added_to_each(histories, n_items, j, shrinkage):
    counts, popular = _followers(histories, n_items, j)
    total = counts.sum() + n_items * shrinkage
    return (counts + shrinkage) / total if total else popular


@ORDER_2.mistake(
    "you divide by the number of followers alone; with the shrinkage there are more events, and "
    "the probabilities have to add up to 1"
)
def _divided_by_followers(histories, n_items, j, shrinkage):
    counts, popular = _followers(histories, n_items, j)
    return (counts + shrinkage * popular) / counts.sum() if counts.any() else popular


@ORDER_2.mistake("you count what came before j; wanted is what came after it")
def _what_came_before(histories, n_items, j, shrinkage):
    counts, popular = _followers([h[::-1] for h in histories], n_items, j)
    return _smoothed(counts, popular, shrinkage)


@ORDER_2.mistake("you count what stood beside j on either side; wanted is what came after it alone")
def _either_side(histories, n_items, j, shrinkage):
    counts, popular = _followers(histories, n_items, j)
    before, _ = _followers([h[::-1] for h in histories], n_items, j)
    return _smoothed(counts + before, popular, shrinkage)


@ORDER_2.mistake(
    "you divide by how often j was met; where j is somebody's last event nothing follows it, so "
    "n_j is the number of its followers"
)
def _divided_by_met(histories, n_items, j, shrinkage):
    counts, popular = _followers(histories, n_items, j)
    total = sum(h.count(j) for h in histories) + shrinkage
    return (counts + shrinkage * popular) / total if counts.sum() + shrinkage else popular


@ORDER_2.mistake("you count all that came later; only the very next event follows j")
def _all_later(histories, n_items, j, shrinkage):
    later = [i for h in histories for k, a in enumerate(h) if a == j for i in h[k + 1 :]]
    counts = np.bincount(np.array(later, dtype=int), minlength=n_items)
    return _smoothed(counts, _followers(histories, n_items, j)[1], shrinkage)


@ORDER_2.mistake(
    "of each history only the first event that is j is looked at; j can be met more than once"
)
def _first_time_alone(histories, n_items, j, shrinkage):
    counts = np.zeros(n_items)
    for h in histories:
        if j in h[:-1]:
            counts[h[h.index(j) + 1]] += 1
    return _smoothed(counts, _followers(histories, n_items, j)[1], shrinkage)


@ORDER_2.mistake("popularity counts each user once; it is the share of all events")
def _popular_by_users(histories, n_items, j, shrinkage):
    counts, _ = _followers(histories, n_items, j)
    return _smoothed(counts, _popular([i for h in histories for i in set(h)], n_items), shrinkage)


@ORDER_2.mistake(
    "popularity leaves out the first event of each history; it is the share of all events, whether "
    "they follow something or not"
)
def _popular_as_followers(histories, n_items, j, shrinkage):
    counts, popular = _followers(histories, n_items, j)
    after = [i for h in histories for i in h[1:]]
    return _smoothed(counts, _popular(after, n_items) if after else popular, shrinkage)


@ORDER_2.mistake("popularity is a count here; it has to be a share, so that all is 1 in the end")
def _popular_as_counts(histories, n_items, j, shrinkage):
    counts, popular = _followers(histories, n_items, j)
    n = sum(map(len, histories))
    total = counts.sum() + shrinkage
    return (counts + shrinkage * popular * n) / total if total else popular


@ORDER_2.mistake("where nothing followed j you return zeros; popularity says all then")
def _zeros_for_unknown(histories, n_items, j, shrinkage):
    counts, popular = _followers(histories, n_items, j)
    return (counts + shrinkage * popular) / (counts.sum() + shrinkage or 1)


@ORDER_2.mistake(
    "where nothing followed j and the shrinkage is 0 you divide 0 by 0; return the popularity then"
)
def _zero_by_zero(histories, n_items, j, shrinkage):
    counts, popular = _followers(histories, n_items, j)
    with np.errstate(invalid="ignore"):
        return (counts + shrinkage * popular) / (counts.sum() + shrinkage)


@ORDER_2.mistake("where nothing followed j all items are alike for you; popularity says all then")
def _uniform_for_unknown(histories, n_items, j, shrinkage):
    counts, popular = _followers(histories, n_items, j)
    if counts.sum() + shrinkage == 0:
        return np.full(n_items, 1 / n_items)
    return _smoothed(counts, popular, shrinkage)


@ORDER_2.mistake(
    "the two weights are exchanged: the more followers there are, the more should they count, and "
    "not the popularity"
)
def _weights_exchanged(histories, n_items, j, shrinkage):
    counts, popular = _followers(histories, n_items, j)
    n = counts.sum()
    if n == 0:
        return popular
    return (shrinkage * counts / n + n * popular) / (n + shrinkage)


@ORDER_2.mistake("you leave out j itself among its followers; an item may follow itself")
def _never_itself(histories, n_items, j, shrinkage):
    counts, popular = _followers(histories, n_items, j)
    counts[j] = 0
    return _smoothed(counts, popular, shrinkage)


@ORDER_2.mistake("you return the smoothed counts; divide them by their sum, n_j + shrinkage")
def _counts_alone(histories, n_items, j, shrinkage):
    counts, popular = _followers(histories, n_items, j)
    return counts + shrinkage * popular


@ORDER_2.mistake("you return the popularity; what followed j has to be counted, too")
def _popularity_alone(histories, n_items, j, shrinkage):
    return _followers(histories, n_items, j)[1]


@ORDER_2.mistake(
    "you divide by the number of all pairs; after j there are only those that begin with j"
)
def _divided_by_all_pairs(histories, n_items, j, shrinkage):
    counts, popular = _followers(histories, n_items, j)
    n = sum(max(len(h) - 1, 0) for h in histories)
    return (counts + shrinkage * popular) / (n + shrinkage)


@ORDER_2.mistake(
    "the last pair of each history is lost: range(len(items) - 1) has the place of the last event "
    "but one"
)
def _last_pair_lost(histories, n_items, j, shrinkage):
    counts, _ = _followers([h[:-1] for h in histories], n_items, j)
    return _smoothed(counts, _followers(histories, n_items, j)[1], shrinkage)


# ------------------------------------------------------------- what an event takes from the past


def _gathered(queries, keys, values):
    """Take the events one by one, each with those up to it and no table of all pairs."""
    rows = []
    for t in range(len(queries)):
        x = [math.fsum(keys[s] * queries[t]) / math.sqrt(keys.shape[1]) for s in range(t + 1)]
        weights = [math.exp(one - max(x)) for one in x]
        rows.append(sum(a * v for a, v in zip(weights, values, strict=False)) / math.fsum(weights))
    return np.array(rows)


def _heads(what, queries, keys, values, expected=None):
    arguments = tuple(np.array(one, dtype=float) for one in (queries, keys, values))
    right = _gathered(*arguments) if expected is None else np.array(expected, dtype=float)
    return Case(what, arguments, right)


_LOG3 = math.log(3)

ORDER_3 = Exercise(
    "order-3",
    "attend(queries, keys, values)",
    (
        _heads("one event", [[2.0]], [[1.0]], [[5.0]], [[5.0]]),
        _heads("all scores 0", [[0.0]] * 3, [[1.0], [2], [3]], [[1.0], [3], [8]], [[1], [2], [4]]),
        _heads(
            "the last event takes 3 of 4 parts from the first",
            [[0.0], [_LOG3]],
            [[1.0], [0.0]],
            [[4.0], [8.0]],
            [[4.0], [5.0]],
        ),
        _heads(
            "the same in four coordinates",
            [[0.0] * 4, [2 * _LOG3, 0, 0, 0]],
            [[1.0, 5, 5, 5], [0.0, 7, 7, 7]],
            [[4.0, 0, 1, -4], [8.0, 4, 1, 4]],
            [[4.0, 0, 1, -4], [5.0, 1, 1, -2]],
        ),
        _heads(
            "as many events as coordinates",
            [[1.0, 0, 0], [0, 2, 1], [3, 0, -1]],
            [[0.0, 1, 2], [2, 0, 1], [1, -1, 0]],
            [[1.0, 2, 3], [0, 1, 0], [5, 5, -5]],
        ),
        _heads(
            "scores of 2,000",
            [[2000.0], [2000.0], [-2000.0]],
            [[1.0], [0.5], [1.0]],
            [[1.0], [2.0], [3.0]],
            [[1.0], [1.0], [2.0]],
        ),
        _heads(
            "scores of -3,000",
            [[1.0], [1.0]],
            [[-3000.0], [-3000.0]],
            [[2.0], [6.0]],
            [[2.0], [4.0]],
        ),
        _heads(
            "a score of 2,000 that comes later",
            [[1.0], [1.0], [0.0]],
            [[0.0], [0.0], [2000.0]],
            [[3.0], [9.0], [0.0]],
            [[3.0], [6.0], [4.0]],
        ),
        _heads("random", *_RNG.normal(size=(3, 6, 4))),
    ),
)


def _softmax(scores):
    weights = np.exp(scores - scores.max(axis=1, keepdims=True))
    return weights / weights.sum(axis=1, keepdims=True)


def _past_weights(scores, mask=None):
    """Return the softmax of each row over what the mask, the past as a rule, lets through."""
    mask = np.tri(len(scores), dtype=bool) if mask is None else mask
    kept = np.where(mask, scores, -np.inf)
    top = kept.max(axis=1, keepdims=True)
    weights = np.exp(kept - np.where(np.isfinite(top), top, 0))
    total = weights.sum(axis=1, keepdims=True)
    return weights / np.where(total > 0, total, 1)


def _agree(queries, keys):
    return queries @ keys.T / np.sqrt(queries.shape[1])


@ORDER_3.mistake("there is no mask: an event takes from those that come later")
def _no_mask(queries, keys, values):
    scores = _agree(queries, keys)
    return _past_weights(scores, np.ones(scores.shape, dtype=bool)) @ values


@ORDER_3.mistake(
    "later scores are set to 0, and the exponential of that is 1, so that they count: set them to "
    "minus infinity before the softmax"
)
def _masked_by_zero(queries, keys, values):
    scores = np.tril(_agree(queries, keys))
    return _past_weights(scores, np.ones(scores.shape, dtype=bool)) @ values


@ORDER_3.mistake(
    "the weights of later events are set to 0 after the softmax, so that those that are left do "
    "not add up to 1: mask the scores before it"
)
def _masked_afterward(queries, keys, values):
    scores = _agree(queries, keys)
    return np.tril(_past_weights(scores, np.ones(scores.shape, dtype=bool))) @ values


@ORDER_3.mistake(
    "the softmax goes down the columns; the weights of one event, a row, have to add up to 1"
)
def _down_the_columns(queries, keys, values):
    scores = np.where(np.tri(len(queries), dtype=bool), _agree(queries, keys), -np.inf)
    weights = np.exp(scores - scores.max(axis=0))
    return weights / weights.sum(axis=0) @ values


@ORDER_3.mistake("the scores are not divided by the square root of d")
def _not_scaled(queries, keys, values):
    return _past_weights(queries @ keys.T) @ values


@ORDER_3.mistake("the scores are divided by d; divide by its square root")
def _scaled_by_d(queries, keys, values):
    return _past_weights(queries @ keys.T / queries.shape[1]) @ values


@ORDER_3.mistake(
    "the scores are divided by the root of the number of events; d is the number of columns"
)
def _scaled_by_events(queries, keys, values):
    return _past_weights(queries @ keys.T / np.sqrt(len(queries))) @ values


@ORDER_3.mistake("the scores are multiplied by the square root of d; divide")
def _scaled_up(queries, keys, values):
    return _past_weights(queries @ keys.T * np.sqrt(queries.shape[1])) @ values


@ORDER_3.mistake(
    "the mask leaves out the event itself, too, so that the first one has nothing to take from: "
    "its own place, s = t, belongs to what it may see"
)
def _strictly_before(queries, keys, values):
    mask = np.tri(len(queries), k=-1, dtype=bool)
    return _past_weights(_agree(queries, keys), mask) @ values


@ORDER_3.mistake(
    "the mask leaves out the event itself, too: the first row of scores is minus infinity "
    "throughout, and its softmax is 0 / 0"
)
def _nothing_by_nothing(queries, keys, values):
    scores = np.where(np.tri(len(queries), k=-1, dtype=bool), _agree(queries, keys), -np.inf)
    with np.errstate(invalid="ignore"):
        return _softmax(scores) @ values


@ORDER_3.mistake("the mask is the wrong way round: an event takes from the later ones alone")
def _the_future_alone(queries, keys, values):
    mask = np.tri(len(queries), dtype=bool).T
    return _past_weights(_agree(queries, keys), mask) @ values


@ORDER_3.mistake("the mask lets one later event through: use k=1 for what is to be left out")
def _one_ahead(queries, keys, values):
    mask = np.tri(len(queries), k=1, dtype=bool)
    return _past_weights(_agree(queries, keys), mask) @ values


@ORDER_3.mistake("queries and keys are exchanged: row t of the scores is of query t")
def _keys_ask(queries, keys, values):
    return _past_weights(_agree(keys, queries)) @ values


@ORDER_3.mistake(
    "the exponentials are too large or too small for a float: subtract the largest score of the "
    "row first, among those that are not masked"
)
def _plain_exponentials(queries, keys, values):
    with np.errstate(over="ignore", invalid="ignore"):
        weights = np.exp(np.where(np.tri(len(queries)) > 0, _agree(queries, keys), -np.inf))
        return weights / weights.sum(axis=1, keepdims=True) @ values


@ORDER_3.mistake(
    "what you subtract before the exponential is the largest score of a row, later events "
    "included: if that one is far larger, all that may be seen becomes 0. Mask first"
)
def _shifted_before_the_mask(queries, keys, values):
    scores = _agree(queries, keys)
    with np.errstate(invalid="ignore"):
        weights = np.tril(np.exp(scores - scores.max(axis=1, keepdims=True)))
        return weights / weights.sum(axis=1, keepdims=True) @ values


@ORDER_3.mistake(
    "what you subtract before the exponential is the largest score of all; then every weight of a "
    "row with low scores becomes 0. Take the largest of each row"
)
def _one_shift_for_all(queries, keys, values):
    scores = np.where(np.tri(len(queries)) > 0, _agree(queries, keys), -np.inf)
    with np.errstate(invalid="ignore"):
        weights = np.exp(scores - scores.max())
        return weights / weights.sum(axis=1, keepdims=True) @ values


@ORDER_3.mistake(
    "later scores are lowered by too little, and a low score of the past is below them: set them "
    "to minus infinity, -np.inf"
)
def _lowered(queries, keys, values):
    scores = np.where(np.tri(len(queries)) > 0, _agree(queries, keys), -1000.0)
    return _past_weights(scores, np.ones(scores.shape, dtype=bool)) @ values


@ORDER_3.mistake("the softmax goes over the whole table; each row has to add up to 1 by itself")
def _over_all(queries, keys, values):
    scores = np.where(np.tri(len(queries)) > 0, _agree(queries, keys), -np.inf)
    weights = np.exp(scores - scores.max())
    return weights / weights.sum() @ values


@ORDER_3.mistake(
    "the mask is multiplied by infinity, and 0 times infinity is no number: use np.where, or write "
    "-np.inf into the places of np.triu_indices(n, k=1)"
)
def _zero_times_infinity(queries, keys, values):
    with np.errstate(invalid="ignore"):
        scores = _agree(queries, keys) - np.inf * (1 - np.tri(len(queries)))
        return _softmax(scores) @ values


@ORDER_3.mistake("what is gathered is the keys; the weights are made with them, and used on values")
def _keys_gathered(queries, keys, values):
    return _past_weights(_agree(queries, keys)) @ keys


@ORDER_3.mistake(
    "the event's own value is added to what is gathered; the network does that later, around "
    "attention"
)
def _own_value_added(queries, keys, values):
    return values + _past_weights(_agree(queries, keys)) @ values


@ORDER_3.mistake("there is no softmax: the scores themselves are the weights")
def _scores_as_weights(queries, keys, values):
    return np.tril(_agree(queries, keys)) @ values


@ORDER_3.mistake("each event takes the one with the highest score alone; weigh all by the softmax")
def _highest_alone(queries, keys, values):
    scores = np.where(np.tri(len(queries)) > 0, _agree(queries, keys), -np.inf)
    return values[scores.argmax(axis=1)]


@ORDER_3.mistake("the weights are transposed: row t of them, times the values, is what t gathers")
def _weights_transposed(queries, keys, values):
    return _past_weights(_agree(queries, keys)).T @ values


@ORDER_3.mistake("you return the weights; wanted is what is gathered with them, weights @ values")
def _weights_alone(queries, keys, values):
    return _past_weights(_agree(queries, keys))


@ORDER_3.mistake("all weights of an event are equal: this is the mean of the values so far")
def _means_so_far(queries, keys, values):
    return np.cumsum(values, axis=0) / np.arange(1, len(values) + 1)[:, None]


# ------------------------------------------------------------- a model that looks ahead


@dataclass(frozen=True)
class Reader:
    """A model as the exercise hands it over: a history in, a row of scores after each event."""

    scores: Callable
    n_items: int

    def __call__(self, history):
        """Return the scores after each event, float64, shape (len(history), n_items)."""
        items = np.asarray(history)
        if items.ndim != 1:
            raise ValueError(f"the model reads item numbers in a row, got {history!r}")
        if not np.isin(items, np.arange(self.n_items)).all():
            raise ValueError(
                f"the model knows the items 0 to {self.n_items - 1}, got {items.tolist()}"
            )
        if not items.size:
            return np.zeros((0, self.n_items))
        return self.scores(np.eye(self.n_items)[items.astype(int)])

    def __repr__(self):
        return "model"


def _chain(X):
    return X * 0.5 + np.roll(X, 1, axis=1)


def _running_mean(X):
    return X.cumsum(axis=0) / np.arange(1, len(X) + 1)[:, None]


def _without_the_rest(X):
    """Return the sums up to each event as what is left of the whole: equal but for rounding."""
    X = 0.1 * X + 1 / 3
    return X.sum(axis=0) - X[::-1].cumsum(axis=0)[::-1] + X


def _met_left_out(X):
    return np.where(X.cumsum(axis=0) > 0, -np.inf, np.arange(X.shape[1], dtype=float))


def _by_place(X):
    return X * np.arange(1, len(X) + 1)[:, None]


def _alike(X):
    return np.tile(np.arange(float(X.shape[1])), (len(X), 1))


def _whole_mean(X):
    return np.tile(X.mean(axis=0), (len(X), 1))


def _from_the_end(X):
    return X[::-1].cumsum(axis=0)[::-1] / np.arange(len(X), 0, -1)[:, None]


def _ahead(X, by):
    """Return the rows `by` places later, zeros at the end."""
    return np.concatenate([X[by:], np.zeros_like(X[:by])])


def _next_one(X):
    """Return the next event in place of this one: each row has the same numbers, moved."""
    return np.concatenate([X[1:], X[-1:]])


def _two_later(X):
    return X + 0.1 * _ahead(X, 2)


def _by_length(X):
    return X / len(X)


def _last_event(X):
    return X + 0.01 * X[-1]


def _first_row(X):
    scores = X.copy()
    scores[0] += X[1] if len(X) > 1 else 0
    return scores


def _second_row(X):
    scores = X.copy()
    scores[1:2] += 0.1 * X[2:3].sum(axis=0)
    return scores


def _waits_for(item):
    """Return a model that adds 1 to this item as long as it is still to come."""

    def scores_of(X):
        scores = X.copy()
        scores[:, item] += X[::-1, item].cumsum()[::-1] - X[:, item] > 0
        return scores

    return scores_of


def _unmasked(X):
    weights = np.exp(X @ X.T)
    return weights / weights.sum(axis=1, keepdims=True) @ X


def _same_sum(X):
    """Move a little from the last item to the first where more is to come than was."""
    left = np.arange(len(X))[::-1]
    moved = np.zeros(X.shape)
    moved[:, 0], moved[:, -1] = 0.01 * left, -0.01 * left
    return X + moved


def _scores_of(what, scores, history, n_items, expected):
    return Case(what, (Reader(scores, n_items), np.array(history), n_items), expected)


@dataclass(frozen=True)
class YesOrNo(Exercise):
    """Answers of True and False alone: half of them agree with any mistake by chance.

    So a mistake is named where it agrees on every input. Where it does not, the inputs that come
    out wrong say more: each has the name of what it does.
    """

    def _recognized(self, mine, right, first, budget):
        return super()._recognized(mine, right, first, budget)[0], ""


ORDER_4 = YesOrNo(
    "order-4",
    "looks_ahead(model, history, n_items)",
    (
        _scores_of("honest: only the last event counts", _chain, [0, 2, 1], 3, False),
        _scores_of("the mean of all events, after each", _whole_mean, [0, 2, 1], 3, True),
        _scores_of("honest: the mean of the events so far", _running_mean, [3, 1, 0, 2], 4, False),
        _scores_of("the mean of the events from here on", _from_the_end, [3, 1, 0, 2], 4, True),
        _scores_of("one event ahead", _next_one, [2, 0, 1, 3], 4, True),
        _scores_of("the last event is known from the start", _last_event, [1, 2, 0], 3, True),
        _scores_of("the first event alone knows the next", _first_row, [1, 3, 2, 0], 4, True),
        _scores_of("the second event alone knows the next", _second_row, [1, 3, 0], 4, True),
        _scores_of("honest: up to rounding", _without_the_rest, [1, 0, 2, 2, 1], 3, False),
        _scores_of("honest: what was met has minus infinity", _met_left_out, [2, 0, 1], 4, False),
        _scores_of("only how much is to come is known", _by_length, [1, 0, 2, 1], 3, True),
        _scores_of("two events ahead, and not one", _two_later, [0, 1, 2, 0, 1], 3, True),
        _scores_of("whether item 0 is to come is known", _waits_for(0), [2, 1, 3], 4, True),
        _scores_of("whether item 3 is to come is known", _waits_for(3), [2, 1, 0], 4, True),
        _scores_of("honest: places are counted from the start", _by_place, [1, 1, 0], 2, False),
        _scores_of("honest: the same scores always", _alike, [0, 1, 2], 3, False),
        _scores_of("attention without a mask", _unmasked, [0, 1, 0, 2], 3, True),
        _scores_of("a little is moved between two items", _same_sum, [1, 2, 1], 3, True),
    ),
)


def _extended(model, history, n_items, told=lambda after, before: not np.allclose(after, before)):
    """Whether one more event tells earlier rows apart, after each beginning of the history."""
    return any(
        told(model(np.append(history[:t], item))[:t], model(history[:t]))
        for t in range(1, len(history) + 1)
        for item in range(n_items)
    )


def _replaced(model, history, n_items, places, rows):
    """Whether another item at one of the places changes those rows, `rows` called with it."""
    whole = model(history)
    for place in places:
        for item in range(n_items):
            other = history.copy()
            other[place] = item
            kept = rows(place)
            if not np.allclose(model(other)[kept], whole[kept]):
                return True
    return False


@ORDER_4.mistake(
    "you compare for exact equality; an honest model may differ in the last digit, by the order of "
    "its sums: use np.allclose"
)
def _exactly(model, history, n_items):
    return _extended(model, history, n_items, lambda after, before: (after != before).any())


@ORDER_4.mistake(
    "you leave later events out, and never put others in their place: a model that waits for an "
    "item which is not in this history is not found out this way"
)
def _cut_alone(model, history, n_items):
    whole = model(history)
    return any(not np.allclose(whole[:t], model(history[:t])) for t in range(1, len(history)))


@ORDER_4.mistake(
    "you replace later events, and there are always as many: a model may know how many are to "
    "come. Add one, or leave some out"
)
def _replaced_alone(model, history, n_items):
    return _replaced(model, history, n_items, range(1, len(history)), slice)


@ORDER_4.mistake(
    "you change the order of the later events; a model that uses them without their order, as a "
    "mean does, is not found out this way. Put other items in their place"
)
def _turned_round(model, history, n_items):
    whole = model(history)
    return any(
        not np.allclose(model(np.r_[history[:t], history[t:][::-1]])[:t], whole[:t])
        for t in range(1, len(history))
    )


@ORDER_4.mistake("you replace the last event alone; change what comes after each of the events")
def _last_replaced(model, history, n_items):
    return _replaced(model, history, n_items, [len(history) - 1], slice)


@ORDER_4.mistake(
    "you compare rows that may change: if event t is changed, row t and those after it may, and "
    "the rows before it, [:t], may not"
)
def _own_row(model, history, n_items):
    return _replaced(model, history, n_items, range(1, len(history)), lambda t: slice(t + 1))


@ORDER_4.mistake(
    "you look at the row just before the change alone; a model may look further ahead than one "
    "event, so compare all earlier rows"
)
def _row_before(model, history, n_items):
    return _extended(
        model, history, n_items, lambda after, before: not np.allclose(after[-1], before[-1])
    )


@ORDER_4.mistake(
    "you change an earlier event and look at the later rows: that is what a model should read"
)
def _looks_back(model, history, n_items):
    return _replaced(model, history, n_items, [0], lambda t: slice(1, None))


@ORDER_4.mistake(
    "you compare the best item of each row alone; the other scores, and the size of the best one, "
    "may tell of the future as well"
)
def _best_alone(model, history, n_items):
    return _extended(
        model, history, n_items, lambda a, b: (a.argmax(axis=1) != b.argmax(axis=1)).any()
    )


@ORDER_4.mistake("you compare the sums of the rows; what is moved from one item to another is lost")
def _sums_alone(model, history, n_items):
    return _extended(
        model, history, n_items, lambda a, b: not np.allclose(a.sum(axis=1), b.sum(axis=1))
    )


@ORDER_4.mistake("you look at the first row alone; a model may look ahead at other places only")
def _first_row_alone(model, history, n_items):
    return _extended(model, history, n_items, lambda a, b: not np.allclose(a[0], b[0]))


@ORDER_4.mistake(
    "you subtract the scores and ask whether the difference is small: minus infinity minus itself "
    "is no number. np.allclose takes the two for equal"
)
def _by_subtraction(model, history, n_items):
    with np.errstate(invalid="ignore"):
        return _extended(model, history, n_items, lambda a, b: not (np.abs(a - b) < 1e-9).all())


@ORDER_4.mistake(
    "you ask whether the scores of different moments differ; compare the scores after the same "
    "event, with one and with another future"
)
def _rows_differ(model, history, n_items):
    whole = model(history)
    return not np.allclose(whole[1:], whole[:-1])


@ORDER_4.mistake(
    "you ask whether the model is right about what comes next; it may use the future in another "
    "way, and an honest model may be right by luck. Change the future and compare"
)
def _right_too_often(model, history, n_items):
    return bool((model(history)[:-1].argmax(axis=1) == history[1:]).any())


# ------------------------------------------------------------- a loss on a sample of items


def _drawn(what, weights, positive, drawn, shift=0.0):
    """Make logits of whole numbers' logarithms: the loss is then that of a fraction."""
    each = Fraction(len(weights), len(drawn))  # for so many items a drawn one stands
    others = sum(each * weights[j] for j in drawn if j != positive)
    right = math.log(1 + others / weights[positive])
    logits = np.log(np.array(weights, dtype=float)) + shift
    return Case(what, (logits, positive, np.array(drawn)), right)


ORDER_5 = Exercise(
    "order-5",
    "corrected_loss(logits, positive, drawn)",
    (
        _drawn("equal logits, two of four items are drawn", [1, 1, 1, 1], 0, [1, 2]),
        _drawn("one of three items is drawn", [2, 3, 1], 0, [1]),
        _drawn("each item is drawn once: the whole softmax", [2, 1, 5], 1, [0, 1, 2]),
        _drawn("an item that is drawn twice", [1, 4, 2, 1], 2, [1, 1, 0]),
        _drawn("what came next is among the drawn", [3, 1, 2, 6, 1], 3, [0, 3, 2]),
        _drawn("nothing but what came next is drawn", [3, 1, 2], 2, [2, 2]),
        _drawn("more draws than items", [1, 2], 0, [1, 0, 1, 1]),
        _drawn("logits of 1,000", [1, 2, 1, 3], 1, [3, 0], 1000.0),
        _drawn("logits of -1,000", [1, 2, 1, 3], 1, [3, 0], -1000.0),
        Case(
            "what came next is 900 below the others",
            (np.array([-900.0, 0.0, 0.0, 0.0]), 0, np.array([1, 2])),
            900 + math.log(4),
        ),
        _drawn(
            "random", _RNG.integers(1, 50, size=40).tolist(), 7, _RNG.integers(40, size=12).tolist()
        ),
    ),
)


def _cross_entropy(x_positive, x_others):
    return float(logsumexp(np.append(x_others, x_positive)) - x_positive)


def _others(logits, positive, drawn):
    return logits[drawn[drawn != positive]]


@ORDER_5.mistake(
    "the correction is missing, or it is taken from the positive as well, where it cancels: each "
    "drawn item stands for len(logits) / len(drawn) items, and the positive for itself"
)
def _uncorrected(logits, positive, drawn):
    return _cross_entropy(logits[positive], _others(logits, positive, drawn))


@ORDER_5.mistake(
    "the correction has the wrong sign: log(len(drawn) / len(logits)) is subtracted, so that few "
    "drawn items count for more"
)
def _wrong_sign(logits, positive, drawn):
    others = _others(logits, positive, drawn) + np.log(len(drawn) / len(logits))
    return _cross_entropy(logits[positive], others)


def _correction(logits, drawn):
    return np.log(len(drawn) / len(logits))


@ORDER_5.mistake(
    "an item that is what came next counts among the drawn as well: leave it out there, it is in "
    "the sum already"
)
def _positive_twice(logits, positive, drawn):
    return _cross_entropy(logits[positive], logits[drawn] - _correction(logits, drawn))


@ORDER_5.mistake("what came next is missing in the sum over the items; there it counts once")
def _positive_not_below(logits, positive, drawn):
    others = _others(logits, positive, drawn) - _correction(logits, drawn)
    with np.errstate(divide="ignore"):
        return float(logsumexp(others) - logits[positive]) if len(others) else -np.inf


@ORDER_5.mistake(
    "you leave draws of the positive out of the number of draws, too; that is len(drawn), and a "
    "drawn item stands for len(logits) / len(drawn) items whatever else was drawn"
)
def _fewer_draws(logits, positive, drawn):
    others = _others(logits, positive, drawn)
    return _cross_entropy(logits[positive], others - np.log(max(len(others), 1) / len(logits)))


@ORDER_5.mistake(
    "an item that is drawn twice counts once; it was drawn with replacement, and counts twice"
)
def _each_once(logits, positive, drawn):
    others = _others(logits, positive, np.unique(drawn))
    return _cross_entropy(logits[positive], others - _correction(logits, drawn))


@ORDER_5.mistake(
    "an item that is drawn twice counts once, in the sum and in the number of draws; count it twice"
)
def _each_once_in_n(logits, positive, drawn):
    different = np.unique(drawn)
    others = _others(logits, positive, different) - _correction(logits, different)
    return _cross_entropy(logits[positive], others)


@ORDER_5.mistake("the logarithm is that of the mean of the exponentials; it is that of their sum")
def _mean_below(logits, positive, drawn):
    others = _others(logits, positive, drawn) - _correction(logits, drawn)
    return _cross_entropy(logits[positive], others) - float(np.log(len(others) + 1))


@ORDER_5.mistake(
    "the logarithm of the correction is missing: subtract log(len(drawn) / len(logits))"
)
def _correction_without_log(logits, positive, drawn):
    others = _others(logits, positive, drawn) - len(drawn) / len(logits)
    return _cross_entropy(logits[positive], others)


@ORDER_5.mistake(
    "the correction counts all items but what came next; the draws are from all items, so it is "
    "len(drawn) / len(logits)"
)
def _from_the_others(logits, positive, drawn):
    others = _others(logits, positive, drawn) - np.log(len(drawn) / max(len(logits) - 1, 1))
    return _cross_entropy(logits[positive], others)


@ORDER_5.mistake(
    "the number of items is missing in the correction: it is log(len(drawn) / len(logits))"
)
def _draws_alone(logits, positive, drawn):
    others = _others(logits, positive, drawn) - np.log(len(drawn))
    return _cross_entropy(logits[positive], others)


@ORDER_5.mistake(
    "the number of draws is missing in the correction: it is log(len(drawn) / len(logits))"
)
def _items_alone(logits, positive, drawn):
    others = _others(logits, positive, drawn) + np.log(len(logits))
    return _cross_entropy(logits[positive], others)


@ORDER_5.mistake("the sum goes over all items, drawn or not: that is the whole softmax")
def _whole_softmax(logits, positive, drawn):
    return float(logsumexp(logits) - logits[positive])


@ORDER_5.mistake(
    "the exponentials are too large or too small for a float: subtract the largest logit from all "
    "before you take them, and add it again after the logarithm"
)
def _not_shifted(logits, positive, drawn):
    others = _others(logits, positive, drawn) - _correction(logits, drawn)
    with np.errstate(over="ignore", invalid="ignore", divide="ignore"):
        top, rest = np.exp(logits[positive]), np.exp(others).sum()
        return float(-np.log(top / (top + rest)))


@ORDER_5.mistake(
    "you subtract the logit of what came next from all, and take exponentials of the differences: "
    "where another is 900 above it, that is too large for a float. Subtract the largest"
)
def _shifted_by_the_positive(logits, positive, drawn):
    others = _others(logits, positive, drawn) - _correction(logits, drawn)
    with np.errstate(over="ignore"):
        return float(np.log1p(np.exp(others - logits[positive]).sum()))


@ORDER_5.mistake("you return the probability; the loss is minus its logarithm")
def _probability(logits, positive, drawn):
    others = _others(logits, positive, drawn) - _correction(logits, drawn)
    return float(np.exp(-_cross_entropy(logits[positive], others)))


@ORDER_5.mistake(
    "only the largest of the logits is subtracted; what is subtracted is the logarithm of a sum"
)
def _largest_alone(logits, positive, drawn):
    others = _others(logits, positive, drawn) - _correction(logits, drawn)
    return float(np.append(others, logits[positive]).max() - logits[positive])


@ORDER_5.mistake(
    "this is the binary cross-entropy: each item has a sigmoid for itself. In a softmax they share "
    "one sum"
)
def _binary(logits, positive, drawn):
    others = _others(logits, positive, drawn) - _correction(logits, drawn)
    return float(np.logaddexp(0, -logits[positive]) + np.logaddexp(0, others).sum())


@ORDER_5.mistake("you take the first logits; drawn has the numbers of the items: logits[drawn]")
def _first_logits(logits, positive, drawn):
    others = logits[: len(drawn)] - _correction(logits, drawn)
    return _cross_entropy(logits[positive], others)


@ORDER_5.mistake(
    "the correction is a logarithm to base 2; to the exponential belongs the natural one, np.log"
)
def _base_two(logits, positive, drawn):
    others = _others(logits, positive, drawn) - np.log2(len(drawn) / len(logits))
    return _cross_entropy(logits[positive], others)


@ORDER_5.mistake("the correction stands outside of the exponentials, added to the loss once")
def _correction_outside(logits, positive, drawn):
    loss = _cross_entropy(logits[positive], _others(logits, positive, drawn))
    return loss - float(_correction(logits, drawn))


EXERCISES = (ORDER_1, ORDER_2, ORDER_3, ORDER_4, ORDER_5)
