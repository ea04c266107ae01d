"""A node of the example's pair on a loopback address: its directories, its server, and what is in the database."""

from __future__ import annotations

import contextlib
import os
import pwd
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from local.sam import ROOT
from understudy_postgresql.config import Config, load
from understudy_postgresql.server import Server

PASSWORD = "only-on-loopback"
ROLE = "understudy"
SCHEMA = f"""
CREATE ROLE {ROLE} LOGIN REPLICATION PASSWORD '{PASSWORD}';
GRANT pg_checkpoint, pg_read_all_stats TO {ROLE};
GRANT EXECUTE ON FUNCTION pg_ls_dir(text, boolean, boolean) TO {ROLE};
GRANT EXECUTE ON FUNCTION pg_stat_file(text, boolean) TO {ROLE};
GRANT EXECUTE ON FUNCTION pg_read_binary_file(text) TO {ROLE};
GRANT EXECUTE ON FUNCTION pg_read_binary_file(text, bigint, bigint, boolean) TO {ROLE};
CREATE TABLE writes (id bigint PRIMARY KEY);
GRANT INSERT ON writes TO {ROLE};
"""
SETTINGS = """
fsync = off  # processes are killed here, never the machine
shared_buffers = 16MB
min_wal_size = 2MB
"""
ACCESS = """
local all all trust
host all all samenet scram-sha-256
host replication all samenet scram-sha-256
host all all 127.0.0.0/8 scram-sha-256
host replication all 127.0.0.0/8 scram-sha-256
"""


def programs() -> Path:
    """Where the server's programs are; skips the test on a machine without them."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))
    beside = shutil.which("initdb")
    if not found and not beside:
        pytest.skip("no PostgreSQL server on this machine: `make system-packages` installs it, as root")
    return found[-1].parent if found else Path(str(beside)).parent


def server_user() -> str:
    """PostgreSQL refuses to run as root."""
    return "postgres" if os.geteuid() == 0 else pwd.getpwuid(os.geteuid()).pw_name


@contextlib.contextmanager
def directory_for_servers() -> Iterator[Path]:
    """Outside the repository: the servers' user must be able to reach it."""
    base = Path(tempfile.mkdtemp(prefix="understudy-pg-"))
    base.chmod(0o755)
    try:
        yield base
    finally:
        shutil.rmtree(base)


class PgNode:
    """Directories and configuration of one node. `init` makes the database, on one of the two."""

    def __init__(self, base: Path, run: Path, names: tuple[str, str], addresses: tuple[str, str], port: int) -> None:
        self.name, self.address = names[0], addresses[0]
        home = base / self.name
        home.mkdir()
        self._own(home)
        passfile = home / "pgpass"
        passfile.write_text(f"*:*:*:{ROLE}:{PASSWORD}\n")
        passfile.chmod(0o600)
        self._own(passfile)
        self.file = home / "postgresql.ini"
        self._lines = {
            "node": names[0],
            "peer": names[1],
            "address": addresses[0],
            "peer_address": addresses[1],
            "port": str(port),
            "data": str(home / "data"),
            "bin": str(programs()),
            "role": ROLE,
            "passfile": str(passfile),
            "os_user": server_user(),
            "socket_dir": str(home),
            "run_dir": str(run),
            "patience_s": "1",
        }
        self.configure()

    def configure(self, **changes: str) -> None:
        self._lines |= changes
        text = "".join(f"{key} = {value}\n" for key, value in self._lines.items())
        self.file.write_text(f"[postgresql]\n{text}")

    @property
    def config(self) -> Config:
        return load(self.file)

    @property
    def server(self) -> Server:
        """Looks at the machine anew, as each run of a script does."""
        return Server(self.config)

    def _own(self, path: Path) -> None:
        if os.geteuid() == 0:
            owner = pwd.getpwnam("postgres")
            os.chown(path, owner.pw_uid, owner.pw_gid)

    def init(self) -> None:
        """As the example's README says, but small."""
        server = self.server
        data = str(server.data)
        made = server.run(
            "initdb", "-D", data, "-U", "postgres", "--data-checksums", "-A", "trust", "--no-sync", "--wal-segsize=1"
        )
        assert made.returncode == 0, made.stderr
        (server.data / "pg_hba.conf").write_text(ACCESS)
        with (server.data / "postgresql.conf").open("a") as settings:
            settings.write(SETTINGS)
        single = subprocess.run(
            [str(server.config.bin / "postgres"), "--single", "-j", "-D", data, "postgres"],
            input=SCHEMA.replace(";\n", ";\n\n"), text=True, capture_output=True, check=False, cwd="/",
            **server._run_as,
        )  # fmt: skip
        assert "ERROR" not in single.stderr + single.stdout, single.stderr

    def sql(self, statement: str, limit_s: float = 20.0) -> str:
        """By the local socket, as a superuser. "" when there is no answer within the limit."""
        config = self.config
        where = f"host={config.socket_dir} port={config.port} user=postgres dbname=postgres"
        done = self.server.run("psql", "-XAtq", "-d", where, "-c", statement, limit_s=limit_s)
        return done.stdout.strip()

    def put_data(self, data: Path) -> None:
        """Data that was made before, instead of `init`."""
        subprocess.run(["cp", "-a", str(data), str(self.server.data)], check=True)

    def command(self, verb: str) -> list[str]:
        """The example's program, as the agent's configuration and the unit name it."""
        path = f"PYTHONPATH={ROOT / 'examples' / 'postgresql'}"
        return ["env", path, sys.executable, "-m", "understudy_postgresql", "--config", str(self.file), verb]

    def die(self) -> None:
        """The machine is gone at once, and with it what is kept for one boot only."""
        server = self.server
        server.kill()
        shutil.rmtree(server.config.run_dir)

    def log(self) -> str:
        return self.server.data.with_name("data.log").read_text(errors="replace")[-3000:]
