"""Keeps this node's server running as a replica of the peer for as long as it does not lead.

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

from .server import Server, tell

TURN_S = 0.5
LOOK_LIMIT_S = 10.0
ASK_LEADER = (
    "SELECT pg_is_in_recovery(), (SELECT system_identifier FROM pg_control_system()), "
    "coalesce(replace(convert_from(pg_read_binary_file('understudy_lineage', 0, 1000000, true), 'UTF8'), "
    "E'\\n', ';'), '')"
)
ASK_REPLICA = (
    "SELECT current_setting('primary_conninfo') <> '', "
    "EXISTS (SELECT FROM pg_stat_wal_receiver WHERE status = 'streaming')"
)


@dataclass(frozen=True)
class Leader:
    """The peer's server, when it is one that takes writes."""

    system_id: str
    lineage: list[str]


@dataclass(frozen=True)
class Replica:
    """This node's server. `follows`: it was started to follow the peer, whether it streams or not."""

    follows: bool
    streams: bool


class Follower:
    """Call `turn` again and again."""

    def __init__(self, server: Server) -> None:
        self._server = server
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
        self._tell("starting the server as a replica" + (" of the peer" if follow else "; no leader to follow yet"))
        self._server.start_replica(follow=follow)

    def _see_to_replica(self, leader: Leader | None, now: float) -> None:
        replica = self._replica()
        if replica is None:  # it replays what it has; how long that takes says nothing
            return
        if replica.streams:
            self._streams(leader)
        elif leader is None:
            self._forget()
        elif not self._may_follow(leader):
            self._see_to_stranger(leader)
        elif not replica.follows:
            self._restart_as_replica()
        elif self._patience_is_over(now):
            self._rebuild(leader)

    def _streams(self, leader: Leader | None) -> None:
        """What it has is what the leader had: the leader's lines are its own now."""
        self._forget()
        self._server.rebuilding.unlink(missing_ok=True)
        if leader is not None and leader.lineage != self._server.lineage():
            self._server.keep_lineage(leader.lineage)
        self._tell("streaming from the peer")

    def _forget(self) -> None:
        self._not_streaming_since, self._was_rewound = None, False

    def _patience_is_over(self, now: float) -> bool:
        if self._not_streaming_since is None:
            self._not_streaming_since = now
        return now - self._not_streaming_since >= self._server.config.patience_s

    # --- whom to follow ------------------------------------------------------------------------

    def _may_follow(self, leader: Leader) -> bool:
        own = self._server.lineage()
        return leader.system_id == self._server.system_id() and leader.lineage[: len(own)] == own

    def _see_to_stranger(self, leader: Leader) -> None:
        own, theirs = self._server.lineage(), leader.lineage
        if leader.system_id == self._server.system_id() and own[: len(theirs)] == theirs:
            self._tell("the peer leads by a promotion that is older than this data: it is left alone")
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
        self._tell("it does not stream from the peer: rewinding the data to where it parted")
        server = self._server
        with server.locked():
            if not server.is_replica():
                return
            server.rebuilding.touch()
            server.stop()
        # Without a checkpoint since its promotion, the leader's control file still names the timeline before.
        self._ask("CHECKPOINT", limit_s=None)
        source = server.conninfo("understudy_rewind")
        done = server.run("pg_rewind", "-D", str(server.data), "--source-server", source)
        if done.returncode != 0:
            self._tell(f"pg_rewind failed: {done.stderr.strip()}")
            return
        with server.locked():
            # Whole again: it accepts no connection, and so cannot lead, before it has all that the leader had by now.
            server.rebuilding.unlink()
            server.start_replica(follow=True)
        self._forget()
        self._was_rewound = True

    def _copy_if(self, leader: Leader | None, why: str) -> None:
        """A whole copy beside the data, then in its place. Until then the data is as good as it was."""
        server, data = self._server, self._server.data
        if leader is None:
            self._tell(f"{why}: waiting for the peer to lead, to copy its data")
            return
        if server.has_data() and leader.system_id != server.system_id():
            self._tell(f"the peer holds another database than {data}: nothing is copied. Remove the wrong one by hand")
            return
        self._tell(f"{why}: copying the peer's data")
        new, before = data.with_name(f"{data.name}.copy"), data.with_name(f"{data.name}.before")
        for directory in (new, before):
            shutil.rmtree(directory, ignore_errors=True)
        server.own(new)
        source = server.conninfo("understudy_copy")
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
            server.start_replica(follow=True)
        self._forget()

    # --- questions -----------------------------------------------------------------------------

    def _leader(self) -> Leader | None:
        answer = self._ask(ASK_LEADER, LOOK_LIMIT_S)
        if answer is None or answer[0] != "f":
            return None
        return Leader(answer[1], answer[2].split(";")[:-1])

    def _ask(self, sql: str, limit_s: float | None) -> list[str] | None:
        return self._query(self._server.conninfo("understudy"), sql, limit_s)

    def _replica(self) -> Replica | None:
        config = self._server.config
        answer = self._query(f"host={config.socket_dir} port={config.port} dbname=postgres user=postgres", ASK_REPLICA)
        return None if answer is None else Replica(answer[0] == "t", answer[1] == "t")

    def _query(self, conninfo: str, sql: str, limit_s: float | None = LOOK_LIMIT_S) -> list[str] | None:
        """The columns of the one row; None: there was no answer."""
        done = self._server.run("psql", "-XAtq", "-F", "|", "-d", conninfo, "-c", sql, limit_s=limit_s)
        return done.stdout.rstrip("\n").split("|") if done.returncode == 0 else None

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
