"""Outlives the stack to play with by a moment: when that is gone, by whatever signal, nothing of it is left.

Most of what the stack has started dies with it anyway. What is frozen does not.

`python -m local.up.keeper FOLDER LOCK`: it has the stack's lock, and as standard input a pipe whose other end only the
stack holds.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

from local.up.place import Place


def main(folder: str, lock: str) -> None:
    place = Place(Path(folder))
    sys.stdin.buffer.read()  # until the other end is closed
    place.sweep()
    place.set_aside()
    os.close(int(lock))  # the next one may start
    place.empty()


if __name__ == "__main__":
    main(*sys.argv[1:])
