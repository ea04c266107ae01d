"""The configuration file of one node of the pair. Every fault is told in a line that names the key."""

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
}
WORD = re.compile(r"[A-Za-z0-9_.:/-]+")


class BadConfigError(Exception):
    """The file cannot be used. `faults` holds one line for each thing that is wrong."""

    def __init__(self, faults: list[str]) -> None:
        super().__init__("; ".join(faults))
        self.faults = faults


@dataclass(frozen=True)
class Config:
    """This node and its peer.

    `wait_for_peer`: a commit is acknowledged when the peer has it, too. `patience_s`: for so long a replica may fail
    to stream from a leader before it is rewound.
    """

    node: str
    peer: str
    address: str
    peer_address: str
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
        peer=values["peer"],
        address=values["address"],
        peer_address=values["peer_address"],
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
    )


def _faults(values: Mapping[str, str]) -> list[str]:
    known = (*NEEDED, *DEFAULTS)
    faults = [f"{key}: unknown key; known are {', '.join(sorted(known))}" for key in values if key not in known]
    faults += [f"{key} is missing" for key in NEEDED if key not in values]
    faults += [
        f"{key} = {values[key]!r}: letters, digits and ._:/- only"
        for key in known
        if key in values and not WORD.fullmatch(values[key])
    ]
    faults += [
        f"{key} = {values[key]!r}: must be an absolute path"
        for key in ("data", "bin", "passfile", "socket_dir", "run_dir")
        if key in values and not values[key].startswith("/")
    ]
    if values.get("node") == values.get("peer"):
        faults.append(f"peer = {values.get('peer')!r}: must be the other node")
    if values["wait_for_peer"] not in ("yes", "no"):
        faults.append(f"wait_for_peer = {values['wait_for_peer']!r}: must be yes or no")
    if not re.fullmatch(r"[0-9]{1,5}", values["port"]):
        faults.append(f"port = {values['port']!r}: must be a port number")
    if not re.fullmatch(r"[0-9]+(\.[0-9]+)?", values["patience_s"]):
        faults.append(f"patience_s = {values['patience_s']!r}: must be a number of seconds")
    return faults
