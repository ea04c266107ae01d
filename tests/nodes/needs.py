"""Whether this machine can run the lab, and what is missing if it cannot."""

from __future__ import annotations

import functools
import os
import shutil
import subprocess
from pathlib import Path

PROGRAMS = {
    "systemd-nspawn": "systemd-container",
    "dbus-daemon": "dbus",
    "ip": "iproute2",
    "nft": "nftables",
    "nsenter": "util-linux",
    "losetup": "util-linux",
    "mkfs.ext4": "e2fsprogs",
    "nginx": "nginx-light",
    "pg_createcluster": "postgresql-common",
    "ganesha.nfsd": "nfs-ganesha-vfs",
    "mariadbd": "mariadb-server",
    "nfs-cp": "libnfs-utils",
    "redis-server": "redis-server",
    "rsync": "rsync",
}


@functools.cache
def missing() -> str:
    """Why no node can run here; "" when nodes can."""
    if not Path("/etc/debian_version").exists():
        return "the lab of real nodes needs Debian: their roots are made of its packages"
    if os.geteuid() != 0:
        return "the lab of real nodes needs root, for namespaces, mounts and control groups"
    lacking = sorted({package for program, package in PROGRAMS.items() if not shutil.which(program)})
    if lacking:
        return f"the lab of real nodes needs {', '.join(lacking)}: make system-packages"
    tried = subprocess.run(
        ["unshare", "--mount", "--net", "--propagation", "private", "true"], capture_output=True, text=True, check=False
    )
    if tried.returncode != 0:
        return f"the lab of real nodes needs namespaces, and this machine gives none: {tried.stderr.strip()}"
    return ""
