"""Wrong answers to the exercises of chapter 1 that are none of the listed mistakes."""

import numpy as np


def data_1_added_instead(user, item, n_users, n_items):
    return len(user) / (n_users + n_items)


def data_1_upside_down(user, item, n_users, n_items):
    return n_users * n_items / len(user)


def data_1_largest_number(user, item, n_users, n_items):
    return len(user) / ((user.max() + 1) * (item.max() + 1))


def data_1_whole_division(user, item, n_users, n_items):
    return len(user) // (n_users * n_items)


def data_1_rounded(user, item, n_users, n_items):
    return round(len(user) / (n_users * n_items), 4)


def data_1_users_only(user, item, n_users, n_items):
    return len(np.unique(user)) / n_users


def data_1_per_user(user, item, n_users, n_items):
    return len(user) / n_users


def data_1_empty_left_out(user, item, n_users, n_items):
    return len(user) / (n_users * n_items - len(user))


def data_1_small_integers(user, item, n_users, n_items):
    return len(user) / int(np.array(n_users).astype(np.int16) * np.array(n_items).astype(np.int16))


def data_1_square_table(user, item, n_users, n_items):
    return len(user) / max(n_users, n_items) ** 2


def data_2_shares_added_up(counts, share):
    shares = np.sort(counts)[::-1] / counts.sum()
    return int(np.argmax(np.cumsum(shares) >= share)) + 1


def data_2_all_for_share_one(counts, share):
    if share >= 1:
        return len(counts)
    running = np.cumsum(np.sort(counts)[::-1])
    return int(np.argmax(running >= share * running[-1])) + 1


def data_2_more_than_the_share(counts, share):
    running = np.cumsum(np.sort(counts)[::-1])
    return int(np.searchsorted(running, share * running[-1], side="right")) + 1


def data_2_above_a_share_of_the_largest(counts, share):
    return int((counts >= share * counts.max()).sum())


def data_2_rounded_up_share_of_items(counts, share):
    return int(np.ceil(share * len(counts)))


def data_2_each_count_once(counts, share):
    running = np.cumsum(np.unique(counts)[::-1])
    return int(np.argmax(running >= share * running[-1])) + 1


def data_2_one_too_many(counts, share):
    running = np.cumsum(np.sort(counts)[::-1])
    return int(np.argmax(running >= share * running[-1])) + 2


def data_2_events_counted(counts, share):
    running = np.cumsum(np.sort(counts)[::-1])
    return int(running[np.argmax(running >= share * running[-1])])


def data_2_which_item(counts, share):
    order = np.argsort(-counts, kind="stable")
    running = np.cumsum(counts[order])
    return int(order[np.argmax(running >= share * running[-1])])


def data_2_the_tail(counts, share):
    running = np.cumsum(np.sort(counts)[::-1])
    return len(counts) - int(np.argmax(running >= share * running[-1])) - 1


def data_2_whole_target(counts, share):
    running = np.cumsum(np.sort(counts)[::-1])
    return int(np.argmax(running >= int(share * running[-1]))) + 1


def data_2_nearly_the_share(counts, share):
    running = np.cumsum(np.sort(counts)[::-1])
    target = share * running[-1]
    return int(np.argmax((running >= target) | np.isclose(running, target))) + 1


def data_2_shares_rounded(counts, share):
    shares = np.cumsum(np.sort(counts)[::-1]) / counts.sum()
    return int(np.argmax(shares.round(3) >= share)) + 1


def data_3_or_instead_of_and(user, item, k):
    keep = np.bincount(user)[user] >= k
    return keep | (np.bincount(item[keep], minlength=item.max() + 1)[item] >= k)


def data_3_until_nothing_changes(user, item, k):
    keep, before = np.ones(len(user), dtype=bool), -1
    while keep.sum() != before:
        before = keep.sum()
        keep &= np.bincount(user[keep], minlength=user.max() + 1)[user] >= k
        keep &= np.bincount(item[keep], minlength=item.max() + 1)[item] >= k
    return keep


def data_3_two_passes(user, item, k):
    keep = np.ones(len(user), dtype=bool)
    for _ in range(2):
        keep &= np.bincount(user[keep], minlength=user.max() + 1)[user] >= k
        keep &= np.bincount(item[keep], minlength=item.max() + 1)[item] >= k
    return keep


def data_3_items_only(user, item, k):
    return np.bincount(item)[item] >= k


def data_3_fewer_than_k_kept(user, item, k):
    keep = np.bincount(user)[user] < k
    return keep & (np.bincount(item[keep], minlength=item.max() + 1)[item] < k)


def data_3_rows_returned(user, item, k):
    keep = np.bincount(user)[user] >= k
    return np.flatnonzero(keep & (np.bincount(item[keep], minlength=item.max() + 1)[item] >= k))


def data_3_k_less_one(user, item, k):
    keep = np.bincount(user)[user] >= k - 1
    return keep & (np.bincount(item[keep], minlength=item.max() + 1)[item] >= k - 1)


def data_3_items_not_masked(user, item, k):
    keep = np.bincount(user)[user] >= k
    left = item[keep]
    return keep & np.isin(item, left)


def data_3_always_two(user, item, k):
    keep = np.bincount(user)[user] >= 2
    return keep & (np.bincount(item[keep], minlength=item.max() + 1)[item] >= 2)


def data_3_no_minlength(user, item, k):
    keep = np.bincount(user)[user] >= k
    return keep & (np.bincount(item[keep])[item] >= k)


def data_3_items_without_gaps(user, item, k):
    keep = np.bincount(user)[user] >= k
    left = item[keep]
    for i in range(len(np.unique(item))):
        if (left == i).sum() < k:
            keep[item == i] = False
    return keep


def data_4_slice_from_the_length(user, timestamp, n):
    held_out = np.zeros(len(user), dtype=bool)
    for u in np.unique(user):
        rows = np.flatnonzero(user == u)
        in_time = rows[np.argsort(timestamp[rows])]
        held_out[in_time[len(in_time) - n :]] = True
    return held_out


def data_4_users_without_gaps(user, timestamp, n):
    held_out = np.zeros(len(user), dtype=bool)
    for u in range(len(np.unique(user))):
        rows = np.flatnonzero(user == u)
        held_out[rows[np.argsort(timestamp[rows])][-n:]] = True
    return held_out


def data_4_last_one_only(user, timestamp, n):
    held_out = np.zeros(len(user), dtype=bool)
    for u in np.unique(user):
        rows = np.flatnonzero(user == u)
        held_out[rows[np.argmax(timestamp[rows])]] = True
    return held_out


def data_4_latest_times(user, timestamp, n):
    held_out = np.zeros(len(user), dtype=bool)
    for u in np.unique(user):
        held_out |= np.isin(timestamp, np.sort(timestamp[user == u])[-n:])
    return held_out


def data_4_places_within_the_user(user, timestamp, n):
    held_out = np.zeros(len(user), dtype=bool)
    for u in np.unique(user):
        rows = np.flatnonzero(user == u)
        held_out[np.argsort(timestamp[rows])[-n:]] = True
    return held_out


def data_4_turned_round(user, timestamp, n):
    held_out = np.ones(len(user), dtype=bool)
    for u in np.unique(user):
        rows = np.flatnonzero(user == u)
        held_out[rows[np.argsort(timestamp[rows])][-n:]] = False
    return held_out


def data_4_short_users_skipped(user, timestamp, n):
    held_out = np.zeros(len(user), dtype=bool)
    for u in np.unique(user):
        rows = np.flatnonzero(user == u)
        if len(rows) > n:
            held_out[rows[np.argsort(timestamp[rows])][-n:]] = True
    return held_out


def data_4_the_nth_last(user, timestamp, n):
    held_out = np.zeros(len(user), dtype=bool)
    for u in np.unique(user):
        rows = np.flatnonzero(user == u)
        held_out[rows[np.argsort(timestamp[rows])][-n:][:1]] = True
    return held_out


def data_4_one_more(user, timestamp, n):
    held_out = np.zeros(len(user), dtype=bool)
    for u in np.unique(user):
        rows = np.flatnonzero(user == u)
        held_out[rows[np.argsort(timestamp[rows])][-n - 1 :]] = True
    return held_out


def data_4_last_user_missing(user, timestamp, n):
    held_out = np.zeros(len(user), dtype=bool)
    for u in range(user.max()):
        rows = np.flatnonzero(user == u)
        held_out[rows[np.argsort(timestamp[rows])][-n:]] = True
    return held_out


def data_4_single_precision(user, timestamp, n):
    held_out = np.zeros(len(user), dtype=bool)
    for u in np.unique(user):
        rows = np.flatnonzero(user == u)
        times = timestamp[rows].astype(np.float32)
        held_out[rows[np.argsort(times, kind="stable")][-n:]] = True
    return held_out


def data_4_user_and_time_in_one_number(user, timestamp, n):
    order = np.argsort(user * 1e6 + timestamp)
    last = np.flatnonzero(np.diff(user[order], append=-1))
    held_out = np.zeros(len(user), dtype=bool)
    for first, end in zip(np.r_[0, last[:-1] + 1], last + 1, strict=True):
        held_out[order[max(first, end - n) : end]] = True
    return held_out


def data_4_no_time_below_zero(user, timestamp, n):
    held_out = np.zeros(len(user), dtype=bool)
    for u in np.unique(user):
        times = np.where(user == u, timestamp, -1)
        for _ in range(n):
            if times.max() >= 0:
                held_out[times.argmax()] = True
                times[times.argmax()] = -1
    return held_out


def _rounds(user, item, k, n, users=True, items=True):
    keep = np.ones(len(user), dtype=bool)
    for _ in range(n):
        per_user = np.bincount(user[keep], minlength=user.max() + 1)
        per_item = np.bincount(item[keep], minlength=item.max() + 1)
        if users:
            keep &= per_user[user] >= k
        if items:
            keep &= per_item[item] >= k
    return keep


def data_5_a_hundred_rounds(user, item, k):
    return _rounds(user, item, k, 100)


def data_5_ten_rounds(user, item, k):
    return _rounds(user, item, k, 10)


def data_5_k_rounds(user, item, k):
    return _rounds(user, item, k, k)


def data_5_users_only(user, item, k):
    return _rounds(user, item, k, 200, items=False)


def data_5_items_only(user, item, k):
    return _rounds(user, item, k, 200, users=False)


def data_5_more_than_k(user, item, k):
    return _rounds(user, item, k + 1, 300)


def data_5_turned_round(user, item, k):
    return ~_rounds(user, item, k, 300)


def data_5_rows_returned(user, item, k):
    return np.flatnonzero(_rounds(user, item, k, 300))


def data_5_always_two(user, item, k):
    return _rounds(user, item, 2, 300)


def data_5_until_fewer_than_three_go(user, item, k):
    keep, gone = np.ones(len(user), dtype=bool), 3
    while gone >= 3:
        before = keep.sum()
        keep &= np.bincount(user[keep], minlength=user.max() + 1)[user] >= k
        keep &= np.bincount(item[keep], minlength=item.max() + 1)[item] >= k
        gone = before - keep.sum()
    return keep


def data_5_all_or_nothing(user, item, k):
    keep = _rounds(user, item, k, 1)
    return keep if keep.all() else np.zeros(len(user), dtype=bool)


def data_5_users_without_gaps(user, item, k):
    keep, before = np.ones(len(user), dtype=bool), -1
    while keep.sum() != before:
        before = keep.sum()
        per_user = np.bincount(user[keep], minlength=user.max() + 1)[: len(np.unique(user))]
        keep &= ~np.isin(user, np.flatnonzero(per_user < k))
        keep &= np.bincount(item[keep], minlength=item.max() + 1)[item] >= k
    return keep
