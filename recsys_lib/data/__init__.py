"""Data sets by name, files of your own, filters and splits.

From the shell: ``python -m recsys_lib.data --help``.
"""

from recsys_lib.data.download import DownloadError, cache_folder
from recsys_lib.data.features import Features
from recsys_lib.data.filters import k_core, min_counts
from recsys_lib.data.histories import Histories, histories, shuffled_times
from recsys_lib.data.interactions import Interactions, ReadReport
from recsys_lib.data.load import catalog, describe, load, load_file
from recsys_lib.data.metadata import item_features
from recsys_lib.data.mine import my_ratings
from recsys_lib.data.split import (
    Split,
    leave_last_out,
    split_by_time,
    split_items,
    split_new_items,
    split_users,
)
from recsys_lib.validation import DataError

__all__ = [
    "DataError",
    "DownloadError",
    "Features",
    "Histories",
    "Interactions",
    "ReadReport",
    "Split",
    "cache_folder",
    "catalog",
    "describe",
    "histories",
    "item_features",
    "k_core",
    "leave_last_out",
    "load",
    "load_file",
    "min_counts",
    "my_ratings",
    "shuffled_times",
    "split_by_time",
    "split_items",
    "split_new_items",
    "split_users",
]
