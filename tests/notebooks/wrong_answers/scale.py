"""Wrong answers to the exercises of chapter 13 that are none of the listed mistakes."""

import numpy as np


def scale_1_largest_share_first(gradients, sizes):
    sizes = np.sort(sizes)[::-1]
    return sizes @ gradients / sizes.sum()


def scale_1_stops_at_an_empty_share(gradients, sizes):
    total = np.zeros(gradients.shape[1])
    for g, n in zip(gradients, sizes, strict=True):
        if n == 0:
            break
        total += n * g
    return total / sizes.sum()


def scale_1_empty_shares_come_last(gradients, sizes):
    busy = np.count_nonzero(sizes)
    return sizes[:busy] @ gradients[:busy] / sizes.sum()


def scale_1_first_and_last_process(gradients, sizes):
    n = sizes[0] + sizes[-1]
    return sizes[0] / n * gradients[0] + sizes[-1] / n * gradients[-1]


def scale_1_all_shares_as_the_first_but_the_last(gradients, sizes):
    full = np.full(len(sizes), sizes[0])
    full[-1] = sizes[-1]
    return full @ gradients / full.sum()


def scale_1_floor_division(gradients, sizes):
    return (sizes // sizes.sum()) @ gradients


def scale_1_whole_gradients(gradients, sizes):
    return sizes @ gradients // sizes.sum()


def scale_1_divided_by_equal_shares(gradients, sizes):
    return sizes @ gradients / (len(sizes) * sizes[0])


def scale_1_over_the_largest(gradients, sizes):
    return (sizes / sizes.max()) @ gradients / len(sizes)


def scale_1_sizes_along_the_columns(gradients, sizes):
    return (gradients * sizes).sum(axis=0) / sizes.sum()


def scale_1_mean_over_the_parameters(gradients, sizes):
    return gradients.mean(axis=1) * sizes / sizes.sum()


def scale_1_one_number(gradients, sizes):
    return np.average(gradients.mean(axis=1), weights=sizes)


def scale_1_halves_on_the_way(gradients, sizes):
    mean = gradients[0]
    for g in gradients[1:]:
        mean = (mean + g) / 2
    return mean


def scale_1_last_size_alone(gradients, sizes):
    total = 0
    for g, n in zip(gradients, sizes, strict=True):
        total = total + n * g
    return total / n


def scale_1_at_least_one_sample(gradients, sizes):
    weights = np.maximum(sizes, 1)
    return weights @ gradients / weights.sum()


def scale_1_shorter_shares_dropped(gradients, sizes):
    return gradients[sizes == sizes.max()].mean(axis=0)


def scale_1_largest_share_alone(gradients, sizes):
    return gradients[sizes.argmax()]


def scale_1_squared_weights(gradients, sizes):
    return sizes**2 @ gradients / (sizes**2).sum()


def scale_1_roots_for_weights(gradients, sizes):
    return np.sqrt(sizes) @ gradients / np.sqrt(sizes).sum()


def scale_1_weights_by_size_in_a_dict(gradients, sizes):
    rows = dict(zip(sizes.tolist(), gradients, strict=True))
    return sum(n * g for n, g in rows.items()) / sum(rows)


def scale_1_one_sample_less(gradients, sizes):
    return sizes @ gradients / max(sizes.sum() - 1, 1)


def scale_1_mean_of_the_weighted_rows(gradients, sizes):
    return (gradients * (sizes / sizes.sum())[:, None]).mean(axis=0)


def scale_1_weighed_in_place(gradients, sizes):
    gradients *= sizes[:, None] / sizes.sum()
    return gradients.sum(axis=0)


def scale_1_in_whole_numbers(gradients, sizes):
    total = np.zeros(gradients.shape[1], dtype=int)
    for g, n in zip(gradients, sizes, strict=True):
        total += (n * g).astype(int)
    return total / sizes.sum()


def scale_1_in_a_row(gradients, sizes):
    return sizes[None] @ gradients / sizes.sum()


def scale_1_rounded(gradients, sizes):
    return (sizes @ gradients / sizes.sum()).round(2)


def scale_1_of_length_one(gradients, sizes):
    mean = sizes @ gradients / sizes.sum()
    return mean / (np.linalg.norm(mean) or 1)


def scale_1_step_down(gradients, sizes):
    return -sizes @ gradients / sizes.sum()


def _rest(rows):
    squares = (rows**2).sum(axis=1)
    return np.sqrt(np.maximum(squares.max() - squares, 0))


def scale_2_longest_without_the_bias(items, bias):
    rows = np.column_stack([items, bias])
    squares = (rows**2).sum(axis=1)
    return np.column_stack([rows, np.sqrt((items**2).sum(axis=1).max() - squares)])


def scale_2_bias_of_the_longest_alone(items, bias):
    squares = (items**2).sum(axis=1)
    longest = (squares + bias**2).max()
    return np.column_stack([items, bias, np.sqrt(longest - squares)])


def scale_2_bias_not_squared(items, bias):
    squares = (items**2).sum(axis=1) + np.abs(bias)
    return np.column_stack([items, bias, np.sqrt(squares.max() - squares)])


def scale_2_bias_added_to_the_length(items, bias):
    squares = (np.linalg.norm(items, axis=1) + bias) ** 2
    return np.column_stack([items, bias, np.sqrt(squares.max() - squares)])


def scale_2_bias_in_front(items, bias):
    return np.column_stack([bias, items, _rest(np.column_stack([items, bias]))])


def scale_2_rest_in_front(items, bias):
    rows = np.column_stack([items, bias])
    return np.column_stack([_rest(rows), rows])


def scale_2_ones_for_the_bias(items, bias):
    return np.column_stack([items, np.ones(len(items)), _rest(np.column_stack([items, bias]))])


def scale_2_bias_added_to_the_items(items, bias):
    rows = items + bias[:, None]
    return np.column_stack([rows, bias, _rest(rows)])


def scale_2_absolute_bias(items, bias):
    rows = np.column_stack([items, np.abs(bias)])
    return np.column_stack([rows, _rest(rows)])


def scale_2_no_bias_below_zero(items, bias):
    rows = np.column_stack([items, bias.clip(0)])
    return np.column_stack([rows, _rest(rows)])


def scale_2_columns_for_rows(items, bias):
    rows = np.column_stack([items, bias])
    squares = (rows**2).sum(axis=0)
    return np.column_stack([rows, np.sqrt(squares.max() - squares)])


def scale_2_length_of_the_whole_table(items, bias):
    rows = np.column_stack([items, bias])
    squares = (rows**2).sum(axis=1)
    return np.column_stack([rows, np.sqrt(np.linalg.norm(rows) ** 2 - squares)])


def scale_2_root_squared_again(items, bias):
    rows = np.column_stack([items, bias])
    longest = np.linalg.norm(rows, axis=1).max()
    return np.column_stack([rows, np.sqrt(longest**2 - (rows**2).sum(axis=1))])


def scale_2_square_of_the_longest_forgotten(items, bias):
    rows = np.column_stack([items, bias])
    lengths = np.linalg.norm(rows, axis=1)
    return np.column_stack([rows, np.sqrt(lengths.max() - lengths**2)])


def scale_2_root_of_the_lengths(items, bias):
    rows = np.column_stack([items, bias])
    lengths = np.linalg.norm(rows, axis=1)
    return np.column_stack([rows, np.sqrt(lengths.max() - lengths)])


def scale_2_sums_of_absolute_numbers(items, bias):
    rows = np.column_stack([items, bias])
    lengths = np.abs(rows).sum(axis=1)
    return np.column_stack([rows, lengths.max() - lengths])


def scale_2_largest_number_for_the_longest(items, bias):
    rows = np.column_stack([items, bias])
    squares = (rows**2).sum(axis=1)
    return np.column_stack([rows, np.sqrt(np.abs(rows).max() ** 2 - squares)])


def scale_2_first_row_taken_for_the_longest(items, bias):
    rows = np.column_stack([items, bias])
    squares = (rows**2).sum(axis=1)
    return np.column_stack([rows, np.sqrt(np.abs(squares[0] - squares))])


def scale_2_last_row_taken_for_the_longest(items, bias):
    rows = np.column_stack([items, bias])
    squares = (rows**2).sum(axis=1)
    return np.column_stack([rows, np.sqrt(np.abs(squares[-1] - squares))])


def scale_2_shortest_for_the_longest(items, bias):
    rows = np.column_stack([items, bias])
    squares = (rows**2).sum(axis=1)
    return np.column_stack([rows, np.sqrt(squares - squares.min())])


def scale_2_divided_by_the_longest(items, bias):
    rows = np.column_stack([items, bias])
    rows = rows / (np.linalg.norm(rows, axis=1).max() or 1)
    return np.column_stack([rows, _rest(rows)])


def scale_2_filled_up_to_one(items, bias):
    rows = np.column_stack([items, bias])
    return np.column_stack([rows, np.sqrt(1 - (rows**2).sum(axis=1))])


def scale_2_stretched_to_the_longest(items, bias):
    rows = np.column_stack([items, bias])
    lengths = np.linalg.norm(rows, axis=1, keepdims=True)
    rows = rows * lengths.max() / np.where(lengths > 0, lengths, 1)
    return np.column_stack([rows, np.zeros(len(rows))])


def scale_2_bias_twice(items, bias):
    rows = np.column_stack([items, bias])
    return np.column_stack([rows, bias, _rest(rows)])


def scale_2_bias_taken_for_the_rest(items, bias):
    return np.column_stack([items, _rest(items), np.sqrt((bias**2).max() - bias**2)])


def scale_2_last_column_alone(items, bias):
    return _rest(np.column_stack([items, bias]))


def scale_2_two_rows_more(items, bias):
    rows = np.column_stack([items, bias])
    return np.column_stack([rows, _rest(rows)]).T


def scale_2_user_with_them(items, bias):
    rows = np.column_stack([items, bias, _rest(np.column_stack([items, bias]))])
    return np.vstack([rows, [*items.mean(axis=0), 1, 0]])


def scale_2_rounded(items, bias):
    rows = np.column_stack([items, bias])
    return np.column_stack([rows, _rest(rows).round(2)])


def scale_2_whole_numbers(items, bias):
    rows = np.column_stack([items, bias])
    return np.column_stack([rows, _rest(rows).astype(int)])


def scale_3_floor_by_the_rows(shards, ids):
    n = len(shards[0])
    return np.array([shards[r // n][r % n] for r in ids])


def scale_3_one_too_far(shards, ids):
    P = len(shards)
    return np.array([shards[r % P][r // P + 1] for r in ids])


def scale_3_counted_from_one(shards, ids):
    P = len(shards)
    return np.array([shards[(r - 1) % P][(r - 1) // P] for r in ids])


def scale_3_last_process_first(shards, ids):
    P = len(shards)
    return np.array([shards[P - 1 - r % P][r // P] for r in ids])


def scale_3_one_process_too_few(shards, ids):
    P = max(len(shards) - 1, 1)
    return np.array([shards[r % P][r // P] for r in ids])


def scale_3_two_processes(shards, ids):
    return np.array([shards[r & 1][r >> 1] for r in ids])


def scale_3_rounded_places(shards, ids):
    P = len(shards)
    return np.array([shards[r % P][round(r / P)] for r in ids])


def scale_3_places_not_whole(shards, ids):
    P = len(shards)
    return np.array([shards[r % P][r / P] for r in ids])


def scale_3_place_and_process_from_divmod(shards, ids):
    rows = []
    for r in ids:
        p, place = divmod(r, len(shards))
        rows.append(shards[p][place])
    return np.array(rows)


def scale_3_order_for_its_inverse(shards, ids):
    P = len(shards)
    order = np.argsort(ids % P, kind="stable")
    rows = np.array([shards[r % P][r // P] for r in ids[order]])
    return rows[order]


def scale_3_grouped_and_sorted(shards, ids):
    P = len(shards)
    parts = [s[np.sort(ids[ids % P == p]) // P] for p, s in enumerate(shards)]
    return np.concatenate(parts)


def scale_3_a_set_of_ids(shards, ids):
    P = len(shards)
    return np.array([shards[r % P][r // P] for r in set(ids.tolist())])


def scale_3_a_dict_of_rows(shards, ids):
    P = len(shards)
    rows = {r: shards[r % P][r // P] for r in ids.tolist()}
    return np.array(list(rows.values()))


def scale_3_by_membership(shards, ids):
    P = len(shards)
    n = sum(len(s) for s in shards)
    return np.array([shards[r % P][r // P] for r in range(n) if r in ids])


def scale_3_twice_left_zero(shards, ids):
    P = len(shards)
    out = np.zeros((len(ids), shards[0].shape[1]))
    for r in set(ids.tolist()):
        out[ids.tolist().index(r)] = shards[r % P][r // P]
    return out


def scale_3_as_many_as_the_table_has(shards, ids):
    P = len(shards)
    out = np.zeros((sum(len(s) for s in shards), shards[0].shape[1]))
    for r in ids:
        out[r] = shards[r % P][r // P]
    return out


def scale_3_dealt_while_all_have_some(shards, ids):
    dealt = [row for rows in zip(*shards, strict=False) for row in rows]
    return np.array([dealt[r] for r in ids])


def scale_3_width_of_the_last_part(shards, ids):
    P = len(shards)
    out = np.zeros((len(ids), len(shards[-1][0])))
    for i, r in enumerate(ids):
        out[i] = shards[r % P][r // P]
    return out


def scale_3_in_whole_numbers(shards, ids):
    P = len(shards)
    out = np.zeros((len(ids), shards[0].shape[1]), dtype=int)
    for i, r in enumerate(ids):
        out[i] = shards[r % P][r // P]
    return out


def scale_3_in_one_row(shards, ids):
    P = len(shards)
    return np.concatenate([shards[r % P][r // P] for r in ids])


def scale_3_columns_for_rows(shards, ids):
    P = len(shards)
    return np.column_stack([shards[r % P][r // P] for r in ids])


def scale_3_first_number_of_the_row(shards, ids):
    P = len(shards)
    return np.array([shards[r % P][r // P][0] for r in ids])


def scale_3_process_and_place_themselves(shards, ids):
    P = len(shards)
    return np.column_stack([ids % P, ids // P])


def scale_3_a_list_for_each_process(shards, ids):
    P = len(shards)
    return [s[ids[ids % P == p] // P] for p, s in enumerate(shards)]


def scale_3_divided_in_place(shards, ids):
    P = len(shards)
    where = ids % P
    ids //= P
    return np.array([shards[p][i] for p, i in zip(where, ids, strict=True)])


def scale_3_all_rows_of_each_process(shards, ids):
    return np.concatenate([shards[r % len(shards)] for r in ids])


def scale_3_modulo_of_the_ids(shards, ids):
    return np.array([shards[r % len(ids)][r // len(ids)] for r in ids])


def _users(found, exact):
    return zip(found.tolist(), exact.tolist(), strict=True)


def scale_4_shorter_of_the_two_lists(found, exact):
    k = min(found.shape[1], exact.shape[1])
    return np.mean([len(set(a) & set(b)) / k for a, b in _users(found, exact)])


def scale_4_as_many_exact_as_were_looked_for(found, exact):
    few = exact[:, : found.shape[1]]
    return np.mean([np.isin(b, a).mean() for a, b in zip(found, few, strict=True)])


def scale_4_users_without_an_answer_left_out(found, exact):
    shares = [np.isin(b, a).mean() for a, b in zip(found, exact, strict=True) if max(a) >= 0]
    return np.mean(shares)


def scale_4_item_zero_taken_for_nothing(found, exact):
    return np.mean([np.isin(b, a[a > 0]).mean() for a, b in zip(found, exact, strict=True)])


def scale_4_marks_at_minus_one(found, exact):
    shares = []
    for a, b in zip(found, exact, strict=True):
        marked = np.zeros(max(a.max(), b.max()) + 1, dtype=bool)
        marked[a] = True
        shares.append(marked[b].mean())
    return np.mean(shares)


def scale_4_users_with_nothing_right_left_out(found, exact):
    shares = [np.isin(b, a).mean() for a, b in zip(found, exact, strict=True)]
    return sum(shares) / max(np.count_nonzero(shares), 1)


def scale_4_of_what_came_back(found, exact):
    return np.mean(
        [np.isin(a, b).sum() / max((a >= 0).sum(), 1) for a, b in zip(found, exact, strict=True)]
    )


def scale_4_of_different_numbers(found, exact):
    return np.mean([len(set(a) & set(b)) / len(set(a)) for a, b in _users(found, exact)])


def scale_4_longer_of_the_two_lists(found, exact):
    k = max(found.shape[1], exact.shape[1])
    return np.mean([len(set(a) & set(b)) / k for a, b in _users(found, exact)])


def scale_4_share_of_the_found_table(found, exact):
    return np.isin(found, exact).mean()


def scale_4_share_that_came_back(found, exact):
    return (found >= 0).mean()


def scale_4_both_sorted_and_compared(found, exact):
    k = min(found.shape[1], exact.shape[1])
    return (np.sort(found)[:, :k] == np.sort(exact)[:, :k]).mean()


def scale_4_all_lists_as_sets(found, exact):
    return len(set(found.ravel()) & set(exact.ravel())) / exact.size


def scale_4_different_items_of_all(found, exact):
    return len(np.intersect1d(found, exact)) / len(np.unique(exact))


def scale_4_first_user_alone(found, exact):
    return np.isin(exact[0], found[0]).mean()


def scale_4_last_user_alone(found, exact):
    for a, b in zip(found, exact, strict=True):
        share = np.isin(b, a).mean()
    return share


def scale_4_returned_in_the_loop(found, exact):
    shares = []
    for a, b in zip(found, exact, strict=True):
        shares.append(np.isin(b, a).mean())
        return np.mean(shares)


def scale_4_best_item_alone(found, exact):
    return np.mean([b[0] in a for a, b in _users(found, exact)])


def scale_4_list_as_a_whole(found, exact):
    return np.mean([b == a for a, b in _users(found, exact)])


def scale_4_columns_for_users(found, exact):
    return np.mean([np.isin(b, a).mean() for a, b in zip(found.T, exact.T, strict=False)])


def scale_4_floor_division(found, exact):
    return np.mean([len(set(a) & set(b)) // len(b) for a, b in _users(found, exact)])


def scale_4_median(found, exact):
    return np.median([np.isin(b, a).mean() for a, b in zip(found, exact, strict=True)])


def scale_4_percentages(found, exact):
    return 100 * np.mean([np.isin(b, a).mean() for a, b in zip(found, exact, strict=True)])


def scale_4_f1(found, exact):
    k = found.shape[1] + exact.shape[1]
    return np.mean([2 * len(set(a) & set(b)) / k for a, b in _users(found, exact)])


def scale_4_sum_of_the_shares(found, exact):
    return sum(np.isin(b, a).mean() for a, b in zip(found, exact, strict=True))


def scale_4_other_axis(found, exact):
    return (found[:, :, None] == exact[:, None, :]).any(axis=2).mean()


def scale_4_rounded(found, exact):
    return round(
        float(np.mean([np.isin(b, a).mean() for a, b in zip(found, exact, strict=True)])), 1
    )


def scale_4_in_a_list(found, exact):
    return [np.mean([np.isin(b, a).mean() for a, b in zip(found, exact, strict=True)])]
