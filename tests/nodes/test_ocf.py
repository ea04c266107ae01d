"""Resource agents as Debian packages them, on real nodes: served, killed, moved, cut off."""

from __future__ import annotations

import os
import stat
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from local.waiting import wait_for
from tests.nodes.agents import CLUSTER, section, set_up
from tests.nodes.base import BUILD
from tests.nodes.lab import Lab
from tests.nodes.leases import DRIFT_MARGIN_S, SHORT_LEASE, Leases, boottime_s
from tests.nodes.machine import Machine
from tests.nodes.watcher import wait_passed
from understudy_agent.scopes import Scopes, SystemPaths

POINT = "/srv/orders"
VOLUME = "/dev/orders"
LIMIT_S = 45.0
"""Six services start at once, two of them make their data first."""
PROGRAMS = {"web": "nginx", "pages": "apache2", "cache": "redis-server", "sql": "mariadbd", "db": "postgres"}
PORTS = {"web": 80, "pages": 8080, "cache": 6379, "sql": 3306, "db": 5432}
SERVERS = (
    "for pid in $(pgrep --exact '{names}'); do readlink /proc/$pid/exe | grep -vqE '/(ba|da)?sh$' && echo $pid; done"
)
MODULES = "mpm_event authz_core authz_host status"
APACHE = """ServerRoot /etc/apache2
ServerName localhost
Listen 8080
PidFile /run/apache2/apache2.pid
ErrorLog /var/log/apache2/error.log
User www-data
Group www-data
<Location /server-status>
SetHandler server-status
</Location>
"""
REDIS = f"bind 0.0.0.0\nprotected-mode no\ndir {POINT}/cache\nappendonly yes\nappendfsync always\n"
SIZES = ("--innodb-log-file-size=4M", "--innodb-data-file-path=ibdata1:4M:autoextend")
MARIADB = "\n".join(["[mysqld]", "bind-address = 0.0.0.0", *(size[2:].replace("=", " = ", 1) for size in SIZES), ""])


@pytest.fixture
def device(tmp_path: Path) -> Iterator[str]:
    """A disk that both nodes reach, as a volume that can be attached to two instances: with an empty database."""
    tree = tmp_path / "tree"
    made = ["mysql_install_db", "--no-defaults", f"--datadir={tree}/mysql", "--user=root", *SIZES]
    (tree / "cache").mkdir(parents=True)
    subprocess.run([*made, "--auth-root-authentication-method=normal"], check=True, capture_output=True)
    subprocess.run(["chown", "--recursive", "mysql:mysql", tree / "mysql"], check=True)
    subprocess.run(["chown", "redis:redis", tree / "cache"], check=True)
    image = BUILD / "devices" / f"{os.getpid()}-ocf.img"
    image.parent.mkdir(parents=True, exist_ok=True)
    with image.open("wb") as new:
        new.truncate(192 << 20)
    subprocess.run(["mkfs.ext4", "-q", "-d", tree, image], check=True)
    found = subprocess.run(["losetup", "--find", "--show", image], check=True, capture_output=True, text=True)
    name = found.stdout.strip()
    yield name
    subprocess.run(["losetup", "--detach", name], check=True)
    image.unlink()


def ocf(name: str, agent: str, params: str, **keys: object) -> str:
    return section(name, "ocf", agent=f"heartbeat:{agent}", params=params, **{"check_interval_s": 2, **keys})


def sections(postgresql: str) -> list[str]:
    data, etc = f"/var/lib/postgresql/{postgresql}/main", f"/etc/postgresql/{postgresql}/main/postgresql.conf"
    pg_ctl = f"/usr/lib/postgresql/{postgresql}/bin/pg_ctl"
    return [
        ocf("data", "Filesystem", f"device={VOLUME} directory={POINT} fstype=ext4"),
        ocf("web", "nginx", "httpd=/usr/sbin/nginx configfile=/etc/nginx/nginx.conf status10url=http://127.0.0.1/"),
        ocf("pages", "apache", "httpd=/usr/sbin/apache2 configfile=/etc/lab/apache.conf envfiles="),
        ocf("cache", "redis", "config=/etc/lab/redis.conf", depends_on="data"),
        ocf(
            "sql",
            "mysql",
            f"binary=/usr/sbin/mariadbd config=/etc/lab/my.cnf\n  datadir={POINT}/mysql",
            depends_on="data",
        ),
        ocf("db", "pgsql", f"pgctl={pg_ctl} pgdata={data} config={etc}\n  socketdir=/var/run/postgresql"),
    ]


def prepared(lab: Lab, leases: Leases, name: str, device: str) -> Machine:
    node = lab.machine(name, devices=(device,))
    postgresql = sorted(each.name for each in BUILD.joinpath("base/root/etc/postgresql").iterdir())[-1]
    set_up(node, leases.url, *sections(postgresql))
    loaded = "".join(f"LoadModule {one}_module /usr/lib/apache2/modules/mod_{one}.so\n" for one in MODULES.split())
    node.write("/etc/lab/apache.conf", loaded + APACHE)
    node.write("/etc/lab/redis.conf", REDIS)
    node.write("/etc/lab/my.cnf", MARIADB)
    node.write("/usr/local/sbin/modprobe", "#!/bin/sh\nexit 0\n", 0o755)  # Filesystem asks for it; see docs/kits.md
    folders = f"d {POINT} 0755 root root\nd /etc/apache2\nd /run/apache2\nd /var/log/apache2\n"
    node.write("/etc/tmpfiles.d/lab.conf", f"{folders}d /var/log/mysql 0755 mysql mysql\n")
    node.write("/etc/shadow", "".join(f"{user}:*:20000::::::\n" for user in ("root", "redis", "mysql")), 0o600)
    return node


def boot(node: Machine, device: str) -> None:
    """With a name of its own for the disk: the agent would unmount what the device itself is bound to the node with."""
    node.boot()
    os.mknod(node.path(VOLUME), stat.S_IFBLK | 0o600, Path(device).stat().st_rdev)


def pids(node: Machine, *programs: str) -> list[str]:
    """Their processes. An agent that monitors one is a shell of the same name."""
    names = "|".join(programs)
    return node.says("sh", "-c", SERVERS.format(names=names)).split()


def outside(node: Machine, service: str) -> list[str]:
    """Control groups of its programs that are not in its slice, where its kill would not find them."""
    (group,) = Scopes(CLUSTER, service, SystemPaths(booted=BUILD)).groups
    groups = [node.read(f"/proc/{pid}/cgroup") for pid in pids(node, PROGRAMS[service])]
    return [found for found in groups if f"{group}/" not in found]


def left(node: Machine) -> list[str]:
    """What of the services is still there: ports on which somebody listens, and the file system."""
    mounted = [POINT] if f" {POINT} " in node.read("/proc/1/mounts") else []
    listening = node.run("ss", "-Hltn").split()
    return [name for name, port in PORTS.items() if any(each.endswith(f":{port}") for each in listening)] + mounted


def wait_all(leases: Leases, node: Machine) -> None:
    def fits(beat):
        return set(beat.services.values()) == {"IN_SERVICE"}

    leases.wait_beat(node, CLUSTER, "serves all", fits, LIMIT_S)


def test_what_resource_agents_start_is_served_restarted_moved_and_failed_over(lab, leases, device):  # B19
    a, b = (prepared(lab, leases, name, device) for name in ("node-a", "node-b"))
    leases.register(CLUSTER, a, b)
    leases.grant(CLUSTER, a)
    for node in (a, b):
        boot(node, device)
    wait_all(leases, a)
    assert (sorted(left(a)), left(b)) == (sorted([*PORTS, POINT]), [])
    assert [found for service in PROGRAMS for found in outside(a, service)] == []
    said = a.run("/usr/bin/understudy-agent", "check")
    assert said.count("validate-all: good") == len(PROGRAMS) + 1
    a.run("redis-cli", "set", "order", "1")
    # Somebody kills all of them: each is noticed and started again here.
    killed_at = boottime_s()
    a.run("kill", "-KILL", *pids(a, *PROGRAMS.values()))
    wait_for("beats have missed each of them", lambda: missed(leases, a, killed_at) >= {*PROGRAMS}, LIMIT_S, why=a.tail)
    wait_all(leases, a)
    # A planned move: all is down, and the file system unmounted, before it is said.
    epoch = leases.end(CLUSTER)
    leases.wait_beat(a, CLUSTER, "releases the lease", lambda beat: beat.says_down(epoch), LIMIT_S)
    assert left(a) == []
    leases.grant(CLUSTER, b)
    wait_all(leases, b)
    assert b.run("redis-cli", "get", "order") == "1"
    # A power cut: the other node takes over what is on the disk.
    b.run("redis-cli", "set", "order", "2")
    b.cut_power()
    leases.end(CLUSTER)
    leases.grant(CLUSTER, a)
    wait_all(leases, a)
    assert a.run("redis-cli", "get", "order") == "2"
    a.cut_power()


def missed(leases: Leases, node: Machine, since: float) -> set[str]:
    """The services that one of its beats since then has called anything but in service. Some are soon back."""
    beats = leases.beats_of(node, CLUSTER, since)
    return {name for beat in beats for name, state in beat.services.items() if state != "IN_SERVICE"}


STUBBORN = """#!/bin/sh
case $1 in
  meta-data) cat <<END
<?xml version="1.0"?>
<!DOCTYPE resource-agent SYSTEM "ra-api-1.dtd">
<resource-agent name="stubborn"><parameters/>
<actions><action name="start" timeout="20s"/><action name="stop" timeout="1s"/>
<action name="monitor" timeout="5s" interval="1s"/><action name="meta-data" timeout="5s"/></actions></resource-agent>
END
  ;;
  start) cd /srv/orders; cp /bin/sleep /run/held; setsid /run/held 600 >held 2>&1 & ;;
  stop) exit 1 ;;
  monitor) pgrep --exact held >/dev/null || exit 7 ;;
esac
"""


def test_what_an_agent_does_not_stop_is_killed_and_unmounted_by_the_end_of_the_lease(lab, leases):  # B19 S12
    node = lab.machine("node-a")
    node.write("/usr/lib/ocf/resource.d/lab/stubborn", STUBBORN, 0o755)
    node.write("/usr/local/sbin/modprobe", "#!/bin/sh\nexit 0\n", 0o755)
    node.path(POINT).mkdir(parents=True)
    node.write("/etc/exports", "")
    node.write("/var/lib/nfs/etab", "")
    data = ocf("data", "Filesystem", f"device=none directory={POINT} fstype=tmpfs force_unmount=no")
    exports = ocf("exports", "exportfs", f"directory={POINT} fsid=1 clientspec=*", depends_on="data")
    stubborn = section("stubborn", "ocf", agent="ocf:lab:stubborn", depends_on="data")
    set_up(node, leases.url, data, exports, stubborn)
    leases.register(CLUSTER, node, **SHORT_LEASE | {"lease_s": 7, "silence_limit_s": 10, "kill_limit_s": 2})
    leases.grant(CLUSTER, node)
    node.boot()
    leases.wait_serving(node, CLUSTER, "data", "exports", "stubborn")
    leases.records = False
    end = leases.lease_end(node, CLUSTER)
    wait_passed(end + DRIFT_MARGIN_S)
    assert (node.says("pgrep", "--exact", "held"), POINT in node.read("/proc/1/mounts"), node.boots) == (
        "",
        False,
        1,
    )
