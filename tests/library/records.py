"""Which experiments there are results of."""

from recsys_lib.experiments import EXPERIMENTS

TO_COME = {"search", "ladder", "splits", "losses", "ledger"}  # nobody has recorded them yet
RECORDED = [name for name in EXPERIMENTS if name not in TO_COME]
