"""Become another program that dies with its parent: `bound.py PARENT_PID SIGNAL program args...`.

The kernel sends SIGNAL when the parent is gone, also when the parent was killed with SIGKILL and could
clean nothing up. The setting survives execve.
"""

import ctypes
import os
import sys

PR_SET_PDEATHSIG = 1


def main() -> None:
    parent, signal_number, program = int(sys.argv[1]), int(sys.argv[2]), sys.argv[3:]
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(PR_SET_PDEATHSIG, signal_number, 0, 0, 0) != 0:
        raise OSError(ctypes.get_errno(), "prctl(PR_SET_PDEATHSIG)")
    if os.getppid() != parent:  # it died before the line above
        sys.exit(1)
    os.execvp(program[0], program)


if __name__ == "__main__":
    main()
