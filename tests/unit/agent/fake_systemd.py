"""A systemctl that answers `show` with what a real one has answered.

The answers in systemd_252/ were recorded with `systemctl show -p PROPERTIES UNIT...` from systemd 252 (Debian 12) as
PID 1 of a container: postgresql as packaged by Debian, the rest small units made for the purpose.
"""

from __future__ import annotations

import sys
from pathlib import Path

RECORDED = Path(__file__).with_name("systemd_252")

PROGRAM = """#!{python} -IS
import sys, pathlib
here = pathlib.Path({directory!r})
words = sys.argv[1:]
with (here / "asked").open("a") as asked:
    asked.write(" ".join(word for word in words if not word.startswith("Id,")) + "\\n")
if words[0] == "show":
    text = (here / "shown").read_text()
    if not text:
        sys.exit(1)
    blocks = {{}}
    for block in text.strip("\\n").split("\\n\\n"):
        found = dict(line.partition("=")[::2] for line in block.splitlines())
        blocks[found["Id"]] = block
    aliases = {{"alias.service": "plain.service"}}
    nonesuch = {nonesuch!r}
    names = words[words.index("--") + 1:]
    shown = [blocks.get(aliases.get(name, name), nonesuch.replace("nonesuch.service", name)) for name in names]
    print("\\n\\n".join(shown))
sys.exit(words[0] != "show" and "broken.service" in words)
"""


class FakeSystemctl:
    """`path` runs as systemctl does. It shows what `shows` names, and writes down all that it is asked."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self.path = str(directory / "systemctl")
        nonesuch = (RECORDED / "not_found.txt").read_text().strip("\n")
        program = PROGRAM.format(python=sys.executable, directory=str(directory), nonesuch=nonesuch)
        Path(self.path).write_text(program)
        Path(self.path).chmod(0o755)
        self.shows("not_found")

    def shows(self, recorded: str, of: str = "", **changed: str) -> None:
        """Show the units of a recorded answer. `changed`: properties that the unit `of`, or all, have otherwise."""
        blocks = []
        for block in (RECORDED / f"{recorded}.txt").read_text().strip("\n").split("\n\n"):
            found = dict(line.partition("=")[::2] for line in block.splitlines())
            found.update(changed if of in ("", found["Id"]) else {})
            blocks.append("\n".join(f"{key}={value}" for key, value in found.items()))
        (self._directory / "shown").write_text("\n\n".join(blocks) + "\n")

    def shows_nothing(self) -> None:
        """Fail, as it does when systemd does not answer."""
        (self._directory / "shown").write_text("")

    def asked(self) -> list[str]:
        """What it was asked to do; looks are left out."""
        file = self._directory / "asked"
        lines = file.read_text().splitlines() if file.exists() else []
        return [line for line in lines if not line.startswith("show ")]


class FakeControlGroups:
    """A directory that looks like the kernel's control groups (version 2)."""

    def __init__(self, root: Path) -> None:
        self.root = root
        root.mkdir()
        (root / "cgroup.controllers").write_text("")
        (root / "cgroup.procs").write_text("")

    def put(self, path: str, *pids: int) -> None:
        """Have these processes, and no others, run in a group."""
        group = self.root / path.lstrip("/")
        group.mkdir(parents=True, exist_ok=True)
        for each in (group, *group.parents):
            if each == self.root:
                break
            (each / "cgroup.procs").touch()
        (group / "cgroup.procs").write_text("".join(f"{pid}\n" for pid in pids))
