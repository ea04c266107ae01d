"""The node agent of Understudy: it beats, reads its lease and obeys it."""

__version__ = "0.1.0"
