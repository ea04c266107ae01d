"""Route 53 under each of its two forms: in memory, and MiniStack's."""

from dataclasses import dataclass
from typing import Any
from uuid import uuid4

import pytest

from tests.contract.conftest import REGION
from tests.support.fakes import FakeZone
from tests.support.retries import retrying
from understudy.adapters.route53.zone import Route53Zone
from understudy.domain.cluster.definition import Record

NAME = "orders-db.corp.example.com"


@dataclass(frozen=True)
class Scene:
    """A zone and a record in it that nobody has made yet."""

    zone: FakeZone | Route53Zone
    record: Record


@pytest.fixture(scope="session")
def route53(ministack_url: str) -> Any:
    """A client of MiniStack's Route 53."""
    import boto3

    return boto3.client(
        "route53",
        region_name=REGION,
        endpoint_url=ministack_url,
        aws_access_key_id="123456789012",
        aws_secret_access_key="local",
    )


@pytest.fixture
def hosted_zone_id(route53: Any) -> str:
    """The id of a new hosted zone corp.example.com."""
    answer = route53.create_hosted_zone(Name="corp.example.com", CallerReference=str(uuid4()))
    return str(answer["HostedZone"]["Id"]).removeprefix("/hostedzone/")


@pytest.fixture(params=["fake", "route53"])
def scene(request: pytest.FixtureRequest) -> Scene:
    """A zone without the record."""
    if request.param == "fake":
        return Scene(FakeZone(), Record("Z0EXAMPLE", NAME))
    zone = Route53Zone(retrying(request.getfixturevalue("route53")))
    return Scene(zone, Record(request.getfixturevalue("hosted_zone_id"), NAME))
