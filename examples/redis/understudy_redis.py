"""One of two Redis servers as a service of the Understudy agent. See README.md beside it.

The servers run all the time, as replicas. `start` promotes this node's, `stop` makes it a replica again, `kill` ends
it. `follow` keeps it a replica of the other one while that leads.
"""

from __future__ import annotations

import re
import socket
import sys
import time
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import BinaryIO

from understudy_pair import command, verbs
from understudy_pair.command import DONE, FAILED, NOT_FIT, PAUSE_S, UNKNOWN
from understudy_pair.node import BEHIND, FIRST, NEVER, SYNCED, Teller, tell
from understudy_pair.verbs import LOOK_LIMIT_S, Replicated, kill, status, stop

DEFAULTS = {
    "peer_address": "",
    "port": "6379",
    "password_file": "/etc/understudy/redis-password",
    "unit": "redis-server.service",
    "run_dir": "/run/understudy-redis",
    "state_dir": "/var/lib/understudy-redis",
}
PATIENCE_S = 10.0
"""A demotion waits so long for a peer that does not answer."""
PAUSE_LIMIT_MS = 600_000
"""For so long a demotion may keep clients waiting; the agent's own limit ends it long before."""
NOBODY = ("127.0.0.1", "1")
"""Whom a server follows that leads nobody and has nobody to follow: a port where nobody listens."""
TITLE = "proc-title-template"
"""The setting in which a server says that it was promoted, and in which run of it: clients go by nothing there. Whether
one was made a master by hand, or by its configuration, another server could not tell otherwise."""
LED, ALONE = "led", "alone"
"""More words for what the data is: it has led, with a replica that may have more of the last second; it led alone."""
ASK_WITH_TITLE = [["INFO"], ["CONFIG", "GET", TITLE]]
HOW_TO_EMPTY = "redis-cli: CONFIG SET replica-read-only no, FLUSHALL, CONFIG SET replica-read-only yes"
MAY_LEAD = (FIRST, SYNCED, LED, ALONE)
Info = dict[str, str]


def fitness(state: str, info: Info, seen: int | None) -> int | None:
    """How many bytes of the leader's replication stream this node lacks, as a negative number; None: it is not fit.

    `seen`: the leader's offset when it last answered in this boot. Raises LookupError when nobody can say.
    """
    if state not in MAY_LEAD:
        return None
    if info["role"] == "master" or state == FIRST:
        return 0
    if seen is None or state != SYNCED:
        raise LookupError("this node has followed no leader since it led or booted: what it lacks cannot be said")
    return -max(0, seen - int(info.get("slave_repl_offset", "0")))


class Server(Replicated):
    """This node's server, and questions to the other one."""

    def look(self, limit_s: float = LOOK_LIMIT_S) -> Info | None:
        """What it says of itself. None: there was no answer, or it is still loading its data."""
        info = self._info(limit_s)
        return None if _is_loading(info) else info

    def _info(self, limit_s: float = LOOK_LIMIT_S) -> Info | None:
        return _as_info(self.ask(["INFO"], limit_s=limit_s))

    def is_being_replaced(self) -> bool:
        """Whether another server's data is taking the place of its own: half of it may be there."""
        info = self._info()
        return info is not None and _follows_somebody(info) and (_is_loading(info) or _copies(info))

    def is_read_only(self, limit_s: float = LOOK_LIMIT_S) -> bool | None:
        info = self.look(limit_s)
        return None if info is None else _takes_no_writes(info)

    def look_at_peer(self) -> Info | None:
        """What the other node's server says of itself, also while it is loading. None: there was no answer."""
        return _with_title(_ask(self.config["peer_address"], self.config, ASK_WITH_TITLE, LOOK_LIMIT_S))

    def peer_place(self) -> tuple[str, str]:
        """Address and port of the other node's server."""
        return self.config["peer_address"], self.config["port"]

    def ask(self, *commands: list[str], limit_s: float = LOOK_LIMIT_S) -> list[str] | None:
        """The answers of this node's server; None: it refuses one, or does not answer within the limit."""
        return _ask("127.0.0.1", self.config, list(commands), limit_s)

    def promote(self) -> bool:
        """Only under the lease, and under the lock. Whether it takes writes now."""
        self.mark()
        self.keep_state(LED)
        self.keep_seen(None)
        self.say_promoted(is_so=True)
        return self.ask(["REPLICAOF", "NO", "ONE"]) is not None

    def say_promoted(self, *, is_so: bool) -> None:
        """Have the server say to the other one whether the agent has promoted it. The follower repeats it."""
        info = _with_title(self.ask(*ASK_WITH_TITLE))
        if info is not None and _was_promoted(info) != is_so:
            title = re.sub(r" promoted:\w*", "", info["title"])
            self.ask(["CONFIG", "SET", TITLE, f"{title} promoted:{info['run_id']}" if is_so else title])

    def demote(self) -> bool:
        """Only one that was promoted here wins a right to lead again: another one's writes are nobody's."""
        was_promoted = self.may_be_writable()
        if self.ask(["CLIENT", "PAUSE", str(PAUSE_LIMIT_MS), "WRITE"]) is None:
            return False
        drained = was_promoted and self._drain()
        if not was_promoted:
            self.ask(["REPLICAOF", "NO", "ONE"])  # a history of its own: whom it follows copies all data to it anew
        self.ask(["CONFIG", "SET", "replica-read-only", "yes"])
        self.say_promoted(is_so=False)
        self.ask(["REPLICAOF", *NOBODY], ["CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes"], ["CLIENT", "UNPAUSE"])
        if not self.is_read_only():
            return False
        if was_promoted or self.state == SYNCED:
            self._note_demotion(BEHIND if not was_promoted else SYNCED if drained else ALONE)
        return True

    def _note_demotion(self, word: str) -> None:
        """It is demoted, written down or not. On a full disk the word stays: `led` claims the least."""
        try:
            self.keep_state(word)
        except OSError as fault:
            tell(f"{fault}: what the data is stays {self.state}")
            if word == BEHIND:
                raise

    def _drain(self) -> bool:
        """Until the peer has all that was written here, for as long as it is connected and answers: whether it has."""
        ends_at = time.monotonic() + PATIENCE_S
        while time.monotonic() < ends_at:
            own, peer = self.look(), self.look_at_peer()
            if own and own["connected_slaves"] == "0":
                break
            if own and peer and peer.get("master_link_status") == "up":
                ends_at = time.monotonic() + PATIENCE_S
                if int(peer["slave_repl_offset"]) >= int(own["master_repl_offset"]):
                    return True
            time.sleep(PAUSE_S)
        tell("the peer does not follow: what it lacks now stays here, and is lost if the peer leads")
        return False


def _as_info(answers: list[str] | None) -> Info | None:
    if not answers:
        return None
    return dict(line.split(":", 1) for line in answers[0].splitlines() if ":" in line)


def _with_title(answers: list[str] | None) -> Info | None:
    """From the answers to ASK_WITH_TITLE."""
    info = _as_info(answers)
    return info and {**info, "title": "".join((answers or [])[1:]).partition("\n")[2]}


def _was_promoted(info: Info) -> bool:
    """Whether it says so of this run of it: what a server has written into its configuration is of one before."""
    return f" promoted:{info['run_id']}" in info["title"]


def _is_loading(info: Info | None) -> bool:
    return info is not None and "1" in (info.get("loading"), info.get("async_loading"))


def _copies(info: Info) -> bool:
    return info.get("master_sync_in_progress") == "1"


def _holds_keys(info: Info) -> bool:
    return any(key.startswith("db") and text.startswith("keys=") for key, text in info.items())


def _takes_no_writes(info: Info) -> bool:
    return info["role"] == "slave" and info.get("slave_read_only") != "0"


def _ask(address: str, config: dict[str, str], commands: list[list[str]], limit_s: float) -> list[str] | None:
    password = Path(config["password_file"]).read_text(encoding="utf-8").strip()
    answers = []
    try:
        with _connected(address, config, limit_s) as connection, connection.makefile("rb") as stream:
            for words in (["AUTH", password], *commands):
                parts = b"".join(b"$%d\r\n%s\r\n" % (len(word.encode()), word.encode()) for word in words)
                connection.sendall(b"*%d\r\n%s" % (len(words), parts))
                answers.append(_answer(stream))
    except OSError:
        return None
    except ValueError as refused:
        tell(f"{address} refuses {words[0]}: {refused}")
        return None
    return answers[1:]


def _connected(address: str, config: dict[str, str], limit_s: float) -> socket.socket:
    return socket.create_connection((address, int(config["port"])), limit_s)


def _answer(stream: BinaryIO) -> str:
    """One answer of the protocol, several as lines. Raises ValueError: an error; OSError: the connection has ended."""
    line = stream.readline().decode().rstrip("\r\n")
    if not line:
        raise ConnectionResetError("the connection has ended")
    if line.startswith("-"):
        raise ValueError(line[1:])
    if line.startswith("*"):
        return "\n".join(_answer(stream) for _ in range(int(line[1:])))
    if not line.startswith("$"):
        return line[1:]
    return stream.read(int(line[1:]) + 2)[:-2].decode()


# --- what the agent calls ------------------------------------------------------------------------


def start(server: Server) -> int:
    """Promote. The agent calls it under its lease, and its limit ends it."""
    return verbs.start(server, partial(_started, server))


def _started(server: Server) -> int | None:
    """One try; None: it is not done yet."""
    if server.state not in MAY_LEAD:
        tell(f"the data of this node is {server.state}, and must not lead: it can follow the other node, and lead then")
        return FAILED
    info = server.look()
    if info is None:
        return None
    if info["role"] == "master" and server.may_be_writable():
        return DONE
    peer = server.look_at_peer() if server.state in (FIRST, LED) else None
    fault = _why_not_to_promote(server, info, peer)
    if fault:
        tell(fault)
        return FAILED
    if server.state in (FIRST, LED) and _is_loading(peer):
        return None
    return DONE if server.promote() else None


def _why_not_to_promote(server: Server, info: Info, peer: Info | None) -> str:
    """ "": nothing is known against it."""
    if info["role"] == "master":
        return "it came up as a master: replicaof is not in its configuration, and after a crash it would take writes"
    if not _takes_no_writes(info):
        return "replica-read-only is not `yes` in its configuration: without a lease it takes writes"
    if _follows_somebody(info) and _copies(info):
        return "the leader's data is on its way to this node, and its own is what is being replaced"
    if server.state == FIRST and peer and peer["role"] == "master":
        return "this node's data was claimed, and the other node leads: one of the two was claimed by mistake"
    if server.state == FIRST and peer and not _is_loading(peer) and _holds_keys(peer):
        return f"this node's data was claimed, and the other node holds keys, too: remove those of one. {HOW_TO_EMPTY}"
    if server.state == LED and not _is_loading(peer) and _follows_somebody(peer):
        return "this server died while it led: its file may lack the last second, which the other node has"
    return ""


def _follows_somebody(info: Info | None) -> bool:
    return info is not None and info["role"] == "slave" and (info["master_host"], info["master_port"]) != NOBODY


def _follows(info: Info, place: tuple[str, str]) -> bool:
    return (info["master_host"], info["master_port"]) == place


def claim(server: Server) -> int:
    """A person says that this node's data is what the cluster begins with: then the other node has none."""
    peer = server.look_at_peer()
    if peer is None:
        return verbs.refuse_claim("does not answer; if it is gone for good: understudy-redis claim-without-peer")
    if _is_loading(peer):
        return verbs.refuse_claim("is loading its data: ask again")
    if peer["role"] == "master":
        return verbs.refuse_claim("leads: this node follows it by itself")
    if _holds_keys(peer):
        return verbs.refuse_claim(f"holds keys, too: remove those of one of the two. {HOW_TO_EMPTY}")
    return command.claim(server)


def fit(server: Server) -> int:
    """Prints how fit its data is; 1: not fit; 4: unknown."""
    info = server.look()
    if info is None:
        return UNKNOWN
    if _follows_somebody(info) and _copies(info):
        return NOT_FIT
    return verbs.fit(lambda: fitness(server.state, info, server.seen()))


# --- what runs beside ----------------------------------------------------------------------------


def turn(server: Server, say: Teller) -> None:
    """One look of the follower, and at most one change."""
    peer = server.look_at_peer()
    with server.locked():
        if server.state == SYNCED and server.is_being_replaced():
            server.keep_state(BEHIND)
        own = server.look()
        if own is None:
            return
        if own["role"] == "master" or server.may_be_writable():
            if server.may_be_writable() and server.state in (LED, ALONE):
                server.say_promoted(is_so=True)
                server.keep_state(LED if "state=online" in own.get("slave0", "") else ALONE)
            return
        if peer is None or peer["role"] != "master" or _is_loading(peer):
            say("there is no leader to follow")
            return
        if not _was_promoted(peer) and not _follows(own, server.peer_place()):
            say("the other node is a master that no agent has promoted: nothing is copied from it")
            return
        if server.state == FIRST:
            server.keep_state(NEVER)  # the cluster has begun with the other node's
        if server.state == NEVER and _holds_keys(own):
            say(f"this server holds keys that are not the cluster's: nothing is copied over them. {HOW_TO_EMPTY}")
            return
        server.keep_seen(int(peer["master_repl_offset"]))
        _see_to(server, own, say)


def _see_to(server: Server, own: Info, say: Teller) -> None:
    peer = server.peer_place()
    if not _follows(own, peer):
        server.keep_state(BEHIND)
        say("taking the leader's data")
        server.ask(["REPLICAOF", *peer])
    elif own["master_link_status"] == "up":
        server.keep_state(SYNCED)
        say("following the leader")
    else:
        server.keep_state(BEHIND)
        say("not connected to the leader")


def follow(server: Server) -> int:
    """Until it is ended by a signal; the server runs on."""
    return verbs.follow(partial(turn, server))


COMMANDS = {
    "start": start,
    "stop": stop,
    "kill": kill,
    "status": status,
    "fit": fit,
    "follow": follow,
    "claim": claim,
    "claim-without-peer": command.claim,
}


def main(argv: Sequence[str] | None = None) -> int:
    """Returns the exit status."""
    return command.main("redis", Server, DEFAULTS, COMMANDS, argv)


if __name__ == "__main__":
    sys.exit(main())
