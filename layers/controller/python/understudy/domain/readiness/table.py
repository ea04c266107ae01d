"""The table of readiness checks, in the order in which they are made and reported.

`docs/readiness.md` is printed from it.
"""

from collections.abc import Mapping
from types import ModuleType

from understudy.domain.readiness import (
    agents,
    balancers,
    fencing,
    instances,
    names,
    network,
    nodes,
    pace,
    peers,
    replacing,
)
from understudy.domain.readiness.check import checks_in

SUBJECTS: Mapping[str, ModuleType] = {
    "Nodes": nodes,
    "Fencing": fencing,
    "Agents": agents,
    "Routes and Elastic IPs": network,
    "Load balancers": balancers,
    "Instances": instances,
    "Members that are replaced": replacing,
    "Failsafe": peers,
    "Pace": pace,
    "Names, clients and rights": names,
}
"""The modules of the checks, by what they are about. A check is in the table by standing in one of them."""

CHECKS = tuple(check for module in SUBJECTS.values() for check in checks_in(module))
