"""A heartbeat, read with suspicion: a node says it, AWS only says who said it and when.

The node's identity comes from the event's source, which IAM binds to the instance, never from the detail.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from understudy.domain.cluster.fitness import FITNESS_LIMIT, Fitness
from understudy.domain.cluster.quoting import QUOTE_LIMIT, plain, quoted
from understudy.domain.cluster.reach import Reach
from understudy.domain.cluster.request import CLUSTER_NAME
from understudy.domain.cluster.service_names import digest_of
from understudy.domain.cluster.state import EPOCH_LIMIT, ServiceStatus

INSTANCE_ARN = re.compile(r"arn:aws[a-z-]*:ec2:[a-z0-9-]+:\d{12}:instance/(i-[0-9a-f]{8,17})")
BOOT = re.compile(r"[0-9A-Za-z-]{1,64}")
AGENT = re.compile(r"[0-9A-Za-z.+-]{0,32}")
KEY = re.compile(r"-|[0-9a-f]{6}( [0-9a-f]{6}){0,2}\+?")
INSTANCE = re.compile(r"i-[0-9a-f]{8,17}")
VERSION = 1
"""Of what a beat says. An additional word is no new version: whoever does not know it ignores it."""
CONFIG = re.compile(r"[0-9a-f]{1,16}")
BEAT_LIMIT = 10**13
"""Milliseconds: of a boot clock 317 years, and the milliseconds since 1970 of a loop without an agent are below it. One
that counts microseconds is not. These limits are the agent's, too (understudy_agent.view): what one side lets in must
not make the other refuse the item."""
VERSION_LIMIT = 10**11
"""Versions of definitions are seconds since 1970."""
STATUSES = tuple(ServiceStatus)
SERVICES_LIMIT = 64
SERVICE_NAME_LIMIT = 64
HOSTS_LIMIT = 100
PEERS_LIMIT = 9
ACCEPTED_LIMIT = 10**10
"""Two beats a second for more than a century."""


@dataclass(frozen=True)
class Beat:
    """One heartbeat, believed so far as its form goes.

    `heard_at`: AWS's ingestion time, whole seconds. `quorum`: None when the sender does not know what it reaches.
    `knows`: the version of the definition whose nodes its sender asks for promises; 0: it asks nobody.
    `services`: the names of its services. `unfit`: why its sender could not take over, in words; "" when it can.
    `key`, `silent`, `waits`, `fitness`: see NodeReport.
    `accepted`: how many beats of the same process AWS had taken in before, as far as it knew; None: it does not say.
    `config`: a fingerprint of what its agent's file says of the services; "" from one that does not say.
    `late_s`: how long after that it is recorded, whole seconds. One that waited says little of the way of the beats.
    """

    cluster: str
    instance_id: str
    heard_at: int
    boot: str
    beat: int
    keeps_lease: bool
    read_epoch: int
    service: ServiceStatus
    agent: str
    quorum: Reach | None = None
    knows: int = 0
    late_s: int = 0
    services: frozenset[str] = frozenset()
    unfit: str = ""
    key: str = ""
    silent: tuple[str, ...] = ()
    accepted: int | None = None
    config: str = ""
    waits: bool = False
    fitness: Fitness | None = None

    @property
    def recorded_at(self) -> int:
        """When it is recorded, by the controller's clock: seconds."""
        return self.heard_at + self.late_s

    @property
    def named(self) -> str:
        """What the state item keeps of the names of its services."""
        return digest_of(self.services)


class MalformedBeatError(Exception):
    """The event is not a heartbeat. The message names the field, the value and what is allowed."""


def parse_beat(source: Any, heard_at: int, detail: Any, late_s: int = 0) -> Beat:
    """Read a heartbeat from its source ARN, ingestion time (whole seconds), detail, and how late it is dealt with.

    Raises MalformedBeatError at the first field that is not as it must be.
    """
    instance = INSTANCE_ARN.fullmatch(source) if isinstance(source, str) else None
    if instance is None:
        raise MalformedBeatError(f"source is {quoted(source, 120)}, not the ARN of an instance")
    if not isinstance(detail, Mapping):
        raise MalformedBeatError(f"detail is {quoted(detail)}, not an object")
    _demand_known_version(detail)
    return Beat(
        cluster=_text(detail, "cluster", CLUSTER_NAME),
        instance_id=instance[1],
        heard_at=heard_at,
        boot=_text(detail, "boot", BOOT),
        beat=_number(detail, "beat", BEAT_LIMIT),
        keeps_lease=_truth(detail, "keeps_lease"),
        read_epoch=_number(detail, "read_epoch", EPOCH_LIMIT) if "read_epoch" in detail else 0,
        service=_service(named := _services(detail), detail),
        agent=_text(detail, "agent", AGENT) if "agent" in detail else "",
        quorum=_reach(detail["quorum"]) if "quorum" in detail else None,
        knows=_number(detail, "knows", VERSION_LIMIT) if "knows" in detail else 0,
        services=frozenset(named),
        unfit=_unfit(detail),
        key=_text(detail, "key", KEY) if "key" in detail else "",
        silent=_silent(detail),
        accepted=_number(detail, "accepted", ACCEPTED_LIMIT) if "accepted" in detail else None,
        config=_text(detail, "config", CONFIG) if "config" in detail else "",
        waits=_truth(detail, "waits") if "waits" in detail else False,
        fitness=_fitness(detail["fit"]) if "fit" in detail else None,
        late_s=late_s,
    )


def _demand_known_version(detail: Mapping[str, Any]) -> None:
    """A beat of the first version does not say so."""
    version = detail.get("version", VERSION)
    if type(version) is not int or not 1 <= version <= VERSION:
        told = f"detail.version is {quoted(version)}; allowed: a whole number from 1 to {VERSION}"
        raise MalformedBeatError(f"{told}. Upgrade the stack before the agents")


def _text(detail: Mapping[str, Any], key: str, allowed: re.Pattern[str]) -> str:
    value = detail.get(key)
    if isinstance(value, str) and allowed.fullmatch(value):
        return value
    raise MalformedBeatError(f"detail.{key} is {quoted(value)}; allowed: {allowed.pattern}")


def _number(detail: Mapping[str, Any], key: str, limit: int) -> int:
    value = detail.get(key)
    if isinstance(value, int) and not isinstance(value, bool) and 0 <= value < limit:
        return value
    raise MalformedBeatError(f"detail.{key} is {quoted(value)}; allowed: a whole number from 0 to {limit - 1}")


def _truth(detail: Mapping[str, Any], key: str) -> bool:
    value = detail.get(key)
    if isinstance(value, bool):
        return value
    raise MalformedBeatError(f"detail.{key} is {quoted(value)}; allowed: true, false")


def _service(services: Mapping[str, ServiceStatus], detail: Mapping[str, Any]) -> ServiceStatus:
    """One word for all services. An agent knows all that it could start: one that names none is a witness's."""
    return ServiceStatus.of_all(services) if services or not detail["keeps_lease"] else ServiceStatus.OUT_OF_SERVICE


def _unfit(detail: Mapping[str, Any]) -> str:
    value = detail.get("unfit", "")
    if isinstance(value, str):
        return plain(value, QUOTE_LIMIT)
    raise MalformedBeatError(f"detail.unfit is {quoted(value)}; allowed: a text")


def _silent(detail: Mapping[str, Any]) -> tuple[str, ...]:
    value = detail.get("silent", [])
    is_short = isinstance(value, list) and len(value) <= PEERS_LIMIT
    if is_short and all(isinstance(each, str) and INSTANCE.fullmatch(each) for each in value):
        return tuple(value)
    raise MalformedBeatError(f"detail.silent is {quoted(value)}; allowed: at most {PEERS_LIMIT} ids of instances")


def _reach(value: Any) -> Reach:
    if isinstance(value, Mapping):
        reached, total = value.get("reached"), value.get("total")
        # JSON's true is an int in Python, and none of these.
        if type(reached) is int and type(total) is int and 0 <= reached <= total and 1 <= total <= HOSTS_LIMIT:
            return Reach(reached, total)
    allowed = f'{{"reached": R, "total": T}}, whole numbers with 0 <= R <= T and 1 <= T <= {HOSTS_LIMIT}'
    raise MalformedBeatError(f"detail.quorum is {quoted(value)}; allowed: {allowed}")


def _fitness(value: Any) -> Fitness:
    if value is False:
        return Fitness(None)
    is_whole = type(value) is int or (isinstance(value, float) and value.is_integer())
    if is_whole and abs(value) < FITNESS_LIMIT:
        return Fitness(int(value))
    allowed = f"false, or a whole number from {1 - FITNESS_LIMIT} to {FITNESS_LIMIT - 1}"
    raise MalformedBeatError(f"detail.fit is {quoted(value)}; allowed: {allowed}")


def _services(detail: Mapping[str, Any]) -> dict[str, ServiceStatus]:
    services = detail.get("services", {})
    if not isinstance(services, Mapping) or len(services) > SERVICES_LIMIT:
        raise MalformedBeatError(f"detail.services is {quoted(services)}; allowed: at most {SERVICES_LIMIT} by name")
    for name in services:
        if not 0 < len(str(name)) <= SERVICE_NAME_LIMIT:
            told = f"detail.services has the name {quoted(str(name))}"
            raise MalformedBeatError(f"{told}; allowed: 1 to {SERVICE_NAME_LIMIT} characters")
    for name, status in services.items():
        if not isinstance(status, str) or status not in STATUSES:
            allowed = ", ".join(ServiceStatus)
            raise MalformedBeatError(
                f"detail.services.{plain(str(name), QUOTE_LIMIT)} is {quoted(status)}; allowed: {allowed}"
            )
    return {str(name): ServiceStatus(status) for name, status in services.items()}
