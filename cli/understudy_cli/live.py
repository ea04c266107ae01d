"""A definition against EC2 and Route 53, by the controller's own code and with the caller's rights."""

from __future__ import annotations

import random
import time
from collections.abc import Mapping
from typing import Any, Protocol

from botocore.exceptions import BotoCoreError, ClientError

from understudy_cli.aws.faults import fault_of
from understudy_cli.definition import controller


class Connect(Protocol):
    """Makes a client of AWS; with keys, one of whoever they belong to."""

    def __call__(self, service: str, **keys: str) -> Any:
        """The client."""


def live_faults(text: str, cluster: str, stack: str, connect: Connect) -> tuple[list[str], list[str]]:
    """Every fault that EC2 and Route 53 show, and what could not be read. Raises Fault.

    Not judged is how it fits the state, the stack's tunables and other clusters.
    """
    try:
        looked = _look(text, cluster, stack, connect)
    except (BotoCoreError, ClientError) as error:
        raise fault_of(error, "validate --live", stack, "this Region") from error
    return [*looked.faults, *(looked.found.faults if looked.found else ())], list(looked.unread)


def _look(text: str, cluster: str, stack: str, connect: Connect) -> Any:
    read_definition = controller("understudy.definition").read_definition
    submitted = controller("understudy.ports.parameters").ParameterText(cluster, 0, text)
    nodes = controller("understudy.adapters.ec2.nodes").Ec2Nodes(lambda: connect("ec2"))
    network = controller("understudy.adapters.ec2.network").Ec2Network(lambda: connect("ec2"))
    client = _route53(stack, connect)
    records = controller("understudy.adapters.route53.zone").Route53Records(client)
    zones = controller("understudy.adapters.route53.readings").Route53Readings(client)
    look_at = controller("understudy.usecases.register.look").look_at
    return look_at(read_definition(submitted, 1, nodes), zones, records, network, stack)


def _route53(stack: str, connect: Connect) -> Any:
    retries = controller("understudy.adapters.route53.retries")
    assumed = controller("understudy.adapters.route53.assumed_roles")

    def connect_as(keys: Mapping[str, str]) -> Any:
        return connect("route53", **keys)

    roles = assumed.AssumedRoles(lambda: connect("sts"), connect_as, time.time, f"understudy-{stack}")
    patience = retries.Retries(time.monotonic, time.sleep, random.random)
    return retries.RetryingClient(connect("route53"), patience, roles.call)
