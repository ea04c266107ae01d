"""What becomes of a node whose service cannot be stopped: it must not go on serving (S12)."""

from __future__ import annotations

import subprocess
from collections.abc import Callable, Sequence

from .log import Log

COMMANDS = {
    "reboot": ("systemctl", "reboot", "--force", "--force"),
    "poweroff": ("systemctl", "poweroff", "--force", "--force"),
}


def on_unstoppable(
    policy: str, journal: Log, run: Callable[[Sequence[str]], object] = subprocess.Popen
) -> Callable[[str], None]:
    """What to do, once for each service that killing did not end. `policy`: reboot, poweroff or report."""

    def act(service: str) -> None:
        journal.error(
            "service_cannot_be_stopped", f"killing did not help, or cannot be tried; policy {policy}", service=service
        )
        if policy not in COMMANDS:
            return
        try:
            run(COMMANDS[policy])
        except OSError as fault:
            journal.error("node_cannot_be_taken_down", str(fault), service=service)

    return act
