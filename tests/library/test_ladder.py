"""The rungs between GMF and BinaryMF: each is what it says, and they differ in nothing else."""

import numpy as np
import pytest
import torch

from recsys_lib.experiments import ladder
from recsys_lib.experiments.contenders import hyperparameters
from recsys_lib.experiments.ladder import PAIRS, RUNGS, BiasedGMF, BiasedNetwork, contenders
from recsys_lib.experiments.search import settings_at, spread
from recsys_lib.models import GMF, BinaryMF
from recsys_lib.models.network import is_embedding

from model_suite import planted

CHOSEN = {"GMF": {"factors": 11}, "BinaryMF": {"factors": 24, "n_negatives": 5, "biases": False}}


def test_a_rung_has_the_size_the_negatives_and_the_biases_that_it_says():
    rungs = contenders(CHOSEN)
    assert list(rungs) == RUNGS
    for name, rung in rungs.items():
        for setting in settings_at(rung.space, spread(rung.space, 4)):
            assert (setting["factors"], setting["n_negatives"]) == (24, 5)
            setting.pop("strength", None)  # of which the search makes a regularization
            model = rung.kind(**hyperparameters(setting))
            biased = model.biases if isinstance(model, BinaryMF) else type(model) is BiasedGMF
            assert biased == name.endswith("with biases")
            assert isinstance(model, GMF) == name.startswith("AdamW")
    assert {name for pair in PAIRS for name in pair} == {*RUNGS, "GMF", "BinaryMF"}


def test_biases_are_added_and_penalized_and_start_at_zero():
    network = BiasedNetwork(3, 4, 2, 0.5)
    users, items = torch.tensor([0, 2]), torch.tensor([1, 3])
    without = network.output(network.product(users, items)).squeeze(-1)
    torch.testing.assert_close(network(users, items), without)
    with torch.no_grad():
        network.user_bias.weight[2] = 3
        network.item_bias.weight[3] = -1
    torch.testing.assert_close(network(users, items), without + torch.tensor([0.0, 2.0]))
    names = [name for name, _ in network.named_parameters() if "bias." in name]
    assert len(names) == 2
    assert all(map(is_embedding, names))


def test_all_rungs_are_a_dot_product_with_an_intercept():
    """No weights of the output are learned, and single steps have an intercept without biases."""
    train = planted().train
    made = ladder.DotGMF(3, 0.05, batch_size=64, epochs=2).fit(train)
    np.testing.assert_array_equal(made.network_.output.weight.detach(), 1)
    assert float(made.network_.output.bias.detach()) != 0
    steps = ladder.Steps(3, n_negatives=5, biases=False, epochs=1).fit(train)
    assert steps.intercept_ == pytest.approx(-np.log(5))
    assert not steps.item_biases_.any()
    plain = BinaryMF(3, n_negatives=5, epochs=2).fit(train)
    same = ladder.Steps(3, n_negatives=5, epochs=2).fit(train)
    np.testing.assert_array_equal(plain.item_factors_, same.item_factors_)


def test_biases_alone_learn_popularity():
    """With factors held at nearly nothing, what is left to learn are the biases."""
    train = planted().train
    model = BiasedGMF(1, 0.05, 0.0, batch_size=64, init_scale=1e-6, epochs=15).fit(train)
    learned = model.network_.item_bias.weight.detach().numpy().ravel()
    assert np.corrcoef(learned, train.item_counts)[0, 1] > 0.8


def test_the_ladder_needs_both_ends():
    with pytest.raises(KeyError):
        ladder.contenders({"GMF": {}})
