"""How results are shown: the look of figures, and tables."""
