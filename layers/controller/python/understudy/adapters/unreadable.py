"""Faults of AWS as UnreadableError, for those who only look."""

from collections.abc import Iterator
from contextlib import contextmanager

from botocore.exceptions import ClientError

from understudy.adapters.aws_errors import NO_ANSWER
from understudy.domain.cluster.errors import UnreadableError


@contextmanager
def unreadable(what: str) -> Iterator[None]:
    """Raise UnreadableError, which names `what` and AWS's reason, for whatever AWS refuses or does not answer."""
    try:
        yield
    except (ClientError, *NO_ANSWER) as fault:
        raise UnreadableError(f"{what} cannot be read: {fault}") from fault
