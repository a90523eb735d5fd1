"""Which experiments there are results of."""

from recsys_lib.experiments import EXPERIMENTS

# nobody has recorded them yet
TO_COME = {"search", "ladder", "splits", "films", "losses", "ledger"}
RECORDED = [name for name in EXPERIMENTS if name not in TO_COME]
