"""The tool in a real terminal, narrow and wide, with colours and without."""

from __future__ import annotations

import fcntl
import os
import pty
import re
import struct
import subprocess
import sys
import termios
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
STYLE = re.compile(r"\x1b\[[0-9;]*m")


def in_terminal(width: int, *arguments: str, typed: str = "", **environment: str) -> tuple[int, str]:
    """The exit status, and all that the terminal got."""
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 40, width, 0, 0))
    path = os.pathsep.join(str(ROOT / each) for each in ("layers/controller/python", "cli", "."))
    clean = {"PATH": os.environ["PATH"], "TERM": "xterm-256color", "PYTHONPATH": path, "LANG": "C.UTF-8", **environment}
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.unit.cli.terminal", *arguments],
        cwd=ROOT,
        env=clean,
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
    )
    os.close(theirs)
    os.write(ours, typed.encode())
    got = b""
    while True:
        try:
            piece = os.read(ours, 65536)
        except OSError:  # the other end is closed
            break
        if not piece:
            break
        got += piece
    os.close(ours)
    return process.wait(60), got.decode()


@pytest.mark.parametrize("width", [60, 80, 200])
def test_nothing_is_wider_than_the_terminal_and_nothing_is_lost(width):  # B23
    status, got = in_terminal(width, "status")
    lines = STYLE.sub("", got).splitlines()
    assert status == 4
    assert max(map(len, lines)) <= width
    words = " ".join(" ".join(lines).split())
    assert "a person was called: no-fit-candidate (docs/on-call.md has a section of this name)" in words


@pytest.mark.parametrize("width", [60, 100, 200])
def test_a_move_fits_the_terminal_without_colours_too(width):  # B23
    status, got = in_terminal(width, "switchover", "orders-db", typed="y\n", NO_COLOR="1", TERM="dumb")
    lines = got.replace("[y/N]: ", "[y/N]: \n").splitlines()  # the answer was typed before, with its end of line
    assert (status, "\x1b" in got) == (0, False)
    assert max(map(len, lines)) <= width
    assert "Done: orders-db is in service on node-b, 4 s after the move was opened" in " ".join(" ".join(lines).split())


def test_colours_are_off_where_somebody_wants_none():  # B23
    assert STYLE.search(in_terminal(80, "status")[1])
    assert "\x1b" not in in_terminal(80, "status", NO_COLOR="1", TERM="dumb")[1]


def test_a_terminal_that_knows_ascii_only_gets_numbers_for_the_rest():  # B23
    status, got = in_terminal(100, "status", "orders-db", PYTHONIOENCODING="ascii")
    assert status == 4
    assert "\\u30ce\\u30fc\\u30c9" in got


def test_no_escape_sequence_of_a_name_reaches_the_terminal():  # B23
    _, got = in_terminal(100, "status", "orders-db")
    assert "\\x1b]0;owned\\x07" in got
    assert "\x1b" not in STYLE.sub("", got)
    assert "\x07" not in got


@pytest.mark.parametrize(("typed", "status", "words"), [("y\n", 0, "Done: orders-db"), ("n\n", 1, "Nothing was asked")])
def test_a_person_is_asked_before_a_move_with_what_it_will_cost(typed, status, words):  # B23
    found, got = in_terminal(120, "switchover", "orders-db", typed=typed)
    assert "switchover of orders-db from node-a to the best node that is READY." in got
    assert "Go on? [y/N]" in got
    assert (found, words in STYLE.sub("", got)) == (status, True), got
