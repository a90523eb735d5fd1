"""The test of chosen settings: fitted on all of train with several seeds, measured in two ways."""

from collections.abc import Mapping
from typing import Any

import pandas as pd

from recsys_lib.data import Interactions, Split
from recsys_lib.evaluation import compare, evaluate, summary
from recsys_lib.evaluation.candidates import Candidates
from recsys_lib.experiments.contenders import CONTENDERS, Contender, fitted
from recsys_lib.experiments.protocol import METRICS, SEEDS, mean_of_seeds, paper_split, table
from recsys_lib.experiments.units import Units
from recsys_lib.models.training import EpochModel

PROTOCOLS = ("sampled", "full")
ByProtocol = dict[str, dict[str, list[pd.DataFrame]]]  # by name, a table for each seed


def on_test(
    settings: Mapping[str, dict],
    split: Split,
    candidates: Candidates,
    seeds: range,
    units: Units,
    contenders: Mapping[str, Contender] = CONTENDERS,
) -> tuple[dict, ByProtocol]:
    """Test every chosen setting with every seed, each a unit.

    Returns
    -------
    found : dict
        For each model, by protocol: summaries with intervals over users and seeds. Under "seeds"
        the means of each, and under "training_seconds" the least.
    tables : dict of dict of list of DataFrame
        By protocol and name a table for each seed, to compare with.
    """
    parts = {
        name: [(name, setting, seed) for seed in contenders[name].seeds(seeds)]
        for name, setting in settings.items()
    }
    runs = units.grouped(_tested, parts, split, candidates, settings, contenders)
    tables: ByProtocol = {
        protocol: {name: [one[protocol] for one in each] for name, each in runs.items()}
        for protocol in PROTOCOLS
    }
    found: dict[str, dict] = {}
    for name, each in runs.items():
        found[name] = {p: table(summary(tables[p][name])) for p in PROTOCOLS}
        if contenders[name].epochs:
            found[name]["seeds"] = {
                p: {m: mean_of_seeds([one[m].mean() for one in tables[p][name]]) for m in METRICS}
                for p in PROTOCOLS
            }
            # other work on the machine only adds to it
            found[name]["training_seconds"] = min(one["seconds"] for one in each)
    return found, tables


def again(
    name: str,
    settings: Mapping[str, dict],
    ratings: Interactions,
    candidates: Candidates,
    contenders: Mapping[str, Contender] = CONTENDERS,
) -> dict:
    """Test one model with the first seed; return what `on_test` found of it, for `verify`."""
    split = paper_split(ratings)
    run = _tested(split, candidates, settings, contenders, name, settings[name], SEEDS[0])
    means = {p: {m: {"values": {0: float(run[p][m].mean())}} for m in METRICS} for p in PROTOCOLS}
    return {name: {"seeds": means}}


def compared(tables: ByProtocol, pairs: list[tuple[str, str]]) -> dict[str, dict]:
    """Compare pairs of models by protocol, over users and the seeds of both: "one - other"."""
    return {
        p: {f"{a} - {b}": table(compare(by_name[a], by_name[b])) for a, b in pairs}
        for p, by_name in tables.items()
    }


def _tested(
    split: Split,
    candidates: Candidates,
    settings: Mapping[str, dict],
    contenders: Mapping[str, Contender],
    name: str,
    setting: dict,
    seed: int,
) -> dict:
    """Fit a setting with one seed; return its tables by protocol, and how long it took."""
    model = fitted(name, {**settings, name: setting}, split.train, seed, contenders)
    found: dict[str, Any] = {
        "sampled": evaluate(model, split, candidates=candidates),
        "full": evaluate(model, split),
    }
    if isinstance(model, EpochModel):
        found["seconds"] = float(model.history_["seconds"].iloc[-1])
    return found
