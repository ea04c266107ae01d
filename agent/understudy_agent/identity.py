"""Who this node is: its instance ARN, asked of the instance metadata service, version 2 only (IMDSv2)."""

from __future__ import annotations

import json
import re
import urllib.error
import urllib.request
from dataclasses import dataclass

METADATA = "http://169.254.169.254"
TOKEN_TTL_S = 60
TIMEOUT_S = 2.0
ARN = re.compile(
    r"arn:(?P<partition>aws[a-z-]*):ec2:(?P<region>[a-z0-9-]+):(?P<account>\d{12}):instance/(?P<instance>i-[0-9a-f]+)"
)


class NoIdentityError(RuntimeError):
    """The metadata service did not tell who this machine is."""


@dataclass(frozen=True)
class Identity:
    """An EC2 instance. The ARN is the source of its beats."""

    arn: str
    region: str
    instance: str


def from_arn(arn: str) -> Identity:
    """The identity that an instance ARN names. Raises ValueError for anything else."""
    parts = ARN.fullmatch(arn)
    if parts is None:
        raise ValueError(f"{arn!r} is not arn:aws:ec2:REGION:ACCOUNT:instance/i-...")
    return Identity(arn, parts["region"], parts["instance"])


def from_metadata(address: str = METADATA, timeout_s: float = TIMEOUT_S) -> Identity:
    """Ask the metadata service. Raises NoIdentityError with what went wrong."""
    # A proxy would be asked for its own metadata: the link-local address is always reached directly.
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))

    def ask(method: str, path: str, headers: dict[str, str]) -> str:
        request = urllib.request.Request(f"{address}{path}", method=method, headers=headers)  # noqa: S310
        with opener.open(request, timeout=timeout_s) as answer:
            return str(answer.read().decode("utf-8"))

    try:
        token = ask("PUT", "/latest/api/token", {"X-aws-ec2-metadata-token-ttl-seconds": str(TOKEN_TTL_S)})
        headers = {"X-aws-ec2-metadata-token": token}
        document = json.loads(ask("GET", "/latest/dynamic/instance-identity/document", headers))
        partition = ask("GET", "/latest/meta-data/services/partition", headers).strip()
        region, account, instance = document["region"], document["accountId"], document["instanceId"]
        return from_arn(f"arn:{partition}:ec2:{region}:{account}:instance/{instance}")
    except (OSError, ValueError, KeyError, TypeError) as fault:
        raise NoIdentityError(
            f"the metadata service at {address} did not tell who this machine is ({fault}); "
            "outside EC2 set instance_arn in the configuration"
        ) from fault
