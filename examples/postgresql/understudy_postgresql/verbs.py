"""What the agent's service of kind `script` calls. Exit statuses are those of LSB init scripts."""

from __future__ import annotations

import sys
import time

from .extent import NotFitError, fitness, furthest
from .peers import Peers
from .server import Server, tell

PAUSE_S, ANSWER_S = 0.1, 1.5
DONE, FAILED, NOT_FIT = 0, 1, 1
RUNS, STOPPED, UNKNOWN = 0, 3, 4


def start(server: Server) -> int:
    """Promote the replica that the follower keeps running. The agent calls it under its lease; its limit ends it."""
    peers, said = Peers(server), ""
    try:
        while True:
            with server.locked():
                status, why = _started(server, peers)
            if why and why != said:
                tell(why)
            if status is not None:
                return status
            said = why
            time.sleep(PAUSE_S)
    finally:
        peers.end()


def _started(server: Server, peers: Peers) -> tuple[int | None, str]:
    """One try: its exit status, None when it is not done yet; and what is to be told, or ""."""
    if server.rebuilding.exists():
        return FAILED, (
            f"{server.rebuilding} exists: the data is half rewound and lacks what the leader has. "
            "It can follow a leader, and lead after that; start the other nodes"
        )
    if server.serves():
        return DONE, ""
    if not (server.processes() and server.is_replica() and server.is_accepting()):
        return None, ""
    if server.config.needed > 1:
        status, why = _lacks_nothing(server, peers)
        if status is not DONE:
            return status, why
    server.promote()
    return None, ""


def _lacks_nothing(server: Server, peers: Peers) -> tuple[int | None, str]:
    """DONE when none of the others has more. What one of them has more, this node gets from it first.

    Who waits for one of several peers has its writes on one of them, and nobody knows on which: so enough of them must
    answer. Those who do not wait ask whoever is there.
    """
    own, answers = server.extent(), peers.extents(ANSWER_S)
    if own is None or own.position is None:
        return None, ""
    others = {name: each for name, each in answers.items() if each.position is not None and not each.leads}
    others = {name: each for name, each in others.items() if each.system_id == own.system_id}
    newer = [name for name, each in others.items() if own.is_older_than(each)]
    if newer:
        return FAILED, f"{', '.join(newer)} has what a later leader wrote, and this node does not: let it lead instead"
    source = furthest(own, others.items())
    if source is not None:
        return None, _follow(server, source)
    if server.config.wait_for_peer and 1 + len(others) < own.needed_of(server.config.needed):
        return None, "too few of the other nodes answer to know that none of them has an acknowledged write alone"
    return DONE, ""


def _follow(server: Server, name: str) -> str:
    """Under the lock. Replicas stream from replicas, too."""
    peer = next(peer for peer in server.config.peers if peer.name == name)
    replica = server.replica()
    if replica is None or replica.follows == peer.address:
        return ""
    server.stop()
    server.start_replica(peer)
    return f"{name} has more of the log: taking it over first"


def fit(server: Server) -> int:
    """Prints how far the data goes, in bytes; 1: not fit to take over; 4: unknown. Then it prints why.

    The agent logs what is printed when the answer changes, and not each time.
    """
    status, said = _fitness(server)
    sys.stdout.write(f"{said}\n")
    return status


def _fitness(server: Server) -> tuple[int, str]:
    if server.rebuilding.exists() or not server.has_data():
        return NOT_FIT, "it has no whole data"
    own = server.extent()
    if own is None:
        return UNKNOWN, "the server does not answer"
    needed = own.needed_of(server.config.needed)
    try:
        return DONE, str(fitness(own, server.seen(), needed, server.config.fit_lag_limit_bytes))
    except NotFitError as why:
        return NOT_FIT, str(why)
    except LookupError as why:
        return UNKNOWN, str(why)


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
