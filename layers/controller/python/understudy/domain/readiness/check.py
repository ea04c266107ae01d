"""What makes a function a readiness check, and what checks have in common.

A check is a pure function of gathered facts. Its docstring says what must hold; what else is to be known of it stands
above it, in `@check`. A read that failed is UNKNOWN, never FAIL and never PASS.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import ModuleType

from understudy.domain.cluster.definition import NodeSpec
from understudy.domain.readiness.facts import Facts, Finding, Instance, Unread, Verdict, together

PASS, WARN, FAIL, UNKNOWN = Verdict.PASS, Verdict.WARN, Verdict.FAIL, Verdict.UNKNOWN

INSTANCES = "aws ec2 describe-instances --instance-ids INSTANCE_ID ..."
STATE = "understudy status CLUSTER --raw"
AGAIN = "Submit the definition again (any change of its text, a comment for example): addresses are read from EC2 then."


@dataclass(frozen=True, eq=False)
class Check:
    """A named check, called with the facts. Made by `@check`, which says what the fields mean."""

    name: str
    look: Callable[[Facts], Finding]
    means: Mapping[Verdict, str]
    remedy: str
    command: str
    can_be_unknown: bool
    breaks_failover: bool

    def __call__(self, facts: Facts) -> Finding:
        """What it finds."""
        return self.look(facts)

    @property
    def promise(self) -> str:
        """What must hold, in words."""
        return " ".join((self.look.__doc__ or "").split())

    @property
    def verdicts(self) -> tuple[Verdict, ...]:
        """What it can say, from PASS to UNKNOWN."""
        return tuple(
            each for each in Verdict if each is PASS or each in self.means or (each is UNKNOWN and self.can_be_unknown)
        )


def check(
    name: str,
    *,
    means: Mapping[Verdict, str],
    remedy: str,
    command: str,
    can_be_unknown: bool = True,
    breaks_failover: bool = True,
) -> Callable[[Callable[[Facts], Finding]], Check]:
    """Make a check of the function below.

    `means`: what each verdict means for the cluster; PASS means that what must hold does, UNKNOWN needs words only when
    it is more than a read that failed. `remedy`: what to do when it does not hold. `command`: how to look for oneself,
    also when the read failed. `can_be_unknown`: False when it looks at nothing that can be missing. `breaks_failover`:
    whether a FAIL would keep a failover from succeeding, so that a person must hear of it.
    """

    def of(look: Callable[[Facts], Finding]) -> Check:
        return Check(name, look, means, remedy, command, can_be_unknown, breaks_failover)

    return of


def checks_in(module: ModuleType) -> tuple[Check, ...]:
    """The checks of a module, from top to bottom."""
    return tuple(each for each in vars(module).values() if isinstance(each, Check))


def of_each_instance(facts: Facts, look: Callable[[NodeSpec, Instance], Finding]) -> Finding:
    """The findings of all nodes that serve and that EC2 knows. One that it does not know has a check of its own."""
    if isinstance(facts.instances, Unread):
        return Finding(Verdict.UNKNOWN, facts.instances.why)
    known = [(node, facts.instances.get(node.instance_id)) for node in facts.definition.serving]
    return together(
        look(node, instance)
        if instance
        else Finding(Verdict.UNKNOWN, f"{node.name}: EC2 knows no instance {node.instance_id} here")
        for node, instance in known
    )
