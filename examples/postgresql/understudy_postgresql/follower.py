"""Keeps this node's server running as a replica of whichever peer leads, for as long as it does not lead itself.

It starts servers and rebuilds data; it never promotes. What it may do to data rests on the lineage: every promotion
adds a line to a file in the data directory, and a replica takes over its leader's lines while it streams. So

    own lines are the beginning of the leader's    follow it; rewind when own writes were never its
    the leader's are the beginning of own lines    it is a leader from before: leave it alone
    neither                                        both led without the other: take a whole copy

Timelines of PostgreSQL do not tell: two servers promoted apart both call theirs the next one.
"""

from __future__ import annotations

import shutil
import time
from dataclasses import dataclass

from .config import Peer
from .extent import Extent
from .peers import Peers
from .server import Replica, Server, asked, tell

TURN_S, ANSWER_S = 0.5, 1.0


@dataclass(frozen=True)
class Leader:
    """A peer whose server takes writes, and what it says of its data."""

    peer: Peer
    says: Extent


class Follower:
    """Call `turn` again and again."""

    def __init__(self, server: Server) -> None:
        self._server = server
        self._peers = Peers(server)
        self._not_streaming_since: float | None = None
        self._was_rewound = False
        self._told = ""

    def turn(self, now: float) -> None:
        """One look, and at most one change. `now`: seconds of a monotonic clock."""
        server = self._server
        leader = self._leader()
        with server.locked():
            if server.lacks_postmaster():
                self._tell("the server's head process is dead: killing what is left of it")
                server.kill()
            running = bool(server.processes())
            if running and not server.is_replica():
                self._forget()
                return
            if not running:
                server.leading.unlink(missing_ok=True)
            if not running and server.has_data() and not server.rebuilding.exists():
                self._start(leader)
                return
        if not running:
            self._copy_if(leader, "there is no data" if not server.has_data() else "a rewind was cut off")
            return
        self._see_to_replica(leader, now)

    def _start(self, leader: Leader | None) -> None:
        follow = leader is not None and self._may_follow(leader)
        whose = f" of {leader.peer.name}" if leader and follow else "; no leader to follow yet"
        self._tell(f"starting the server as a replica{whose}")
        self._server.start_replica(leader.peer if leader and follow else None)

    def _see_to_replica(self, leader: Leader | None, now: float) -> None:
        replica = self._server.replica()
        if replica is None:  # it replays what it has; how long that takes says nothing
            return
        if leader is None:
            self._forget()
        elif self._streams_from(leader, replica):
            self._take_over_lines(leader)
        elif not self._may_follow(leader):
            self._see_to_stranger(leader)
        elif replica.follows != leader.peer.address:
            self._restart_as_replica()
        elif self._patience_is_over(now):
            self._rebuild(leader)

    @staticmethod
    def _streams_from(leader: Leader, replica: Replica) -> bool:
        return replica.streams and replica.follows == leader.peer.address

    def _take_over_lines(self, leader: Leader) -> None:
        """What it has is what the leader had: the leader's lines are its own now."""
        self._forget()
        self._server.rebuilding.unlink(missing_ok=True)
        if list(leader.says.lineage) != self._server.lineage():
            self._server.keep_lineage(list(leader.says.lineage))
        self._tell(f"streaming from {leader.peer.name}")

    def _forget(self) -> None:
        self._not_streaming_since, self._was_rewound = None, False

    def _patience_is_over(self, now: float) -> bool:
        if self._not_streaming_since is None:
            self._not_streaming_since = now
        return now - self._not_streaming_since >= self._server.config.patience_s

    # --- whom to follow ------------------------------------------------------------------------

    def _may_follow(self, leader: Leader) -> bool:
        own = tuple(self._server.lineage())
        return leader.says.system_id == self._server.system_id() and leader.says.lineage[: len(own)] == own

    def _see_to_stranger(self, leader: Leader) -> None:
        own, theirs = tuple(self._server.lineage()), leader.says.lineage
        if leader.says.system_id == self._server.system_id() and own[: len(theirs)] == theirs:
            self._tell(f"{leader.peer.name} leads by a promotion that is older than this data: it is left alone")
        else:
            self._copy_if(leader, "both servers were promoted without the other")

    # --- rebuilding ----------------------------------------------------------------------------

    def _restart_as_replica(self) -> None:
        with self._server.locked():
            if self._server.is_replica():
                self._server.stop()
        self._forget()

    def _rebuild(self, leader: Leader) -> None:
        """Rewind first; what does not stream after that is copied."""
        if self._was_rewound:
            self._copy_if(leader, "it does not stream after a rewind")
            return
        self._tell(f"it does not stream from {leader.peer.name}: rewinding the data to where it parted")
        server = self._server
        with server.locked():
            if not server.is_replica():
                return
            server.rebuilding.touch()
            server.stop()
        # Without a checkpoint since its promotion, the leader's control file still names the timeline before.
        server.run("psql", *asked(server.conninfo(leader.peer, "understudy"), "CHECKPOINT"))
        source = server.conninfo(leader.peer, "understudy_rewind")
        done = server.run("pg_rewind", "-D", str(server.data), "--source-server", source)
        if done.returncode != 0:
            self._tell(f"pg_rewind failed: {done.stderr.strip()}")
            return
        with server.locked():
            # Whole again: it accepts no connection, and so cannot lead, before it has all that the leader had by now.
            server.rebuilding.unlink()
            server.start_replica(leader.peer)
        self._forget()
        self._was_rewound = True

    def _copy_if(self, leader: Leader | None, why: str) -> None:
        """A whole copy beside the data, then in its place. Until then the data is as good as it was."""
        server, data = self._server, self._server.data
        if leader is None:
            self._tell(f"{why}: waiting for another node to lead, to copy its data")
            return
        if server.has_data() and leader.says.system_id != server.system_id():
            name = leader.peer.name
            self._tell(f"{name} holds another database than {data}: nothing is copied. Remove the wrong one by hand")
            return
        self._tell(f"{why}: copying the data of {leader.peer.name}")
        new, before = data.with_name(f"{data.name}.copy"), data.with_name(f"{data.name}.before")
        for directory in (new, before):
            shutil.rmtree(directory, ignore_errors=True)
        server.own(new)
        source = server.conninfo(leader.peer, "understudy_copy")
        done = server.run("pg_basebackup", "-D", str(new), "-d", source, "-X", "stream", "-c", "fast")
        if done.returncode != 0:
            self._tell(f"pg_basebackup failed: {done.stderr.strip()}")
            return
        with server.locked():
            if server.processes() and not server.is_replica():
                return
            if server.processes():
                server.stop()
            if data.exists():
                data.rename(before)
            new.rename(data)
            server.rebuilding.unlink(missing_ok=True)
            server.start_replica(leader.peer)
        self._forget()

    # --- questions -----------------------------------------------------------------------------

    def _leader(self) -> Leader | None:
        """Of several, which is one that was thawed and not stopped yet, the one of the latest promotion."""
        extents = self._peers.extents(ANSWER_S)
        seen = self._server.seen()
        if (more := seen.and_these(extents)) != seen:
            self._server.keep_seen(more)
        peers = {peer.name: peer for peer in self._server.config.peers}
        leaders = [Leader(peers[name], says) for name, says in extents.items() if says.leads]
        return max(leaders, key=lambda each: (self._may_follow(each), len(each.says.lineage)), default=None)

    def _tell(self, text: str) -> None:
        """Once, until there is something else to say."""
        if text != self._told:
            self._told = text
            tell(text)


def follow(server: Server) -> int:
    """Until it is ended by a signal; the server runs on."""
    follower = Follower(server)
    while True:
        follower.turn(time.monotonic())
        time.sleep(TURN_S)
