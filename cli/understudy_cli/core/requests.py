"""What is asked of the controller: the input of an execution, and its name."""

from __future__ import annotations

from typing import Any

SWITCHOVER, FAILOVER, FAILBACK = "switchover", "failover", "failback"
HOLD, RESUME, CLEAR = "hold", "resume", "clear"
CHECK, EXPLAIN, REHEARSE = "check", "explain", "rehearse"
MOVES = (SWITCHOVER, FAILOVER, FAILBACK)
ACTIONS = (*MOVES, HOLD, RESUME, CLEAR, CHECK, EXPLAIN, REHEARSE)


def request(cluster: str, action: str, **more: Any) -> dict[str, Any]:
    """The input: `more` are its other keys, left out where they are None, empty or false."""
    return {"cluster": cluster, "action": action, **{key: value for key, value in more.items() if value}}


def execution_name(cluster: str, action: str, at: float, chance: str) -> str:
    """The name of an execution that a person asks for. The controller's own begin with `CLUSTER-epoch`."""
    return f"by-hand-{cluster}-{action}-{at:.0f}-{chance}"
