"""Exercises of chapter 8."""

import math
from itertools import pairwise
from statistics import NormalDist

import numpy as np
from scipy.special import stdtrit

from recsys_lib.exercises.core import Case, Exercise


def _sigmoid(x):
    return 1 / (1 + np.exp(-x))


NEUMF_1 = Exercise(
    "neumf-1",
    "my_gmf(p, q, h)",
    (
        Case(
            "two factors, one weighted more",
            (np.array([1.0, 2.0]), np.array([4.0, -1.0]), np.array([1.0, 3.0])),
            1 / (1 + math.exp(2)),
        ),
        Case(
            "one factor",
            (np.array([2.0]), np.array([3.0]), np.array([0.5])),
            1 / (1 + math.exp(-3)),
        ),
        Case(
            "all weights 1: the dot product",
            (np.array([1.0, 2.0]), np.array([3.0, -1.0]), np.array([1.0, 1.0])),
            1 / (1 + math.exp(-1)),
        ),
        Case(
            "a factor that is not used, and one that counts against",
            (np.array([1.0, 5.0, 2.0]), np.array([1.0, 7.0, 1.0]), np.array([1.0, 0.0, -1.0])),
            1 / (1 + math.e),
        ),
        Case(
            "nothing in common",
            (np.array([1.0, 0.0]), np.array([0.0, 1.0]), np.array([2.0, 3.0])),
            0.5,
        ),
        Case(
            "numbers drawn at random",
            (
                np.array([0.1, -1.3, 0.1, 0.6]),
                np.array([0.6, 0.5, -0.5, 0.2]),
                np.array([-0.2, -1.4, 1.0, 1.5]),
            ),
            1 / (1 + math.exp(0.012 - 0.91 + 0.05 - 0.18)),
        ),
        Case(
            "a logit far below 0",
            (np.array([2.0]), np.array([-5.0]), np.array([1.0])),
            1 / (1 + math.exp(10)),
        ),
    ),
)


@NEUMF_1.mistake("you return the logit; sigma makes a probability of it")
def _no_sigmoid(p, q, h):
    return (h * p * q).sum()


@NEUMF_1.mistake("h is not used: this is the plain dot product")
def _plain_dot_product(p, q, h):
    return _sigmoid(p @ q)


@NEUMF_1.mistake("you add up first and multiply by h afterwards; h weighs the products one by one")
def _h_after_the_sum(p, q, h):
    return _sigmoid(h * (p @ q))


@NEUMF_1.mistake(
    "you add up h and the products apart; h weighs each product before they are added up"
)
def _h_summed_apart(p, q, h):
    return _sigmoid(h.sum() * (p @ q))


@NEUMF_1.mistake("the weighted products are not added up; wanted is one number")
def _not_summed(p, q, h):
    return _sigmoid(h * p * q)


@NEUMF_1.mistake("you take the mean of the weighted products; wanted is their sum")
def _averaged(p, q, h):
    return _sigmoid((h * p * q).mean())


@NEUMF_1.mistake("you apply sigma to each product; it belongs around the weighted sum")
def _sigmoid_of_the_product(p, q, h):
    return h @ _sigmoid(p * q)


@NEUMF_1.mistake("you add p and q; GMF multiplies them")
def _added(p, q, h):
    return _sigmoid(h @ (p + q))


def _both(p_g, q_g, phi_mlp, h):
    return h @ np.concatenate([p_g * q_g, phi_mlp])


NEUMF_2 = Exercise(
    "neumf-2",
    "neumf(p_g, q_g, phi_mlp, h)",
    (
        Case(
            "two factors and a tower of one number",
            (
                np.array([1.0, 2.0]),
                np.array([3.0, -1.0]),
                np.array([4.0]),
                np.array([2.0, 1.0, -0.5]),
            ),
            1 / (1 + math.exp(-2)),  # 2 * 3 + 1 * (-2) - 0.5 * 4
        ),
        Case(
            "one number in each half",
            (np.array([2.0]), np.array([3.0]), np.array([1.0]), np.array([0.5, -1.0])),
            1 / (1 + math.exp(-2)),
        ),
        Case(
            "a tower that is off altogether",
            (np.array([1.0]), np.array([-1.0]), np.zeros(3), np.array([1.0, 5.0, 6.0, 7.0])),
            1 / (1 + math.e),
        ),
        Case(
            "halves that cancel",
            (
                np.array([1.0, 0.0]),
                np.array([2.0, 5.0]),
                np.array([1.0, 3.0]),
                np.array([1.0, 9.0, 1.0, -1.0]),
            ),
            0.5,
        ),
        Case(
            "numbers drawn at random",
            (
                np.array([0.8, 1.9, 0.4]),
                np.array([1.0, -0.6, -1.9]),
                np.array([1.1, 0.7]),
                np.array([-0.5, -1.6, -0.2, 2.4, 1.8]),
            ),
            0.9958314094725742,  # by torch.nn.functional.linear
        ),
    ),
)


@NEUMF_2.mistake("phi_mlp stands first; h begins with the weights of p_g * q_g")
def _halves_swapped(p_g, q_g, phi_mlp, h):
    return _sigmoid(h @ np.concatenate([phi_mlp, p_g * q_g]))


@NEUMF_2.mistake("you return the logit; sigma makes a probability of it")
def _no_sigmoid_over_both(p_g, q_g, phi_mlp, h):
    return _both(p_g, q_g, phi_mlp, h)


@NEUMF_2.mistake(
    "you put the dot product beside phi_mlp; wanted are the products themselves, p_g * q_g"
)
def _one_number_for_gmf(p_g, q_g, phi_mlp, h):
    return _sigmoid(h @ np.concatenate([[p_g @ q_g], phi_mlp]))


@NEUMF_2.mistake("all products have the same weight, h[0]; each has one of its own in h")
def _one_weight_for_gmf(p_g, q_g, phi_mlp, h):
    return _sigmoid(h[0] * (p_g @ q_g) + h[len(p_g) :] @ phi_mlp)


@NEUMF_2.mistake(
    "you apply ReLU to both halves; phi_mlp has had its ReLU, and products may be negative"
)
def _relu_over_both(p_g, q_g, phi_mlp, h):
    return _sigmoid(h @ np.maximum(np.concatenate([p_g * q_g, phi_mlp]), 0))


@NEUMF_2.mistake("you take the mean of two probabilities; one sigma stands around both halves")
def _mean_of_two(p_g, q_g, phi_mlp, h):
    k = len(p_g)
    return (_sigmoid(h[:k] @ (p_g * q_g)) + _sigmoid(h[k:] @ phi_mlp)) / 2


@NEUMF_2.mistake("the half of GMF is missing: p_g * q_g and its weights")
def _tower_only(p_g, q_g, phi_mlp, h):
    return _sigmoid(h[len(p_g) :] @ phi_mlp)


@NEUMF_2.mistake("the half of the tower is missing: phi_mlp and its weights")
def _product_only(p_g, q_g, phi_mlp, h):
    return _sigmoid(h[: len(p_g)] @ (p_g * q_g))


_H_GMF, _H_MLP = np.array([2.0, 4.0]), np.array([8.0, -4.0])

NEUMF_3 = Exercise(
    "neumf-3",
    "fuse(h_gmf, h_mlp, alpha)",
    (
        Case("a quarter of GMF", (_H_GMF, _H_MLP, 0.25), np.array([0.5, 1.0, 6.0, -3.0])),
        Case("one weight each", (np.array([1.0]), np.array([3.0]), 0.5), np.array([0.5, 1.5])),
        Case("GMF alone", (_H_GMF, _H_MLP, 1.0), np.array([2.0, 4.0, 0.0, 0.0])),
        Case("the MLP alone", (_H_GMF, _H_MLP, 0.0), np.array([0.0, 0.0, 8.0, -4.0])),
        Case(
            "halves of different length",
            (np.array([10.0, -10.0, 5.0]), np.array([1.0]), 0.2),
            np.array([2.0, -2.0, 1.0, 0.8]),
        ),
        Case(
            "numbers drawn at random",
            (np.array([0.712345, -1.2]), np.array([0.4, 1.5, -0.3]), 0.6),
            np.array([0.427407, -0.72, 0.16, 0.6, -0.12]),
        ),
    ),
)


@NEUMF_3.mistake(
    "the shares are the wrong way round: alpha is that of GMF, 1 - alpha that of the MLP"
)
def _shares_swapped(h_gmf, h_mlp, alpha):
    return np.concatenate([(1 - alpha) * h_gmf, alpha * h_mlp])


@NEUMF_3.mistake("alpha is not used, and the logit is the sum of both whole logits")
def _no_shares(h_gmf, h_mlp, alpha):
    return np.concatenate([h_gmf, h_mlp])


@NEUMF_3.mistake("both halves get 1/2, whatever alpha is")
def _always_half(h_gmf, h_mlp, alpha):
    return np.concatenate([h_gmf, h_mlp]) / 2


@NEUMF_3.mistake("both halves are multiplied by alpha; the MLP gets 1 - alpha")
def _alpha_for_both(h_gmf, h_mlp, alpha):
    return alpha * np.concatenate([h_gmf, h_mlp])


@NEUMF_3.mistake("the weights of the MLP stand first; those of GMF do")
def _tower_first(h_gmf, h_mlp, alpha):
    return np.concatenate([(1 - alpha) * h_mlp, alpha * h_gmf])


@NEUMF_3.mistake(
    "you add the weights of the two halves; they belong to different numbers, so put them one "
    "after the other"
)
def _blended(h_gmf, h_mlp, alpha):
    return alpha * h_gmf + (1 - alpha) * h_mlp


@NEUMF_3.mistake("the weights of the MLP are whole; they are multiplied by 1 - alpha")
def _tower_whole(h_gmf, h_mlp, alpha):
    return np.concatenate([alpha * h_gmf, h_mlp])


def _tower(layers, bias=1):
    return sum(m * n + bias * n for m, n in pairwise(layers))


def _above(factors, layers):
    return _tower(layers) + factors + layers[-1] + 1


def _numbers(n_users, n_items, factors, layers):
    return (n_users + n_items) * (factors + layers[0] // 2) + _above(factors, layers)


NEUMF_4 = Exercise(
    "neumf-4",
    "memory(n_users, n_items, factors, layers)",
    (
        Case("two users, three items", (2, 3, 2, [4, 2]), 4 * (5 * 4 + 10 + 4 + 1)),
        Case("one user, one item, no layer above z_1", (1, 1, 1, [2]), 32),
        Case("a layer wider than z_1", (3, 2, 3, [2, 4]), 4 * (5 * 4 + 12 + 7 + 1)),
        Case("no users yet", (0, 5, 1, [4, 3, 2]), 4 * (5 * 3 + 15 + 8 + 3 + 1)),
        Case("MovieLens 100K", (943, 1682, 8, [64, 32, 16, 8]), 431_044),
        Case("MovieLens 1M and a larger tower", (6040, 3706, 16, [128, 64, 32, 16]), 3_162_308),
    ),
)


@NEUMF_4.mistake("you count numbers; each takes 4 bytes")
def _numbers_not_bytes(n_users, n_items, factors, layers):
    return _numbers(n_users, n_items, factors, layers)


@NEUMF_4.mistake("you reckon with 64-bit numbers; those of 32 bits take 4 bytes")
def _eight_bytes(n_users, n_items, factors, layers):
    return 8 * _numbers(n_users, n_items, factors, layers)


@NEUMF_4.mistake("you count bits; a byte has 8")
def _bits(n_users, n_items, factors, layers):
    return 32 * _numbers(n_users, n_items, factors, layers)


@NEUMF_4.mistake("the embeddings of GMF are missing: the two halves do not share theirs")
def _no_gmf_embeddings(n_users, n_items, factors, layers):
    return 4 * ((n_users + n_items) * layers[0] // 2 + _above(factors, layers))


@NEUMF_4.mistake("the embeddings of the tower are missing: the two halves do not share theirs")
def _no_tower_embeddings(n_users, n_items, factors, layers):
    return 4 * ((n_users + n_items) * factors + _above(factors, layers))


@NEUMF_4.mistake("an embedding of the tower has layers[0] numbers; it has half of them")
def _whole_embeddings(n_users, n_items, factors, layers):
    return 4 * ((n_users + n_items) * (factors + layers[0]) + _above(factors, layers))


@NEUMF_4.mistake("the layers have no biases; each has one for each number out")
def _no_biases(n_users, n_items, factors, layers):
    return 4 * (
        (n_users + n_items) * (factors + layers[0] // 2)
        + _tower(layers, bias=0)
        + (factors + layers[-1] + 1)
    )


@NEUMF_4.mistake("h has a weight for each number of the tower only; GMF has some as well")
def _short_h(n_users, n_items, factors, layers):
    return 4 * (_numbers(n_users, n_items, factors, layers) - factors)


@NEUMF_4.mistake("the bias of the output is missing")
def _no_output_bias(n_users, n_items, factors, layers):
    return 4 * (_numbers(n_users, n_items, factors, layers) - 1)


@NEUMF_4.mistake("there are two biases of the output; the halves share one output")
def _two_outputs(n_users, n_items, factors, layers):
    return 4 * (_numbers(n_users, n_items, factors, layers) + 1)


def _interval(d, reach):
    return d.mean(), d.mean() - reach, d.mean() + reach


def _t(n, level):
    return stdtrit(n - 1, (1 + level) / 2)


def _error(d):
    return d.std(ddof=1) / math.sqrt(len(d))


NEUMF_5 = Exercise(
    "neumf-5",
    "difference(a, b, level)",
    (
        Case(
            "two seeds, 50%: t is 1",
            (np.array([0.5, 0.7]), np.array([0.4, 0.4]), 0.5),
            np.array([0.2, 0.1, 0.3]),
        ),
        Case(
            "three seeds, 80%",  # with 2 degrees of freedom t is level sqrt(2 / (1 - level^2))
            (np.array([0.3, 0.5, 0.7]), np.array([0.29, 0.48, 0.67]), 0.8),
            0.02 + 0.01 * math.sqrt(32 / 27) * np.array([0, -1, 1]),
        ),
        Case(
            "five seeds, 95%",  # 2.776445 is the tables' t with 4 degrees of freedom
            (
                np.array([0.41, 0.43, 0.40, 0.44, 0.42]),
                np.array([0.40, 0.42, 0.40, 0.41, 0.42]),
                0.95,
            ),
            0.01 + 2.776445 * math.sqrt(0.00003) * np.array([0, -1, 1]),
        ),
        Case(
            "the same difference for each seed",
            (np.array([0.30, 0.50, 0.40]), np.array([0.25, 0.45, 0.35]), 0.95),
            np.array([0.05, 0.05, 0.05]),
        ),
        Case(
            "four seeds, 99%, and b is better",
            (np.array([0.20, 0.31, 0.25, 0.28]), np.array([0.24, 0.33, 0.31, 0.28]), 0.99),
            np.array([-0.03, -0.1054058149, 0.0454058149]),
        ),
        Case(
            "eight seeds drawn at random, 90%",  # like the case before, by scipy.stats.ttest_rel
            (
                np.array([0.470, 0.414, 0.367, 0.412, 0.434, 0.414, 0.496, 0.385]),
                np.array([0.457, 0.404, 0.344, 0.405, 0.411, 0.402, 0.480, 0.382]),
                0.9,
            ),
            np.array([0.013375, 0.0086124060, 0.0181375940]),
        ),
        Case(
            "32 seeds, 95%",  # 2.0395134 is the tables' t with 31 degrees of freedom
            (np.tile([0.5, 0.7], 16), np.full(32, 0.4), 0.95),
            0.2 + 0.1 * 2.0395134464 / math.sqrt(31) * np.array([0, -1, 1]),
        ),
    ),
)


@NEUMF_5.mistake("you take the quantile of the normal distribution; with few seeds t is larger")
def _normal(a, b, level):
    return _interval(a - b, NormalDist().inv_cdf((1 + level) / 2) * _error(a - b))


@NEUMF_5.mistake("you take the normal quantile where there are 30 seeds or more; t is larger still")
def _normal_for_many(a, b, level):
    t = _t(len(a), level) if len(a) < 30 else NormalDist().inv_cdf((1 + level) / 2)
    return _interval(a - b, t * _error(a - b))


@NEUMF_5.mistake(
    "you take the quantile at `level`; what is left over lies on two sides, so it is (1 + level) "
    "/ 2"
)
def _level_itself(a, b, level):
    return _interval(a - b, stdtrit(len(a) - 1, level) * _error(a - b))


@NEUMF_5.mistake("you take n degrees of freedom; there are n - 1")
def _n_degrees(a, b, level):
    return _interval(a - b, _t(len(a) + 1, level) * _error(a - b))


@NEUMF_5.mistake("your standard deviation divides by n; with ddof=1 it is n - 1")
def _sd_with_n(a, b, level):
    return _interval(a - b, _t(len(a), level) * (a - b).std() / math.sqrt(len(a)))


@NEUMF_5.mistake(
    "the standard deviation is not divided by the root of n: a mean varies less than one difference"
)
def _no_sqrt_n(a, b, level):
    return _interval(a - b, _t(len(a), level) * (a - b).std(ddof=1))


@NEUMF_5.mistake("you divide the standard deviation by n; it is the root of n")
def _over_n(a, b, level):
    return _interval(a - b, _t(len(a), level) * (a - b).std(ddof=1) / len(a))


@NEUMF_5.mistake("you take the variance; its root, the standard deviation, is wanted")
def _variance(a, b, level):
    return _interval(a - b, _t(len(a), level) * (a - b).var(ddof=1) / math.sqrt(len(a)))


@NEUMF_5.mistake(
    "you add the variances of a and b; each seed gives one difference, and their standard "
    "deviation is wanted"
)
def _unpaired(a, b, level):
    error = math.sqrt((a.var(ddof=1) + b.var(ddof=1)) / len(a))
    return _interval(a - b, _t(len(a), level) * error)


@NEUMF_5.mistake(
    "you treat a and b as unrelated; they share their seeds, so work with the differences"
)
def _unpaired_pooled(a, b, level):
    error = math.sqrt((a.var(ddof=1) + b.var(ddof=1)) / len(a))
    return _interval(a - b, _t(2 * len(a) - 1, level) * error)


@NEUMF_5.mistake("you subtract a from b; wanted is a - b")
def _reversed(a, b, level):
    return _interval(b - a, _t(len(a), level) * _error(a - b))


@NEUMF_5.mistake("low and high lie around 0; they lie around the mean")
def _reach_only(a, b, level):
    reach = _t(len(a), level) * _error(a - b)
    return (a - b).mean(), -reach, reach


EXERCISES = (NEUMF_1, NEUMF_2, NEUMF_3, NEUMF_4, NEUMF_5)
