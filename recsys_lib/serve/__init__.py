"""The service: ``python -m recsys_lib.serve MODEL`` answers over HTTP from a model that was saved.

`served` is a model with the data set that says who its users and items are, and watches its files;
`batches` puts requests that come at the same time into one product; `limits` bounds what a request
may take; `problems` is the one shape of errors; `app` has the paths. Imported only when used.
"""
