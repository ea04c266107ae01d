"""Functions, states, folders and log groups bear the same names; the definition's holes are filled."""

import re

from tests.support.asl_definition import snake_case
from tests.template import cfn
from tests.template.outcomes import STEPS
from understudy.bootstrap import WATCH_ROUTE53_LIMIT_S
from understudy.domain.decide.silence import Limits
from understudy.domain.transition.steps import TRY_LIMIT_S

ENTRIES = ("RecordHeartbeat", "WatchClusters", "ReceiveSignal", "RegisterCluster", "NotifyOperator", "PruneVersions")
VIEWS = ("ClusterBoard",)
FUNCTIONS = {
    name: resource["Properties"]
    for name, resource in cfn.source()["Resources"].items()
    if resource["Type"] == "AWS::Serverless::Function"
}
MACHINE = cfn.source()["Resources"]["TransitionStateMachine"]["Properties"]
DEFINITION = (cfn.ROOT / MACHINE["DefinitionUri"]).read_text(encoding="utf-8")


def test_there_is_one_function_for_each_entry_each_step_and_each_view():
    assert set(FUNCTIONS) == {f"{name}Function" for name in (*ENTRIES, *STEPS, *VIEWS)}


def test_a_function_lives_in_the_folder_of_its_name():
    assert {name: f["CodeUri"] for name, f in FUNCTIONS.items()} == {
        f"{name}Function": f"functions/{snake_case(name)}/" for name in (*ENTRIES, *STEPS, *VIEWS)
    }


def test_every_folder_of_functions_is_deployed_and_has_the_handler():
    folders = {path.parent for path in (cfn.ROOT / "functions").glob("*/app.py")}
    assert {f"{folder.relative_to(cfn.ROOT)}/" for folder in folders} == {f["CodeUri"] for f in FUNCTIONS.values()}
    for folder in folders:
        assert re.search(r"^def handler\(", (folder / "app.py").read_text(encoding="utf-8"), re.MULTILINE), folder
    assert cfn.source()["Globals"]["Function"]["Handler"] == "app.handler"


def test_every_function_has_a_log_group_of_its_own_named_after_its_folder():
    groups = cfn.of_type("AWS::Logs::LogGroup")
    for name, function in cfn.of_type("AWS::Lambda::Function").items():
        group = groups[function["LoggingConfig"]["LogGroup"]["Ref"]]
        expected = f"/understudy/understudy/{snake_case(name.removesuffix('Function'))}"
        assert cfn.resolve(group["LogGroupName"], {}) == expected


def test_lambda_lets_every_figure_through_and_says_nothing_of_calls_that_went_well():  # B8 B9
    """Above INFO it would drop the lines of metrics, which have no level; below, libraries show what they send."""
    for name, function in cfn.of_type("AWS::Lambda::Function").items():
        said = {key: value for key, value in function["LoggingConfig"].items() if key != "LogGroup"}
        assert said == {"LogFormat": "JSON", "ApplicationLogLevel": "INFO", "SystemLogLevel": "WARN"}, name


def test_the_template_fills_exactly_the_holes_of_the_definition():
    holes = set(re.findall(r"\$\{(\w+)\}", DEFINITION))
    assert holes == set(MACHINE["DefinitionSubstitutions"])
    assert holes == {"Partition", *(f"{step}FunctionArn" for step in STEPS)}
    for step in STEPS:
        substitution = MACHINE["DefinitionSubstitutions"][f"{step}FunctionArn"]
        assert substitution == {"Ref": f"{step}Function.Alias"}


def test_every_function_is_told_what_it_needs_and_only_starters_know_the_machine():
    common = {
        "TABLE_NAME",
        "BUS_NAME",
        "PARAMETER_PREFIX",
        "POWERTOOLS_SERVICE_NAME",
        "POWERTOOLS_METRICS_NAMESPACE",
        "POWERTOOLS_LOG_LEVEL",
    }
    starters = {"RecordHeartbeatFunction", "WatchClustersFunction", "ReceiveSignalFunction"}
    examining = {"CheckReadinessFunction", "AdviseFunction"}
    judging_definitions = {"RegisterClusterFunction", "WatchClustersFunction", *examining}
    linking = {"NotifyOperatorFunction", "ClusterBoardFunction"}
    doubting = {"OpenTransitionFunction", "WatchClustersFunction"}
    sharing = {"MoveAddressFunction", "CheckChangeFunction", "WatchClustersFunction"}
    for name, function in cfn.of_type("AWS::Lambda::Function").items():
        expected = common | ({"STATE_MACHINE_ARN"} if name in starters else set())
        expected |= {"MOVER_ROLE_ARN"} if name in examining else set()
        expected |= {"MAY_STOP_INSTANCES"} if name in judging_definitions else set()
        expected |= {"TOPIC_ARN"} if name == "NotifyOperatorFunction" else set()
        expected |= {"RUNBOOK_URL"} if name in linking else set()
        expected |= {"STACK_ID"} if name == "PruneVersionsFunction" else set()
        expected |= {"ROUTE53_PERCENT"} if name in sharing else set()
        expected |= {"SILENCE_PERCENT", "SILENCE_CLUSTERS", "SILENCE_MOVES"} if name in doubting else set()
        assert set(function["Environment"]["Variables"]) == expected, name


def test_what_the_template_says_by_default_of_silence_is_what_the_code_takes_for_usual():  # B15
    parameters = cfn.source()["Parameters"]
    told = [parameters[f"Silence{name}"]["Default"] for name in ("Percent", "Clusters", "Moves")]
    assert Limits(*told) == Limits()


def test_every_function_runs_on_both_layers_and_the_same_runtime():
    for name, function in cfn.of_type("AWS::Lambda::Function").items():
        assert function["Runtime"] == "python3.13", name
        assert [re.sub(r"[0-9a-f]{10}$", "", layer["Ref"]) for layer in function["Layers"]] == [
            "ControllerLayer",
            "DependenciesLayer",
        ], name


def test_a_function_does_not_end_before_the_longest_try_at_route_53_or_what_a_watch_may_take_for_it():  # S6 S7
    usual_s = cfn.source()["Globals"]["Function"]["Timeout"]
    for step in ("MoveAddressFunction", "CheckChangeFunction"):
        assert FUNCTIONS[step].get("Timeout", usual_s) >= TRY_LIMIT_S + 5
    assert FUNCTIONS["WatchClustersFunction"]["Timeout"] >= 2 * WATCH_ROUTE53_LIMIT_S
