"""Hold and resume: what an operator may ask, and what then stands in the state (B6)."""

from typing import Any

import pytest

from tests.support.builders import CLUSTER, NOW
from understudy.domain.cluster.hold import Hold, ModeRequest, changed_hold
from understudy.domain.cluster.request import BadRequestError, parse_request


def asked(**document: Any) -> Any:
    return parse_request({"cluster": CLUSTER, **document})


def test_a_hold_lasts_until_it_is_resumed_or_until_the_end_that_was_named():  # B6
    assert asked(action="hold") == ModeRequest(CLUSTER, is_hold=True)
    assert asked(action="hold", for_s=3600, reason="patching") == ModeRequest(CLUSTER, True, "patching", for_s=3600)
    assert asked(action="hold", until=NOW) == ModeRequest(CLUSTER, True, until=NOW)
    assert asked(action="resume", reason="done") == ModeRequest(CLUSTER, False, "done")


@pytest.mark.parametrize(
    ("document", "words"),
    [
        ({"action": "hold", "for_s": 59}, "for_s is 59; allowed: 60 to 2592000 seconds"),
        ({"action": "hold", "for_s": 2_592_001}, "allowed: 60 to 2592000 seconds"),
        ({"action": "hold", "for_s": True}, "for_s is True"),
        ({"action": "hold", "for_s": "1h"}, "for_s is '1h'"),
        ({"action": "hold", "for_s": 60.5}, "for_s is 60.5"),
        ({"action": "hold", "until": "tomorrow"}, "until is 'tomorrow'; allowed: whole seconds since 1970"),
        ({"action": "hold", "until": -1}, "until is -1"),
        ({"action": "hold", "for_s": 60, "until": NOW}, "cannot both be said"),
        ({"action": "resume", "for_s": 60}, "belong to a hold"),
        ({"action": "resume", "until": NOW}, "belong to a hold"),
        ({"action": "hold", "to": "node-b"}, "'to' is not a key"),
        ({"action": "hold", "reason": 7}, "reason is 7"),
        ({"action": "hold", "cluster": "A"}, "cluster is 'A'"),
        ({"action": "switchover", "for_s": 60}, "'for_s' is not a key"),
    ],
)
def test_a_hold_that_cannot_be_meant_is_refused_with_what_was_found(document, words):
    with pytest.raises(BadRequestError) as caught:
        asked(**document)
    assert words in str(caught.value)


@pytest.mark.parametrize(
    ("hold", "now", "expected"),
    [
        (Hold(NOW), NOW + 10**8, True),
        (Hold(NOW, NOW + 60), NOW + 59, True),
        (Hold(NOW, NOW + 60), NOW + 60, False),
    ],
)
def test_a_hold_is_over_at_its_end_and_not_a_second_earlier(hold, now, expected):  # B6
    assert hold.is_on(now) is expected


@pytest.mark.parametrize(
    ("request_", "before", "after"),
    [
        (ModeRequest(CLUSTER, True, "x"), None, Hold(NOW, None, "x")),
        (ModeRequest(CLUSTER, True, "x", for_s=60), None, Hold(NOW, NOW + 60, "x")),
        (ModeRequest(CLUSTER, True, "x", until=NOW + 9), Hold(NOW - 60), Hold(NOW - 60, NOW + 9, "x")),
        (ModeRequest(CLUSTER, True), Hold(NOW - 60, NOW - 1), Hold(NOW)),
        (ModeRequest(CLUSTER, False), Hold(NOW - 60), None),
        (ModeRequest(CLUSTER, False), None, None),
    ],
    ids=["held", "for a while", "held longer", "held anew", "resumed", "not held"],
)
def test_a_hold_that_is_asked_for_again_keeps_its_beginning(request_, before, after):
    assert changed_hold(request_, before, NOW) == after


# Going on without a proof is asked for in the same breath as the failover.


def test_an_operator_may_answer_for_it_that_the_old_node_is_off():  # B4
    document = {"action": "failover", "unproven": "proceed", "reason": "the host burned down"}
    assert asked(**document).may_go_unproven
    assert not asked(action="failover").may_go_unproven


@pytest.mark.parametrize(
    ("document", "words"),
    [
        ({"action": "failover", "unproven": "proceed"}, "unproven needs a reason"),
        ({"action": "failover", "unproven": "hold", "reason": "x"}, "unproven is 'hold'; allowed: proceed"),
        ({"action": "switchover", "unproven": "proceed", "reason": "x"}, "belongs to a failover that an operator"),
        ({"unproven": "proceed", "reason": "x"}, "belongs to a failover that an operator"),
        ({"action": "failover", "rule": "x", "unproven": "proceed", "reason": "x"}, "belongs to a failover that an"),
    ],
)
def test_nobody_but_an_operator_with_a_reason_goes_on_without_a_proof(document, words):  # B4
    with pytest.raises(BadRequestError) as caught:
        asked(**document)
    assert words in str(caught.value)
