"""The command-line tool of Understudy. It asks AWS with its caller's own rights, and opens no way of its own."""

__version__ = "0.1.0"
