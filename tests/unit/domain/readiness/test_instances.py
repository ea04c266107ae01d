"""Readiness of the instances themselves: what a stop is worth, and who on a node can speak for it."""

import pytest

from tests.support.builders import SPECS, WITNESS_C, a_definition
from tests.support.readiness import UNREAD, an_instance, instances, says
from understudy.domain.readiness.facts import MetadataService, Verdict
from understudy.domain.readiness.instances import metadata_closed, no_hibernation

PASS, WARN, FAIL, UNKNOWN = Verdict.PASS, Verdict.WARN, Verdict.FAIL, Verdict.UNKNOWN
OPEN = MetadataService(is_on=True, needs_token=False, hop_limit=1)
FAR = MetadataService(is_on=True, needs_token=True, hop_limit=2)
OFF = MetadataService(is_on=False, needs_token=False, hop_limit=64)


def test_a_node_that_can_be_hibernated_is_a_fault():  # B4
    """It would come back with its services running, beside the node that took over."""
    says(no_hibernation, FAIL, "node-b can be hibernated", instances=instances(node_b={"hibernates": True}))
    says(no_hibernation, PASS, "node-b cannot be hibernated")


def test_whether_a_node_can_be_hibernated_may_not_be_known():  # B3
    says(no_hibernation, UNKNOWN, "EC2 does not say", instances=instances(node_a={"hibernates": None}))
    says(no_hibernation, UNKNOWN, UNREAD.why, instances=UNREAD)


def test_a_witness_may_be_hibernated_for_it_never_serves():  # B4
    definition = a_definition(nodes=(*SPECS[:2], WITNESS_C))
    known = {**instances(), WITNESS_C.instance_id: an_instance(hibernates=True)}
    says(no_hibernation, PASS, "node-a cannot be hibernated", definition=definition, instances=known)


@pytest.mark.parametrize(
    ("metadata", "words"),
    [
        (OPEN, "node-b answers questions about its metadata without a token (IMDSv1)"),
        (FAR, "node-b answers questions about its metadata from 2 hops away"),
    ],
)
def test_a_metadata_service_that_more_can_ask_than_must_is_a_risk(metadata, words):  # B10
    says(metadata_closed, WARN, words, instances=instances(node_b={"metadata": metadata}))


def test_both_faults_of_a_metadata_service_are_named():  # B10
    both = MetadataService(is_on=True, needs_token=False, hop_limit=3)
    says(
        metadata_closed,
        WARN,
        "without a token (IMDSv1) and from 3 hops",
        instances=instances(node_b={"metadata": both}),
    )


def test_a_metadata_service_that_is_off_answers_nobody():  # B10
    says(metadata_closed, PASS, "node-a", instances=instances(node_a={"metadata": OFF}))


def test_a_metadata_service_that_ec2_says_nothing_of_is_unknown():  # B3
    says(metadata_closed, UNKNOWN, "EC2 does not say", instances=instances(node_a={"metadata": None}))
    says(metadata_closed, UNKNOWN, UNREAD.why, instances=UNREAD)


def test_a_witness_can_be_spoken_for_too():  # B10 S12
    """Its beat may be the one that makes a majority."""
    definition = a_definition(nodes=(*SPECS[:2], WITNESS_C))
    known = {**instances(), WITNESS_C.instance_id: an_instance(metadata=OPEN)}
    says(metadata_closed, WARN, f"{WITNESS_C.name} answers", definition=definition, instances=known)
