"""Answers that are not AWS's: a proxy's page, a login form, half of one.

botocore makes an empty dictionary of an HTML page with status 200 where an item, or a list, was asked for: then nobody
would be registered, and nothing would stand in a zone.
"""

from collections.abc import Mapping
from typing import Any

from botocore.exceptions import BotoCoreError

SHOWN = 80
NO_CONTENT = 204
HTML = (b"<html", b"<!doctype html")


class NoAnswerOfAwsError(BotoCoreError):  # type: ignore[misc]
    """Somebody has answered, and it was not AWS: as good as no answer."""

    fmt = "the answer to {operation} has status {status} and is none of AWS's: {begin}"


def refuse_strange_answers(client: Any) -> Any:
    """The client. Its calls raise NoAnswerOfAwsError from now on, where botocore would make something of nothing."""
    client.meta.events.register_first("before-parse", _look)
    return client


def _look(response_dict: Mapping[str, Any], operation_model: Any, **_: object) -> None:
    """Only what stands at both ends is looked at: the whole is read by botocore, which says what it cannot read.

    Of a server's own fault botocore knows what to make, whatever the answer looks like: it asks again.
    """
    body, status = bytes(response_dict["body"] or b"").strip(), response_dict["status_code"]
    protocol = operation_model.service_model.resolved_protocol
    if status >= 500 or (status == NO_CONTENT and not body):
        return
    if body.lower().startswith(HTML) or (status < 300 and not _is_whole(protocol, body, operation_model)):
        begin = body[:SHOWN].decode("utf-8", "replace")
        raise NoAnswerOfAwsError(operation=operation_model.name, status=status, begin=repr(begin))


def _is_whole(protocol: str, body: bytes, operation_model: Any) -> bool:
    if not body:
        return operation_model.output_shape is None or not operation_model.output_shape.members
    if protocol in ("json", "rest-json"):
        return body.startswith(b"{") and body.endswith(b"}")
    if protocol in ("query", "ec2", "rest-xml"):
        return body.startswith(b"<") and body.endswith(b">")
    return not body.startswith((b"<", b"{"))  # CBOR
