"""What the Serverless Application Repository asks of the template, by its documentation. See docs/packaging.md."""

import re

from tests.template import cfn

APPLICATION = cfn.source()["Metadata"]["AWS::ServerlessRepo::Application"]
PACKAGING = (cfn.ROOT / "docs" / "packaging.md").read_text(encoding="utf-8")
LISTED = {
    "AWS::CloudWatch::Alarm",
    "AWS::CloudWatch::Dashboard",
    "AWS::DynamoDB::Table",
    "AWS::Events::Rule",
    "AWS::IAM::ManagedPolicy",
    "AWS::IAM::Policy",
    "AWS::IAM::Role",
    "AWS::Lambda::Alias",
    "AWS::Lambda::EventInvokeConfig",
    "AWS::Lambda::Function",
    "AWS::Lambda::LayerVersion",
    "AWS::Lambda::Permission",
    "AWS::Lambda::Version",
    "AWS::Logs::LogGroup",
    "AWS::SNS::Subscription",
    "AWS::SNS::Topic",
    "AWS::SNS::TopicPolicy",
    "AWS::SQS::Queue",
    "AWS::SQS::QueuePolicy",
    "AWS::Serverless::Function",
    "AWS::Serverless::LayerVersion",
    "AWS::Serverless::StateMachine",
    "AWS::StepFunctions::StateMachine",
}
"""Of "List of Supported AWS Resources" (developer guide of the repository, its published source), what concerns us."""
NEEDS_RESOURCE_POLICY = {"AWS::Lambda::Permission", "AWS::SNS::TopicPolicy", "AWS::SQS::QueuePolicy"}
TEXT_LIMIT_BYTES = 5 * 1024 * 1024
PUBLIC = {"SpdxLicenseId", "LicenseUrl", "ReadmeUrl", "SemanticVersion"}


def kinds() -> set[str]:
    """Every type of resource, as written and as the SAM transform makes it."""
    return {each["Type"] for each in (*cfn.source()["Resources"].values(), *cfn.expanded().values())}


def test_the_metadata_keep_the_documented_patterns_and_lengths():
    assert re.fullmatch(r"[a-zA-Z0-9-]{1,140}", APPLICATION["Name"])
    assert re.fullmatch(r"[a-z0-9](([a-z0-9]|-(?!-))*[a-z0-9])?", APPLICATION["Author"])
    assert 1 <= len(APPLICATION["Author"]) <= 127
    assert 1 <= len(APPLICATION["Description"]) <= 256
    assert len(APPLICATION["Labels"]) <= 10
    assert [label for label in APPLICATION["Labels"] if not re.fullmatch(r"[a-zA-Z0-9+\-_:/@]{1,127}", label)] == []
    assert re.fullmatch(r"\d+\.\d+\.\d+", APPLICATION["SemanticVersion"])


def test_the_metadata_are_complete_and_name_no_address_that_does_not_exist():
    assert set(APPLICATION) == {"Name", "Description", "Author", "Labels"} | PUBLIC
    assert [value for value in APPLICATION.values() if isinstance(value, dict) or "://" in str(value)] == []


def test_licence_and_readme_are_there_and_small_enough():
    for key in ("LicenseUrl", "ReadmeUrl"):
        assert 0 < (cfn.ROOT / APPLICATION[key]).stat().st_size <= TEXT_LIMIT_BYTES


def test_a_type_of_resource_that_the_repository_does_not_list_is_told_of():
    unlisted = kinds() - LISTED
    assert unlisted == {"AWS::Events::EventBus"}
    assert [kind for kind in unlisted if f"`{kind}`" not in PACKAGING] == []


def test_what_a_user_must_acknowledge_is_told_of():
    assert kinds() >= NEEDS_RESOURCE_POLICY | {"AWS::IAM::Role"}
    named = [each for each in cfn.expanded().values() if {"RoleName", "ManagedPolicyName"} & set(each["Properties"])]
    assert named == [], "a name of its own would need CAPABILITY_NAMED_IAM"
    for capability in ("CAPABILITY_IAM", "CAPABILITY_RESOURCE_POLICY"):
        assert f"`{capability}`" in PACKAGING


def test_the_template_knows_no_event_that_the_repository_refuses():
    """It refuses ScheduleV2 (aws/aws-sam-cli issue 4543)."""
    functions = [each["Properties"] for each in cfn.source()["Resources"].values() if "Properties" in each]
    events = {event["Type"] for each in functions for event in each.get("Events", {}).values()}
    assert events == {"EventBridgeRule", "Schedule"}


def test_no_function_has_a_right_that_the_repository_blocks():
    """AWSLambda_FullAccess; iam:AttachRolePolicy, iam:PutRolePolicy or iam:* on everything."""
    text = str(list(cfn.of_type("AWS::IAM::Role").values()))
    assert [word for word in ("AWSLambda_FullAccess", "iam:AttachRolePolicy", "iam:PutRolePolicy", "iam:*")
            if word in text] == []  # fmt: skip
