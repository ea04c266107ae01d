"""Answers that are not AWS's: a proxy's page, a login form, half of one.

botocore makes an empty dictionary of a page with status 200 where an item was asked for: then the beat would count as
sent, and the cluster as one that is not registered.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

SHOWN = 80


def refuse_strange_answers(client: Any) -> Any:
    """The client, of a service that answers in JSON. Its calls raise a BotoCoreError for what AWS has not said."""
    client.meta.events.register_first("before-parse", _look)
    return client


def _look(response_dict: Mapping[str, Any], operation_model: Any, **_: object) -> None:
    from botocore.exceptions import HTTPClientError

    body = bytes(response_dict["body"] or b"").strip()
    status = response_dict["status_code"]
    if status >= 500:
        return  # a server's own fault, which botocore takes for one whatever it looks like
    if body.startswith(b"<") or (status < 300 and not (body.startswith(b"{") and body.endswith(b"}"))):
        begin = body[:SHOWN].decode("utf-8", "replace")
        why = f"the answer to {operation_model.name} has status {status} and is none of AWS's: {begin!r}"
        raise HTTPClientError(error=why)
