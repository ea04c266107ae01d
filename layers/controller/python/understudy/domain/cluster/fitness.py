"""What a node says of itself as one that could take over: how fit it is, by a command of its owner."""

from typing import NamedTuple

FITNESS_LIMIT = 4 * 10**15
"""Numbers are below it, and above its negative. The agent has the same limit (understudy_agent.fitness)."""
MARGIN_LIMIT = 2 * FITNESS_LIMIT
"""With such a margin no number goes before a better priority. Many a reader of JSON rounds what is above 2**53."""


class Fitness(NamedTuple):
    """A node's newest word. `number`: higher is fitter; None: it is not fit."""

    number: int | None
