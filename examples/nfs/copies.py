"""What is known of the two copies of a directory, and the settings: values, and the files that hold them."""

from __future__ import annotations

import configparser
import json
import re
import zlib
from dataclasses import dataclass
from pathlib import Path

SLOT_BYTES = 8192
DEFAULTS = {
    "interval_s": "5",
    "limit_s": "120",
    "patience_s": "60",
    "port": "873",
    "state": "/var/lib/understudy-copy",
    "password_file": "/etc/understudy/copy.password",
}
NEEDED = ("node", "peer_address", "cluster", "tree")


class CannotError(Exception):
    """What was asked for cannot be done: why, and what to do."""


class TooOldError(CannotError):
    """The other node does not answer, and this copy is too old to be served without asking it."""


@dataclass(frozen=True)
class Settings:
    """`interval_s`: pause between two copies. `limit_s`: how old a copy may be, to serve without asking the other node.

    `patience_s`: how long a start with an older one waits for the other node's answer.
    """

    node: str
    peer_address: str
    cluster: str
    tree: Path
    state: Path
    password_file: Path
    port: int
    interval_s: float
    limit_s: float
    patience_s: float
    lease: Path


@dataclass(frozen=True)
class Mark:
    """What a node's copy is.

    `epoch`: of the lease under which it was written last; 0: there is none. `origin`: the node that held that lease.
    `as_of`: until when it is known to have everything, in seconds of the wall clock. `boot`: the boot in which its node
    leads; "": it does not. `is_torn`: it is half of another epoch, and good for nothing until that is whole.
    """

    epoch: int = 0
    origin: str = ""
    as_of: float | None = None
    boot: str = ""
    is_torn: bool = False


def has_newer(own: Mark, peer: Mark, node: str) -> bool:
    """Whether the peer has what `node` is to copy. In one epoch, only who held its lease has anything newer."""
    if peer.is_torn or peer.epoch == 0:
        return False
    return peer.epoch > own.epoch or (peer.epoch == own.epoch and own.origin != node)


def age_s(mark: Mark, now: float) -> float | None:
    """How old the copy is at most; None: that is not known, or it is no whole copy."""
    if mark.is_torn or mark.epoch == 0 or mark.as_of is None or mark.as_of > now:
        return None
    return now - mark.as_of


def load(path: Path) -> Settings:
    """Read and check the configuration. Raises CannotError with a line for each fault."""
    parser = configparser.ConfigParser(interpolation=None)
    try:
        parser.read_string(path.read_text(encoding="utf-8"))
        given = dict(parser["copy"])
    except (OSError, UnicodeDecodeError, configparser.Error, KeyError) as fault:
        raise CannotError(f"{path} cannot be read as a section [copy]: {fault}") from fault
    faults = [f"[copy] {key} is missing" for key in NEEDED if not given.get(key)]
    known = (*NEEDED, *DEFAULTS)
    faults += [f"[copy] {key} is unknown; known are {', '.join(known)}" for key in given if key not in known]
    values = {**DEFAULTS, **given}
    numeric = ("port", "interval_s", "limit_s", "patience_s")
    is_number = re.compile(r"[0-9]{1,6}(\.[0-9]+)?").fullmatch
    faults += [f"[copy] {key} = {values[key]}: expected a number" for key in numeric if not is_number(values[key])]
    if faults:
        raise CannotError("\n".join(f"{path}: {fault}" for fault in faults))
    return Settings(
        values["node"],
        values["peer_address"],
        values["cluster"],
        Path(values["tree"]),
        Path(values["state"]),
        Path(values["password_file"]),
        int(values["port"]),
        float(values["interval_s"]),
        float(values["limit_s"]),
        float(values["patience_s"]),
        Path("/run/understudy", values["cluster"], "lease.json"),
    )


def read_mark(path: Path) -> Mark:
    """Raises OSError, ValueError or TypeError when it is none."""
    mark = Mark(**json.loads(path.read_text(encoding="utf-8")))
    if not isinstance(mark.epoch, int) or not isinstance(mark.as_of, (int, float, type(None))):
        raise TypeError(f"not a mark: {mark}")
    return mark


def epoch_of_lease(data: bytes) -> int:
    """The epoch in the agent's lease file: two slots with a count and a checksum each; the newest whole one counts.

    Raises ValueError when none is whole.
    """
    found = {}
    for slot in (data[:SLOT_BYTES], data[SLOT_BYTES:]):
        body, _, checksum = slot.rstrip(b"\n").rpartition(b" ")
        body = body.rstrip(b" ")
        if checksum == f"{zlib.crc32(body):08x}".encode("ascii"):
            saved = json.loads(body)
            found[int(saved["count"])] = int(saved["content"]["epoch"])
    if not found or found[max(found)] < 1:
        raise ValueError(f"no epoch in {len(data)} bytes")
    return found[max(found)]


def describe(mark: Mark, now: float) -> str:
    """For a person."""
    age = age_s(mark, now)
    if mark.epoch == 0:
        return "there is no copy on this node"
    if mark.is_torn:
        return "the copy on this node is half of another one"
    return f"the copy of epoch {mark.epoch} of {mark.origin} is " + (
        "of unknown age" if age is None else f"{age:.0f} s old"
    )
