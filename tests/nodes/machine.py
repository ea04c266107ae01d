"""One node: a real systemd as process 1, with a disk, a network and an instance metadata service of its own."""

from __future__ import annotations

import contextlib
import os
import secrets
import shutil
import signal
import subprocess
import tarfile
import threading
from pathlib import Path

from local.processes import Child, clean_environment, start, tail_of
from local.waiting import NotInTime, wait_for
from tests.nodes.base import BUILD, BUNDLE, Base
from tests.nodes.cgroups import Cgroups
from tests.nodes.metadata import Instance, Metadata
from tests.nodes.networks import Hub, NodeNetwork

BOOT_LIMIT_S = 60.0
OFF_LIMIT_S = 60.0
REBOOT = 133
"""How systemd-nspawn ends when the node is to be started again."""
_START = """
set -e
for group in {groups}; do echo 0 > $group/cgroup.procs; done
mount -t overlay overlay -o lowerdir={base.root},upperdir={disk}/root,workdir={disk}/work {disk}/mounted
mount -t overlay overlay -o lowerdir={base.usr}:/usr,upperdir={disk}/usr,workdir={disk}/usr-work {disk}/mounted/usr
exec systemd-nspawn --quiet --register=no --keep-unit --console=pipe --kill-signal=SIGRTMIN+3 --link-journal=no \
  --resolv-conf=off --timezone=off --machine={name} --uuid={uuid} --directory={disk}/mounted \
  --network-namespace-path={network} --capability=CAP_NET_ADMIN,CAP_IPC_LOCK \
  --system-call-filter=open_by_handle_at {devices} \
  /usr/local/sbin/lab-init systemd.show_status=no
"""


class Machine:
    """Off until `boot` is called. What it has on its disk outlives boots; `remove` leaves nothing of it.

    `name` is its host name; `devices` of this machine are seen by it.
    """

    def __init__(self, base: Base, hub: Hub, name: str, instance: Instance, devices: tuple[str, ...] = ()) -> None:
        self.name, self.address = name, instance.address
        self.boots = 0
        """How often it was started, a reboot counts."""
        self._base, self._devices = base, devices
        self._power: threading.Thread | None = None
        self._child: Child | None = None
        self._is_cut = False
        self._run = f"{os.getpid()}-{name}-{secrets.token_hex(3)}"
        self._disk = BUILD / "disks" / self._run
        for folder in ("root", "work", "usr", "usr-work", "mounted"):
            (self._disk / folder).mkdir(parents=True)
        self.write("/etc/hostname", f"{name}\n")
        self.write("/etc/machine-id", f"{secrets.token_hex(16)}\n")
        self._uuid = secrets.token_hex(16)
        self._cgroups = Cgroups(self._run)
        self.network = NodeNetwork(hub, name, instance.address)
        self.metadata = Metadata(self.network.metadata, instance)
        self.metadata.__enter__()

    # --- power

    def boot(self) -> None:
        """Switch it on, and wait until systemd has started all that it is to start."""
        self.switch_on()
        self.wait_booted()

    def switch_on(self) -> None:
        self._is_cut = False
        self._power = threading.Thread(target=self._stay_on, name=f"power of {self.name}", daemon=True)
        boots = self.boots
        self._power.start()
        wait_for(f"{self.name} is switched on", lambda: self.boots > boots, BOOT_LIMIT_S, why=self.tail)

    def _stay_on(self) -> None:
        """Until it is powered off. The thread must live as long as what it has started."""
        while not self._is_cut:
            self._cgroups.make()
            script = _START.format(
                groups=" ".join(map(str, self._cgroups.paths)),
                base=self._base,
                disk=self._disk,
                name=self.name,
                uuid=self._uuid,
                network=self.network.path,
                devices=" ".join(f"--bind={device}" for device in self._devices),
            )
            program = ["unshare", "--mount", "--propagation", "private", "sh", "-c", script]
            env = clean_environment(self._run, self._disk / "home")
            self._child = start(self.name, program, env=env, log=self._disk / "console.log")
            self.boots += 1
            if self._child.popen.wait() != REBOOT:
                break
        self._cgroups.remove()

    def wait_booted(self, boots: int = 0) -> None:
        """Until it is up, started `boots` times at least."""
        wait_for(f"{self.name} is up", lambda: self.boots >= boots and self.is_up(), BOOT_LIMIT_S, why=self.tail)

    def is_up(self) -> bool:
        """Whether systemd has finished its boot."""
        self._demand_power()
        return self._tried("systemctl", "is-system-running") in ("running", "degraded")

    def _demand_power(self) -> None:
        if self._power is not None and not self._power.is_alive():
            raise NotInTime(f"{self.name} is off:\n{self.tail()}")

    def wait_off(self) -> None:
        """Until it has gone off by itself."""
        assert self._power is not None
        self._power.join(OFF_LIMIT_S)
        if self._power.is_alive():
            raise NotInTime(f"{self.name} is off: not within {OFF_LIMIT_S:g} s\n{self.tail()}")
        self._power = None

    def cut_power(self) -> None:
        """Everything on it ends in the same instant, frozen or not. Its disk stays as it is."""
        if self._power is None:
            return
        self._is_cut = True
        pid = self.pid()
        if pid:
            os.kill(pid, signal.SIGKILL)
        elif self._child is not None:
            self._child.popen.kill()
        with contextlib.suppress(OSError, StopIteration):  # gone already
            self._cgroups.thaw()
        self.wait_off()

    @property
    def is_on(self) -> bool:
        return self._power is not None and self._power.is_alive()

    def pid(self) -> int:
        """Its process 1, as this machine numbers it; 0: there is none."""
        if self._child is None or not self._child.running():
            return 0
        try:
            children = Path(f"/proc/{self._child.pid}/task/{self._child.pid}/children").read_text().split()
            for child in map(int, children):
                words = _status(child)
                if words.get("NSpid", "").split()[1:] == ["1"]:
                    return child
        except OSError:  # it has just ended
            return 0
        return 0

    def is_ended(self) -> bool:
        """Whether its process 1 runs no more, also while it waits for a process that cannot end."""
        pid = self.pid()
        return not pid or not Path(f"/proc/{pid}/cmdline").read_bytes()

    def forbid_forks(self) -> bool:
        """Let no process or thread begin on it until it boots again. False: this machine cannot do that."""
        return self._cgroups.forbid_forks()

    def slow_down(self, percent: int) -> bool:
        """Give all of it so much of one processor until it boots again. False: this machine cannot do that."""
        return self._cgroups.slow_down(percent)

    def freeze(self) -> None:
        self._cgroups.freeze()

    def thaw(self) -> None:
        self._cgroups.thaw()

    def remove(self) -> None:
        """Power cut, and all that was made for it goes."""
        self.cut_power()
        self.metadata.__exit__(None, None, None)
        self.network.close()
        shutil.rmtree(self._disk)

    # --- from within

    def run(self, *program: str, limit_s: float = 60.0) -> str:
        """What a program prints there. Raises RuntimeError when it fails."""
        done = self._entered(program, limit_s)
        if done.returncode != 0:
            raise RuntimeError(f"{self.name}: {' '.join(program)}: {done.returncode}: {done.stderr.strip()}")
        return done.stdout.strip()

    def _tried(self, *program: str) -> str:
        """What it prints, whether it fails or not; "" while the node cannot run anything."""
        try:
            return self._entered(program, 10.0).stdout.strip()
        except (OSError, RuntimeError, subprocess.TimeoutExpired):
            return ""

    def says(self, *program: str) -> str:
        """What a program prints there, whatever its exit status is."""
        return self._tried(*program)

    def _entered(self, program: tuple[str, ...], limit_s: float) -> subprocess.CompletedProcess[str]:
        pid = self.pid()
        if not pid:
            raise RuntimeError(f"{self.name} is off:\n{self.tail()}")
        env = {"PATH": "/usr/local/sbin:/usr/sbin:/usr/bin:/sbin:/bin", "LANG": "C.UTF-8"}
        enter = ["nsenter", f"--target={pid}", "--mount", "--uts", "--ipc", "--net", "--pid", "--root", "--wdns=/"]
        return subprocess.run(
            [*enter, "--", *program], capture_output=True, text=True, check=False, timeout=limit_s, env=env
        )

    def start_program(self, *program: str) -> subprocess.Popen[bytes]:
        """A program there that goes on beside the test; it ends with the node at the latest."""
        enter = ["nsenter", f"--target={self.pid()}", "--mount", "--uts", "--ipc", "--net", "--pid", "--root"]
        return subprocess.Popen([*enter, "--", *program], stdin=subprocess.DEVNULL)

    # --- its disk

    def path(self, name: str) -> Path:
        """Where this machine sees a file of the node: of the running node, /run too; else of its disk."""
        pid = self.pid() if self._child else 0
        if pid:
            return Path("/proc", str(pid), "root", name.lstrip("/"))
        if name.startswith("/usr/"):
            return self._disk / "usr" / name.removeprefix("/usr/")
        return self._disk / "root" / name.lstrip("/")

    def write(self, name: str, text: str, mode: int = 0o644) -> None:
        path = self.path(name)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        path.chmod(mode)

    def unpack_bundle(self, folder: str) -> None:
        """Put the agent's bundle on the node, as a person copies it there."""
        with tarfile.open(BUNDLE) as bundle:
            bundle.extractall(self.path(folder), filter="data")

    def read(self, name: str) -> str:
        """A file's text; "" when there is none."""
        try:
            return self.path(name).read_text()
        except OSError:
            return ""

    def tail(self) -> str:
        """The end of its console and of its journal, for an error message."""
        console = tail_of(self._disk / "console.log", 15)
        return f"{console}\n{self._tried('journalctl', '-n', '40', '--no-pager', '-o', 'short-precise')}"


def _status(pid: int) -> dict[str, str]:
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return dict(line.partition(":")[::2] for line in lines)
