"""The exit statuses: one meaning each, for every command."""

from __future__ import annotations

DONE = 0
"""What was asked is done; what was looked at is well."""
NOT_DONE = 1
"""It is not done, and the service is where it was; what was examined is not ready."""
WRONG = 2
"""The command is wrong, or it does not reach the stack that it means."""
REFUSED = 3
"""The controller refused the request, or AWS the call. Nothing was changed."""
DEGRADED = 4
"""Something is missing: the service, its address, somebody who could take over."""
WAITS = 5
"""It goes no further without a person."""
NOT_KNOWN = 6
"""Nobody can say from here how it stands."""

MEANINGS = {
    DONE: "done",
    NOT_DONE: "not done, and the service where it was",
    WRONG: "wrong command",
    REFUSED: "refused",
    DEGRADED: "degraded",
    WAITS: "waiting for a person",
    NOT_KNOWN: "not known",
}
