"""How the agent starts a program: nothing of the agent's own in its environment, signals and streams."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import threading
from collections.abc import Mapping, Sequence
from typing import IO

AGENTS_OWN = re.compile(
    r"(AWS|BOTO|PYTHON|SYSTEMD|LISTEN|WATCHDOG|MEMORY_PRESSURE)_?.*|NOTIFY_SOCKET|INVOCATION_ID|JOURNAL_STREAM"
    r"|MAINPID|MANAGERPID.*|VIRTUAL_ENV|(RUNTIME|STATE|CACHE|LOGS|CONFIGURATION|CREDENTIALS)_DIRECTORY"
    r"|(?i:(http|https|ftp|all|no)_proxy)"
)
"""What systemd and the operator set for the agent alone. It would mislead a service, or give it the node's keys."""

ENDING = (signal.SIGHUP, signal.SIGINT, signal.SIGQUIT, signal.SIGTERM, signal.SIGUSR1, signal.SIGUSR2, signal.SIGCHLD)
"""Signals that end a program, or that it waits for, unless it ignores them."""

DEFAULTS = {
    "PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
    "LANG": "C.UTF-8",
    "HOME": "/",
}

BEGIN_SCRIPT = """\
case $1 in
*/*) understudy_file=$1 ;;
*)
    understudy_file=
    set -f
    IFS=:
    for understudy_dir in $PATH; do
        [ -f "$understudy_dir/$1" ] && [ -x "$understudy_dir/$1" ] && understudy_file=$understudy_dir/$1 && break
    done ;;
esac
for understudy_level in 1 2 3 4 5; do
    [ -r "$understudy_file" ] || break
    IFS= read -r understudy_head <"$understudy_file" || [ "$understudy_head" ] || exit 127
    case $understudy_head in
    ?ELF*) break ;;
    "#!"*)
        understudy_file=${understudy_head#??}
        understudy_file=${understudy_file#"${understudy_file%%[![:blank:]]*}"}
        understudy_file=${understudy_file%%[[:blank:]]*} ;;
    *) exit 127 ;;
    esac
done
exec "$@"
"""
"""What a shell does to become a program. It looks first whether the kernel would execute it: it is a binary, or names
an interpreter that is one. What the kernel refuses a shell runs itself, and the end of that would be taken for an
answer: an empty file ends with 0. What may be executed and not read (sudo, on some systems) is left to the kernel: the
shell could not run it itself. The variables have names that no environment has: one that comes from there would be
changed for the program, too."""
BEGIN = ("/bin/sh", "-c", BEGIN_SCRIPT, "sh")
"""Opens the program where only its own process waits for it, and becomes it. Whoever starts a program himself waits
until its file is open: on a disk that hangs, for ever."""


def environment(inherited: Mapping[str, str]) -> dict[str, str]:
    """The environment of a child. What the owner sets for the agent's unit beyond the agent's own is handed on."""
    return {**DEFAULTS, **{name: text for name, text in inherited.items() if not AGENTS_OWN.fullmatch(name)}}


def spawn(
    argv: Sequence[str], stdout: int | IO[bytes] = 2, more: Mapping[str, str] | None = None
) -> subprocess.Popen[bytes]:
    """Start a program in a session of its own, and never wait for its file.

    Raises OSError when there is no process for it. One that cannot be executed ends as in a shell, with 126 or 127. Its
    output goes where the agent's log goes, and it reads nothing. Signals are as a program expects them: none blocked,
    none ignored. `more`: what its environment has beyond that of every child.
    """
    with _SignalsAtRest():
        try:
            return subprocess.Popen(
                [*BEGIN, *argv],
                stdin=subprocess.DEVNULL,
                stdout=stdout,
                env={**environment(os.environ), **(more or {})},
                start_new_session=True,
            )
        except ValueError as fault:  # a NUL byte in a word, which the kernel would take for its end
            raise OSError(str(fault)) from fault


class _SignalsAtRest:
    """A child inherits what is blocked and what is ignored at the moment of the fork, and no handlers.

    What Python itself ignores is reset by `subprocess`. What whoever started the agent ignored (`nohup`) gets a handler
    that does nothing: the same to the agent, and the default again to a child.
    """

    def __enter__(self) -> None:
        if threading.current_thread() is threading.main_thread():
            for number in ENDING:
                if signal.getsignal(number) is signal.SIG_IGN:
                    signal.signal(number, lambda *_: None)
        self._blocked = signal.pthread_sigmask(signal.SIG_SETMASK, ())

    def __exit__(self, *_: object) -> None:
        signal.pthread_sigmask(signal.SIG_SETMASK, self._blocked)
