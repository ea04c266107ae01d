"""What the controller itself asks of the workflow: names that nobody can guess, and a seal on the request.

Both are made with a secret that only the controller's functions can read. Whoever may start executions can therefore
neither use up a name before the controller does, nor ask in its words. Looking at what bears the name instead would not
help: its input could be copied.

Many beats notice the same failure, and one name starts one execution. Step Functions keeps a name for 90 days, so the
name also depends on a moment (the time divided by `silence_limit_s`). Else an execution that stood down would use it
up, and the next failure at the same epoch would start nothing. A node that was heard again cannot be silent again
within the same slot, so no failover is delayed. Two executions on either side of a slot's border do no harm: the
second one finds the transition open and stands down.

The secret is in the table and not in a parameter: the functions have that right already, and a failover depends on no
further service. Its partition key is its own, and no node's role can name it: a tag may not contain `#`.
"""

import hashlib
import hmac
import re
from collections.abc import Mapping
from typing import Any

SEAL = "seal"
CONTROLLER_WORDS = ("rule", "why", "noticed_at", "epoch", SEAL)
"""Keys of a request that the controller alone may use."""
SECRET_LENGTH = 32
"""Bytes of the secret."""
TAG_LENGTH = 16
"""Hexadecimal digits of a name that only the secret tells. With the longest cluster and epoch, 78 of 80 characters."""
SEAL_FORM = re.compile(r"[0-9a-f]{64}")


def execution_name(secret: bytes, head: str, moment: int) -> str:
    """The name of what the controller asks for: `head` for people, and a tag of head and moment.

    The same head and moment give the same name, so that asking twice starts one. `moment`: a time in any unit.
    """
    return f"{head}-{_digest(secret, 'name', head, str(moment))[:TAG_LENGTH]}"


def sealed(request: Mapping[str, Any], name: str, secret: bytes) -> dict[str, Any]:
    """The request with a seal on all that it says, for the execution of this name and for no other."""
    return {**request, SEAL: _seal(request, name, secret)}


def is_sealed(request: Mapping[str, Any], name: str, secret: bytes) -> bool:
    """Whether the controller has asked for exactly this under this name. The request's values are texts and numbers."""
    seal = request.get(SEAL)
    if not isinstance(seal, str) or not SEAL_FORM.fullmatch(seal):
        return False
    said = {key: value for key, value in request.items() if key != SEAL}
    return hmac.compare_digest(seal, _seal(said, name, secret))


def _seal(request: Mapping[str, Any], name: str, secret: bytes) -> str:
    return _digest(secret, "seal", name, *(text for key in sorted(request) for text in (key, _text(request[key]))))


def _text(value: Any) -> str:
    """A value as it is sealed. Numbers to the thousandth: JSON may write 5 for 5.0 on the way."""
    return f"text {value}" if isinstance(value, str) else f"number {round(value * 1000)}"


def _digest(secret: bytes, *words: str) -> str:
    """Each word with its length before it: no two lists of words are the same message."""
    message = "".join(f"{len(word)}:{word}" for word in words)
    return hmac.new(secret, message.encode("utf-8", "surrogatepass"), hashlib.sha256).hexdigest()
