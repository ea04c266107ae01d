"""The dashboard calls the board, over its whole width, and needs nothing else."""

import json

from tests.template import cfn


def dashboard():
    return cfn.expanded()["BoardDashboard"]


def test_the_dashboard_shows_the_board_over_its_whole_width_as_often_as_it_is_refreshed():  # S18
    properties = cfn.resolve(dashboard()["Properties"], {"ClusterBoardFunctionAliaslive": "arn:board"})
    assert properties["DashboardName"] == "understudy"
    (widget,) = json.loads(properties["DashboardBody"])["widgets"]
    assert (widget["type"], widget["x"], widget["width"]) == ("custom", 0, 24)
    assert widget["properties"] == {
        "title": "Understudy understudy",
        "endpoint": "arn:board",
        "updateOn": {"refresh": True, "resize": False, "timeRange": False},
    }


def test_a_stack_can_do_without_its_dashboard_and_keeps_the_function():
    assert dashboard()["Condition"] == "WithDashboard"
    assert cfn.source()["Conditions"]["WithDashboard"] == {"Fn::Equals": [{"Ref": "Dashboard"}, "true"]}
    assert "Condition" not in cfn.expanded()["ClusterBoardFunction"]


def test_nobody_but_those_who_may_call_functions_can_call_the_board():  # S18
    """No permission on it: CloudWatch calls it with the rights of whoever looks."""
    permissions = cfn.of_type("AWS::Lambda::Permission").values()
    assert not [each for each in permissions if "ClusterBoard" in str(each["FunctionName"])]
