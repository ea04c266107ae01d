"""This node's PostgreSQL server: what runs of it, what its data is, and the commands that change either."""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import pwd
import shlex
import signal
import subprocess
import sys
import time
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from .config import Config, Peer
from .extent import ASK, Extent, Seen, extent_of, seen_of

LINEAGE = "understudy_lineage"
LOOK_LIMIT_S = 10.0
EXIT_LIMIT_S, PAUSE_S = 2.0, 0.02
ASK_REPLICA = (
    "SELECT coalesce(substring(current_setting('primary_conninfo') from 'host=([^ ]+)'), ''), "
    "EXISTS (SELECT FROM pg_stat_wal_receiver WHERE status = 'streaming')"
)
STOP_LIMIT_S = 3600
"""The agent's own limit ends a stop long before."""


@dataclass(frozen=True)
class Replica:
    """This node's server. `follows`: the address that it was started to follow, whether it streams or not; or ""."""

    follows: str
    streams: bool


class Server:
    """It is only ever started as a replica. A promotion alone makes it the leader, and `leading` is written before.

    So what may ever have been promoted is never taken for a replica: `leading` goes when no process is left.
    """

    def __init__(self, config: Config) -> None:
        self.config = config
        self.data = config.data
        self.leading = config.run_dir / "leading"
        """Whether this server leads or may be on its way to it. Gone with a reboot, as the server is."""
        self.rebuilding = self.data.with_name(f"{self.data.name}.rebuilding")
        """Whether the data is between two states, and good for nothing until it has been followed up."""
        self._seen = config.run_dir / "seen.json"
        self._standby_signal = self.data / "standby.signal"
        self._run_as: dict[str, Any] = {}
        if os.geteuid() == 0:
            owner = pwd.getpwnam(config.os_user)
            self._owner = (owner.pw_uid, owner.pw_gid)
            self._run_as = {"user": owner.pw_uid, "group": owner.pw_gid, "extra_groups": []}
        elif pwd.getpwuid(os.geteuid()).pw_name != config.os_user:
            raise PermissionError(f"run it as root or as {config.os_user}: nobody else sees what the server does")
        else:
            self._owner = (os.geteuid(), os.getegid())
        config.run_dir.mkdir(parents=True, exist_ok=True)

    @contextlib.contextmanager
    def locked(self) -> Iterator[None]:
        """Keeps a promotion apart from what the follower does. The kernel frees it when its holder dies."""
        with (self.config.run_dir / "lock").open("a") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield

    # --- what is -------------------------------------------------------------------------------

    def processes(self) -> list[int]:
        """Every process of a server on this data: PostgreSQL works in its data directory.

        Raises PermissionError where one cannot be seen: then nobody knows.
        """
        with self._as_owner():
            return [int(entry.name) for entry in Path("/proc").glob("[0-9]*") if self._is_ours(entry)]

    @contextlib.contextmanager
    def _as_owner(self) -> Iterator[None]:
        """Root itself may lack the right to look at processes of others, in a container."""
        user, group = os.geteuid(), os.getegid()
        os.setegid(self._owner[1])
        os.seteuid(self._owner[0])
        try:
            yield
        finally:
            os.seteuid(user)
            os.setegid(group)

    def _is_ours(self, entry: Path) -> bool:
        """By name first: of a program that is only just becoming the owner's, nobody may see more."""
        try:
            if entry.stat().st_uid != self._owner[0] or (entry / "comm").read_text() != "postgres\n":
                return False
            return (entry / "cwd").readlink() == self.data
        except (FileNotFoundError, ProcessLookupError):  # it ended while we looked
            return False

    def lacks_postmaster(self) -> bool:
        """Whether what runs has lost its head: no client is accepted, but a last one might still be answered."""
        running = self.processes()
        return bool(running) and self._postmaster() not in running

    def _postmaster(self) -> int:
        try:
            return int((self.data / "postmaster.pid").read_text().splitlines()[0])
        except (OSError, ValueError, IndexError):
            return 0

    def has_data(self) -> bool:
        return (self.data / "PG_VERSION").exists()

    def is_replica(self) -> bool:
        """Whether what runs cannot take a write. A promotion removes the signal file before the first one."""
        return not self.leading.exists() and self._standby_signal.exists()

    def serves(self) -> bool:
        return not self._standby_signal.exists() and self.is_accepting()

    def is_accepting(self) -> bool:
        """Whether it accepts connections; a replica does when its data is consistent."""
        where = ["-h", str(self.config.socket_dir), "-p", str(self.config.port)]
        return self.run("pg_isready", "-q", "-t", "2", *where).returncode == 0

    def lineage(self) -> list[str]:
        """One line for each promotion that this data has seen, oldest first."""
        try:
            return (self.data / LINEAGE).read_text(encoding="ascii").split("\n")[:-1]
        except FileNotFoundError:
            return []

    def system_id(self) -> str:
        """What tells this database from every other one; "" when the data does not say."""
        shown = self.run("pg_controldata", str(self.data)).stdout
        found = [line.split(":")[1].strip() for line in shown.splitlines() if "system identifier" in line]
        return found[0] if found else ""

    def extent(self) -> Extent | None:
        """How far its data goes, by its own word; None: there is no answer."""
        answer = self._query(ASK)
        return None if answer is None else extent_of(answer)

    def replica(self) -> Replica | None:
        """Whom it follows; None: there is no answer."""
        answer = self._query(ASK_REPLICA)
        return None if answer is None else Replica(answer[0], answer[1] == "t")

    def _query(self, sql: str) -> list[str] | None:
        config = self.config
        where = f"host={config.socket_dir} port={config.port} dbname=postgres user=postgres"
        done = self.run("psql", *asked(where, sql), limit_s=LOOK_LIMIT_S)
        return done.stdout.rstrip("\n").split("|") if done.returncode == 0 else None

    def seen(self) -> Seen:
        """What the follower has seen of the other nodes since this boot."""
        try:
            return seen_of(json.loads(self._seen.read_text(encoding="ascii")))
        except (OSError, ValueError, KeyError, TypeError):
            return Seen()

    # --- what changes it -----------------------------------------------------------------------

    def start_replica(self, follow: Peer | None) -> None:
        """`follow`: whom to stream from. Does not wait until it accepts connections."""
        self._write(self._standby_signal, "")
        options = self._options(follow)
        log = str(self.data.with_name(f"{self.data.name}.log"))
        self._do("pg_ctl", "start", "-W", "-s", "-D", str(self.data), "-l", log, "-o", options)

    def _options(self, upstream: Peer | None) -> str:
        """On the command line, where neither a copied configuration file nor ALTER SYSTEM can undo them."""
        config = self.config
        names = ", ".join(f'"{peer.name}"' for peer in config.peers)
        settings = {
            "listen_addresses": config.address,
            "port": str(config.port),
            "unix_socket_directories": str(config.socket_dir),
            "hot_standby": "on",
            "synchronous_commit": "on",
            "synchronous_standby_names": f"ANY 1 ({names})" if config.wait_for_peer else "",
            "primary_conninfo": self.conninfo(upstream, application=config.node) if upstream else "",
            "wal_retrieve_retry_interval": "2s",
        }
        return " ".join(f"-c {shlex.quote(f'{name}={value}')}" for name, value in settings.items())

    def conninfo(self, peer: Peer, application: str) -> str:
        """How to reach a peer's server."""
        config = self.config
        return (
            f"host={peer.address} port={config.port} user={config.role} passfile={config.passfile} "
            f"dbname=postgres application_name={application} connect_timeout=3 tcp_user_timeout=10000"
        )

    def promote(self) -> None:
        """Only under the lease, and under the lock."""
        self.leading.touch()
        self.keep_lineage([*self.lineage(), f"{self.config.node} {uuid.uuid4()}"])
        self._do("pg_ctl", "promote", "-W", "-s", "-D", str(self.data))

    def keep_lineage(self, lines: list[str]) -> None:
        self._write(self.data / LINEAGE, "".join(f"{line}\n" for line in lines))

    def keep_seen(self, seen: Seen) -> None:
        """For `fit`, when the leader is gone."""
        self._write(self._seen, json.dumps(seen.as_json()))

    def stop(self) -> None:
        """In an orderly way: sessions are ended, and all that is written is sent to the peers that stream."""
        self._do("pg_ctl", "stop", "-m", "fast", "-w", "-s", "-t", str(STOP_LIMIT_S), "-D", str(self.data))
        ends_at = time.monotonic() + EXIT_LIMIT_S
        while self.processes() and time.monotonic() < ends_at:  # it removes its pid file just before it ends
            time.sleep(PAUSE_S)

    def kill(self) -> None:
        """Every process, until none is left."""
        while running := self.processes():
            for pid in running:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)

    def own(self, path: Path) -> None:
        """Make a directory that belongs to the server."""
        path.mkdir(mode=0o700)
        os.chown(path, *self._owner)

    def _write(self, path: Path, text: str) -> None:
        """Whole or not at all, and durable."""
        new = path.with_name(f"{path.name}.new")
        with new.open("w", encoding="ascii") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        os.chown(new, *self._owner)
        new.replace(path)

    # --- commands ------------------------------------------------------------------------------

    def run(self, program: str, *arguments: str, limit_s: float | None = None) -> subprocess.CompletedProcess[str]:
        """A program of PostgreSQL's, as its user. Exit status 124: it took longer than the limit."""
        argv = [str(self.config.bin / program), *arguments]
        try:
            return subprocess.run(
                argv, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=limit_s, cwd="/", check=False,
                **self._run_as,
            )  # fmt: skip
        except subprocess.TimeoutExpired:
            return subprocess.CompletedProcess(argv, 124, "", f"no answer within {limit_s:g} s")

    def begin(self, output: IO[bytes], program: str, *arguments: str) -> subprocess.Popen[bytes]:
        """As `run`, without waiting for its end. What it prints gets into the file `output`."""
        argv = [str(self.config.bin / program), *arguments]
        return subprocess.Popen(
            argv, stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.DEVNULL, cwd="/", **self._run_as
        )

    def _do(self, program: str, *arguments: str) -> None:
        done = self.run(program, *arguments)
        if done.returncode != 0:
            tell(f"{program} {arguments[0]} failed: {done.stderr.strip() or done.stdout.strip()}")


def asked(conninfo: str, sql: str) -> list[str]:
    """What psql is called with: it prints the columns of one row between bars."""
    return ["-XAtq", "-F", "|", "-d", conninfo, "-c", sql]


def tell(text: str) -> None:
    """One line for the journal."""
    sys.stderr.write(f"{text}\n")
    sys.stderr.flush()
