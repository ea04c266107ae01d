"""Where what is left of a service can be found, for whoever must end it with nothing but system calls (B18, S12)."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Remains:
    """Control groups as systemd names them ("/system.slice/x.service"), and mount points."""

    control_groups: tuple[str, ...] = ()
    mount_points: tuple[str, ...] = ()
