"""What the parts of a written definition have in common: how names, numbers and addresses are read."""

from ipaddress import ip_network
from typing import Annotated, Any, Literal

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    StringConstraints,
)

from understudy.domain.cluster.definition import LAST_PRIORITY
from understudy.domain.observe.signal import ALARM_NAME_LIMIT

NAME = r"^[a-z0-9]([a-z0-9-]{0,38}[a-z0-9])?$"


HOST = r"([A-Za-z0-9]([A-Za-z0-9.-]{0,90}[A-Za-z0-9])?|\[[0-9A-Fa-f:.]{2,45}\])"


DNS_LABEL = r"[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?"


def _lower(value: Any) -> Any:
    """ASCII only: the lower case of some other letters, the Kelvin sign for one, is an ASCII letter."""
    return value.lower() if isinstance(value, str) and value.isascii() else value


def _no_truth(value: Any) -> Any:
    """YAML reads `yes` and `on` as true, and Python takes true for 1."""
    if isinstance(value, bool):
        raise ValueError("must be a number")  # noqa: TRY004 - pydantic collects ValueErrors only
    return value


def _host_and_port(value: str) -> str:
    """HOST:PORT in lower case. Raises ValueError for a port that does not exist."""
    if not 1 <= int(value.rpartition(":")[2]) <= 65535:
        raise ValueError("must have a port from 1 to 65535")
    return value.lower()


def _block(value: str) -> str:
    """The CIDR block in Route's own notation. Raises ValueError for numbers above 255 and for bits beyond the mask."""
    return str(ip_network(value))


Name = Annotated[str, StringConstraints(pattern=NAME)]


InstanceId = Annotated[str, StringConstraints(pattern=r"^i-[0-9a-f]{8,17}$")]


MemberTag = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9+=._:/@-]{1,255}$")]


ZoneId = Annotated[str, StringConstraints(pattern=r"^Z[A-Z0-9]{1,31}$")]


RecordName = Annotated[
    str,
    StringConstraints(max_length=240, pattern=rf"^({DNS_LABEL}\.)+{DNS_LABEL}\.?$"),
    BeforeValidator(_lower),
]


RoleArn = Annotated[
    str, StringConstraints(max_length=600, pattern=r"^(arn:aws[a-z-]*:iam::[0-9]{12}:role/[A-Za-z0-9_+=,.@/-]+)?$")
]


ExternalId = Annotated[str, StringConstraints(max_length=1224, pattern=r"^([A-Za-z0-9_+=,.@:/-]{2,})?$")]


RouteTableId = Annotated[str, StringConstraints(pattern=r"^rtb-[0-9a-f]{8,17}$")]


AllocationId = Annotated[str, StringConstraints(pattern=r"^eipalloc-[0-9a-f]{8,17}$")]


TargetGroupArn = Annotated[
    str,
    StringConstraints(
        max_length=200,
        pattern=r"^arn:aws[a-z-]*:elasticloadbalancing:[a-z0-9-]+:[0-9]{12}:targetgroup/[A-Za-z0-9-]{1,32}/[0-9a-f]{16}$",
    ),
]


RouteBlock = Annotated[
    str, StringConstraints(pattern=r"^[0-9]{1,3}(\.[0-9]{1,3}){3}(/(2[4-9]|3[0-2]))?$"), AfterValidator(_block)
]


VpcId = Annotated[str, StringConstraints(pattern=r"^vpc-[0-9a-f]{8,17}$")]


Region = Annotated[str, StringConstraints(pattern=r"^[a-z]{2,4}(-[a-z]{1,12}){1,3}-[1-9]$")]


QuorumHost = Annotated[str, StringConstraints(pattern=rf"^{HOST}:[0-9]{{1,5}}$"), AfterValidator(_host_and_port)]


AlarmName = Annotated[str, StringConstraints(min_length=1, max_length=ALARM_NAME_LIMIT, pattern=r"^[^\x00-\x1f\x7f]*$")]


NoTruth = BeforeValidator(_no_truth)


Seconds = Annotated[float, Field(ge=0.1, le=3600), NoTruth]


QuorumSeconds = Annotated[float, Field(ge=0.1, le=60), NoTruth]


FenceSeconds = Annotated[float, Field(ge=1, le=600), NoTruth]


ApprovalSeconds = Annotated[int, Field(ge=30, le=1500), NoTruth]


StartSeconds = Annotated[float, Field(ge=1, le=900), NoTruth]


Day = Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"]


DayHours = Annotated[str, StringConstraints(pattern=r"^([01][0-9]|2[0-3]):[0-5][0-9]-([01][0-9]|2[0-3]):[0-5][0-9]$")]


Priority = Annotated[int, Field(ge=1, le=LAST_PRIORITY - 1), NoTruth]


PromiseSeconds = Annotated[
    Seconds | None, Field(description="How long a promise between agents lasts. null: as long as lease_s.")
]


OutageSeconds = Annotated[
    Seconds | None,
    Field(description="How long a move may take the service out. Rehearsals and drills are held against it."),
]


OnIsolation = Annotated[
    Literal["stop", "keep"],
    Field(description="What the active node does when it can neither renew its lease nor get promises."),
]


class Part(BaseModel):
    """A part of a definition: it refuses keys that it does not know."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=False)
