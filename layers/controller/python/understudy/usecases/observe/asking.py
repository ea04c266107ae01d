"""Asking the workflow for something in the controller's own name."""

import logging
from collections.abc import Mapping
from typing import Any

from understudy.domain.cluster.request import CHECK
from understudy.domain.cluster.seal import execution_name, sealed
from understudy.ports.launcher import Launcher

log = logging.getLogger(__name__)


def ask(launcher: Launcher, secret: bytes, head: str, moment: int, request: Mapping[str, Any]) -> None:
    """Start an execution under a name that nobody else knows, and seal what it is to do.

    All that ask for the same `head` and `moment` share the name, so that one starts. A check of readiness moves
    nothing, has no word of the controller's, and is not sealed.
    """
    name = execution_name(secret, head, moment)
    is_check = request["action"] == CHECK
    if launcher.start(name, request if is_check else sealed(request, name, secret)):
        log.warning(f"{'check' if is_check else 'transition'} asked for", extra={"execution": name, **request})
    else:
        # Under way, usually. One that has ended, however it did, is in the way until `moment` is another.
        log.info("not asked for: an execution of this name has been started before", extra={"execution": name})
