"""Right answers in unusual forms: `check` must not refuse them."""

import itertools
import math
from bisect import bisect_left, bisect_right
from collections import Counter
from fractions import Fraction
from statistics import fmean

import numpy as np
import pandas as pd
import pytest
from scipy import linalg, sparse, spatial, special, stats

from recsys_lib.exercises import check

RIGHT = []


def answers(name):
    def keep(function):
        RIGHT.append(pytest.param(name, function, id=f"{name}-{function.__name__}"))
        return function

    return keep


@answers("start-1")
def by_counter(item, n_items, k):
    counts = Counter(item.tolist())
    return sorted(range(n_items), key=lambda i: (-counts[i], i))[:k]


@answers("start-1")
def by_lexsort(item, n_items, k):
    counts = np.bincount(item, minlength=n_items)
    return np.lexsort((np.arange(n_items), -counts))[:k].astype(np.int32)


@answers("start-2")
def by_a_set(scores, seen, k):
    known = set(seen.tolist())
    return [i for i in sorted(range(len(scores)), key=lambda i: -scores[i]) if i not in known][:k]


@answers("start-2")
def below_the_lowest(scores, seen, k):
    masked = scores.copy()
    masked[seen] = scores.min() - 1
    return np.argsort(-masked, kind="stable")[:k]


@answers("start-2")
def by_isin(scores, seen, k):
    order = np.argsort(-scores, kind="stable")
    return order[~np.isin(order, seen)][:k]


@answers("start-3")
def by_any(lists, held_out):
    return np.mean([any(x in b for x in a) for a, b in zip(lists, held_out, strict=True)])


@answers("start-3")
def by_isdisjoint(lists, held_out):
    hits = sum(not set(a).isdisjoint(b) for a, b in zip(lists, held_out, strict=True))
    return Fraction(hits, len(lists)).__float__()


@answers("data-1")
def zero_dimensional(user, item, n_users, n_items):
    return np.array(user.size / (n_users * n_items))


@answers("data-2")
def by_a_loop(counts, share):
    total, n = 0, 0
    for count in sorted(counts.tolist(), reverse=True):
        if total >= share * counts.sum():
            break
        total, n = total + count, n + 1
    return n


@answers("data-2")
def with_a_tolerance(counts, share):
    running = np.cumsum(np.sort(counts)[::-1])
    return (running < share * running[-1] - 1e-9).sum() + 1


@answers("data-3")
def by_pandas(user, item, k):
    table = pd.DataFrame({"user": user, "item": item})
    keep = table.groupby("user")["item"].transform("size") >= k
    left = table[keep].groupby("item")["user"].transform("size") >= k
    return keep & left.reindex(table.index, fill_value=False)


@answers("data-3")
def a_list_of_bools(user, item, k):
    users = Counter(user.tolist())
    items = Counter(i for u, i in zip(user.tolist(), item.tolist(), strict=True) if users[u] >= k)
    return [
        users[u] >= k and items[i] >= k for u, i in zip(user.tolist(), item.tolist(), strict=True)
    ]


@answers("data-4")
def by_rank(user, timestamp, n):
    return pd.Series(timestamp).groupby(user).rank(ascending=False) <= n


@answers("data-4")
def by_counting_later_ones(user, timestamp, n):
    later = (user[:, None] == user) & (timestamp[:, None] < timestamp)
    return later.sum(axis=1) < n


@answers("data-5")
def until_equal(user, item, k):
    keep = np.ones(len(user), bool)
    while True:
        users, items = (
            np.unique(user[keep], return_counts=True),
            np.unique(item[keep], return_counts=True),
        )
        new = np.isin(user, users[0][users[1] >= k]) & np.isin(item, items[0][items[1] >= k]) & keep
        if (new == keep).all():
            return keep
        keep = new


@answers("cosine-1")
def by_norms(u, v):
    if not u.any() or not v.any():
        return 0
    return np.dot(u / np.linalg.norm(u), v / np.linalg.norm(v))


@answers("cosine-1")
def by_plain_sums(u, v):
    dot = sum(a * b for a, b in zip(u, v, strict=True))
    lengths = math.hypot(*u) * math.hypot(*v)
    return dot / lengths if lengths else 0.0


@answers("cosine-2")
def by_nan_to_num(R):
    with np.errstate(invalid="ignore"):
        unit = np.nan_to_num(R / np.linalg.norm(R, axis=1, keepdims=True))
    return (unit @ unit.T).tolist()


@answers("cosine-3")
def by_divide(similarity, common, shrinkage):
    factor = np.zeros_like(common)
    np.divide(common, common + shrinkage, out=factor, where=common > 0)
    return factor * similarity


@answers("cosine-4")
def by_a_table_of_neighbors(R, S, u, k):
    W = S.copy()
    np.fill_diagonal(W, -1)
    cut = -np.sort(-W, axis=1)[:, [k - 1]]
    return R[u] @ np.where(cut <= W, W, 0)


@answers("cosine-5")
def by_masked_arrays(R):
    rated = np.ma.masked_equal(R, 0)
    means = rated.mean(axis=1).filled(0)
    X = np.where(R > 0, R - means[:, None], 0)
    lengths = np.linalg.norm(X, axis=1)
    return X @ X.T / np.where(np.outer(lengths, lengths) > 0, np.outer(lengths, lengths), 1)


@answers("svd-1")
def by_outer_products(U, s, Vt, k):
    return sum(s[j] * np.outer(U[:, j], Vt[j]) for j in range(k))


@answers("svd-1")
def by_diag(U, s, Vt, k):
    return U[:, :k] @ np.diag(s[:k]) @ Vt[:k, :]


@answers("svd-2")
def by_what_is_kept(s, k):
    return 1 - (s[:k] @ s[:k]) / (s @ s)


@answers("svd-3")
def by_fillna(R):
    table = pd.DataFrame(R)
    return table.T.fillna(table.mean(axis=1)).T.fillna(np.nanmean(R))


@answers("svd-4")
def by_the_projector(V, row):
    return (V @ V.T) @ row


@answers("svd-5")
def by_powers(A, v, steps):
    M = A.T @ A
    for _ in range(steps):
        v = v / np.linalg.norm(v)
        v = M @ v
    return np.linalg.norm(A @ v) / np.linalg.norm(v)


@answers("mf-1")
def as_a_list(p, q, r, c, eta, lam):
    e = max(min(r - np.inner(p, q), c), -c)
    return [(1 - eta * lam) * p + eta * e * q, (1 - eta * lam) * q + eta * e * p]


@answers("mf-1")
def as_one_array(p, q, r, c, eta, lam):
    e = r - (p * q).sum()
    if abs(e) > c:
        e = c * np.sign(e)
    return np.stack([p, q]) + eta * (e * np.stack([q, p]) - lam * np.stack([p, q]))


@answers("mf-2")
def rating_by_rating(P, Q, R, lam):
    G = np.zeros_like(P)
    for u, i in zip(*np.nonzero(~np.isnan(R)), strict=True):
        G[u] += -2 * (R[u, i] - P[u] @ Q[i]) * Q[i] + 2 * lam * P[u]
    return G


@answers("mf-3")
def user_by_user(R, mu, b_i, lam):
    rows = [(row - mu - b_i)[~np.isnan(row)] for row in R]
    return [row.sum() / (len(row) + lam) if len(row) else 0 for row in rows]


@answers("mf-3")
def by_a_masked_array_that_is_filled(R, mu, b_i, lam):
    rest = np.ma.masked_invalid(R - mu - b_i)
    return (rest.sum(axis=1) / np.ma.maximum(rest.count(axis=1) + lam, 1e-9)).filled(0)


@answers("mf-4")
def with_slices(errors, patience):
    for t in range(1, len(errors) + 1):
        best = errors.index(min(errors[:t]))
        if t - 1 - best >= patience:
            break
    return np.int64(best + 1)


@answers("mf-5")
def by_least_squares(Q, r, lam):
    n, k = Q.shape
    A = np.vstack([Q, np.sqrt(lam * n) * np.eye(k)])
    return np.linalg.lstsq(A, np.r_[r, np.zeros(k)], rcond=None)[0]


@answers("mf-5")
def by_the_inverse(Q, r, lam):
    return np.linalg.inv(Q.T @ Q + lam * len(r) * np.identity(Q.shape[1])) @ Q.T @ r


@answers("bce-1")
def by_expit(x):
    return special.expit(x)


@answers("bce-1")
def by_tanh(x):
    return 0.5 * (1 + np.tanh(0.5 * x)) if (x > -15).all() else special.expit(x)


@answers("bce-1")
def by_masks(x):
    out = np.empty(x.shape)
    out[x >= 0] = 1 / (1 + np.exp(-x[x >= 0]))
    out[x < 0] = np.exp(x[x < 0]) / (1 + np.exp(x[x < 0]))
    return out


@answers("bce-1")
def by_an_array_of_the_shape(x):
    result = np.empty(x.shape)
    result[x >= 0] = 1 / (1 + np.exp(-x[x >= 0]))
    result[x < 0] = 1 - 1 / (1 + np.exp(x[x < 0]))
    return result


@answers("bce-1")
def by_logaddexp(x):
    return np.exp(-np.logaddexp(0, -x))


@answers("bce-2")
def by_the_right_probability(y, p, eps):
    kept = np.where(y == 1, p, 1 - p)
    loss = -((1 - eps / 2) * np.log(kept) + eps / 2 * np.log(1 - kept)).mean()
    slopes = [a - 1 + eps / 2 if label else a - eps / 2 for label, a in zip(y, p, strict=True)]
    return [loss, slopes, special.logit(1 - eps / 2)]


@answers("bce-3")
def item_by_item(p, Q, r, lam):
    return sum(
        ((special.expit(q @ p) - label) * q for q, label in zip(Q, r, strict=True)), 2 * lam * p
    )


@answers("bce-4")
def by_inverse_rate(p, rate):
    return p / (p + (1 - p) / rate)


@answers("bce-5")
def by_logaddexp_of_the_sign(y, x):
    return np.logaddexp(0, (1 - 2 * y) * x).mean()


@answers("bmf-1")
def by_sets(p, Q, b, k):
    taste = (Q * p).sum(axis=1)
    listed, biased, tasted = (
        sorted(range(len(b)), key=lambda i, x=x: x[i])[-k:][::-1] for x in (taste + b, b, taste)
    )
    return [int(i in set(biased)) + 2 * int(i in set(tasted)) for i in listed]


@answers("bmf-1")
def added_to_zeros(p, Q, b, k):
    codes, taste = np.zeros(k), Q @ p
    listed = np.argsort(-(taste + b))[:k]
    for code, part in ((1, b), (2, taste)):
        codes[part[listed] >= np.sort(part)[-k]] += code
    return codes


@answers("bmf-2")
def until_nothing_moves(met, draws):
    items, before = draws, None
    while before is None or (items != before).any():
        items, before = draws + np.searchsorted(met, items, side="right"), items
    return items


@answers("bmf-2")
def by_a_list_of_all(met, draws):
    return np.setdiff1d(np.arange(draws.max() + len(met) + 1), met)[draws].tolist()


@answers("bmf-3")
def by_a_dictionary(user, n_users, n_negatives, lam):
    counts = Counter(user.tolist())
    return [lam / (counts[u] * (1 + n_negatives)) if u in counts else 0 for u in range(n_users)]


@answers("bmf-4")
def as_floats_in_a_list(y, p):
    right = np.where(p > 0.5, 1, 0) == y
    return [fmean(right[y == 1]), fmean(right[y == 0]), fmean(right)]


@answers("bmf-5")
def by_plain_lists(Q, y, lam, eta, steps):
    p = np.zeros(Q.shape[1])
    for _ in range(steps):
        p = (1 - eta * lam) * p + eta * (y - special.expit(Q @ p)) @ Q
    return list(p)


@answers("mlp-1")
def by_spreads(tables):
    found = []
    for t in tables:
        users, items = (np.ptp(t, axis=axis).max() > 1e-9 for axis in (0, 1))
        rest = t - t.mean(axis=0) - t.mean(axis=1)[:, None] + t.mean()
        meet = np.abs(rest).max() > 1e-10
        found.append({(0, 0): 3, (0, 1): 1, (1, 0): 2}.get((int(users), int(items)), 4 - 4 * meet))
    return np.array(found, dtype=int)


@answers("mlp-1")
def into_an_array_of_zeros(tables):
    found = np.zeros(len(tables))
    found[:] = by_spreads(tables)
    return found


@answers("mlp-2")
def as_numpys_integer(n_users, n_items, layers):
    sizes = np.array(layers)
    return (n_users + n_items) * sizes[0] / 2 + ((sizes[:-1] + 1) * sizes[1:]).sum() + sizes[-1] + 1


@answers("mlp-3")
def by_broadcasting(dz, z_in, W, b):
    g = np.where(z_in @ W + b > 0, dz, 0)
    return [z_in[:, None] * g, g, g @ W.T]


@answers("mlp-4")
def by_negated_division(n_rows, n_negatives, batch_sizes, epochs):
    n = n_rows * (1 + n_negatives)
    return tuple(epochs * -(-n // (size or n)) for size in batch_sizes)


@answers("mlp-5")
def by_one_step_size(theta, grad, m, v, t, eta, lam):
    m, v = m + 0.1 * (grad - m), v + 0.001 * (grad**2 - v)
    root = np.sqrt(v) / np.sqrt(1 - 0.999**t) + 1e-8
    return theta - eta * lam * theta - eta / (1 - 0.9**t) * m / root, m, v


@answers("neumf-1")
def by_einsum(p, q, h):
    return special.expit(np.einsum("i,i,i", p, q, h))


@answers("neumf-2")
def by_two_sums(p_g, q_g, phi_mlp, h):
    return special.expit(h[: len(p_g)] @ (p_g * q_g) + h[len(p_g) :] @ phi_mlp)


@answers("neumf-3")
def as_a_plain_list(h_gmf, h_mlp, alpha):
    return [alpha * x for x in h_gmf] + [(1 - alpha) * x for x in h_mlp]


@answers("neumf-4")
def by_a_running_total(n_users, n_items, factors, layers):
    total = (n_users + n_items) * (2 * factors + layers[0]) * 2
    for before, after in itertools.pairwise(layers):
        total += 4 * after * (before + 1)
    return total + 4 * (factors + layers[-1] + 1)


@answers("neumf-5")
def by_t_interval(a, b, level):
    d = a - b
    error = stats.sem(d)
    if not error > 1e-12:
        return d.mean(), d.mean(), d.mean()
    return d.mean(), *stats.t.interval(level, len(d) - 1, loc=d.mean(), scale=error)


@answers("eval-1")
def by_numpy(items, relevant, k):
    gains = np.isin(np.array(items[:k], dtype=int), relevant).astype(float)
    discount = 1 / np.log2(np.arange(max(k, 1)) + 2)
    ideal = discount[: len(relevant)].sum()
    n = gains.sum()
    return np.array(
        [n > 0, (gains * discount[: len(gains)]).sum() / ideal, n / k, n / len(relevant)]
    )


@answers("eval-2")
def by_all_orders(scores, positive, k):
    above = (scores > scores[positive]).sum()
    tied = (scores == scores[positive]).sum()
    return np.mean([above + place < k for place in range(tied)])


@answers("eval-2")
def as_a_fraction(scores, positive, k):
    above = int((scores > scores[positive]).sum())
    tied = int((scores == scores[positive]).sum())
    return min(max(Fraction(k - above, tied), Fraction(0)), Fraction(1))


@answers("eval-3")
def by_fractions(places, n_items, n_negatives, k):
    def share(better):
        ways = sum(
            math.comb(better, j) * math.comb(n_items - 1 - better, n_negatives - j)
            for j in range(min(k, n_negatives + 1))
        )
        return float(Fraction(ways, math.comb(n_items - 1, n_negatives)))

    return [share(place - 1) for place in places.tolist()]


@answers("eval-4")
def by_hand(p_values):
    m, result, highest = len(p_values), [0.0] * len(p_values), 0.0
    for rank, i in enumerate(sorted(range(m), key=lambda i: p_values[i])):
        highest = max(highest, min((m - rank) * p_values[i], 1))
        result[i] = highest
    return result


@answers("eval-5")
def by_symmetry(d):
    sums = np.zeros(1)
    for x in d:
        sums = np.r_[sums + x, sums - x]
    return float(np.mean(abs(sums) >= abs(sum(d)) - 1e-12))


@answers("eval-5")
def as_a_fraction_of_all(d):
    sums = [sum(signed) for signed in itertools.product(*((x, -x) for x in d))]
    return Fraction(sum(abs(total) >= abs(sum(d)) - 1e-12 for total in sums), len(sums))


@answers("trust-1")
def as_fractions_and_integers(scores, positive):
    above = int((scores > scores[positive]).sum())
    tied = int((scores == scores[positive]).sum())
    return [above + 1, Fraction(2 * above + tied + 1, 2), above + tied]


@answers("trust-1")
def as_a_series(scores, positive):
    ranks = [pd.Series(scores).rank(ascending=False, method=m) for m in ("min", "average", "max")]
    return pd.Series([rank[positive] for rank in ranks])


@answers("trust-1")
def by_rankdata(scores, positive):
    return [
        float(stats.rankdata(-scores, method)[positive]) for method in ("min", "average", "max")
    ]


@answers("trust-2")
def as_a_tuple(valid, test):
    first = valid.tolist().index(max(valid))
    return test[first], max(test), max(test) - test[first]


@answers("trust-3")
def one_by_one(values, published, level):
    reach = stats.t.ppf(0.5 + level / 2, len(values) - 1) * math.sqrt(
        values.var(ddof=1) * (1 + 1 / len(values))
    )
    return [bool(abs(x - values.mean()) <= reach) for x in published]


@answers("simple-1")
def by_the_trace(G_users, G_items):
    return np.trace(G_users @ G_items)


@answers("simple-1")
def by_einsum_of_both(G_users, G_items):
    return np.array(np.einsum("fg,gf->", G_users, G_items))


@answers("simple-1")
def by_roots_of_the_matrices(G_users, G_items):
    def root(G):
        values, vectors = np.linalg.eigh(G)
        return vectors * np.sqrt(values.clip(0))

    return np.linalg.norm(root(G_users).T @ root(G_items)) ** 2


@answers("simple-1")
def as_a_fraction_of_plain_numbers(G_users, G_items):
    pairs = zip(G_users.ravel().tolist(), G_items.ravel().tolist(), strict=True)
    return sum(Fraction(a) * Fraction(b) for a, b in pairs)


@answers("simple-2")
def by_weighted_targets(Q, items, alpha, lam):
    weight = np.full(len(Q), float(alpha))
    weight[items] += 1
    target = np.zeros(len(Q))
    target[items] = 1 / (1 + alpha)
    left = (Q.T * weight) @ Q + np.diag(np.full(Q.shape[1], lam))
    return np.linalg.inv(left) @ Q.T @ (weight * target)


@answers("simple-2")
def by_rank_one_updates(Q, items, alpha, lam):
    inverse = np.linalg.inv(alpha * Q.T @ Q + lam * np.eye(Q.shape[1]))
    for i in items.tolist():
        v = inverse @ Q[i]
        inverse = inverse - np.outer(v, v) / (1 + Q[i] @ v)
    return sum((inverse @ Q[i] for i in items), np.zeros(Q.shape[1]))


@answers("simple-2")
def as_a_list_by_least_squares(Q, items, alpha, lam):
    rows = np.vstack([Q[items], np.sqrt(alpha) * Q, np.sqrt(lam) * np.eye(Q.shape[1])])
    targets = np.arange(len(rows)) < len(items)
    return np.linalg.lstsq(rows, targets.astype(float), rcond=None)[0].tolist()


@answers("simple-3")
def by_the_identity_minus(X, lam):
    C = np.linalg.pinv(X.T @ X + lam * np.eye(X.shape[1]), hermitian=True)
    return np.eye(len(C)) - C @ np.diag(1 / np.diag(C))


@answers("simple-3")
def column_by_column(X, lam):
    G, n = X.T @ X, X.shape[1]
    B = np.zeros((n, n))
    for i in range(n):
        rest = np.arange(n) != i
        B[rest, i] = np.linalg.solve(G[np.ix_(rest, rest)] + lam * np.eye(n - 1), G[rest, i])
    return B.tolist()


@answers("simple-3")
def by_the_multipliers(X, lam):
    G = X.T @ X
    C = np.linalg.solve(G + lam * np.eye(len(G)), np.identity(len(G)))
    free = C @ G
    return pd.DataFrame(free - C * (np.diag(free) / np.diag(C)))


@answers("simple-4")
def as_a_tuple_of_three(p, q_i, q_j, eta, lam):
    wrong = special.expit(p @ q_j - p @ q_i)
    keep = 1 - eta * lam
    return (
        keep * p + eta * wrong * (q_i - q_j),
        keep * q_i + eta * wrong * p,
        keep * q_j - eta * wrong * p,
    )


@answers("simple-4")
def by_one_matrix(p, q_i, q_j, eta, lam):
    old = np.stack([p, q_i, q_j])
    g = -1 / (1 + np.exp(np.dot(p, q_i - q_j)))
    pulls = np.array([[0, g, -g], [g, 0, 0], [-g, 0, 0]])
    return old - eta * (pulls + lam * np.eye(3)) @ old


@answers("simple-4")
def in_plain_lists(p, q_i, q_j, eta, lam):
    x = math.fsum(a * (b - c) for a, b, c in zip(p, q_i, q_j, strict=True))
    g = 0.5 * (math.tanh(x / 2) - 1)
    new = [
        (
            a - eta * (g * (b - c) + lam * a),
            b - eta * (g * a + lam * b),
            c + eta * (g * a - lam * c),
        )
        for a, b, c in zip(p.tolist(), q_i.tolist(), q_j.tolist(), strict=True)
    ]
    return [list(row) for row in zip(*new, strict=True)]


@answers("simple-5")
def by_places(scores, relevant):
    n = len(relevant)
    places = stats.rankdata(scores)[relevant]
    return (places.sum() - n * (n + 1) / 2) / (n * (len(scores) - n))


@answers("simple-5")
def by_mann_whitney(scores, relevant):
    others = np.delete(scores, relevant)
    u = stats.mannwhitneyu(scores[relevant], others, method="asymptotic").statistic
    return u / (len(relevant) * len(others))


@answers("simple-5")
def by_signs(scores, relevant):
    others = scores[~np.isin(np.arange(scores.size), relevant)]
    return (np.sign(np.subtract.outer(scores[relevant], others)).mean() + 1) / 2


@answers("simple-5")
def as_a_fraction_of_pairs(scores, relevant):
    chosen = set(relevant.tolist())
    others = sorted(x for i, x in enumerate(scores.tolist()) if i not in chosen)
    twice = sum(bisect_left(others, x) + bisect_right(others, x) for x in scores[relevant])
    return Fraction(twice, 2 * len(others) * len(chosen))


@answers("new-1")
def word_by_word(times, known):
    texts = [row for row, one in zip(times.tolist(), known, strict=True) if one]
    return [
        math.log(len(texts) + 1) - math.log(sum(row[f] > 0 for row in texts) + 1)
        for f in range(times.shape[1])
    ]


@answers("new-1")
def by_a_product_with_known(times, known):
    return np.log1p(np.count_nonzero(known)) - np.log1p(known.astype(int) @ (times > 0))


@answers("new-1")
def by_a_sparse_table(times, known):
    having = sparse.csr_array(times)[known].count_nonzero(axis=0)
    return abs(np.log(np.divide(having + 1, known.sum() + 1, dtype=np.float32)))


@answers("new-1")
def by_a_table_with_the_new_item(times, known):
    table = pd.DataFrame(times[known] > 0)
    table.loc[-1] = True
    return -np.log2(table.mean()) / np.log2(np.e)


@answers("new-2")
def by_einsum_and_a_quotient(X, met):
    profile = np.einsum("if->f", X[met])
    length = np.sqrt(np.einsum("f,f", profile, profile))
    return np.divide(
        np.einsum("if,f->i", X, profile), length, out=np.zeros(len(X)), where=length > 0
    )


@answers("new-2")
def by_cosine_distances(X, met):
    with np.errstate(invalid="ignore", divide="ignore"):
        distance = spatial.distance.cdist(X, X[met].sum(axis=0)[None], "cosine")
    return np.nan_to_num(1 - distance[:, 0])


@answers("new-2")
def by_cosines_of_pairs(X, met):
    with_met = X @ X[met].T
    length = math.sqrt(with_met[met].sum())
    return with_met.sum(axis=1) / length if length > 1e-9 else [0] * len(X)


@answers("new-2")
def by_a_mask_and_the_mean(X, met):
    mask = np.isin(np.arange(len(X)), met)
    profile = np.average(np.vstack([X, X[:1]]), axis=0, weights=np.append(mask, not mask.any()))
    profile = profile * mask.any()
    length = np.linalg.norm(profile)
    return pd.Series(X @ (profile / length if length else profile))


@answers("new-2")
def in_sparse_rows(X, met):
    rows = sparse.csr_array(X)
    profile = rows[met].sum(axis=0) if len(met) else np.zeros(X.shape[1])
    return list((rows @ profile) / (math.hypot(*profile) or 1))


@answers("new-3")
def by_the_words_table(X, Q, x, lam):
    A = X - X.mean(axis=0)
    W = np.linalg.solve(A.T @ A + lam * np.eye(X.shape[1]), A.T @ Q)
    return (Q.mean(axis=0) - X.mean(axis=0) @ W + x @ W).tolist()


@answers("new-3")
def with_factors_that_are_not_centered(X, Q, x, lam):
    mean = np.average(X, axis=0)
    K = (X - mean) @ (X - mean).T + lam * np.eye(len(X))
    return Q.mean(axis=0) + (x - mean) @ (X - mean).T @ linalg.cho_solve(linalg.cho_factor(K), Q)


@answers("new-3")
def by_a_word_that_all_have(X, Q, x, lam):
    Z = np.column_stack([np.ones(len(X)), X])
    penalty = np.diag([0.0] + [lam] * X.shape[1])
    return np.r_[1, x] @ np.linalg.pinv(Z.T @ Z + penalty) @ Z.T @ Q


@answers("new-3")
def by_singular_values(X, Q, x, lam):
    U, s, Vt = np.linalg.svd(X - X.mean(axis=0), full_matrices=False)
    shrunk = (Vt @ (x - X.mean(axis=0))) * s / (s**2 + lam)
    return shrunk @ U.T @ (Q - Q.mean(axis=0)) + Q.mean(axis=0)


@answers("new-3")
def by_the_centering_matrix(X, Q, x, lam):
    n = len(X)
    H = np.eye(n) - np.full((n, n), 1 / n)
    k = H @ (X @ x - X @ X.T @ np.ones(n) / n)
    return [q.mean() + k @ np.linalg.inv(H @ X @ X.T @ H + lam * np.eye(n)) @ q for q in Q.T]


@answers("new-4")
def feature_by_feature(p, E, w, r, eta):
    x = sum(w_f * (e @ p) for w_f, e in zip(w, E, strict=True))
    return [e - eta * (special.expit(x) - r) * w_f * p for w_f, e in zip(w, E, strict=True)]


@answers("new-4")
def by_einsum_and_tanh(p, E, w, r, eta):
    g = (1 + np.tanh(np.einsum("k,f,fk", p, w, E) / 2)) / 2 - r
    return E - eta * g * np.einsum("f,k->fk", w, p)


@answers("new-4")
def by_signs_of_labels(p, E, w, r, eta):
    y = 1 if r else -1
    return E + np.kron(w[:, None], eta * y * special.expit(-y * (E @ p) @ w) * p)


@answers("new-4")
def on_a_copy_in_place(p, E, w, r, eta):
    new, g = E.copy(), 1 / (1 + math.exp(-(w @ E @ p))) - r
    for f, k in itertools.product(range(len(w)), range(len(p))):
        new[f, k] -= eta * g * w[f] * p[k]
    return pd.DataFrame(new)


@answers("new-5")
def by_combinations(w, E):
    parts = [w_f * e for w_f, e in zip(w, E, strict=True)]
    return sum(a @ b for a, b in itertools.combinations(parts, 2))


@answers("new-5")
def by_a_running_sum(w, E):
    total, result = np.zeros(E.shape[1]), 0.0
    for w_f, e in zip(w, E, strict=True):
        result += w_f * (e @ total)
        total += w_f * e
    return result


@answers("new-5")
def above_the_diagonal(w, E):
    return np.triu(np.outer(w, w) * (E @ E.T), 1).sum()


@answers("new-5")
def by_traces(w, E):
    table = np.diag(w) @ E @ E.T @ np.diag(w)
    return np.array((table.sum() - np.trace(table)) / 2)


@answers("new-5")
def by_polynomials(w, E):
    """The third coefficient of a polynomial is the sum of its roots' products in pairs."""
    return sum(np.append(np.poly(column), 0)[2] for column in (E * w[:, None]).T)


@answers("new-5")
def as_a_fraction_of_the_squares(w, E):
    rows = [
        [Fraction(a) * Fraction(b) for b in e] for a, e in zip(w.tolist(), E.tolist(), strict=True)
    ]
    columns = list(zip(*rows, strict=True))
    return sum(sum(column) ** 2 - sum(x * x for x in column) for column in columns) / 2


@answers("scale-1")
def by_a_weighted_average(gradients, sizes):
    return np.average(gradients, axis=0, weights=sizes)


@answers("scale-1")
def sample_by_sample(gradients, sizes):
    return np.repeat(gradients, sizes, axis=0).mean(axis=0)


@answers("scale-1")
def by_a_mean_that_moves(gradients, sizes):
    mean, seen = np.zeros(gradients.shape[1]), 0
    for g, n in zip(gradients, sizes, strict=True):
        if n:
            seen += n
            mean = mean + n / seen * (g - mean)
    return mean


@answers("scale-1")
def in_a_ring(gradients, sizes):
    """Each process adds its share to what the one before hands on, number by number."""
    total = [0.0] * gradients.shape[1]
    for p, f in itertools.product(range(len(sizes)), range(len(total))):
        total[f] += float(gradients[p, f]) * int(sizes[p]) / int(sum(sizes))
    return total


@answers("scale-1")
def by_a_table_of_shares(gradients, sizes):
    return pd.DataFrame(gradients).mul(sizes / sizes.sum(), axis=0).sum()


@answers("scale-2")
def row_by_row(items, bias):
    longest = max(x @ x + b * b for x, b in zip(items, bias, strict=True))
    return [
        [*x, b, math.sqrt(max(longest - x @ x - b * b, 0))]
        for x, b in zip(items, bias, strict=True)
    ]


@answers("scale-2")
def by_lengths_and_their_sums_and_differences(items, bias):
    lengths = np.hypot(np.linalg.norm(items, axis=1), bias)
    longest = lengths.max()
    return np.c_[items, bias, np.sqrt((longest - lengths) * (longest + lengths))]


@answers("scale-2")
def by_the_diagonal(items, bias):
    rows = np.hstack([items, bias.reshape(-1, 1)])
    squares = np.diag(rows @ rows.T)
    return np.insert(rows, rows.shape[1], (squares.max() - squares) ** 0.5, axis=1)


@answers("scale-2")
def by_the_sine(items, bias):
    rows = np.column_stack([items, bias])
    lengths = np.linalg.norm(rows, axis=1)
    rest = lengths.max() * np.sin(np.arccos(lengths / lengths.max()))
    return pd.DataFrame(rows).assign(rest=rest)


@answers("scale-2")
def rounded_up_to_zero(items, bias):
    out = np.empty((len(items), items.shape[1] + 2))
    out[:, :-2], out[:, -2] = items, bias
    lengths = np.linalg.norm(out[:, :-1], axis=1)
    out[:, -1] = np.sqrt(np.maximum(lengths.max() ** 2 - (out[:, :-1] ** 2).sum(axis=1), 0))
    return out


@answers("scale-3")
def process_by_process(shards, ids):
    rows = np.empty((len(ids), shards[0].shape[1]))
    for p, shard in enumerate(shards):
        mine = ids % len(shards) == p
        rows[mine] = shard[ids[mine] // len(shards)]
    return rows


@answers("scale-3")
def by_unraveled_places(shards, ids):
    places, processes = np.unravel_index(ids, (max(map(len, shards)), len(shards)))
    return [shards[p][i].tolist() for p, i in zip(processes, places, strict=True)]


@answers("scale-3")
def sorted_and_back(shards, ids):
    order = np.argsort(ids % len(shards))
    parts = np.split(ids[order], np.bincount(ids % len(shards), minlength=len(shards)).cumsum())
    rows = np.concatenate([s[part // len(shards)] for s, part in zip(shards, parts, strict=False)])
    return rows[np.argsort(order)]


@answers("scale-3")
def each_different_row_once(shards, ids):
    different, where = np.unique(ids, return_inverse=True)
    asked = [divmod(int(r), len(shards)) for r in different]
    return np.stack([shards[p][place] for place, p in asked])[where]


@answers("scale-3")
def a_sum_over_processes(shards, ids):
    """Each process adds its rows, and zeros for those that it does not have."""
    total = np.zeros((len(ids), shards[0].shape[1]))
    for p, shard in enumerate(shards):
        own = sparse.csr_array(
            (ids % len(shards) == p)[:, None]
            & (ids[:, None] // len(shards) == np.arange(len(shard)))
        )
        total += own.astype(float) @ shard
    return total


@answers("scale-4")
def by_sets_and_fractions(found, exact):
    shares = [
        Fraction(len(set(b) - set(a)), len(b))
        for a, b in zip(found.tolist(), exact.tolist(), strict=True)
    ]
    return 1 - sum(shares) / len(shares)


@answers("scale-4")
def every_pair_at_once(found, exact):
    return (found[:, None, :] == exact[:, :, None]).any(axis=2).mean()


@answers("scale-4")
def by_what_was_found_over_all(found, exact):
    hits = sum(np.isin(a, b).sum() for a, b in zip(found, exact, strict=True))
    return hits / exact.size


@answers("scale-4")
def by_numbers_of_user_and_item(found, exact):
    n = max(found.max(), exact.max()) + 2
    user = np.arange(len(exact))[:, None] * n
    return np.array(np.isin(exact + 1 + user, found + 1 + user).mean())


@answers("scale-4")
def by_a_join_of_tables(found, exact):
    users = np.arange(len(exact))
    tables = [
        pd.DataFrame({"user": np.repeat(users, t.shape[1]), "item": t.ravel()})
        for t in (found, exact)
    ]
    both = tables[1].merge(tables[0].drop_duplicates(), on=["user", "item"])
    return both.groupby("user").size().reindex(users, fill_value=0).mean() / exact.shape[1]


@answers("order-1")
def all_gaps_at_once(times, half_life):
    gaps = (times[:, None] - times) / half_life
    earlier = np.tri(len(times), dtype=bool)
    return np.where(earlier, np.exp2(-np.where(earlier, gaps, 0)), 0).sum(axis=1)


@answers("order-1")
def accumulated(times, half_life):
    left = (0.5 ** (gap / half_life) for gap in np.diff(times).tolist())
    return list(itertools.accumulate(left, lambda score, one: 1 + one * score, initial=1))


@answers("order-1")
def by_a_triangular_system(times, half_life):
    """The score less what is left of the one before it is 1."""
    left = np.exp(-math.log(2) * np.diff(times) / half_life)
    return linalg.solve_banded((1, 0), [np.ones(len(times)), [*-left, 0]], np.ones(len(times)))


@answers("order-1")
def in_a_series_with_a_memory(times, half_life):
    score, last, found = 0.0, -math.inf, {}
    for k, t in enumerate(times):
        score = score * math.pow(2, (last - t) / half_life) + 1
        last, found[k] = t, score
    return pd.Series(found)


@answers("order-2")
def by_counters(histories, n_items, j, shrinkage):
    events = Counter(itertools.chain.from_iterable(histories))
    after = Counter(b for h in histories for a, b in itertools.pairwise(h) if a == j)
    n, total = sum(after.values()), sum(events.values())
    if n == shrinkage == 0:
        return [events[i] / total for i in range(n_items)]
    return [(after[i] + shrinkage * events[i] / total) / (n + shrinkage) for i in range(n_items)]


@answers("order-2")
def by_a_mean_of_two_distributions(histories, n_items, j, shrinkage):
    users = np.repeat(np.arange(len(histories)), [len(h) for h in histories])
    items = np.concatenate([np.array(h, dtype=int) for h in histories])
    follows = (users[1:] == users[:-1]) & (items[:-1] == j)
    counts = np.bincount(items[1:][follows], minlength=n_items)
    popular = np.bincount(items, minlength=n_items) / len(items)
    if not counts.any():
        return popular
    trust = counts.sum() / (counts.sum() + shrinkage)
    return trust * counts / counts.sum() + (1 - trust) * popular


@answers("order-2")
def by_the_row_of_a_table(histories, n_items, j, shrinkage):
    table = sparse.lil_array((n_items, n_items))
    popular = np.zeros(n_items)
    for h in histories:
        np.add.at(popular, np.array(h, dtype=int), 1)
        for k in range(1, len(h)):
            table[h[k - 1], h[k]] += 1
    row = table.toarray()[j] + shrinkage * popular / popular.sum()
    return row / row.sum() if row.any() else popular / popular.sum()


@answers("order-2")
def in_fractions(histories, n_items, j, shrinkage):
    events = [i for h in histories for i in h]
    after = [h[k] for h in histories for k in range(1, len(h)) if h[k - 1] == j]
    s = Fraction(shrinkage)
    popular = [Fraction(events.count(i), len(events)) for i in range(n_items)]
    if not after and not s:
        return popular
    return [(after.count(i) + s * p) / (len(after) + s) for i, p in enumerate(popular)]


@answers("order-3")
def event_by_event(queries, keys, values):
    rows = []
    for t, q in enumerate(queries):
        x = keys[: t + 1] @ q / math.sqrt(len(q))
        rows.append(special.softmax(x) @ values[: t + 1])
    return rows


@answers("order-3")
def by_scipy_and_a_mask(queries, keys, values):
    x = np.einsum("td,sd->ts", queries, keys) * queries.shape[1] ** -0.5
    return special.softmax(x + np.triu(np.full(x.shape, -np.inf), 1), axis=1) @ values


@answers("order-3")
def as_one_reads_on(queries, keys, values):
    """Old sums are scaled down when a higher score comes."""
    out = np.empty(values.shape)
    for t in range(len(queries)):
        top, total, gathered = -math.inf, 0.0, 0.0
        for s in range(t + 1):
            x = float(queries[t] @ keys[s]) / math.sqrt(keys.shape[1])
            new = max(top, x)
            old, one = math.exp(top - new), math.exp(x - new)
            total, gathered, top = total * old + one, gathered * old + one * values[s], new
        out[t] = gathered / total
    return out


@answers("order-3")
def by_a_very_low_score(queries, keys, values):
    x = np.where(np.tri(len(queries)) == 1, queries @ keys.T / np.sqrt(queries.shape[-1]), -1e9)
    return pd.DataFrame(np.exp(special.log_softmax(x, axis=1)) @ values)


@answers("order-4")
def by_replacing_and_by_cutting(model, history, n_items):
    whole = model(history)
    for t in range(1, len(history)):
        futures = [history[t:] * 0 + i for i in range(n_items)] + [history[:0]]
        for future in futures:
            rows = model(np.r_[history[:t], future].astype(int))[:t]
            if not np.allclose(rows, whole[:t], atol=1e-9):
                return np.True_
    return np.False_


@answers("order-4")
def by_lists_and_every_future_of_two(model, history, n_items):
    beginnings = [history[: t + 1].tolist() for t in range(len(history))]
    futures = [[], *itertools.product(range(n_items), repeat=2)]
    futures += [[i] for i in range(n_items)]
    return any(
        len({tuple(map(tuple, model([*b, *f])[: len(b)].round(8) + 0.0)) for f in futures}) > 1
        for b in beginnings
    )


@answers("order-4")
def by_the_ranks_and_sizes_of_differences(model, history, n_items):
    rng, worst = np.random.default_rng(0), 0.0
    for t in range(1, len(history) + 1):
        before = np.nan_to_num(model(history[:t]), neginf=-1e6)
        for _ in range(60):
            future = rng.integers(n_items, size=rng.integers(1, 4))
            after = np.nan_to_num(model(np.concatenate([history[:t], future]))[:t], neginf=-1e6)
            worst = max(worst, np.abs(after - before).max())
    return worst > 1e-6


@answers("order-5")
def drawn_by_drawn(logits, positive, drawn):
    stands_for = Fraction(len(logits), len(drawn))
    counts = Counter(drawn.tolist())
    counts.pop(positive, None)
    top = max(logits[[*counts, positive]])
    below = math.exp(logits[positive] - top)
    below += math.fsum(float(stands_for) * n * math.exp(logits[j] - top) for j, n in counts.items())
    return math.log(below) + top - logits[positive]


@answers("order-5")
def by_weights_in_logsumexp(logits, positive, drawn):
    times = np.bincount(drawn, minlength=len(logits)) * len(logits) / len(drawn)
    times[positive] = 1
    return special.logsumexp(logits, b=times) - logits[positive]


@answers("order-5")
def masked_as_in_the_library(logits, positive, drawn):
    x = logits[drawn] - np.log(len(drawn)) + np.log(len(logits))
    x = np.concatenate([[logits[positive]], np.where(drawn == positive, -np.inf, x)])
    return np.array(-special.log_softmax(x)[0])


@answers("order-5")
def by_differences(logits, positive, drawn):
    gaps = np.delete(logits[drawn] - logits[positive], np.flatnonzero(drawn == positive))
    return np.logaddexp.reduce([0.0, *(gaps + math.log(len(logits) / len(drawn)))])


@pytest.mark.parametrize(("name", "answer"), RIGHT)
def test_a_right_answer_in_an_unusual_form_is_accepted(name, answer):
    verdict = check(name, answer)
    assert verdict, verdict


def test_every_exercise_has_one():
    from recsys_lib.exercises import EXERCISES

    assert {param.values[0] for param in RIGHT} == set(EXERCISES)
