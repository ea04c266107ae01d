"""One of two MariaDB servers as a service of the Understudy agent. See README.md beside it.

The servers run all the time, read-only. `start` promotes this node's, `stop` makes it read-only again, `kill` ends it.
`follow` keeps it a replica of the other one while that leads.
"""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from understudy_pair import command, verbs
from understudy_pair.command import DONE, FAILED, PAUSE_S, UNKNOWN
from understudy_pair.node import BROKEN, FIRST, MAY_LEAD, NEVER, REBUILDING, REFUSED, SYNCED, Teller, login, run, tell
from understudy_pair.verbs import LOOK_LIMIT_S, Replicated, kill, status, stop

DEFAULTS = {
    "peer_address": "",
    "peer_login": "/etc/understudy/mariadb-peer.cnf",
    "wait_for_peer": "no",
    "unit": "mariadb.service",
    "socket": "/run/mysqld/mysqld.sock",
    "run_dir": "/run/understudy-mariadb",
    "state_dir": "/var/lib/understudy-mariadb",
}
CHANGE_LIMIT_S = 20.0
PATIENCE_S = 10.0
"""A demotion waits so long for a peer that does not answer."""
NOT_IN_BINLOG = "1236"
NO_ACCOUNT = ("Access denied for user", "is not allowed to connect")
"""How a server answers that does not know the pair's account: it has never had the cluster's data."""
FOR_EVER_MS = 2**32 - 1
"""What a server has as its time-out that was promoted: so its peer knows it from one that somebody made writable."""
LEADS = f"NOT @@GLOBAL.read_only AND @@GLOBAL.rpl_semi_sync_master_timeout = {FOR_EVER_MS}"
LOOK = f"SELECT @@GLOBAL.read_only AS read_only, @@GLOBAL.gtid_current_pos AS position, {LEADS} AS leads"
OTHERS = (
    "SELECT id FROM information_schema.processlist WHERE id <> CONNECTION_ID() "
    "AND user NOT IN ('system user', 'event_scheduler') AND command NOT LIKE 'Binlog Dump%'"
)
REPLICAS = "SELECT id FROM information_schema.processlist WHERE command LIKE 'Binlog Dump%'"
DATABASES = (
    "SELECT schema_name AS name FROM information_schema.schemata "
    "WHERE schema_name NOT IN ('mysql', 'sys', 'information_schema', 'performance_schema')"
)
HOW_TO_REBUILD = "look at it if you need what is only here, then copy the leader's: understudy-mariadb rebuild"
Row = dict[str, str]


@dataclass(frozen=True)
class Look:
    """What a server says of itself. `position`: how far its data goes, in GTIDs. `leads`: by its agent's promotion."""

    read_only: bool
    position: str
    leads: bool = False


def sequence(position: str) -> int:
    """How many transactions a GTID position stands for: the sum of its domains' sequence numbers."""
    return sum(int(gtid.rpartition("-")[2]) for gtid in position.split(",") if gtid.strip())


def is_refused(replica: Row) -> bool:
    """Whether the leader's binary log does not go on from where this data ends."""
    return replica["Last_IO_Errno"] == NOT_IN_BINLOG


def _cannot_lead(look: Look, replica: Row) -> bool:
    """Whether its start would be refused for how it follows, whatever it has received."""
    is_stopped = (replica["Slave_IO_Running"], replica["Slave_SQL_Running"]) == ("No", "No")
    return replica["Last_SQL_Errno"] != "0" or is_refused(replica) or (is_stopped and _lacks_received(look, replica))


def fitness(state: str, look: Look, replica: Row | None, seen: int | None) -> int | None:
    """How many of the transactions seen on the leader this node lacks, as a negative number; None: it is not fit.

    `seen`: the leader's sequence when it last answered in this boot. Raises LookupError when nobody can say.
    """
    if state not in MAY_LEAD or (replica and _cannot_lead(look, replica)):
        return None
    if not look.read_only or state == FIRST:
        return 0
    if seen is None:
        raise LookupError("this node has seen no leader since it booted: how far its data goes cannot be said")
    received = sequence(replica["Gtid_IO_Pos"]) if replica else 0
    return -max(0, seen - max(received, sequence(look.position)))


class Server(Replicated):
    """This node's server, and questions to the other one."""

    was_following = False
    """Whether the look before saw it follow."""

    def look(self, limit_s: float = LOOK_LIMIT_S) -> Look | None:
        """None: there was no answer."""
        return _as_look(self.ask(LOOK, limit_s))

    def is_read_only(self, limit_s: float = LOOK_LIMIT_S) -> bool | None:
        return None if (look := self.look(limit_s)) is None else look.read_only

    def look_at_peer(self) -> Look | None:
        """None: there was no answer."""
        return _as_look(self.ask_peer(LOOK))

    def replica(self) -> Row | None:
        """How it follows; None: it follows nobody. Raises ConnectionError when it does not say."""
        rows = self.ask("SHOW SLAVE STATUS")
        if rows is None:
            raise ConnectionError("the server does not answer")
        return rows[0] if rows else None

    def is_read_only_at_start(self) -> bool:
        """Whether its configuration makes it so."""
        done = run(["my_print_defaults", "--mysqld"], "", LOOK_LIMIT_S)
        words = [line.lstrip("-").replace("-", "_").lower().split("=") for line in done.stdout.splitlines()]
        values = [value for name, *value in words if name == "read_only"]
        return bool(values) and values[-1] in ([], ["1"], ["on"])

    def promote(self) -> bool:
        """Only under the lease, and under the lock. Whether it takes writes now."""
        self.mark()
        waits = int(self.config["wait_for_peer"] == "yes")
        statements = (
            "STOP SLAVE",
            "RESET SLAVE ALL",
            "SET GLOBAL rpl_semi_sync_master_wait_point = AFTER_SYNC",
            "SET GLOBAL rpl_semi_sync_master_wait_no_slave = ON",
            f"SET GLOBAL rpl_semi_sync_master_timeout = {FOR_EVER_MS}",
            f"SET GLOBAL rpl_semi_sync_master_enabled = {waits}",
            "SET GLOBAL read_only = OFF",
        )
        if self.ask("; ".join(statements), CHANGE_LIMIT_S) is None:
            return False
        self.keep_state(SYNCED)
        self.keep_seen(None)
        return True

    def demote(self) -> bool:
        """Clients may connect again meanwhile: whoever comes when it is read-only has nothing that could be written."""
        self._disconnect()
        self.ask("SET GLOBAL read_only = ON")
        if not self.is_read_only():
            return False
        before, left = self._disconnect(), self._others()
        if before is None or left is None or before & left:
            return False
        self._drain()
        self.ask("SET GLOBAL rpl_semi_sync_master_timeout = DEFAULT")  # nobody is left whose write would wait
        return True

    def _disconnect(self) -> set[str] | None:
        """Whom it was asked to end; None: that is not known."""
        others = self._others()
        for number in others or ():
            self.ask(f"KILL CONNECTION {number}")
        return others

    def _others(self) -> set[str] | None:
        rows = self.ask(OTHERS)
        return None if rows is None else {row["id"] for row in rows}

    def _drain(self) -> None:
        """Until the peer has received all that was written here, for as long as it is connected and answers."""
        look, ends_at = None, time.monotonic() + PATIENCE_S
        while time.monotonic() < ends_at and self.ask(REPLICAS) != []:
            look = look or self.look()
            peer = self.ask_peer("SHOW SLAVE STATUS")
            if look and peer and peer[0]["Slave_IO_Running"] == "Yes":
                ends_at = time.monotonic() + PATIENCE_S
                if sequence(peer[0]["Gtid_IO_Pos"]) >= sequence(look.position):
                    return
            time.sleep(PAUSE_S)
        tell("the peer does not follow: what it lacks stays here, and this node's data is refused if the peer leads")

    def follow_peer(self) -> None:
        """From where the own data ends, as its binary log says."""
        user, password = login(Path(self.config["peer_login"]), "client")
        host = self.config["peer_address"]
        statements = (
            "STOP SLAVE",
            "SET GLOBAL rpl_semi_sync_master_enabled = OFF",
            "SET GLOBAL gtid_slave_pos = @@GLOBAL.gtid_current_pos",
            f"CHANGE MASTER TO MASTER_HOST = {_quoted(host)}, MASTER_USER = {_quoted(user)}, "
            f"MASTER_PASSWORD = {_quoted(password)}, MASTER_USE_GTID = slave_pos, MASTER_CONNECT_RETRY = 2",
            "START SLAVE",
        )
        self.ask("; ".join(statements), CHANGE_LIMIT_S)

    def ask(self, sql: str, limit_s: float | None = LOOK_LIMIT_S) -> list[Row] | None:
        """The rows that this node's server answers; None: it refuses, or gives no answer within the limit."""
        return _rows(self._own_client(), sql, limit_s)

    def ask_peer(self, sql: str) -> list[Row] | None:
        """As `ask`, of the other node's server."""
        return _rows(self.peer_client(), sql, LOOK_LIMIT_S)

    def peer_client(self) -> list[str]:
        """The program that asks the other node's server."""
        return ["mariadb", *self._peer_options(), "--connect-timeout=2"]

    def copy_peer(self) -> bool:
        """Replace all data by the leader's. Whether that was done."""
        drops = [f"DROP DATABASE `{row['name'].replace('`', '``')}`" for row in self.ask(DATABASES) or []]
        statements = ("SET sql_log_bin = 0", "STOP SLAVE", "RESET SLAVE ALL", *drops, "RESET MASTER")
        if self.ask("; ".join(statements), limit_s=None) is None:
            return False
        dump = ["mariadb-dump", *self._peer_options(), "--all-databases", "--single-transaction", "--quick"]
        extent = ["--master-data=1", "--gtid", "--routines", "--events", "--triggers", "--flush-privileges"]
        load = [*self._own_client(), "--init-command=SET sql_log_bin = 0"]
        with subprocess.Popen([*dump, *extent], stdout=subprocess.PIPE) as source:
            loaded = subprocess.run(load, stdin=source.stdout, check=False)
        return source.returncode == 0 and loaded.returncode == 0

    def _own_client(self) -> list[str]:
        return ["mariadb", "--no-defaults", f"--socket={self.config['socket']}", "--user=root"]

    def _peer_options(self) -> list[str]:
        return [f"--defaults-file={self.config['peer_login']}", f"--host={self.config['peer_address']}"]


def _rows(client: list[str], sql: str, limit_s: float | None) -> list[Row] | None:
    """The text goes by standard input: it may hold a password."""
    done = run([*client, "--batch"], sql, limit_s)
    if done.returncode != 0:
        if "ERROR 2002" not in done.stderr:  # nobody listens: its callers say what that means
            tell(done.stderr.strip())
        return None
    head, *rows = [line.split("\t") for line in done.stdout.splitlines()] or [[]]
    return [{name: row[at] for at, name in enumerate(head)} for row in rows]


def _as_look(rows: list[Row] | None) -> Look | None:
    return Look(rows[0]["read_only"] == "1", rows[0]["position"], rows[0]["leads"] == "1") if rows else None


def _quoted(text: str) -> str:
    return "'" + text.replace("\\", "\\\\").replace("'", "''") + "'"


# --- what the agent calls ------------------------------------------------------------------------


def start(server: Server) -> int:
    """Promote. The agent calls it under its lease, and its limit ends it."""
    if not server.is_read_only_at_start():
        tell("read_only=ON is not in the server's configuration: after a crash it would take writes without a lease")
        return FAILED
    return verbs.start(server, partial(_started, server))


def _started(server: Server) -> int | None:
    """One try; None: it is not done yet."""
    if server.state not in MAY_LEAD:
        tell(f"the data of this node is {server.state}, and must not lead: {HOW_TO_REBUILD}")
        return FAILED
    look = server.look()
    if look is None:
        return None
    if not look.read_only:
        return DONE
    peer = server.look_at_peer() if server.state == FIRST else None
    if peer and not peer.read_only:
        tell("this node's data was claimed, and the other node leads: one of the two was claimed by mistake")
        return FAILED
    replica = server.replica()
    if replica and replica["Last_SQL_Errno"] != "0":
        server.keep_state(BROKEN)
        tell(f"replication is broken: what was received cannot be applied: {replica['Last_SQL_Error']}")
        return FAILED
    if replica and replica["Slave_SQL_Running"] == "No" and not _has_resumed(server, look, replica):
        return FAILED
    server.ask("STOP SLAVE IO_THREAD", CHANGE_LIMIT_S)
    replica = server.replica()
    if replica and _lacks_received(look, replica):
        return None
    return DONE if server.promote() else None


def _lacks_received(look: Look, replica: Row) -> bool:
    """Whether something was received and is not applied yet."""
    return sequence(look.position) < sequence(replica["Gtid_IO_Pos"])


def _has_resumed(server: Server, look: Look, replica: Row) -> bool:
    """Have it apply what it has received. With both threads stopped, starting one would throw all of that away."""
    if replica["Slave_IO_Running"] != "No":
        server.ask("START SLAVE SQL_THREAD", CHANGE_LIMIT_S)
    elif _lacks_received(look, replica):
        tell("replication was stopped by somebody before all was applied that was received: START SLAVE")
        return False
    return True


def claim(server: Server) -> int:
    """A person says that this node's data is what the cluster begins with: then the other node does not lead."""
    done = run([*server.peer_client(), "--batch"], LOOK, LOOK_LIMIT_S)
    if done.returncode != 0 and not any(word in done.stderr for word in NO_ACCOUNT):
        return verbs.refuse_claim("does not answer; if it is gone for good: understudy-mariadb claim-without-peer")
    peer = server.look_at_peer() if done.returncode == 0 else None
    if peer and not peer.read_only:
        return verbs.refuse_claim("leads: copy its data by `understudy-mariadb rebuild`")
    return command.claim(server)


def fit(server: Server) -> int:
    """Prints how fit its data is; 1: not fit; 4: unknown."""
    look = server.look()
    if look is None:
        return UNKNOWN
    return verbs.fit(lambda: fitness(server.state, look, server.replica(), server.seen()))


# --- what runs beside ----------------------------------------------------------------------------


def turn(server: Server, say: Teller) -> None:
    """One look of the follower, and at most one change."""
    peer = server.look_at_peer()
    with server.locked():
        own = server.look()
        if own is None or not own.read_only or server.may_be_writable():
            return
        replica = server.replica()
        if replica and replica["Last_SQL_Errno"] != "0" and server.state == SYNCED:
            server.keep_state(BROKEN)  # a server that is started again shows no error any more
        if peer is None or peer.read_only:
            say("there is no leader to follow")
            return
        if not peer.leads and replica is None:
            say("the other node takes writes, and no agent has promoted it: it is not followed")
            return
        server.keep_seen(sequence(peer.position))
        if server.state == FIRST:
            server.keep_state(NEVER)  # the cluster has begun with the other node's
        if server.state not in (SYNCED, BROKEN):
            say(f"the data of this node is {server.state}, and follows nobody: {HOW_TO_REBUILD}")
            return
        _see_to(server, replica, say)


def _see_to(server: Server, replica: Row | None, say: Teller) -> None:
    """It follows once that was seen twice: it is connected before the leader looks whether it can go on from there."""
    was_following, server.was_following = server.was_following, False
    if replica is None:
        server.follow_peer()
    elif is_refused(replica):
        server.ask("STOP SLAVE", CHANGE_LIMIT_S)
        server.keep_state(REFUSED)
        say(f"the leader refuses this node's data: {replica['Last_IO_Error']}; {HOW_TO_REBUILD}")
    elif replica["Last_SQL_Errno"] != "0":
        say(f"replication is broken: {replica['Last_SQL_Error']}")
    elif "No" in (replica["Slave_IO_Running"], replica["Slave_SQL_Running"]):
        server.ask("START SLAVE", CHANGE_LIMIT_S)
    elif replica["Slave_IO_Running"] != "Yes":
        say("not connected to the leader")
    else:
        server.was_following = True
        if was_following:
            server.keep_state(SYNCED)
            say("following the leader")


def follow(server: Server) -> int:
    """Until it is ended by a signal; the server runs on."""
    return verbs.follow(partial(turn, server))


def rebuild(server: Server) -> int:
    """A person gives up this node's data for the leader's."""
    peer = server.look_at_peer()
    with server.locked():
        own = server.look()
        if peer is None or not peer.leads or own is None or not own.read_only or server.may_be_writable():
            tell("only a server that answers and does not lead can be rebuilt, and only from one that leads")
            return FAILED
        server.keep_state(REBUILDING)
        if not server.copy_peer():
            tell("the leader's data was not copied whole: rebuild again")
            return FAILED
        server.keep_state(SYNCED)
    return DONE


COMMANDS = {verb.__name__: verb for verb in (start, stop, kill, status, fit, follow, claim, rebuild)}
COMMANDS["claim-without-peer"] = command.claim


def main(argv: Sequence[str] | None = None) -> int:
    """Returns the exit status."""
    return command.main("mariadb", Server, DEFAULTS, COMMANDS, argv)


if __name__ == "__main__":
    sys.exit(main())
