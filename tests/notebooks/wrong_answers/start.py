"""Wrong answers to the exercises of chapter 0 that are none of the listed mistakes."""

from collections import Counter

import numpy as np


def start_1_counter(item, n_items, k):
    return np.array([i for i, _ in Counter(item.tolist()).most_common(k)])


def start_1_counts_in_eight_bits(item, n_items, k):
    counts = np.bincount(item, minlength=n_items).astype(np.int8)
    return np.argsort(-counts, kind="stable")[:k]


def start_1_counts_in_unsigned_bits(item, n_items, k):
    counts = np.bincount(item, minlength=n_items).astype(np.uint8)
    return np.argsort(255 - counts, kind="stable")[:k]


def start_1_order_of_ties_left_to_numpy(item, n_items, k):
    return np.argsort(-np.bincount(item, minlength=n_items))[:k]


def start_1_only_partitioned(item, n_items, k):
    counts = np.bincount(item, minlength=n_items)
    return np.sort(np.argpartition(-counts, min(k, n_items - 1))[:k])


def start_1_no_minlength(item, n_items, k):
    return np.argsort(-np.bincount(item), kind="stable")[:k]


def start_1_reversed_without_minlength(item, n_items, k):
    return np.argsort(np.bincount(item))[::-1][:k]


def start_1_one_too_many(item, n_items, k):
    return np.argsort(-np.bincount(item, minlength=n_items), kind="stable")[: k + 1]


def start_1_taken_or_not(item, n_items, k):
    return np.argsort(-(np.bincount(item, minlength=n_items) > 0).astype(int), kind="stable")[:k]


def start_1_first_seen(item, n_items, k):
    return np.array(list(dict.fromkeys(item.tolist()))[:k])


def start_1_counted_from_one(item, n_items, k):
    return np.argsort(-np.bincount(item, minlength=n_items), kind="stable")[:k] + 1


def start_1_ties_by_a_thousandth(item, n_items, k):
    return np.argsort(np.arange(n_items) / 1000 - np.bincount(item, minlength=n_items))[:k]


def start_1_counts_in_half_precision(item, n_items, k):
    counts = np.bincount(item, minlength=n_items).astype(np.float16)
    return np.argsort(-counts, kind="stable")[:k]


def start_2_minus_999(scores, seen, k):
    scores = scores.astype(float)
    scores[seen] = -999
    return np.argsort(-scores, kind="stable")[:k]


def start_2_minus_a_million(scores, seen, k):
    scores = scores.astype(float)
    scores[seen] = -1e6
    return np.argsort(-scores, kind="stable")[:k]


def start_2_order_of_ties_left_to_numpy(scores, seen, k):
    scores = scores.astype(float)
    scores[seen] = -np.inf
    return np.argsort(-scores)[:k]


def start_2_half_precision(scores, seen, k):
    scores = scores.astype(np.float16)
    scores[seen] = -np.inf
    return np.argsort(-scores, kind="stable")[:k]


def start_2_ties_turned_round(scores, seen, k):
    scores = scores.astype(float)
    scores[seen] = -np.inf
    return np.argsort(scores, kind="stable")[::-1][:k]


def start_2_whole_scores(scores, seen, k):
    scores = np.floor(scores)
    scores[seen] = -np.inf
    return np.argsort(-scores, kind="stable")[:k]


def start_2_largest_size(scores, seen, k):
    scores = np.abs(scores.astype(float))
    scores[seen] = -np.inf
    return np.argsort(-scores, kind="stable")[:k]


def start_2_only_one_seen(scores, seen, k):
    scores = scores.astype(float)
    scores[seen[:1]] = -np.inf
    return np.argsort(-scores, kind="stable")[:k]


def start_2_seen_come_first(scores, seen, k):
    scores = scores.astype(float)
    scores[seen] = np.inf
    return np.argsort(-scores, kind="stable")[:k]


def start_2_scores_returned(scores, seen, k):
    scores = scores.astype(float)
    scores[seen] = -np.inf
    return np.sort(scores)[::-1][:k]


def start_2_in_order_of_number(scores, seen, k):
    scores = scores.astype(float)
    scores[seen] = -np.inf
    return np.sort(np.argsort(-scores, kind="stable")[:k])


def start_2_sign_of_seen_turned(scores, seen, k):
    scores = scores.astype(float)
    scores[seen] *= -1
    return np.argsort(-scores, kind="stable")[:k]


def start_2_minus_ten_billion(scores, seen, k):
    scores = scores.astype(float)
    scores[seen] = -1e10
    return np.argsort(-scores, kind="stable")[:k]


def start_2_single_precision(scores, seen, k):
    scores = scores.astype(np.float32)
    scores[seen] = -np.inf
    return np.argsort(-scores, kind="stable")[:k]


def start_2_rounded(scores, seen, k):
    scores = scores.astype(float).round(2)
    scores[seen] = -np.inf
    return np.argsort(-scores, kind="stable")[:k]


def start_2_below_by_the_lowest(scores, seen, k):
    scores = scores.astype(float)
    scores[seen] = scores.min() - abs(scores.min())
    return np.argsort(-scores, kind="stable")[:k]


def start_3_arrays_compared(lists, held_out):
    lists, held_out = np.array(lists), np.array(held_out)
    return (lists[:, :, None] == held_out[:, None, :]).any(axis=(1, 2)).mean()


def start_3_nobody_without_a_held_out_film(lists, held_out):
    hits = [bool(set(a) & set(b)) for a, b in zip(lists, held_out, strict=True) if b]
    return sum(hits) / len(hits)


def start_3_nobody_without_a_list(lists, held_out):
    hits = [bool(set(a) & set(b)) for a, b in zip(lists, held_out, strict=True) if a]
    return sum(hits) / len(hits)


def start_3_first_of_the_list(lists, held_out):
    hits = [bool(a) and a[0] in b for a, b in zip(lists, held_out, strict=True)]
    return sum(hits) / len(hits)


def start_3_same_place(lists, held_out):
    hits = [
        any(x == y for x, y in zip(a, b, strict=False))
        for a, b in zip(lists, held_out, strict=True)
    ]
    return sum(hits) / len(hits)


def start_3_everybody_pooled(lists, held_out):
    held = {item for one in held_out for item in one}
    return sum(bool(set(a) & held) for a in lists) / len(lists)


def start_3_precision(lists, held_out):
    shares = [len(set(a) & set(b)) / max(len(a), 1) for a, b in zip(lists, held_out, strict=True)]
    return sum(shares) / len(shares)


def start_3_recall(lists, held_out):
    shares = [len(set(a) & set(b)) / max(len(b), 1) for a, b in zip(lists, held_out, strict=True)]
    return sum(shares) / len(shares)


def start_3_whole_numbers(lists, held_out):
    return sum(bool(set(a) & set(b)) for a, b in zip(lists, held_out, strict=True)) // len(lists)


def start_3_misses(lists, held_out):
    return sum(not set(a) & set(b) for a, b in zip(lists, held_out, strict=True)) / len(lists)


def start_3_rounded(lists, held_out):
    return round(
        sum(bool(set(a) & set(b)) for a, b in zip(lists, held_out, strict=True)) / len(lists), 2
    )


def start_3_over_the_shortest(lists, held_out):
    hits = [bool(set(a) & set(b)) for a, b in zip(lists, held_out, strict=True)]
    return sum(hits) / len(held_out[0])


def start_3_sum_of_what_is_common(lists, held_out):
    return np.mean([sum(set(a) & set(b)) > 0 for a, b in zip(lists, held_out, strict=True)])


def start_3_first_two_hidden(lists, held_out):
    return np.mean([any(x in a for x in b[:2]) for a, b in zip(lists, held_out, strict=True)])
