"""The configuration file of one node. Every fault is told in a line that names the key."""

from __future__ import annotations

import configparser
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

SECTION = "postgresql"
NEEDED = ("node", "peer", "address", "peer_address", "data", "bin", "role", "passfile")
DEFAULTS = {
    "port": "5432",
    "os_user": "postgres",
    "socket_dir": "/var/run/postgresql",
    "run_dir": "/run/understudy-postgresql",
    "wait_for_peer": "yes",
    "patience_s": "5",
    "fit_lag_limit_bytes": "67108864",
}
LISTS = ("peer", "peer_address")
WORD = re.compile(r"[A-Za-z0-9_.:/-]+")


class BadConfigError(Exception):
    """The file cannot be used. `faults` holds one line for each thing that is wrong."""

    def __init__(self, faults: list[str]) -> None:
        super().__init__("; ".join(faults))
        self.faults = faults


@dataclass(frozen=True)
class Peer:
    """Another node of the cluster. `address`: where its server listens."""

    name: str
    address: str


@dataclass(frozen=True)
class Config:
    """This node and its peers, one or more.

    `wait_for_peer`: a commit is acknowledged when one of the peers has it, too. `patience_s`: for so long a replica may
    fail to stream from a leader before it is rewound. `fit_lag_limit_bytes`: what lacks more of the leader's log than
    that is not fit to take over.
    """

    node: str
    address: str
    peers: tuple[Peer, ...]
    port: int
    data: Path
    bin: Path
    role: str
    passfile: Path
    os_user: str
    socket_dir: Path
    run_dir: Path
    wait_for_peer: bool
    patience_s: float
    fit_lag_limit_bytes: int

    @property
    def needed(self) -> int:
        """Of how many nodes, this one among them, the data must be known to know of all that was acknowledged."""
        return 1 + len(self.peers) - (1 if self.wait_for_peer else 0)


def load(path: Path) -> Config:
    """Read and check the file. Raises BadConfigError."""
    parser = configparser.ConfigParser(interpolation=None)
    try:
        parser.read_string(path.read_text(encoding="utf-8"), source=str(path))
    except (OSError, UnicodeDecodeError, configparser.Error) as fault:
        raise BadConfigError([" ".join(str(fault).split())]) from fault
    given = dict(parser[SECTION]) if parser.has_section(SECTION) else {}
    values = {**DEFAULTS, **given}
    faults = _faults(values)
    if faults:
        raise BadConfigError([f"[{SECTION}] {fault}" for fault in faults])
    return Config(
        node=values["node"],
        address=values["address"],
        peers=tuple(map(Peer, _listed(values["peer"]), _listed(values["peer_address"]))),
        port=int(values["port"]),
        data=Path(values["data"]).resolve(),
        bin=Path(values["bin"]),
        role=values["role"],
        passfile=Path(values["passfile"]),
        os_user=values["os_user"],
        socket_dir=Path(values["socket_dir"]),
        run_dir=Path(values["run_dir"]),
        wait_for_peer=values["wait_for_peer"] == "yes",
        patience_s=float(values["patience_s"]),
        fit_lag_limit_bytes=int(values["fit_lag_limit_bytes"]),
    )


def _listed(value: str) -> list[str]:
    return [word.strip() for word in value.split(",")]


def _faults(values: Mapping[str, str]) -> list[str]:
    known = (*NEEDED, *DEFAULTS)
    faults = [f"{key}: unknown key; known are {', '.join(sorted(known))}" for key in values if key not in known]
    faults += [f"{key} is missing" for key in NEEDED if key not in values]
    faults += [
        f"{key} = {values[key]!r}: letters, digits and ._:/- only"
        for key in known
        if key in values
        if not all(map(WORD.fullmatch, _listed(values[key]) if key in LISTS else [values[key]]))
    ]
    faults += [
        f"{key} = {values[key]!r}: must be an absolute path"
        for key in ("data", "bin", "passfile", "socket_dir", "run_dir")
        if key in values and not values[key].startswith("/")
    ]
    faults += _faults_of_peers(values)
    if values["wait_for_peer"] not in ("yes", "no"):
        faults.append(f"wait_for_peer = {values['wait_for_peer']!r}: must be yes or no")
    if not re.fullmatch(r"[0-9]{1,5}", values["port"]):
        faults.append(f"port = {values['port']!r}: must be a port number")
    if not re.fullmatch(r"[0-9]+(\.[0-9]+)?", values["patience_s"]):
        faults.append(f"patience_s = {values['patience_s']!r}: must be a number of seconds")
    if not re.fullmatch(r"[0-9]{1,15}", values["fit_lag_limit_bytes"]):
        faults.append(f"fit_lag_limit_bytes = {values['fit_lag_limit_bytes']!r}: must be a number of bytes")
    return faults


def _faults_of_peers(values: Mapping[str, str]) -> list[str]:
    names, addresses = _listed(values.get("peer", "")), _listed(values.get("peer_address", ""))
    faults = []
    if values.get("node") in names or len(set(names)) < len(names):
        faults.append(f"peer = {', '.join(names)!r}: must be the other node, or all others, each once")
    if len(names) != len(addresses):
        faults.append(f"peer_address = {', '.join(addresses)!r}: must be as many as peer names, {len(names)}")
    return faults
