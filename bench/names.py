"""The names that are made from the stack's name, AWS's limit of each, and how long a stack's name may be.

`bench.scale` writes them into docs/scale.md; tests/template/test_stack_name.py holds them to the template and the code.
"""

from __future__ import annotations

from dataclasses import dataclass

from understudy.domain.cluster.record import GUARD_EPOCH_LIMIT

STACK_LIMIT = 128
"""Of CloudFormation itself, in characters."""
OWN_NAME_LIMIT = 40
"""Of clusters and nodes, by the pattern that definitions are held to."""
ARN = "arn:aws-us-gov:ssm:us-gov-west-1:123456789012:parameter"
"""The longest beginning of a parameter's ARN that is in use: Parameter Store counts it."""
CUT = (("the session of an assumed role", 64), ("the subject of a notice", 99))
"""What is cut to its limit (characters): nothing depends on its end."""


@dataclass(frozen=True)
class Name:
    """A name that has the stack's name in it, `form`, which may have `limit` characters by a document of AWS.

    `place`: the type of the resource and its property, without the steps into lists; empty when made at run time.
    """

    what: str
    form: str
    limit: int
    document: str
    place: tuple[str, ...] = ()

    def longest(self, stack: str) -> str:
        """With this stack's name, and with the longest names of everything else."""
        own = "x" * OWN_NAME_LIMIT
        return self.form.format(stack=stack, cluster=own, node=own, epoch=GUARD_EPOCH_LIMIT - 1)

    @property
    def room(self) -> int:
        """How many characters the stack's name may have for its sake."""
        return self.limit - len(self.longest(""))


NAMES = (
    Name(
        "state machine",
        "{stack}-transition",
        80,
        "Step Functions service quotas",
        ("AWS::StepFunctions::StateMachine", "StateMachineName"),
    ),
    Name(
        "value of a guard",
        "understudy stack={stack} cluster={cluster} epoch={epoch} node={node}",
        255,
        "Supported DNS record types of Route 53: TXT, one string",
    ),
    Name(
        "lifecycle hook",
        "understudy-{stack}",
        255,
        "PutLifecycleHook in the Amazon EC2 Auto Scaling API Reference",
        ("AWS::Events::Rule", "EventPattern", "detail", "LifecycleHookName"),
    ),
    Name(
        "exports",
        "{stack}-NodePolicyArn",
        255,
        "CloudFormation quotas: name of an output",
        ("Outputs", "Export", "Name"),
    ),
    Name(
        "dashboard",
        "{stack}",
        255,
        "AWS::CloudWatch::Dashboard",
        ("AWS::CloudWatch::Dashboard", "DashboardName"),
    ),
    Name(
        "dimension `service` of the metrics",
        "{stack}",
        255,
        "AWS::CloudWatch::Alarm Dimension (the API: 1,024)",
        ("AWS::CloudWatch::Alarm", "Dimensions", "Value"),
    ),
    Name("bus", "{stack}", 256, "CreateEventBus", ("AWS::Events::EventBus", "Name")),
    Name("tag `understudy:stack`", "{stack}", 256, "Tag your Amazon EC2 resources"),
    Name(
        "log groups",
        "/aws/vendedlogs/states/{stack}-transition",
        512,
        "CreateLogGroup",
        ("AWS::Logs::LogGroup", "LogGroupName"),
    ),
    Name("definition, with its ARN", ARN + "/understudy/{stack}/clusters/{cluster}", 1011, "PutParameter"),
    Name("key of a cluster, with its ARN", ARN + "/understudy-keys/{stack}/{cluster}", 1011, "PutParameter"),
)
NARROWEST = min(NAMES, key=lambda name: name.room)
STACK_NAME_LIMIT = min(STACK_LIMIT, NARROWEST.room)
"""How many characters the stack's name may have."""


def table() -> list[str]:
    """The names as lines of a document, the narrowest first."""
    rows = ["| name | is | may have | leaves for the stack's name | document |", "|---|---|---|---|---|"]
    for name in sorted(NAMES, key=lambda each: each.room):
        form = name.form.format(stack="STACK", cluster="CLUSTER", node="NODE", epoch="EPOCH").removeprefix(ARN)
        rows.append(f"| {name.what} | `{form}` | {name.limit:,} | {name.room} | {name.document} |")
    return rows
