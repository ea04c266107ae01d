"""Old versions of the stack's functions are deleted without anybody's doing, and never one that may be called."""

import logging
from typing import Any

from understudy.domain.cluster.versions import AT_REST, superfluous
from understudy.ports.deployment import Deployment
from understudy.usecases.step import Clock

PRUNED = "PRUNED"
BUSY = "BUSY"
log = logging.getLogger(__name__)


def prune_versions(*, stack: Deployment, clock: Clock) -> dict[str, Any]:
    """Delete what is superfluous and answer how many versions that were; BUSY while the stack is being changed.

    The stack's state is read after the aliases. A rollback puts an alias back to the version that it named before:
    where it had moved already when it was read, the stack is busy until that version is no longer needed; where it
    had not, the version is named.
    """
    survey = {name: stack.versions(name) for name in stack.functions()}
    status = stack.status()
    if status not in AT_REST:
        log.info("nothing pruned", extra={"status": status})
        return {"outcome": BUSY, "deleted": 0}
    now = clock()
    deleted = [
        f"{name}:{number}"
        for name, versions in survey.items()
        for number in superfluous(versions, now)
        if stack.delete(name, number)
    ]
    if deleted:
        log.info("versions deleted", extra={"versions": deleted})
    return {"outcome": PRUNED, "deleted": len(deleted)}
