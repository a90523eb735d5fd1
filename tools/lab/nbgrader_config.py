"""What the button "Validate" of `make lab` needs to know."""

c = get_config()  # noqa: F821  (nbgrader hands it over)
c.Execute.timeout = 300  # seconds for a cell, as at the build: chapters train models
