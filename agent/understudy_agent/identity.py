"""Who this node is: its instance ARN, from the instance metadata service, version 2 only (IMDSv2)."""

from __future__ import annotations

import json
import re
import urllib.error
import urllib.request
from collections.abc import Callable, MutableMapping
from dataclasses import dataclass

METADATA = "http://169.254.169.254"
TOKEN_TTL_S = 60
TIMEOUT_S = 2.0
ARN = re.compile(
    r"arn:(?P<partition>aws[a-z-]*):ec2:(?P<region>[a-z0-9-]+):(?P<account>\d{12}):instance/(?P<instance>i-[0-9a-f]+)"
)


PROXY_VARIABLES = ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY")
METADATA_HOSTS = "169.254.169.254,fd00:ec2::254"


class NoIdentityError(RuntimeError):
    """The metadata service did not say who this machine is."""


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


def find(arn: str) -> Identity:
    """Who this node is, by the ARN of its configuration, or by the metadata service without one. Raises as they do."""
    return from_arn(arn) if arn else from_metadata()


class Whoami:
    """Finds out who this node is when it is first needed, and again until it is known."""

    def __init__(self, ask: Callable[[], Identity], on_found: Callable[[Identity], None]) -> None:
        """`on_found` is called, once, in the thread that has found out."""
        self._ask, self._on_found = ask, on_found
        self._known: Identity | None = None

    def __call__(self) -> Identity:
        """Raises NoIdentityError while the machine does not know."""
        if self._known is None:
            found = self._ask()
            self._on_found(found)
            self._known = found
        return self._known


def reach_metadata_directly(environment: MutableMapping[str, str]) -> None:
    """Keep the metadata service away from proxies, also when botocore asks it for credentials."""
    if not any(environment.get(name) or environment.get(name.lower()) for name in PROXY_VARIABLES):
        return
    spared = environment.get("no_proxy") or environment.get("NO_PROXY") or ""
    if spared != "*":
        spared = f"{spared},{METADATA_HOSTS}" if spared else METADATA_HOSTS
    environment["no_proxy"] = environment["NO_PROXY"] = spared
