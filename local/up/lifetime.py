"""How the stack to play with is started, found to be up already, and ended."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TextIO

from local.interrupts import Interrupted, raise_on_signals
from local.up.control import Answer, NobodyThere, Request, ask
from local.up.place import Place
from local.up.ports import USUAL, PortBlock
from local.waiting import NotInTime, wait_for

_ROOT = Path(__file__).resolve().parents[2]
UP_LIMIT_S = 600.0
"""The first time all is built, and pip fetches what that needs."""
DOWN_LIMIT_S = 30.0
_LOOK_EVERY_S = 0.2
HINTS = (
    'In a shell of your own:    eval "$(make -s env)"    (then aws, dig and understudy work on it)',
    "What you can do to it:     make help",
    "To end it:                 make down",
)


class NotUp(Exception):  # noqa: N818  (it reads as the sentence that the operator gets)
    """It did not start; the message says why, and what to do."""


def bring_up(place: Place, ports: PortBlock | None) -> int:
    """Start it, or find it up, and say where everything is. Returns the exit status; raises NotUp."""
    raise_on_signals()
    lock = place.hold()
    if lock is None:
        return _find_up(place, ports)
    try:
        started = _start(place, ports or PortBlock(), lock)
    finally:
        os.close(lock)  # what has been started holds it
    try:
        answer = _follow(place, lambda: started.poll() is None)
    except (Interrupted, NotInTime) as reason:
        bring_down(place)
        print(f"It was not up yet when it was ended ({reason}). Nothing is left running.")
        return reason.exit_status if isinstance(reason, Interrupted) else 1
    print(*answer.said, "", *HINTS, sep="\n")
    return 0


def bring_down(place: Place) -> bool:
    """End it, and whatever an earlier one has left. Whether there was one."""
    lock = place.hold()
    if lock is not None:
        place.sweep()
        os.close(lock)
        return False
    for number in (signal.SIGTERM, signal.SIGKILL):
        _signal(place, number)
        with contextlib.suppress(NotInTime):
            wait_for("it has ended", lambda: not place.is_held(), DOWN_LIMIT_S, interval_s=_LOOK_EVERY_S)
            return True
    raise NotUp(f"It does not end. Look at {place.log}, and kill process {place.signed_by()}.")


def _signal(place: Place, number: signal.Signals) -> None:
    process = place.signed_by()
    if process is not None:
        with contextlib.suppress(ProcessLookupError):  # it has ended, and what it left is being swept
            os.kill(process, number)


def _start(place: Place, ports: PortBlock, lock: int) -> subprocess.Popen[bytes]:
    place.sweep()
    taken = ports.taken()
    if taken:
        other = f"make up FIRST_PORT={USUAL + 10000 if ports.first == USUAL else USUAL}"
        raise NotUp(f"It did not start: {'; '.join(taken)}. To choose eight other ports in a row: {other}")
    if place.log.exists():
        place.log.replace(place.log.with_name("log.before"))
    program = [sys.executable, "-m", "local.up.resident", str(place.folder), str(ports.first), str(lock)]
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "SAM_"))}
    with place.log.open("wb") as log:
        return subprocess.Popen(
            program,
            cwd=_ROOT,
            env=kept | {"PYTHONUNBUFFERED": "1"},
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            pass_fds=(lock,),
            start_new_session=True,  # the terminal may be closed
        )


def _find_up(place: Place, ports: PortBlock | None) -> int:
    """It was started before, by somebody else perhaps, and may not be up yet."""
    try:
        (first,) = ask(place, Request("port")).said
    except NobodyThere:
        print("It starts already, or ends just now.")
        answer = _follow(place, place.is_held)
    else:
        if ports is not None and first != str(ports.first):
            others = f"make down up FIRST_PORT={ports.first}"
            raise NotUp(f"It is up already, with the ports from {first} on. To have others: {others}")
        print("It is up already.")
        answer = ask(place, Request("state"))
    print(*answer.said, "", *HINTS, sep="\n")
    return 0


def _follow(place: Place, goes_on: Callable[[], bool]) -> Answer:
    """Print what it says, until it is up. Raises NotUp when it ends, and NotInTime."""

    def up(log: TextIO) -> Answer | None:
        ends = not goes_on()
        print(log.read(), end="", flush=True)
        if ends:
            raise NotUp(f"It did not start. Logs are in {place.folder}.")
        with contextlib.suppress(NobodyThere):
            return ask(place, Request("state"))
        return None

    with place.log.open(errors="replace") as log:
        return wait_for("it is up", lambda: up(log), UP_LIMIT_S, interval_s=_LOOK_EVERY_S)
