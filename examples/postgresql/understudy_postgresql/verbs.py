"""What the agent's service of kind `script` calls. Exit statuses are those of LSB init scripts."""

from __future__ import annotations

import time

from .server import Server, tell

PAUSE_S = 0.1
DONE, FAILED = 0, 1
RUNS, STOPPED, UNKNOWN = 0, 3, 4


def start(server: Server) -> int:
    """Promote the replica that the follower keeps running. The agent calls it under its lease; its limit ends it."""
    while True:
        with server.locked():
            if server.rebuilding.exists():
                tell(
                    f"{server.rebuilding} exists: the data is half rewound and lacks what the peer has. "
                    "It can follow the peer, and lead after that; start the peer"
                )
                return FAILED
            if server.serves():
                return DONE
            if server.processes() and server.is_replica() and server.is_accepting():
                server.promote()
        time.sleep(PAUSE_S)


def stop(server: Server) -> int:
    """Out of service is: not the leader. A replica runs on; what leads, or may, is stopped whole."""
    with server.locked():
        if server.processes() and not server.is_replica():
            server.stop()
        return _released(server)


def kill(server: Server) -> int:
    """As `stop`, at once. It waits for no lock."""
    if not server.is_replica():
        server.kill()
    return _released(server)


def _released(server: Server) -> int:
    if not server.processes():
        server.leading.unlink(missing_ok=True)
        return DONE
    return DONE if server.is_replica() else FAILED


def status(server: Server) -> int:
    """Whether it leads. A replica is stopped; a leader that does not answer is unknown.

    Never 1 or 2: a Python that cannot even begin ends with those, and STOPPED lets another node lead.
    """
    if not server.processes() or server.is_replica():
        return STOPPED
    return RUNS if server.serves() else UNKNOWN
