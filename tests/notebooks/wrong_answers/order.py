"""Wrong answers to the exercises of chapter 14 that are none of the listed mistakes."""

from itertools import pairwise

import numpy as np


def order_1_half_of_the_gap(times, half_life):
    scores = np.ones(len(times))
    for k in range(1, len(times)):
        scores[k] += 2.0 ** (-(times[k] - times[k - 1]) / (2 * half_life)) * scores[k - 1]
    return scores


def order_1_linear(times, half_life):
    scores = np.ones(len(times))
    for k in range(1, len(times)):
        left = max(0, 1 - (times[k] - times[k - 1]) / (2 * half_life))
        scores[k] += left * scores[k - 1]
    return scores


def order_1_hyperbola(times, half_life):
    scores = np.ones(len(times))
    for k in range(1, len(times)):
        scores[k] += half_life / (half_life + times[k] - times[k - 1]) * scores[k - 1]
    return scores


def order_1_begins_at_zero(times, half_life):
    score, scores, last = 0.0, [], 0
    for t in times:
        score = 1 + score * 2 ** (-(t - last) / half_life)
        scores.append(score)
    return scores


def order_1_the_last_two(times, half_life):
    scores = np.ones(len(times))
    for k in range(1, len(times)):
        for s in range(max(0, k - 2), k):
            scores[k] += 2.0 ** (-(times[k] - times[s]) / half_life)
    return scores


def order_1_all_events_also_later_ones(times, half_life):
    return (2.0 ** (-np.abs(times[:, None] - times) / half_life)).sum(axis=1)


def order_1_starts_with_zero(times, half_life):
    scores = np.zeros(len(times))
    for k in range(1, len(times)):
        scores[k] = 1 + 2.0 ** (-(times[k] - times[k - 1]) / half_life) * scores[k - 1]
    return scores


def order_1_next_gap(times, half_life):
    scores, gaps = np.ones(len(times)), np.append(np.diff(times), 0)
    for k in range(1, len(times)):
        scores[k] += 2.0 ** (-gaps[k] / half_life) * scores[k - 1]
    return scores


def order_1_without_a_memory_of_long_ago(times, half_life):
    scores = np.ones(len(times))
    for k in range(1, len(times)):
        gap = times[k] - times[k - 1]
        if gap < 2 * half_life:
            scores[k] += 2.0 ** (-gap / half_life) * scores[k - 1]
    return scores


def order_1_different_times_alone(times, half_life):
    times = np.unique(times)
    scores = np.ones(len(times))
    for k in range(1, len(times)):
        scores[k] += 2.0 ** (-(times[k] - times[k - 1]) / half_life) * scores[k - 1]
    return scores


def order_1_rounded(times, half_life):
    scores = np.ones(len(times))
    for k in range(1, len(times)):
        scores[k] += 2.0 ** (-(times[k] - times[k - 1]) / half_life) * scores[k - 1]
    return scores.round(2)


def order_1_half_life_changed_with_the_rest(times, half_life):
    times /= half_life
    scores = np.ones(len(times))
    for k in range(1, len(times)):
        scores[k] += 2.0 ** (times[k - 1] - times[k]) * scores[k - 1]
    return scores


def _table(histories, n_items, j):
    followed, popular = np.zeros(n_items), np.zeros(n_items)
    for items in histories:
        for i in items:
            popular[i] += 1
        for a, b in pairwise(items):
            followed[b] += a == j
    return followed, popular / popular.sum()


def order_2_one_of_each_user(histories, n_items, j, shrinkage):
    _, popular = _table(histories, n_items, j)
    followed = np.zeros(n_items)
    for items in histories:
        for b in {b for a, b in pairwise(items) if a == j}:
            followed[b] += 1
    total = followed.sum() + shrinkage
    return (followed + shrinkage * popular) / total if total else popular


def order_2_two_steps(histories, n_items, j, shrinkage):
    followed, popular = _table(histories, n_items, j)
    for items in histories:
        for a, b in zip(items, items[2:], strict=False):
            followed[b] += a == j
    total = followed.sum() + shrinkage
    return (followed + shrinkage * popular) / total if total else popular


def order_2_s_beside_the_count(histories, n_items, j, shrinkage):
    followed, popular = _table(histories, n_items, j)
    n = followed.sum()
    return followed / n if n > shrinkage else popular


def order_2_half_and_half(histories, n_items, j, shrinkage):
    followed, popular = _table(histories, n_items, j)
    return (followed / max(followed.sum(), 1) + popular) / 2


def order_2_popularity_of_the_followers(histories, n_items, j, shrinkage):
    followed, popular = _table(histories, n_items, j)
    prior = followed / followed.sum() if followed.any() else popular
    total = followed.sum() + shrinkage
    return (followed + shrinkage * prior) / total if total else popular


def order_2_zero_where_nothing_followed(histories, n_items, j, shrinkage):
    followed, popular = _table(histories, n_items, j)
    smoothed = (followed + shrinkage * popular) / max(followed.sum() + shrinkage, 1)
    return np.where(followed > 0, smoothed, 0)


def order_2_prior_where_nothing_followed(histories, n_items, j, shrinkage):
    followed, popular = _table(histories, n_items, j)
    n = max(followed.sum(), 1)
    return np.where(followed > 0, followed / n, shrinkage * popular / (n + shrinkage))


def order_2_as_many_items_as_there_are(histories, n_items, j, shrinkage):
    n = max(i for items in histories for i in items) + 1
    followed, popular = _table(histories, n, min(j, n - 1))
    total = followed.sum() + shrinkage
    return (followed + shrinkage * popular) / total if total else popular


def order_2_first_history_alone(histories, n_items, j, shrinkage):
    followed, popular = _table(histories[:1], n_items, j)
    total = followed.sum() + shrinkage
    return (followed + shrinkage * popular) / total if total else popular


def order_2_one_event_too_much(histories, n_items, j, shrinkage):
    followed, popular = _table(histories, n_items, j)
    total = followed.sum() + shrinkage + 1
    return (followed + (shrinkage + 1) * popular) / total


def order_2_shrinks_by_the_users(histories, n_items, j, shrinkage):
    followed, popular = _table(histories, n_items, j)
    total = followed.sum() + shrinkage * len(histories)
    return (followed + shrinkage * len(histories) * popular) / total if total else popular


def _softmax(x):
    weights = np.exp(x - x.max(axis=1, keepdims=True))
    return weights / weights.sum(axis=1, keepdims=True)


def _masked(scores):
    return np.where(np.tri(len(scores)) > 0, scores, -np.inf)


def order_3_unscaled_down_the_columns(queries, keys, values):
    x = np.where(np.tri(len(queries)) > 0, queries @ keys.T, -np.inf)
    weights = np.exp(x - x.max(axis=0))
    return weights / weights.sum(axis=0) @ values


def order_3_queries_gathered(queries, keys, values):
    return _softmax(_masked(queries @ keys.T / np.sqrt(keys.shape[1]))) @ queries


def order_3_keys_asked_by_keys(queries, keys, values):
    return _softmax(_masked(keys @ keys.T / np.sqrt(keys.shape[1]))) @ values


def order_3_last_query_for_all(queries, keys, values):
    x = np.tile(queries[-1] @ keys.T, (len(queries), 1)) / np.sqrt(keys.shape[1])
    return _softmax(_masked(x)) @ values


def order_3_last_event_alone(queries, keys, values):
    return _softmax(_masked(queries @ keys.T / np.sqrt(keys.shape[1])))[-1] @ values


def order_3_distances(queries, keys, values):
    x = -((queries[:, None] - keys) ** 2).sum(axis=2) / np.sqrt(keys.shape[1])
    return _softmax(_masked(x)) @ values


def order_3_cosines(queries, keys, values):
    lengths = np.linalg.norm(queries, axis=1)[:, None] * np.linalg.norm(keys, axis=1)
    return _softmax(_masked(queries @ keys.T / np.where(lengths, lengths, 1))) @ values


def order_3_itself_left_out_but_for_the_first(queries, keys, values):
    mask = np.tri(len(queries), k=-1)
    mask[0, 0] = 1
    return _softmax(np.where(mask > 0, queries @ keys.T / np.sqrt(keys.shape[1]), -np.inf)) @ values


def order_3_clipped(queries, keys, values):
    x = np.clip(queries @ keys.T / np.sqrt(keys.shape[1]), -50, 50)
    weights = np.tril(np.exp(x))
    return weights / weights.sum(axis=1, keepdims=True) @ values


def order_3_added_epsilon(queries, keys, values):
    weights = np.tril(np.exp(np.clip(queries @ keys.T / np.sqrt(keys.shape[1]), -99, 99)))
    return weights / (weights.sum(axis=1, keepdims=True) + 0.1) @ values


def order_3_squares_for_exponentials(queries, keys, values):
    weights = np.tril((queries @ keys.T) ** 2)
    total = weights.sum(axis=1, keepdims=True)
    return weights / np.where(total, total, 1) @ values


def order_3_last_key_left_out(queries, keys, values):
    weights = _softmax(_masked(queries @ keys.T / np.sqrt(keys.shape[1])))
    weights[1:, -1] = 0
    return weights @ values


def order_4_always(model, history, n_items):
    return True


def order_4_never(model, history, n_items):
    return False


def order_4_one_item_in_place_of_the_last(model, history, n_items):
    other = history.copy()
    other[-1] = 0
    return not np.allclose(model(other)[:-1], model(history)[:-1])


def order_4_cut_by_the_last_event(model, history, n_items):
    return not np.allclose(model(history[:-1]), model(history)[:-1])


def order_4_only_the_row_before_the_last(model, history, n_items):
    return any(
        not np.allclose(model(np.append(history[:-1], i))[-2], model(history)[-2])
        for i in range(n_items)
    )


def order_4_adds_item_zero_to_the_whole(model, history, n_items):
    return not np.allclose(model(np.append(history, 0))[:-1], model(history))


def order_4_repeats_the_history(model, history, n_items):
    twice = model(np.tile(history, 2))
    return not np.allclose(twice[: len(history)], model(history), atol=0.05)


def order_4_coarse(model, history, n_items):
    return any(
        not np.allclose(model(np.append(history[:t], i))[:t], model(history[:t]), atol=0.2)
        for t in range(1, len(history) + 1)
        for i in range(n_items)
    )


def order_4_turns_the_result(model, history, n_items):
    return all(
        np.allclose(model(np.append(history[:t], i))[:t], model(history[:t]))
        for t in range(1, len(history) + 1)
        for i in range(n_items)
    )


def order_4_all_items_have_to_tell(model, history, n_items):
    return all(
        not np.allclose(model(np.append(history[:t], i))[:t], model(history[:t]))
        for t in range(1, len(history) + 1)
        for i in range(n_items)
    )


def order_4_first_column(model, history, n_items):
    return any(
        not np.allclose(model(np.append(history[:t], i))[:t, 0], model(history[:t])[:, 0])
        for t in range(1, len(history) + 1)
        for i in range(1, n_items)
    )


def order_4_the_same_model_twice(model, history, n_items):
    return not np.allclose(model(history), model(history.copy()))


def order_4_the_order_of_all(model, history, n_items):
    return not np.allclose(model(history)[-1], model(history[::-1])[-1])


def order_4_sorted_scores(model, history, n_items):
    return any(
        not np.allclose(np.sort(model(np.append(history[:t], i))[:t]), np.sort(model(history[:t])))
        for t in range(1, len(history) + 1)
        for i in range(n_items)
    )


def order_4_numbers_for_answers(model, history, n_items):
    return sum(
        not np.allclose(model(np.append(history[:t], i))[:t], model(history[:t]))
        for t in range(1, len(history) + 1)
        for i in range(n_items)
    )


def _summed(x, positive):
    return float(np.logaddexp.reduce(x) - positive)


def order_5_correction_by_half(logits, positive, drawn):
    x = logits[drawn[drawn != positive]] - 0.5 * np.log(len(drawn) / len(logits))
    return _summed(np.append(x, logits[positive]), logits[positive])


def order_5_correction_multiplied(logits, positive, drawn):
    x = logits[drawn[drawn != positive]] * len(logits) / len(drawn)
    return _summed(np.append(x, logits[positive]), logits[positive])


def order_5_correction_of_the_positive_alone(logits, positive, drawn):
    top = logits[positive] - np.log(len(drawn) / len(logits))
    return _summed(np.append(logits[drawn[drawn != positive]], top), top)


def order_5_positive_once_among_the_drawn(logits, positive, drawn):
    x = logits[drawn] - np.log(len(drawn) / len(logits))
    if positive not in drawn:
        x = np.append(x, logits[positive])
    return _summed(x, logits[positive])


def order_5_mean_of_the_drawn_once(logits, positive, drawn):
    x = logits[drawn[drawn != positive]]
    others = _summed(x, np.log(max(len(x), 1))) if len(x) else -np.inf
    return float(np.logaddexp(others, logits[positive]) - logits[positive])


def order_5_all_others_of_the_mean(logits, positive, drawn):
    x = logits[drawn[drawn != positive]]
    scaled = x + np.log((len(logits) - 1) / max(len(x), 1))
    return _summed(np.append(scaled, logits[positive]), logits[positive])


def order_5_hinge(logits, positive, drawn):
    x = logits[drawn[drawn != positive]] - logits[positive]
    return float(np.maximum(0, 1 + x).sum())


def order_5_pairs_one_by_one(logits, positive, drawn):
    x = logits[drawn[drawn != positive]] - np.log(len(drawn) / len(logits))
    return float(np.logaddexp(0, x - logits[positive]).sum())


def order_5_mean_of_the_pairs(logits, positive, drawn):
    x = logits[drawn] - logits[positive]
    return float(np.logaddexp(0, x).mean())


def order_5_square_root_for_correction(logits, positive, drawn):
    x = logits[drawn[drawn != positive]] - np.sqrt(len(drawn) / len(logits))
    return _summed(np.append(x, logits[positive]), logits[positive])


def order_5_clipped(logits, positive, drawn):
    x = logits[drawn[drawn != positive]] - np.log(len(drawn) / len(logits))
    others = np.exp(np.clip(x, -50, 50)).sum()
    top = np.exp(np.clip(logits[positive], -50, 50))
    return float(np.log(top + others) - np.log(top))


def order_5_never_more_draws_than_items(logits, positive, drawn):
    x = logits[drawn[drawn != positive]] - np.log(min(len(drawn) / len(logits), 1))
    return _summed(np.append(x, logits[positive]), logits[positive])


def order_5_correction_in_place(logits, positive, drawn):
    logits -= np.log(len(drawn) / len(logits))
    logits[positive] += np.log(len(drawn) / len(logits))
    x = logits[drawn[drawn != positive]]
    return _summed(np.append(x, logits[positive]), logits[positive])


def order_5_first_draw_alone(logits, positive, drawn):
    x = logits[drawn[drawn != positive][:1]] - np.log(1 / len(logits))
    return _summed(np.append(x, logits[positive]), logits[positive])
