"""Readiness of members that are replaced."""

from dataclasses import replace
from typing import Any

from tests.support.builders import NODE_A, NODE_B, SPECS, a_definition
from tests.support.readiness import UNREAD, instances, says
from understudy.domain.readiness.facts import ScalingGroup, Verdict
from understudy.domain.readiness.replacing import groups_wait, nodes_name_no_members, tags_unique

PASS, WARN, FAIL, UNKNOWN = Verdict.PASS, Verdict.WARN, Verdict.FAIL, Verdict.UNKNOWN
TAG_A, TAG_B = "orders-db/node-a", "orders-db/node-b"
BY_TAG = a_definition(nodes=(replace(SPECS[0], tag=TAG_A), replace(SPECS[1], tag=TAG_B)))
ALONE = {TAG_A: (NODE_A,), TAG_B: (NODE_B,)}
STRANGER = "i-0ddddddddddddddd9"
PROFILE = "arn:aws:iam::123456789012:instance-profile/nodes"
GROUP = ScalingGroup(frozenset({"understudy-understudy"}), "understudy")


def grouped(group: Any, **changes: Any) -> dict[str, Any]:
    seen = instances(node_a={"scaling_group": "orders-db-a"})
    return {"instances": seen, "groups": {"orders-db-a": group} if group else {}, "definition": BY_TAG, **changes}


def test_a_group_that_waits_for_the_service_to_leave_is_well():  # B17
    says(groups_wait, PASS, "node-a: Auto Scaling group orders-db-a waits", **grouped(GROUP))
    says(groups_wait, PASS, "node-b is in no group")


def test_a_group_that_would_not_wait_is_told_of_with_what_it_lacks():  # B17
    missing = replace(GROUP, hooks=frozenset({"understudy-other"}))
    says(groups_wait, WARN, "no lifecycle hook understudy-understudy", **grouped(missing))
    says(groups_wait, WARN, "its tag understudy:stack is missing", **grouped(replace(GROUP, stack="")))
    says(groups_wait, WARN, "its tag understudy:stack is other", **grouped(replace(GROUP, stack="other")))
    by_id = grouped(GROUP, definition=a_definition())
    says(groups_wait, WARN, "named by its id, not by a tag", **by_id)


def test_what_auto_scaling_does_not_say_is_not_known():  # B17
    says(groups_wait, UNKNOWN, "AccessDenied", **grouped(GROUP, groups=UNREAD))
    says(groups_wait, UNKNOWN, "knows no group orders-db-a", **grouped(None))
    says(groups_wait, UNKNOWN, "AccessDenied", instances=UNREAD)


def test_a_second_living_instance_with_the_tag_of_a_member_is_a_fault():  # B17
    says(tags_unique, PASS, "node-a alone has its tag", definition=BY_TAG, tagged=ALONE)
    twice = {**ALONE, TAG_A: (NODE_A, STRANGER)}
    says(tags_unique, FAIL, f"node-a: {STRANGER} has its tag orders-db/node-a as well", definition=BY_TAG, tagged=twice)


def test_a_member_that_has_lost_its_tag_has_no_successor():  # B17
    says(
        tags_unique,
        WARN,
        "no living instance has its tag orders-db/node-b",
        definition=BY_TAG,
        tagged={TAG_A: (NODE_A,)},
    )
    moved = {**ALONE, TAG_A: (STRANGER,)}
    says(tags_unique, WARN, f"is on {STRANGER}, which is no member", definition=BY_TAG, tagged=moved)


def test_tags_that_cannot_be_read_prove_nothing_and_without_any_nothing_is_asked():  # B17
    says(tags_unique, UNKNOWN, "AccessDenied", definition=BY_TAG, tagged=UNREAD)
    says(tags_unique, PASS, "no member is named by a tag", tagged=UNREAD)


def test_a_node_whose_role_may_name_members_is_told_of():  # B17
    with_profile = {"instances": instances(node_a={"profile": PROFILE}), "definition": BY_TAG}
    says(nodes_name_no_members, PASS, "may not set", **with_profile, name_members={PROFILE: False})
    says(nodes_name_no_members, WARN, "node-a: its role may set the tag", **with_profile, name_members={PROFILE: True})
    says(nodes_name_no_members, UNKNOWN, "AccessDenied", **with_profile, name_members={PROFILE: UNREAD})
    says(nodes_name_no_members, UNKNOWN, "was not looked at", **with_profile)
    says(nodes_name_no_members, PASS, "node-b has no role", definition=BY_TAG)
    says(nodes_name_no_members, PASS, "no member is named by a tag")
