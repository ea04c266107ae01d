"""What AWS answers this node before an agent runs here: who it is, and whether the table, the bus and the key of
promises are there for it. With the rights of the agent and no others; it changes nothing.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from functools import partial
from typing import Any

from . import identity
from .aws import Aws, BeatRefusedError, KeyParameter
from .config import Config
from .denied import CLOCK_CODES, CLOCK_LIMIT_S, SET_IT, ahead_of_date_s, reason_of
from .findings import Findings
from .identity import NoIdentityError, Whoami
from .keys import BadKeysError, default_parameter
from .view import MalformedStateError, parse_state

PASSING = frozenset(
    {
        *("InternalFailure", "InternalServerError", "ServiceUnavailable", "RequestLimitExceeded", "RequestTimeout"),
        *("ThrottlingException", "Throttling", "ThrottledException", "ProvisionedThroughputExceededException"),
    }
)
"""Error codes that say nothing of this node."""
AGREES_S = 3
"""AWS's answers have whole seconds, and are under way for some time."""


class AwsLook:
    """One look at all that the agent asks of AWS."""

    def __init__(self, settings: Config, findings: Findings, now_s: Callable[[], float] = time.time) -> None:
        """`now_s`: this node's clock, in seconds since 1970."""
        self._settings, self._findings, self._now_s = settings, findings, now_s
        self._who = Whoami(partial(identity.find, settings.instance_arn), lambda _: None)
        self._aws = Aws(
            who=self._who,
            region=settings.region,
            table=settings.table,
            bus=settings.bus,
            cluster=settings.cluster,
            call_timeout_s=settings.call_timeout_s,
        )

    def look(self) -> None:
        """Ask each of them, whatever the others have answered."""
        identity.reach_metadata_directly(os.environ)
        settings = self._settings
        try:
            found = self._who()
        except NoIdentityError as fault:
            self._findings.unknown.append(f"who this node is, and so table, bus, key and clock: {fault}")
            return
        self._findings.notes.append(f"this node: {found.instance} in {settings.region or found.region}")
        self._ask("read", f"[agent] table = {settings.table!r}", self._table)
        self._ask("beat", f"[agent] bus = {settings.bus!r}", self._bus)
        if settings.failsafe is not None and settings.failsafe.key_file is None:
            self._ask(
                "failsafe_key", f"[agent] failsafe_key_parameter = {settings.failsafe.key_parameter!r}", self._key
            )

    def _ask(self, what: str, where: str, act: Callable[[str], None]) -> None:
        try:
            _by_aws_clock(act, where)
        except (MalformedStateError, BadKeysError) as fault:
            self._findings.faults.append(f"{where}: {fault}")
        except Exception as error:
            self._tell(what, where, error)

    def _tell(self, what: str, where: str, error: Exception) -> None:
        reason = reason_of(what, error, self._now_s)
        if _is_refusal(error):
            self._findings.faults.append(f"{where}: {reason}")
        else:
            self._findings.unknown.append(f"{where}: {reason}")

    def _table(self, where: str) -> None:
        item, date = self._aws.read_dated()
        self._clock(date)
        cluster = self._settings.cluster
        if item is None:
            why = f"it has no cluster {cluster!r}: register it, or correct [agent] cluster"
            self._findings.warnings.append(f"{where}: {why}")
            return
        view, me = parse_state(item), self._who().instance
        if me not in view.nodes:
            why = f"{me} is no node of {cluster!r}: name it in the definition, by its id or its tag"
            self._findings.warnings.append(f"{where}: {why}")
            return
        role = "it holds the lease" if view.active == me else "it does not hold the lease"
        self._findings.notes.append(f"{where}: read; {me} is a node of {cluster!r}, and {role}")

    def _clock(self, date: str) -> None:
        ahead_s = ahead_of_date_s(date, self._now_s())
        if ahead_s is None:
            self._findings.unknown.append("the clock: the table's answer has no date")
            return
        direction = "ahead of" if ahead_s > 0 else "behind"
        how = f"some {abs(ahead_s):.0f} s {direction} AWS's"
        if abs(ahead_s) >= CLOCK_LIMIT_S:
            self._findings.warnings.append(f"the clock is {how}: {SET_IT}")
        else:
            self._findings.notes.append(f"the clock: {'as AWS has it' if abs(ahead_s) <= AGREES_S else how}")

    def _bus(self, where: str) -> None:
        self._aws.put_trial(self._settings.cluster)
        self._findings.notes.append(f"{where}: it has taken an event of this node")

    def _key(self, where: str) -> None:
        """Registration makes it: without a cluster it is not missing yet."""
        settings = self._settings
        name = settings.failsafe.key_parameter if settings.failsafe else ""
        try:
            KeyParameter(name, self._region, settings.call_timeout_s).read()
        except Exception as error:
            if _code(error) != "ParameterNotFound" or name != default_parameter(settings.bus, settings.cluster):
                raise
            self._findings.warnings.append(f"{where}: it is not there; registering the cluster makes it")
            return
        self._findings.notes.append(f"{where}: read")

    def _region(self) -> str:
        return self._settings.region or self._who().region


def _by_aws_clock(act: Callable[[str], None], where: str) -> None:
    """What is refused for this node's clock is tried again: the client has learned AWS's by it, as the agent's does."""
    try:
        act(where)
    except Exception as error:
        if _code(error) not in CLOCK_CODES:
            raise
        act(where)


def _code(error: Exception) -> str:
    answer: Any = getattr(error, "response", None) or {}
    return str(answer.get("Error", {}).get("Code", ""))


def _is_refusal(error: Exception) -> bool:
    """Whether AWS has said no. All else says nothing: no answer, no credentials, a busy service."""
    if isinstance(error, BeatRefusedError):
        return str(error).partition(":")[0] not in PASSING
    answer: Any = getattr(error, "response", None) or {}
    status = answer.get("ResponseMetadata", {}).get("HTTPStatusCode", 500)
    return bool(answer) and status < 500 and _code(error) not in PASSING
