"""The keys that nodes share are made once, and never replaced (B13)."""

from typing import Any
from uuid import uuid4

import pytest
from botocore.exceptions import EndpointConnectionError
from botocore.stub import Stubber

from tests.contract.conftest import REGION
from tests.support.fakes import FakeKeys
from understudy.adapters.ssm_keys import SsmKeys
from understudy.domain.cluster.errors import KeyNotMadeError


@pytest.fixture(scope="module")
def ssm(moto_aws: None) -> Any:
    import boto3

    return boto3.client("ssm", region_name=REGION)


@pytest.fixture(params=["fake", "ssm"])
def keys(request: pytest.FixtureRequest) -> Any:
    return FakeKeys() if request.param == "fake" else SsmKeys(request.getfixturevalue("ssm"), str(uuid4()))


def test_a_key_is_made_once_for_each_cluster(keys):
    assert keys.make("orders-db") is True
    assert keys.make("orders-db") is False
    assert keys.make("invoices") is True


def test_a_key_is_secret_random_and_stands_where_the_nodes_look_for_it(ssm):
    stack = str(uuid4())
    values = set()
    for cluster in ("orders-db", "invoices"):
        SsmKeys(ssm, stack).make(cluster)
        found = ssm.get_parameter(Name=f"/understudy-keys/{stack}/{cluster}", WithDecryption=True)["Parameter"]
        assert found["Type"] == "SecureString"
        assert len(bytes.fromhex(found["Value"])) == 32
        values.add(found["Value"])
    assert len(values) == 2


def test_a_key_that_is_there_is_not_replaced(ssm):
    stack = str(uuid4())
    name = f"/understudy-keys/{stack}/orders-db"
    ssm.put_parameter(Name=name, Type="SecureString", Value="a person's own key, of 32 characters")
    assert SsmKeys(ssm, stack).make("orders-db") is False
    found = ssm.get_parameter(Name=name, WithDecryption=True)["Parameter"]
    assert (found["Value"], found["Version"]) == ("a person's own key, of 32 characters", 1)


def test_a_key_that_was_not_made_does_not_count_as_made(ssm):
    with Stubber(ssm) as stubber:
        stubber.add_client_error("put_parameter", "ThrottlingException")
        with pytest.raises(KeyNotMadeError, match="was not made"):
            SsmKeys(ssm, "understudy").make("orders-db")


def test_no_answer_is_not_a_key(ssm, monkeypatch):
    def unreachable(**_: Any) -> None:
        raise EndpointConnectionError(endpoint_url="https://ssm")

    monkeypatch.setattr(ssm, "put_parameter", unreachable)
    with pytest.raises(KeyNotMadeError, match="is not known"):
        SsmKeys(ssm, "understudy").make("orders-db")
