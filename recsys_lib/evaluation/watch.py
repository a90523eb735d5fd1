"""What a model is asked after every epoch of its training: how it does on a validation set."""

import numpy as np

from recsys_lib.data.split import Split
from recsys_lib.evaluation.candidates import Candidates
from recsys_lib.evaluation.items import evaluate
from recsys_lib.metrics import mae, rmse
from recsys_lib.models.base import RatingPredictor, Recommender, users_at_a_time
from recsys_lib.models.implicit import ImplicitModel, NegativeSampler
from recsys_lib.models.training import Row, Watch
from recsys_lib.validation import DataError


def watching(split: Split, candidates: Candidates | None = None) -> Watch:
    """Return what measures a model on the validation set of a split, for `fit` to call.

    Parameters
    ----------
    split : Split
        The model learns from its `train`.
    candidates : Candidates, optional
        Of its validation set; without them all items compete.

    Returns
    -------
    callable
        Of a model that predicts ratings it returns valid_rmse and valid_mae; of others
        ``valid_hr@10`` and ``valid_ndcg@10``, and before them, of one that learns from sampled
        negatives, valid_loss: of the held-out positives, and as many negatives for each as in
        training, drawn once.

    Raises
    ------
    TypeError, DataError
        If `split` is no `Split`, its validation set is empty, or it is one of new users: in
        training nobody can be folded in.

    Examples
    --------
    >>> from recsys_lib import data
    >>> from recsys_lib.evaluation import watching
    >>> from recsys_lib.models import BPR
    >>> split = data.leave_last_out(data.k_core(data.load(), 50))
    >>> model = BPR(epochs=3).fit(split.train, watch=watching(split))
    >>> list(model.history_)
    ['epoch', 'seconds', 'loss', 'accuracy', 'valid_loss', 'valid_hr@10', 'valid_ndcg@10']
    """
    if not isinstance(split, Split):
        raise TypeError(f"split must be a Split, got {type(split).__name__}")
    if len(split.valid) == 0:
        raise DataError("split must have a validation set, and this one's is empty")
    if split.given is not None:
        raise DataError(
            "split must have users who are in training, and this one's are new: watch on a split "
            "of its train, such as data.leave_last_out(split.train)"
        )
    drawn: dict[tuple[int, int], np.ndarray] = {}

    def watch(model: Recommender) -> Row:
        if isinstance(model, RatingPredictor):
            return _errors(model, split)
        row: Row = {}
        if isinstance(model, ImplicitModel):
            key = model.seed, model.n_negatives
            if key not in drawn:
                drawn[key] = _samples(split, *key)
            scores = model.score_items(split.valid.user, drawn[key]).astype(np.float64)
            row["valid_loss"] = model._sample_loss(scores)
        size = users_at_a_time(split.train.n_items)
        table = evaluate(model, split, on="valid", candidates=candidates, batch_size=size)
        means = table.mean()
        return row | {f"valid_{name}": float(means[name]) for name in ("hr@10", "ndcg@10")}

    return watch


def _errors(model: RatingPredictor, split: Split) -> Row:
    valid = split.valid
    predicted = np.clip(model._predict(valid.user, valid.item), *model.scale_)
    return {
        "valid_rmse": rmse(valid.rating, predicted),
        "valid_mae": mae(valid.rating, predicted),
    }


def _samples(split: Split, seed: int, n_negatives: int) -> np.ndarray:
    """Each held-out item and its negatives, a row for each."""
    rng = np.random.default_rng(seed)
    negatives = NegativeSampler(split.train, split.valid).draw(split.valid.user, n_negatives, rng)
    return np.column_stack([split.valid.item, negatives])
