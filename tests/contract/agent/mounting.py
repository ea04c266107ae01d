"""Mounts, uses and unmounts a real file system. Run as root of a mount namespace of its own: `mounting.py DIRECTORY`.

Prints one line of JSON: what the kind `mount` made of it.
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

from tests.unit.agent.waiting import wait_for
from understudy_agent.mounts import Mount
from understudy_agent.tasks import Task


def word(task: Task) -> str:
    return wait_for(task.poll).value


def in_use(directory: Path) -> subprocess.Popen[bytes]:
    """A process that works in the directory and has a file open there."""
    script = "exec 3>held; touch ready; exec sleep 600"
    user = subprocess.Popen(["/bin/sh", "-c", script], cwd=directory)
    wait_for((directory / "ready").exists)
    return user


def main(directory: Path) -> dict[str, object]:
    point = directory / "my orders"
    point.mkdir()
    mount = Mount(str(point), "none", "tmpfs", "size=64k")
    found: dict[str, object] = {"before": word(mount.look()), "start": word(mount.start()), "up": word(mount.look())}
    found["stop"], found["stopped"] = word(mount.stop()), word(mount.look())
    word(mount.start())
    user = in_use(point)
    try:
        stop = mount.stop()
        found["busy"] = [stop.poll() for _ in range(20)] == [None] * 20
        found["busy_is"] = word(mount.look())
        stop.abort()
        found["kill"], found["killed"] = word(mount.kill()), word(mount.look())
        found["user"] = user.wait(10)
    finally:
        user.kill()
        user.wait(10)
    wrong = Mount(str(point), "none", "no-such-file-system")
    found["wrong"] = word(wrong.start())
    found["wrong_is"] = word(wrong.look())
    return found


if __name__ == "__main__":
    sys.stdout.write(json.dumps(main(Path(sys.argv[1]))) + "\n")
