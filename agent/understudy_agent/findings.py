"""What a check of a configuration has found, as lines for people."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass
class Findings:
    """`faults`: with these the node is not fit. `warnings`: what a person should know. `notes`: what is well.
    `unknown`: what could not be looked at, and why; it is neither well nor a fault. One line each.
    """

    faults: list[str] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    unknown: list[str] = field(default_factory=list)
