"""Definitions are read as operators put them (S9)."""

from typing import Any
from uuid import uuid4

import pytest
from botocore.exceptions import ClientError
from botocore.stub import Stubber

from tests.contract.conftest import REGION
from tests.support.fakes import FakeParameters
from understudy.adapters.ssm_parameters import SsmParameters
from understudy.ports.parameters import ParameterText


class PutInStore:
    """Parameter Store with parameters of others around ours."""

    def __init__(self, client: Any) -> None:
        self._client = client
        self._prefix = f"/understudy/{uuid4()}/"
        self.parameters = SsmParameters(client, self._prefix)
        client.put_parameter(Name=f"{self._prefix}tuning", Type="String", Value="ROUTE53_TTL=10")

    def put(self, cluster: str, text: str, kind: str = "String") -> None:
        self._client.put_parameter(Name=f"{self._prefix}clusters/{cluster}", Type=kind, Value=text, Overwrite=True)

    def delete(self, cluster: str) -> None:
        self._client.delete_parameter(Name=f"{self._prefix}clusters/{cluster}")


class PutInMemory:
    def __init__(self) -> None:
        self.parameters = FakeParameters()
        self.parameters.put_tuning("ROUTE53_TTL=10")

    def put(self, cluster: str, text: str) -> None:
        self.parameters.put(cluster, text)

    def delete(self, cluster: str) -> None:
        self.parameters.delete(cluster)


@pytest.fixture(scope="module")
def ssm(moto_aws: None) -> Any:
    import boto3

    return boto3.client("ssm", region_name=REGION)


@pytest.fixture(params=["fake", "ssm"])
def store(request: pytest.FixtureRequest) -> Any:
    return PutInMemory() if request.param == "fake" else PutInStore(request.getfixturevalue("ssm"))


def test_the_stacks_tunables_are_read_and_are_no_cluster(store):  # S8
    assert store.parameters.tuning_text() == ParameterText("", 1, "ROUTE53_TTL=10")
    assert list(store.parameters.cluster_texts()) == []


def test_a_parameter_is_read_with_its_version(store):
    store.put("orders-db", "nodes: []")
    store.put("orders-db", "nodes: [1]")
    assert store.parameters.cluster_text("orders-db") == ParameterText("orders-db", 2, "nodes: [1]")


def test_a_parameter_that_is_not_there_is_none(store):
    assert store.parameters.cluster_text("orders-db") is None
    store.put("orders-db", "x")
    store.delete("orders-db")
    assert store.parameters.cluster_text("orders-db") is None
    assert list(store.parameters.cluster_texts()) == []


def test_put_again_after_it_was_deleted_a_parameter_counts_from_one(store):
    store.put("orders-db", "old")
    store.put("orders-db", "newer")
    store.delete("orders-db")
    store.put("orders-db", "newest")
    assert store.parameters.cluster_text("orders-db") == ParameterText("orders-db", 1, "newest")


def test_all_parameters_are_found_however_many_pages_they_fill(store):
    names = [f"cluster-{number:02d}" for number in range(23)]
    for name in names:
        store.put(name, f"text of {name}")
    expected = [ParameterText(name, 1, f"text of {name}") for name in names]
    assert sorted(store.parameters.cluster_texts(), key=lambda found: found.cluster) == expected


def test_a_secret_parameter_is_read_decrypted(ssm):
    store = PutInStore(ssm)
    store.put("orders-db", "nodes: []", kind="SecureString")
    assert store.parameters.cluster_text("orders-db") == ParameterText("orders-db", 1, "nodes: []")
    assert list(store.parameters.cluster_texts()) == [ParameterText("orders-db", 1, "nodes: []")]


def test_a_parameter_store_that_cannot_be_read_does_not_look_empty(ssm):
    with Stubber(ssm) as stubber:
        stubber.add_client_error("get_parameter", "ThrottlingException")
        stubber.add_client_error("get_parameters_by_path", "AccessDeniedException")
        with pytest.raises(ClientError):
            SsmParameters(ssm, "/understudy/x/").cluster_text("orders-db")
        with pytest.raises(ClientError):
            list(SsmParameters(ssm, "/understudy/x/").cluster_texts())
