"""Prints the table of readiness checks for operators."""

from tools.line_comments import meanings
from understudy.domain.readiness.check import Check
from understudy.domain.readiness.facts import Verdict
from understudy.domain.readiness.table import CHECKS

HEAD = """<!-- Printed from understudy/domain/readiness/rows_*.py by `make docs`. Do not edit. -->

# Is a cluster ready for a failover?

Understudy looks at everything that a failover will need before it is needed: when a definition was accepted, once a day
for every cluster, and when an operator asks. A check changes nothing of the cluster.

    aws stepfunctions start-execution --state-machine-arn ARN --input '{"cluster": "orders-db", "action": "check"}'
    aws stepfunctions describe-execution --execution-arn EXECUTION_ARN --query output      # the report
    aws dynamodb get-item --table-name TABLE --key '{"pk":{"S":"orders-db"},"sk":{"S":"readiness"}}'   # the newest one

The execution succeeds when no check failed; its output is the report. Else it ends `NotReady`, and its cause names each
check that failed. The newest report of a cluster stays in the table.

A failure that would break a failover publishes `Understudy Readiness Failed` on the stack's bus, once for each change
of the set of failed checks, and counts in the metric `ReadinessFaults` of every run. A cluster that could not be
checked at all fails the function, which has an alarm, and never keeps the next one from being checked.

## What the verdicts mean
"""

TAIL = """
## What is stated in the definition

- `client_vpcs`: further VPCs with clients (peered ones, for example), each with `vpc_id` and `region`. A private zone
  must be associated with each.
- `dns_forwarder`: `true` when clients on-premises reach a private zone by a DNS forwarder, by an endpoint in another
  account, or when there are none.

## What it cannot see

- Whether clients can really resolve and reach the name: it reads how AWS is set up, and sends no packet.
- Associations of a private zone by a Route 53 Profile, and Resolver endpoints of other accounts or Regions.
- Whether a role of another account may *write* its zone: the other account's policies decide that, and nothing but a
  write shows it. Whether it can be assumed and may read is looked at by assuming it.
- Whether the nodes have the address outside the VPC on an interface of their own, and listen on it.
- Permissions are asked of IAM's simulation for the role of `move_address`, with the condition keys of a real change.
  moto has no simulation, and the embedded AWS's proves nothing: this adapter is tested against recorded shapes of the
  real API. So are alias and weighted records, the tag of Auto Scaling, and the maintenance options of an instance.
- Nothing of it has run on real AWS yet. That IAM holds the function to the attribute `report` of the table by
  `dynamodb:Attributes` is documented by AWS, and not seen here.
"""


def readiness_doc() -> str:
    """The whole document."""
    comments = {**meanings(Verdict), "PASS": "what must hold does"}
    verdicts = [f"- `{verdict}`: {comments[verdict.name]}" for verdict in Verdict]
    return "\n".join([HEAD, *verdicts, "", "## The checks", "", _overview(), _rows(), *map(_section, CHECKS)]) + TAIL


def _rows() -> str:
    """Which checks look at a row of the requirements, S before B, by number."""
    rows = sorted({row for check in CHECKS for row in check.rows.split()}, key=lambda row: (-ord(row[0]), int(row[1:])))
    lines = [
        f"| {row} | {', '.join(f'`{check.name}`' for check in CHECKS if row in check.rows.split())} |" for row in rows
    ]
    return "\n".join(["\nBy the row of the requirements that they look at:\n", "| row | checks |", "|---|---|", *lines])


def _overview() -> str:
    head = "| check | what must hold | rows | verdicts | FAIL breaks a failover |\n|---|---|---|---|---|"
    return "\n".join([head, *(_row(check) for check in CHECKS)])


def _row(check: Check) -> str:
    breaks = ("yes" if check.breaks_failover else "no") if Verdict.FAIL in check.verdicts else "never fails"
    return f"| `{check.name}` | {_promise(check)} | {check.rows} | {', '.join(check.verdicts)} | {breaks} |"


def _promise(check: Check) -> str:
    """What must hold: the docstring of the check's function, without the rows that end it."""
    promise = " ".join((check.look.__doc__ or "").split())
    return promise.rpartition(" (")[0] + "." if promise.endswith(").") else promise


def _section(check: Check) -> str:
    look = f"To look for yourself:\n\n    {check.command}"
    return "\n\n".join([f"\n### {check.name}", check.meaning, f"What to do: {check.remedy}", look])
