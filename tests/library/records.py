"""Which experiments there are results of, and which of these were made before the search."""

from recsys_lib.experiments import EXPERIMENTS

# nobody has recorded them yet
TO_COME = {"ledger"} | {
    *("order_search", "order", "order_films", "order_million"),
}
# recorded with settings of an earlier search; the pages say what they say until it is done
BEFORE_THE_SEARCH: set[str] = set()
RECORDED = [name for name in EXPERIMENTS if name not in TO_COME]
