"""The pages that an agent serves, each made of a snapshot and the clock, and of nothing else."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial

from . import __version__, serving
from .log import Log
from .ports import Self
from .serving import MARGIN_MS, Snapshot

TEXT, JSON = "text/plain; charset=utf-8", "application/json"
OPENMETRICS = "application/openmetrics-text; version=1.0.0; charset=utf-8"


@dataclass(frozen=True)
class Page:
    """One answer: its HTTP status, what its body is, and the body."""

    status: int
    kind: str
    body: bytes


class Pages:
    """Makes pages. `page` may be called from any thread, and never waits."""

    def __init__(
        self,
        who: Self,
        snapshot: Callable[[], Snapshot],
        clock_ms: Callable[[], int],
        interval_s: float | None,
        log: Log,
    ) -> None:
        """`interval_s`: for how long an asker may go by one answer; None: by default. `clock_ms`: CLOCK_BOOTTIME."""
        self._who, self._snapshot, self._clock_ms, self._log = who, snapshot, clock_ms, log
        self._interval_ms = None if interval_s is None else int(interval_s * 1000)
        self._logged_room_ms: int | None = None
        self._pages: Mapping[str, Callable[[], Page]] = {
            "/serving": partial(self._told, self._why_not_serving, "this node serves"),
            "/standby": partial(self._told, serving.why_no_standby, "this node could take over"),
            "/agent": partial(self._told, serving.why_hung, "the agent lives"),
            "/status": self._status,
            "/metrics": self._metrics,
        }

    def page(self, path: str) -> Page:
        """The page of this path; 404 when there is none. What it says is true of the moment at which it is made."""
        made = self._pages.get(path)
        if made is None:
            return Page(404, TEXT, f"there are {', '.join(self._pages)}\n".encode())
        return made()

    def _told(self, why_not: Callable[[Snapshot, int], str], good: str) -> Page:
        """The snapshot first, the clock after it: whatever takes time in between makes the answer no better."""
        snapshot = self._snapshot()
        why = why_not(snapshot, self._clock_ms())
        return Page(503 if why else 200, TEXT, f"{why or good}\n".encode())

    def _why_not_serving(self, snapshot: Snapshot, now_ms: int) -> str:
        self._log_room(snapshot)
        return serving.why_not_serving(snapshot, now_ms, self._needed_ms(snapshot))

    def _needed_ms(self, snapshot: Snapshot) -> int:
        return serving.needed_ms(self._interval_ms, self._room_ms(snapshot))

    def _room_ms(self, snapshot: Snapshot) -> int:
        return serving.room_ms(snapshot.lease_view.terms, self._who.orderly_stop_s)

    def _log_room(self, snapshot: Snapshot) -> None:
        """Told once for the timings that a read has shown: settings that do not agree."""
        room_ms, needed_ms = self._room_ms(snapshot), self._needed_ms(snapshot)
        if not snapshot.lease_view.epoch or room_ms == self._logged_room_ms:
            return
        self._logged_room_ms = room_ms
        if needed_ms > room_ms:
            why = (
                f"[http] interval_s {(needed_ms - MARGIN_MS) / 1000:g} + {MARGIN_MS / 1000:g} is above "
                f"{room_ms / 1000:g} s, what the timings leave of a lease just before it is renewed: /serving is 503 "
                "now and then. Leave interval_s out, lower it or [agent] orderly_stop_s, or raise lease_s (and "
                "silence_limit_s) in the definition"
            )
            self._log.warning("http_interval_too_long", why)

    def _status(self) -> Page:
        snapshot, now_ms = self._snapshot(), self._clock_ms()
        left_ms, needed_ms = serving.lease_left_ms(snapshot, now_ms), self._needed_ms(snapshot)
        said = {
            "cluster": self._who.cluster,
            "instance": self._who.instance,
            "agent": __version__,
            "order": snapshot.order.value,
            "reason": snapshot.why,
            "epoch": snapshot.lease_view.epoch,
            "lease_left_s": left_ms / 1000,
            "services": dict(snapshot.report.services),
            "why_not_serving": serving.why_not_serving(snapshot, now_ms, needed_ms),
            "why_no_standby": serving.why_no_standby(snapshot, now_ms),
            "interval_s": max(0, needed_ms - MARGIN_MS) / 1000,
            "margin_s": MARGIN_MS / 1000,
            "room_s": self._room_ms(snapshot) / 1000,
            "looked_ago_s": (now_ms - snapshot.looked_ms) / 1000,
            **snapshot.report.quorum,
            **snapshot.report.fit,
        }
        return Page(200, JSON, json.dumps(said).encode() + b"\n")

    def _metrics(self) -> Page:
        lines = [line for metric in self._metrics_now() for line in metric.lines(self._labels)]
        return Page(200, OPENMETRICS, "\n".join([*lines, "# EOF", ""]).encode())

    @property
    def _labels(self) -> dict[str, str]:
        return {"cluster": self._who.cluster, "instance": self._who.instance}

    def _metrics_now(self) -> Iterator[_Metric]:
        snapshot, now_ms = self._snapshot(), self._clock_ms()
        report = snapshot.report
        is_serving = not serving.why_not_serving(snapshot, now_ms, self._needed_ms(snapshot))
        yield _Metric("agent", "info", "The agent that speaks.", [({"version": __version__}, 1)])
        yield _gauge("serving", "1 when /serving is 200.", is_serving)
        yield _gauge("standby", "1 when /standby is 200.", not serving.why_no_standby(snapshot, now_ms))
        yield _gauge("agent_alive", "1 when /agent is 200.", not serving.why_hung(snapshot, now_ms))
        yield _gauge("epoch", "The newest epoch that the agent obeys.", snapshot.lease_view.epoch)
        left_s = serving.lease_left_ms(snapshot, now_ms) / 1000
        yield _gauge("lease_left_seconds", "For how long the lease or the promises run.", left_s)
        in_service = [({"service": name}, int(state == serving.IN_SERVICE)) for name, state in report.services.items()]
        yield _Metric("service_in_service", "gauge", "1 when the service is IN_SERVICE.", in_service)
        if snapshot.read_ms is not None:
            age_s = (now_ms - snapshot.read_ms) / 1000
            yield _gauge("read_age_seconds", "How long ago the newest read of the table began.", age_s)
        yield _Metric(
            "beats_accepted", "counter", "Beats of this process that AWS has taken in.", [({}, snapshot.accepted)]
        )
        reach = report.quorum.get("quorum")
        if isinstance(reach, dict):
            yield _gauge("quorum_hosts", "The quorum hosts of the definition.", reach["total"])
            yield _gauge("quorum_hosts_reached", "Those that are reached.", reach["reached"])
        if "fit" in report.fit:
            yield _gauge(
                "fit", "0 when the node is not fit to take over, by its own command.", report.fit["fit"] is not False
            )


@dataclass(frozen=True)
class _Metric:
    """One metric family of OpenMetrics, with its samples: labels and value of each."""

    name: str
    kind: str
    help: str
    samples: Sequence[tuple[Mapping[str, str], float]]

    def lines(self, labels: Mapping[str, str]) -> Iterator[str]:
        name = f"understudy_{self.name}"
        yield f"# TYPE {name} {self.kind}"
        yield f"# HELP {name} {self.help}"
        suffix = {"counter": "_total", "info": "_info"}.get(self.kind, "")
        for own, value in self.samples:
            words = ",".join(f'{key}="{_escaped(text)}"' for key, text in {**labels, **own}.items())
            yield (
                f"{name}{suffix}{{{words}}} {value:g}"
                if value != int(value)
                else f"{name}{suffix}{{{words}}} {int(value)}"
            )


def _gauge(name: str, meaning: str, value: float) -> _Metric:
    return _Metric(name, "gauge", meaning, [({}, value)])


def _escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
