"""Prints the table of readiness checks for operators."""

from textwrap import wrap

from tools.line_comments import meanings
from understudy.domain.readiness.check import Check, checks_in
from understudy.domain.readiness.facts import Verdict
from understudy.domain.readiness.table import CHECKS, SUBJECTS

WIDTH = 120

HEAD = """<!-- Printed from understudy/domain/readiness by `make docs`. Do not edit. -->

# Is a cluster ready for a failover?

Understudy looks at everything that a failover will need before it is needed: when a definition was accepted, once a day
for every cluster, and when an operator asks. A check changes nothing of the cluster.

    understudy check orders-db      # exit status 1 when something would break a failover
    understudy doctor               # what the newest reports of all clusters say, without a new look

It starts an execution, which succeeds when no check failed; its output is the report. Else it ends `NotReady`, and its
cause names each check that failed. The newest report of a cluster stays in the table.

A failure that would break a failover publishes `Understudy Readiness Failed` on the stack's bus, once for each change
of the set of failed checks, and counts in the metric `ReadinessFaults` of every run. A cluster that could not be
checked at all fails the function, which has an alarm, and never keeps the next one from being checked.

## What the verdicts mean
"""

TAIL = """\
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

OVERVIEW = """\
A `FAIL` would keep a failover from succeeding, unless the check says otherwise. What a check cannot read, or does not
know yet, makes it `UNKNOWN`; that has words of its own only where it means more. Never `UNKNOWN`: {known}.
"""


def readiness_doc() -> str:
    """The whole document."""
    comments = {**meanings(Verdict), "PASS": "what must hold does"}
    verdicts = [f"- `{verdict}`: {comments[verdict.name]}" for verdict in Verdict]
    checks = ["## The checks", "", *_overview(), "", *map(_of_subject, SUBJECTS)]
    return "\n".join([HEAD, *verdicts, "", *checks, TAIL])


def _overview() -> list[str]:
    """The names by subject, each a link to what is said of it."""
    known = ", ".join(f"`{each.name}`" for each in CHECKS if not each.can_be_unknown)
    lists = [
        line
        for subject, module in SUBJECTS.items()
        for line in _item(f"{subject}: " + ", ".join(f"[{each.name}](#{each.name})" for each in checks_in(module)))
    ]
    return [*_wrapped(OVERVIEW.format(known=known)), "", *lists]


def _of_subject(subject: str) -> str:
    return "\n".join([f"## {subject}", "", *map(_section, checks_in(SUBJECTS[subject]))])


def _section(check: Check) -> str:
    lines = [f"### {check.name}", "", *_wrapped(check.promise), ""]
    for verdict in check.verdicts:
        if verdict in check.means:
            lines += _item(f"`{verdict}`: {_meaning(check, verdict)}")
    lines += [*_item(f"What to do: {check.remedy}"), "- To look for yourself:", "", *_commands(check.command), ""]
    return "\n".join(lines)


def _meaning(check: Check, verdict: Verdict) -> str:
    is_harmless = verdict is Verdict.FAIL and not check.breaks_failover
    return f"{check.means[verdict]}{' A failover is possible all the same.' if is_harmless else ''}"


def _commands(text: str) -> list[str]:
    """One or several commands as code in a point of a list, with a backslash where a line goes on."""
    return [
        f"      {line}"
        for command in text.split("; ")
        for line in " \\\n  ".join(_wrapped(command, WIDTH - 10)).splitlines()
    ]


def _item(text: str) -> list[str]:
    """One point of a list, on as many lines as it needs."""
    first, *others = _wrapped(text, WIDTH - 2)
    return [f"- {first}", *(f"  {each}" for each in others)]


def _wrapped(text: str, width: int = WIDTH) -> list[str]:
    return wrap(text, width, break_long_words=False, break_on_hyphens=False)
