"""What proves that a service serves, when its kind cannot tell: a port, a URL or a command that answers.

Nothing here ever waits. An answer is DONE or FAILED; no answer is UNKNOWN, or a look that is cut off.
"""

from __future__ import annotations

import errno
import http.client
import os
import select
import socket
import ssl
import threading
from collections.abc import Sequence
from typing import Protocol
from urllib.parse import urlsplit, urlunsplit

from .fields import Section, address_of
from .kinds import ServiceKind
from .probe import UNDER_WAY
from .remains import Remains
from .tasks import NO_PROGRAM, FinishedTask, Looks, Outcome, Task, command_task

HTTP_LIMIT_S = 4.0


class Probe(Protocol):
    """Asks a service for a sign that it serves."""

    def ask(self) -> Task: ...


class PortProbe:
    """A port that accepts connections. `address`: IP address, port."""

    def __init__(self, address: tuple[str, int]) -> None:
        self._address = address

    def ask(self) -> Task:
        return _Connecting(self._address)


class _Connecting:
    def __init__(self, address: tuple[str, int]) -> None:
        self.why = f"no answer from {address[0]} port {address[1]}"
        self._of = f"{address[0]} port {address[1]}"
        self._socket = socket.socket(socket.AF_INET6 if ":" in address[0] else socket.AF_INET, socket.SOCK_STREAM)
        self._socket.setblocking(False)
        self._fault = self._socket.connect_ex(address)

    def poll(self) -> Outcome | None:
        if self._fault in UNDER_WAY:
            if not select.select([], [self._socket], [], 0)[1]:
                return None
            self._fault = self._socket.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
        self._socket.close()
        self.why = f"{self._of}: {os.strerror(self._fault)}" if self._fault else ""
        if self._fault == errno.ETIMEDOUT:
            return Outcome.UNKNOWN
        return Outcome.FAILED if self._fault else Outcome.DONE

    def abort(self) -> None:
        self._socket.close()


class UrlProbe:
    """A URL that is answered with a status below 400. Whose certificate answers is not asked: only whether it does."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._thread: threading.Thread | None = None

    def ask(self) -> Task:
        if self._thread is not None and self._thread.is_alive():
            return FinishedTask(Outcome.UNKNOWN, f"{self._url} has not answered the request before yet")
        request = _Request(self._url)
        self._thread = threading.Thread(target=request.make, name="probe", daemon=True)
        self._thread.start()
        return request


class _Request:
    """One request, made by a thread of its own. One that is given up ends by its own limits."""

    def __init__(self, url: str) -> None:
        self.why = f"no answer from {url}"
        self._url = url
        self._answer: tuple[Outcome, str] | None = None

    def make(self) -> None:
        try:
            status = _status_of(self._url)
            self._answer = (Outcome.DONE, "") if status < 400 else (Outcome.FAILED, f"{self._url}: status {status}")
        except (TimeoutError, socket.timeout, socket.gaierror) as fault:  # noqa: UP041 - two classes in Python 3.9
            self._answer = (Outcome.UNKNOWN, f"{self._url}: {fault}")
        except (OSError, ValueError, http.client.HTTPException) as fault:
            self._answer = (Outcome.FAILED, f"{self._url}: {fault!r}")

    def poll(self) -> Outcome | None:
        if self._answer is None:
            return None
        outcome, self.why = self._answer
        return outcome

    def abort(self) -> None:
        """Its thread ends by itself."""


def _status_of(url: str) -> int:
    parts = urlsplit(url)
    host, port = parts.hostname or "", parts.port
    connection: http.client.HTTPConnection
    if parts.scheme == "https":
        context = ssl.create_default_context()
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        connection = http.client.HTTPSConnection(host, port, timeout=HTTP_LIMIT_S, context=context)
    else:
        connection = http.client.HTTPConnection(host, port, timeout=HTTP_LIMIT_S)
    try:
        connection.request(
            "GET", urlunsplit(("", "", parts.path or "/", parts[3], "")), headers={"Connection": "close"}
        )
        return connection.getresponse().status
    finally:
        connection.close()


class CommandProbe:
    """A command that ends with 0."""

    def __init__(self, argv: Sequence[str]) -> None:
        self._argv = argv
        self._asked = Looks()

    def ask(self) -> Task:
        return self._asked.ask(lambda: command_task(self._argv, self._judge))

    def _judge(self, status: int, _output: str) -> tuple[Outcome, str]:
        if status == 0:
            return Outcome.DONE, ""
        cannot = status in NO_PROGRAM
        return Outcome.UNKNOWN if cannot else Outcome.FAILED, f"{self._argv[0]} ended with {status}"


class Probed:
    """A service that counts as serving when its kind says so and its probe answers."""

    confirms_start = True

    def __init__(self, kind: ServiceKind, probe: Probe, tries: int) -> None:
        """`tries`: so many failures of the probe in a row mean that it does not serve."""
        self.kind = kind
        self.slow_to_show = kind.slow_to_show
        self._probe, self._tries = probe, tries
        self._has_answered = self._is_ending = False
        self._failures = 0

    def start(self) -> Task:
        self._has_answered = self._is_ending = False
        self._failures = 0
        return self.kind.start()

    def stop(self) -> Task:
        self._is_ending = True
        return self.kind.stop()

    def kill(self) -> Task:
        self._is_ending = True
        return self.kind.kill()

    def look(self) -> Task:
        """While it is taken out of service only its kind is asked: a probe that hangs must not delay the end."""
        return self.kind.look() if self._is_ending else _ProbedLook(self)

    def remains(self) -> Remains:
        return self.kind.remains()

    def ask(self) -> Task:
        """Begin to ask the probe."""
        return self._probe.ask()

    def judge(self, outcome: Outcome, why: str) -> tuple[Outcome, str]:
        """What an answer of the probe says of a service that its kind says is serving."""
        if outcome is Outcome.UNKNOWN:
            return Outcome.UNKNOWN, f"its probe has no answer: {why}"
        if outcome is Outcome.DONE:
            self._has_answered, self._failures = True, 0
            return Outcome.SERVING, ""
        self._failures += 1
        if self._has_answered and self._failures < self._tries:
            return Outcome.SERVING, f"its probe has failed {self._failures} of {self._tries} times: {why}"
        return Outcome.RUNNING, f"its probe has failed {self._failures} times in a row: {why}"


class _ProbedLook:
    def __init__(self, probed: Probed) -> None:
        self.why = ""
        self._probed = probed
        self._task = probed.kind.look()
        self._is_asking = False

    def poll(self) -> Outcome | None:
        outcome = self._task.poll()
        if outcome is Outcome.SERVING and not self._is_asking:
            self._task, self._is_asking = self._probed.ask(), True
            self.why = f"its probe has no answer: {self._task.why}"
            outcome = self._task.poll()
        if outcome is not None:
            outcome, self.why = (
                self._probed.judge(outcome, self._task.why) if self._is_asking else (outcome, self._task.why)
            )
        return outcome

    def abort(self) -> None:
        self._task.abort()


def probed(section: Section, kind: ServiceKind) -> ServiceKind:
    """The kind with the probe that its section names, if it names one."""
    tries = section.count("probe_tries", 3, 1, 100)
    text = section.text("probe", needed=False)
    word, _, rest = text.partition(" ")
    probe: Probe | None = None
    if word == "tcp":
        address = address_of(rest.strip())
        probe = PortProbe(address) if address is not None else None
    elif word == "http":
        probe = UrlProbe(rest.strip()) if _is_url(rest.strip()) else None
    elif word == "command":
        argv = section.command("probe")[1:]
        probe = CommandProbe(argv) if argv else None
    if probe is None and text:
        section.fault("probe", "must be tcp IP-ADDRESS:PORT, http URL or command PROGRAM ARGUMENTS")
    return kind if probe is None else Probed(kind, probe, tries)


def _is_url(text: str) -> bool:
    try:
        parts = urlsplit(text)
        return parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0 and " " not in text
    except ValueError:
        return False
