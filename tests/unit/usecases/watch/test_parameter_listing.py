"""The reading of all parameters goes on where the one before it ended."""

from itertools import islice

import pytest

from tests.support.fakes import FakeParameters
from understudy.usecases.watch.parameter_listing import ParameterListing


@pytest.fixture
def parameters():
    parameters = FakeParameters()
    for number in range(5):
        parameters.put(f"db-{number}", "nodes: []")
    return parameters


def names(texts):
    return [text.cluster for text in texts]


def test_a_reading_goes_on_where_the_one_before_it_ended_and_begins_anew_after_the_end(parameters):  # S9 B12
    listing = ParameterListing(parameters)
    assert names(islice(listing.cluster_texts(), 3)) == ["db-0", "db-1", "db-2"]
    assert names(listing.cluster_texts()) == ["db-3", "db-4"]
    assert names(listing.cluster_texts()) == ["db-0", "db-1", "db-2", "db-3", "db-4"]


def test_a_reading_that_ended_just_at_the_end_costs_no_minute(parameters):  # S9
    listing = ParameterListing(parameters)
    assert len(names(islice(listing.cluster_texts(), 5))) == 5
    assert names(islice(listing.cluster_texts(), 2)) == ["db-0", "db-1"]


def test_after_a_fault_the_reading_begins_anew(parameters):  # B8
    listing = ParameterListing(parameters)
    parameters.fail_next("cluster_texts", ConnectionError("the token has expired"))
    with pytest.raises(ConnectionError):
        names(listing.cluster_texts())
    assert len(names(listing.cluster_texts())) == 5


def test_everything_else_is_asked_of_parameter_store_as_it_is(parameters):
    listing = ParameterListing(parameters)
    parameters.put_tuning("ROUTE53_TTL=5")
    assert listing.cluster_text("db-1") == parameters.cluster_text("db-1")
    assert listing.tuning_text() == parameters.tuning_text()
