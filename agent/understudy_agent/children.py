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

OPEN = """
_program=$1
case $_program in
  */*) ;;
  *)
    IFS=:
    for _folder in $PATH; do
      [ -f "$_folder/$1" ] && [ -x "$_folder/$1" ] && _program=$_folder/$1 && break
    done
    [ "$_program" != "$1" ] || exit 127 ;;
esac
_file=$_program
for _level in 1 2 3 4 5; do
  IFS= read -r _head < "$_file" || [ "$_head" ] || exit 127
  case $_head in
    ?ELF*) shift; exec "$_program" "$@" ;;
    "#!"*) _file=${_head#??}; _file=${_file#"${_file%%[![:blank:]]*}"}; _file=${_file%%[[:blank:]]*} ;;
    *) exit 127 ;;
  esac
done
exit 127
"""
"""What a shell does to become a program. It finds the file, and looks first whether the kernel would execute it: it is
a binary, or names an interpreter that is one, by as many interpreters as the kernel follows. What the kernel refuses a
shell runs itself, and the end of that would be taken for an answer: an empty file ends with 0."""
BEGIN = ("/bin/sh", "-c", OPEN, "sh")
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
