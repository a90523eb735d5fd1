"""How results are shown: the look of figures, tables, and figures that answer."""

from recsys_lib.show.clouds import clouds
from recsys_lib.show.guesses import guess
from recsys_lib.show.mine import my_lists
from recsys_lib.show.sliders import slider
from recsys_lib.show.tables import differences, table

__all__ = ["clouds", "differences", "guess", "my_lists", "slider", "table"]
