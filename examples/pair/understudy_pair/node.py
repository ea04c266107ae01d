"""What a node remembers of its server: whether it may be writable, what its data is, how far the leader was."""

from __future__ import annotations

import configparser
import contextlib
import fcntl
import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

NEVER, FIRST, SYNCED, BEHIND, REFUSED, REBUILDING = "never", "first", "synced", "behind", "refused", "rebuilding"
BROKEN = "broken"
"""What the data is: nobody's yet; what the cluster begins with; the cluster's; an older state of it; parted from it;
half a copy; the cluster's, but for something that was received and could not be applied."""
MAY_LEAD = (FIRST, SYNCED)


class BadConfigError(Exception):
    """The file cannot be used; the text says what was found, and what is allowed."""


def slices_of(first: Path) -> list[str]:
    """Below which control groups this machine's systemd has its slices: its own one, as the kernel shows it."""
    lines = read(first).splitlines()
    return [line.partition(":")[2].partition(":")[2].removesuffix("/init.scope").rstrip("/") for line in lines] or [""]


def is_of_unit(line: str, unit: str, tops: Sequence[str]) -> bool:
    """Whether a control group, as /proc/PID/cgroup names it, is a unit's of this machine, or below it.

    Above a unit are slices alone: one of the same name in a container is below the container's own group.
    """
    path = line.partition(":")[2].partition(":")[2]
    for top in tops:
        if path.startswith(f"{top}/"):
            names = path[len(top) + 1 :].split("/")
            above = names[: names.index(unit)] if unit in names else [""]
            if all(name.endswith(".slice") for name in above):
                return True
    return False


UNIT_PATHS = tuple(
    Path(folder)
    for folder in (
        "/etc/systemd/system",
        "/run/systemd/system",
        "/usr/local/lib/systemd/system",
        "/usr/lib/systemd/system",
        "/lib/systemd/system",
    )
)
LINKS_MOST = 8
"""Of links that lead to each other: more than anybody makes, and an end to a circle of them."""


def real_name(name: str, folders: Sequence[Path] = ()) -> str:
    """A unit's own name, where `name` is an alias of it: the kernel and systemd know its processes by that alone.

    An alias of a template is one of each of its instances. A link to a file that is in none of the folders gives it no
    other name.
    """
    folders = folders or UNIT_PATHS
    places = [os.path.realpath(folder) for folder in folders]
    for _ in range(LINKS_MOST):
        found = _linked_name(name, folders, places)
        if found in ("", name):
            break
        name = found
    return name


def _linked_name(name: str, folders: Sequence[Path], places: Sequence[str]) -> str:
    """What the link of that name names next; "" when there is none, or it leaves the folders of units."""
    stem, _, kind = name.rpartition(".")
    prefix, is_instance, instance = stem.partition("@")
    template = f"{prefix}@.{kind}"
    wanted = [name, template] if is_instance else [name]
    files = (folder / each for each in wanted for folder in folders)
    file = next((each for each in files if os.path.lexists(each)), None)
    if file is None or not file.is_symlink():
        return ""
    target = file.parent / file.readlink()
    if os.path.realpath(target.parent) not in places:
        return ""
    head, sign, tail = target.name.partition("@.")
    return f"{head}@{instance}.{tail}" if sign and is_instance else target.name


def load(path: Path, defaults: Mapping[str, str]) -> dict[str, str]:
    """The values of the file's one section. A default of "" is no default. Raises BadConfigError."""
    parser = configparser.ConfigParser(interpolation=None)
    try:
        parser.read_string(path.read_text(encoding="utf-8"), source=str(path))
    except (OSError, UnicodeDecodeError, configparser.Error) as fault:
        raise BadConfigError(" ".join(str(fault).split())) from fault
    given = {key: value for section in parser.sections() for key, value in parser[section].items()}
    values = {**defaults, **given}
    faults = [f"{key}: unknown key; known are {', '.join(sorted(defaults))}" for key in given if key not in defaults]
    faults += [f"{key} is missing" for key, value in values.items() if not value]
    faults += [
        f"{key} = {value}: must be yes or no"
        for key, value in values.items()
        if defaults.get(key) in ("yes", "no") and value not in ("yes", "no")
    ]
    real = real_name(values["unit"])
    if real != values["unit"]:
        faults.append(
            f"unit = {values['unit']}: is another name of {real}, which its processes are known by: name that one"
        )
    if faults:
        raise BadConfigError("; ".join(faults))
    return values


class Node:
    """The server is a systemd unit of its own, and its configuration makes it read-only whenever it starts.

    The file `writable` in `run_dir` names the processes that may have been promoted. It is written before a promotion
    and goes with the demotion. A server that died since is another process, and so is read-only.
    """

    def __init__(self, config: dict[str, str]) -> None:
        self.config = config
        self._slices = slices_of(Path("/proc/1/cgroup"))
        self.run_dir, self.state_dir = Path(config["run_dir"]), Path(config["state_dir"])
        for folder in (self.run_dir, self.state_dir):
            folder.mkdir(mode=0o755, parents=True, exist_ok=True)

    @contextlib.contextmanager
    def locked(self) -> Iterator[None]:
        """Keeps a promotion apart from what the follower does. The kernel frees it when its holder dies."""
        with (self.run_dir / "lock").open("a") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield

    # --- the server's processes ----------------------------------------------------------------

    def processes(self) -> dict[int, str]:
        """Every process in the unit's control group, with its start time."""
        found = {}
        for entry in Path("/proc").glob("[0-9]*"):
            started = self._started(entry)
            if started:
                found[int(entry.name)] = started
        return found

    def _started(self, entry: Path) -> str:
        """Clock ticks from the boot to its start; "" for one that is not the unit's or has ended."""
        try:
            groups = (entry / "cgroup").read_text().splitlines()
            if not any(is_of_unit(line, self.config["unit"], self._slices) for line in groups):
                return ""
            state, *fields = (entry / "stat").read_text().rpartition(")")[2].split()
        except (FileNotFoundError, ProcessLookupError):  # it ended while we looked
            return ""
        return "" if state in "ZX" else fields[18]

    def mark(self) -> None:
        """Before a promotion: what runs now may be writable from here on."""
        lines = [f"{pid} {started}\n" for pid, started in self.processes().items()]
        self._put(self.run_dir / "writable", "".join(lines))

    def unmark(self) -> None:
        """Only once nothing that runs can be writable."""
        (self.run_dir / "writable").unlink(missing_ok=True)

    def may_be_writable(self) -> bool:
        """Whether what runs may have been promoted since it was started."""
        marked = read(self.run_dir / "writable").splitlines()
        return any(f"{pid} {started}" in marked for pid, started in self.processes().items())

    def kill(self) -> None:
        """Every process that runs now, until none of them is left. systemd starts the server again, read-only."""
        doomed = self.processes()
        while left := doomed.items() & self.processes().items():
            for pid, _ in left:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)

    # --- what it remembers ---------------------------------------------------------------------

    @property
    def state(self) -> str:
        """What the data is, in one of the words above; it outlives boots."""
        return read(self.state_dir / "state").strip() or NEVER

    def keep_state(self, word: str) -> None:
        """Durable when it returns."""
        if word != self.state:
            self._put(self.state_dir / "state", f"{word}\n")

    def seen(self) -> int | None:
        """How far the leader was when it last answered in this boot; None: it has not."""
        text = read(self.run_dir / "seen")
        return int(text) if text else None

    def keep_seen(self, number: int | None) -> None:
        """For `fit`, when the leader is gone. None: forget it."""
        self._put(self.run_dir / "seen", "" if number is None else str(number))

    @staticmethod
    def _put(path: Path, text: str) -> None:
        """Whole or not at all, and durable."""
        new = path.with_name(f"{path.name}.new")
        with new.open("w", encoding="ascii") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        new.replace(path)


def read(path: Path) -> str:
    """A file's text; "" when there is none."""
    try:
        return path.read_text(encoding="utf-8")
    except FileNotFoundError:
        return ""


def login(path: Path, section: str) -> tuple[str, str]:
    """User and password of a section of a file."""
    parser = configparser.ConfigParser(interpolation=None)
    parser.read_string(path.read_text(encoding="utf-8"), source=str(path))
    return parser[section]["user"], parser[section]["password"]


def run(
    argv: list[str], text: str, limit_s: float | None, env: Mapping[str, str] | None = None
) -> subprocess.CompletedProcess[str]:
    """A client program, `text` on its standard input. Exit status 124: it took longer than the limit."""
    try:
        return subprocess.run(
            argv, input=text, capture_output=True, text=True, timeout=limit_s, check=False, env=env and dict(env)
        )
    except subprocess.TimeoutExpired:
        return subprocess.CompletedProcess(argv, 124, "", f"no answer within {limit_s:g} s")


class Teller:
    """Says each thing once, until there is something else to say."""

    def __init__(self) -> None:
        self._told = ""

    def __call__(self, text: str) -> None:
        if text != self._told:
            self._told = text
            tell(text)


def tell(text: str) -> None:
    """One line for the journal."""
    sys.stderr.write(f"{text}\n")
    sys.stderr.flush()
