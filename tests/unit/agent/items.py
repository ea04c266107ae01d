"""State items as the table holds them, for the agent's tests."""

from __future__ import annotations

from typing import Any

ME, OTHER = "i-0aaa", "i-0bbb"
BOOT = "boot-1"


def terms(**changes: Any) -> dict[str, Any]:
    return {
        "heartbeat_interval_s": 4,
        "lease_read_interval_s": 2,
        "lease_s": 12,
        "kill_limit_s": 1,
        "silence_limit_s": 15,
        **changes,
    }


def node(beat: int = 0, heard_at: int | None = None, boot: str = BOOT) -> dict[str, Any]:
    found: dict[str, Any] = {"name": "n", "beat": beat, "boot": boot}
    return found if heard_at is None else {**found, "heard_at": heard_at}


def down(node: dict[str, Any]) -> dict[str, Any]:
    return {**node, "service": "OUT_OF_SERVICE"}


def item(epoch: int = 1, active: str = "", *, transition: bool = False, **changes: Any) -> dict[str, Any]:
    """A state item with both nodes; `mine` and `other` replace a node, `terms` the terms."""
    found: dict[str, Any] = {
        "pk": "orders-db",
        "epoch": epoch,
        "terms": changes.get("terms", terms()),
        "nodes": {
            ME: changes.get("mine", node(beat=100_000, heard_at=1_000)),
            OTHER: changes.get("other", down(node(beat=900_000, heard_at=1_000, boot="boot-o"))),
        },
    }
    if active:
        found["active"] = active
    if transition:
        found["transition"] = {"action": "failover"}
    return found
