"""The root that all nodes share, built once: this machine's own /usr, a small /etc, the agent as its manual says."""

from __future__ import annotations

import fcntl
import hashlib
import shutil
import subprocess
import tarfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from local.sam import ROOT

BUILD = ROOT / "build" / "nodes"
BUNDLE = ROOT / "dist" / "understudy-agent.tar.gz"
_FILES = Path(__file__).with_name("files")
_FOLDERS = ("etc", "var/lib", "var/log/journal", "var/tmp", "root", "srv", "opt", "home", "mnt")
_MOUNT_POINTS = ("usr", "proc", "sys", "dev", "run", "tmp")
_OF_USR = ("bin", "sbin", "lib", "lib32", "lib64", "libx32")
_OF_ETC = (
    *("alternatives", "dbus-1", "debian_version", "group", "init.d", "ld.so.cache", "ld.so.conf", "ld.so.conf.d"),
    *("login.defs", "mime.types", "mke2fs.conf", "mysql", "nginx", "nsswitch.conf", "os-release", "pam.conf", "pam.d"),
    *("perl", "postgresql-common", "protocols", "python3", "rc0.d", "rc6.d", "rcS.d", "redis", "security", "services"),
    *("passwd", "shells", "ssl/openssl.cnf", "tmpfiles.d", "netconfig"),
)
_MASKED = (
    *("systemd-networkd.service", "systemd-networkd.socket", "systemd-networkd-wait-online.service"),
    *("getty.target", "systemd-firstboot.service", "systemd-timesyncd.service", "nftables.service"),
)
_NETWORK = "node-network.service"
_ENTER = """
set -e
mount -t overlay overlay -o lowerdir=/usr,upperdir=$1/usr,workdir=$1/work $1/root/usr
mount -t proc proc $1/root/proc
mount --rbind /dev $1/root/dev
mount -t tmpfs tmpfs $1/root/tmp
mount -t tmpfs tmpfs $1/root/run
mkdir $1/root/tmp/bundle
mount --bind $1/bundle $1/root/tmp/bundle
exec chroot $1/root /usr/bin/env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin LANG=C.UTF-8 sh -e /tmp/bundle/lab.sh
"""
_INSTALL = """
sh /tmp/bundle/install.sh
mkdir -p /var/lib/postgresql /var/log/postgresql /etc/postgresql /var/log/nginx /var/lib/nginx
chown postgres:postgres /var/lib/postgresql /etc/postgresql
chown root:postgres /var/log/postgresql
chmod 1775 /var/log/postgresql
mkdir -p /run/postgresql
chown postgres:postgres /run/postgresql
version=$(ls /usr/lib/postgresql | sort -V | tail -1)
pg_createcluster --start-conf=auto $version main
echo "listen_addresses = '*'" >> /etc/postgresql/$version/main/postgresql.conf
echo "fsync = off" >> /etc/postgresql/$version/main/postgresql.conf
echo "host all all 10.77.0.0/24 trust" >> /etc/postgresql/$version/main/pg_hba.conf
mkdir -p /var/lib/mysql /var/log/mysql /var/lib/redis /var/log/redis
chown mysql:mysql /var/lib/mysql /var/log/mysql
chown -R redis:redis /etc/redis /var/lib/redis /var/log/redis
printf '[mysqld]\ninnodb_log_file_size = 8M\ninnodb_buffer_pool_size = 16M\n' > /etc/mysql/mariadb.conf.d/70-lab.cnf
mariadb-install-db --user=mysql --skip-test-db > /dev/null
"""


@dataclass(frozen=True)
class Base:
    """Two lower layers: `root`, and `usr`, which goes over this machine's own /usr."""

    root: Path
    usr: Path


def built_base() -> Base:
    """The root, built if what it is made of has changed since the last time."""
    directory = BUILD / "base"
    BUILD.mkdir(parents=True, exist_ok=True)
    with (BUILD / "lock").open("w") as lock:  # another run may build at the same time
        fcntl.flock(lock, fcntl.LOCK_EX)
        wanted = _stamp()
        if not (directory / "stamp").exists() or (directory / "stamp").read_text() != wanted:
            shutil.rmtree(directory, ignore_errors=True)
            subprocess.run(["make", "-s", "wheel"], cwd=ROOT, check=True, capture_output=True)
            _build(directory)
            (directory / "stamp").write_text(wanted)
    return Base(directory / "root", directory / "usr")


def _stamp() -> str:
    """What it is made of, as one hash."""
    agent = [path for path in sorted((ROOT / "agent").rglob("*")) if path.is_file() and path.suffix != ".pyc"]
    bundle = [ROOT / "requirements" / "agent.txt", ROOT / "tools" / "agent_bundle.py"]
    lab = [Path(__file__), *sorted(_FILES.glob("*"))]
    sources = [*agent, *bundle, *lab, Path("/var/lib/dpkg/status")]
    return hashlib.sha256(b"".join(source.read_bytes() for source in sources)).hexdigest()


def _build(directory: Path) -> None:
    root = directory / "root"
    for name in (*_FOLDERS, *_MOUNT_POINTS):
        (root / name).mkdir(parents=True)
    for name in ("usr", "work", "bundle"):
        (directory / name).mkdir()
    (root / "var" / "tmp").chmod(0o1777)
    (root / "var" / "run").symlink_to("/run")
    for name in _OF_USR:
        if Path("/", name).is_symlink():
            (root / name).symlink_to(f"usr/{name}")
    _copy_etc(root / "etc")
    _add_programs(directory / "usr")
    with tarfile.open(BUNDLE) as bundle:
        bundle.extractall(directory / "bundle", filter="data")
    (directory / "bundle" / "lab.sh").write_text(_INSTALL)
    done = subprocess.run(
        ["unshare", "--mount", "--propagation", "private", "sh", "-c", _ENTER, "sh", str(directory)],
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )
    if done.returncode != 0:
        raise RuntimeError(f"the root of the nodes cannot be built:\n{done.stdout}{done.stderr}")


def _copy_etc(etc: Path) -> None:
    for name in _OF_ETC:
        source = Path("/etc", name)
        copy: Callable[..., object] = shutil.copytree if source.is_dir() else shutil.copy
        if source.exists():
            (etc / name).parent.mkdir(parents=True, exist_ok=True)
            copy(source, etc / name, **({"symlinks": True} if source.is_dir() else {}))
    units = etc / "systemd" / "system"
    units.mkdir(parents=True)
    for name in _MASKED:
        (units / name).symlink_to("/dev/null")
    (units / "multi-user.target.wants").mkdir()
    (units / "multi-user.target.wants" / _NETWORK).symlink_to(f"/usr/local/lib/systemd/system/{_NETWORK}")
    (etc / "hosts").write_text("127.0.0.1 localhost\n")
    (etc / "fstab").write_text("")
    (etc / "resolv.conf").write_text("")
    journal = etc / "systemd" / "journald.conf.d"
    journal.mkdir()
    (journal / "lab.conf").write_text("[Journal]\nStorage=persistent\nSyncIntervalSec=1s\nRateLimitBurst=0\n")


def _add_programs(usr: Path) -> None:
    """Programs and units of the tests' services, as a package would install them."""
    (usr / "local" / "sbin").mkdir(parents=True)
    (usr / "local" / "lib" / "systemd" / "system").mkdir(parents=True)
    for source in sorted(_FILES.glob("*")):
        is_unit = source.suffix in (".service", ".socket")
        target = usr / "local" / ("lib/systemd/system" if is_unit else "sbin") / source.name
        shutil.copy(source, target)
        target.chmod(0o644 if is_unit else 0o755)
