"""What data larger than one machine's memory need: chapter 13.

Each module needs packages that nothing else of the library needs, and is imported only when used:
``pip install -r requirements-scale.txt``, which ``make scale`` does.
"""
