"""Run a command that dies with the agent: `tether.py AGENT_PID COMMAND...`.

Run as a script of its own, because between fork and exec nothing but simple system calls is safe in a process
that has threads. The kernel kills the command when the agent's main thread, which started it, is gone.
"""

from __future__ import annotations

import ctypes
import os
import signal
import sys

PR_SET_PDEATHSIG = 1


def main(agent_pid: int, command: list[str]) -> int:
    """Exit status 127 when the command cannot be run; otherwise the command takes this process over."""
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0) != 0:
        sys.stderr.write(f"prctl: {os.strerror(ctypes.get_errno())}\n")
        return 127
    if os.getppid() != agent_pid:
        return 127  # the agent died before the tether was tied
    try:
        os.execvp(command[0], command)  # noqa: S606 - the command is the owner's, from the configuration
    except OSError as fault:
        sys.stderr.write(f"{command[0]}: {fault.strerror}\n")
        return 127


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1]), sys.argv[2:]))
