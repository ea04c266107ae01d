"""Ordered faults are made as often as they were ordered, for the operation that they name."""

from local.faults import Fault, FaultKind, FaultPlan


def test_a_fault_is_made_as_often_as_ordered_and_only_for_its_operation():
    plan = FaultPlan()
    plan.add(Fault(FaultKind.THROTTLED, "GetChange", times=2))
    kinds = [plan.take(name) for name in ("ListResourceRecordSets", "GetChange", "GetChange", "GetChange")]
    assert [fault.kind if fault else None for fault in kinds] == [
        None,
        FaultKind.THROTTLED,
        FaultKind.THROTTLED,
        None,
    ]


def test_a_fault_without_a_number_lasts_until_it_is_cleared():
    plan = FaultPlan()
    plan.add(Fault(FaultKind.UNAVAILABLE, times=None))
    assert all(plan.take("Anything") for _ in range(10))
    plan.clear()
    assert plan.take("Anything") is None


def test_two_equal_faults_are_two_faults():
    plan = FaultPlan()
    fault = Fault(FaultKind.DELAYED)
    plan.add(fault)
    plan.add(fault)
    assert [bool(plan.take("x")) for _ in range(3)] == [True, True, False]


def test_a_plan_knows_how_many_faults_it_has_made_until_it_is_cleared():
    plan = FaultPlan()
    plan.add(Fault(FaultKind.THROTTLED, "GetChange", times=2))
    for name in ("ListResourceRecordSets", "GetChange", "GetChange", "GetChange"):
        plan.take(name)
    assert plan.made == 2
    plan.clear()
    assert plan.made == 0
