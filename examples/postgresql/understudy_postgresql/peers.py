"""Questions to the other nodes' servers, asked of all at once: one that is off keeps nobody waiting."""

from __future__ import annotations

import subprocess
import tempfile
import time
from dataclasses import dataclass
from typing import IO

from .extent import ASK, Extent, extent_of
from .server import LOOK_LIMIT_S, PAUSE_S, Server, asked


@dataclass(frozen=True)
class Asked:
    """A question that is under way. `begun`: seconds of the monotonic clock; `output`: what is answered, in a file."""

    process: subprocess.Popen[bytes]
    begun: float
    output: IO[bytes]

    def answer(self) -> list[str] | None:
        """The columns, once it has ended; None: it failed."""
        with self.output as output:
            output.seek(0)
            text = output.read().decode()
        return text.rstrip("\n").split("|") if self.process.returncode == 0 else None

    def end(self) -> None:
        with self.output:
            self.process.kill()
            self.process.wait()


class Peers:
    """Who has not answered yet is not asked again meanwhile; the answer is taken up when it comes."""

    def __init__(self, server: Server) -> None:
        self._server = server
        self._asked: dict[str, Asked] = {}

    def extents(self, wait_s: float) -> dict[str, Extent]:
        """What those say who answer within `wait_s`, or have answered by now, by their names."""
        for peer in self._server.config.peers:
            if peer.name not in self._asked:
                output = tempfile.TemporaryFile()  # noqa: SIM115 - it is closed with its question
                words = asked(self._server.conninfo(peer, "understudy"), ASK)
                self._asked[peer.name] = Asked(self._server.begin(output, "psql", *words), time.monotonic(), output)
        ends_at = time.monotonic() + wait_s
        while time.monotonic() < ends_at and any(each.process.poll() is None for each in self._asked.values()):
            time.sleep(PAUSE_S)
        return {name: extent for name in list(self._asked) if (extent := self._taken_up(name))}

    def _taken_up(self, name: str) -> Extent | None:
        question = self._asked[name]
        if question.process.poll() is None:
            if time.monotonic() - question.begun > LOOK_LIMIT_S:
                self._asked.pop(name).end()
            return None
        answer = self._asked.pop(name).answer()
        return None if answer is None else extent_of(answer)

    def end(self) -> None:
        """Ask nobody any more."""
        while self._asked:
            self._asked.popitem()[1].end()
