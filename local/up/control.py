"""How the stack to play with is asked: one line of JSON each way, over a socket in its folder."""

from __future__ import annotations

import contextlib
import json
import os
import socket
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from typing import Any

from local.up.place import Place

ANSWER_LIMIT_S = 120.0
"""Longer than its AWS may take to be found not to answer."""
_HEARING_LIMIT_S = 5.0
_LONGEST_LINE = 65536


@dataclass(frozen=True)
class Request:
    """`do`: what is asked for. `node`: its name, empty when none was given."""

    do: str
    node: str = ""


@dataclass(frozen=True)
class Answer:
    """`done`: whether it was. `said`: lines for the one who asked."""

    done: bool
    said: list[str]


class NobodyThere(Exception):  # noqa: N818  (it reads as the sentence that the operator gets)
    """No stack is asked by this socket now."""


def ask(place: Place, request: Request) -> Answer:
    """Ask, and wait for the answer. Raises NobodyThere, also when the stack ends before it has answered."""
    with contextlib.ExitStack() as undo:
        try:
            path = undo.enter_context(place.control())
            asker = undo.enter_context(socket.socket(socket.AF_UNIX))
            asker.settimeout(ANSWER_LIMIT_S)
            asker.connect(path)
            asker.sendall(_line(asdict(request)))
            line = _read_line(asker)
        except OSError as error:
            raise NobodyThere(f"nobody answers in {place.folder}: {error.strerror or error}") from None
    if not line.endswith(b"\n"):
        raise NobodyThere(f"the stack in {place.folder} ended before it had answered")
    return Answer(**json.loads(line))


class Control:
    """Listens from `with` on. Takes one request after the other, in the thread that calls `serve`."""

    def __init__(self, place: Place) -> None:
        self._place = place
        self._undo = contextlib.ExitStack()

    def __enter__(self) -> Control:
        with contextlib.ExitStack() as undo, self._place.control() as path:
            self._socket = undo.enter_context(socket.socket(socket.AF_UNIX))
            self._socket.bind(path)
            undo.callback(self._place.forget_control)
            os.chmod(path, 0o600)  # noqa: PTH101  (not a path to keep)
            self._socket.listen(16)
            self._undo = undo.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        self._undo.close()

    def serve(self, answer: Callable[[Request], Answer]) -> None:
        """Until something is raised."""
        while True:
            self.serve_one(answer)

    def serve_one(self, answer: Callable[[Request], Answer]) -> None:
        asker, _ = self._socket.accept()
        with asker, contextlib.suppress(OSError):  # who asked has gone, or says nothing: nobody waits for an answer
            asker.settimeout(_HEARING_LIMIT_S)
            line = _read_line(asker)
            asker.sendall(_line(asdict(_answer(line, answer))))


def _answer(line: bytes, answer: Callable[[Request], Answer]) -> Answer:
    try:
        request = _request(json.loads(line))
    except ValueError as fault:
        return Answer(done=False, said=[f"This is no request: {fault}"])
    return answer(request)


def _request(said: Any) -> Request:
    if not isinstance(said, Mapping) or not {"do"} <= said.keys() <= {"do", "node"}:
        raise ValueError('expected {"do": "...", "node": "..."}, the latter if need be')
    if not all(isinstance(each, str) for each in said.values()):
        raise ValueError("both are texts")
    return Request(**said)


def _line(said: dict[str, Any]) -> bytes:
    return json.dumps(said).encode() + b"\n"


def _read_line(end: socket.socket) -> bytes:
    """Up to the end of the line, or what there is of it."""
    with end.makefile("rb") as lines:
        return lines.readline(_LONGEST_LINE)
