"""Tells what the controller does: Announcer on EventBridge."""

import json
import logging
from collections.abc import Callable
from functools import cached_property
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from understudy.domain.cluster.errors import AnnouncementError
from understudy.domain.events.event import Event

log = logging.getLogger(__name__)

SOURCE = "understudy"
VERSION = 1
"""Of what our events say. An additional field is no new version: whoever does not know it ignores it."""

PUBLISHED = "event published"
"""What the log says of each event that EventBridge took."""


class EventAnnouncer:
    """One event bus, by the bus's name or ARN and a function that makes a boto3 client when one is needed."""

    def __init__(self, connect: Callable[[], Any], bus_name: str) -> None:
        self._connect = connect
        self._bus_name = bus_name

    @cached_property
    def _client(self) -> Any:
        return self._connect()

    def announce(self, event: Event) -> None:
        """Publish one event, source `understudy`, with the version of what it says.

        Raises AnnouncementError when EventBridge did not take it or did not answer. A bus that does not exist takes
        everything, and nobody hears of it. What was taken is logged: `understudy events` reads it there.
        """
        entry = {
            "EventBusName": self._bus_name,
            "Source": SOURCE,
            "DetailType": event.detail_type,
            "Detail": json.dumps({"version": VERSION, **event.detail()}),
        }
        try:
            answer = self._client.put_events(Entries=[entry])
        except (BotoCoreError, ClientError) as fault:
            raise AnnouncementError(f"{event.detail_type}: {fault}") from fault
        if answer["FailedEntryCount"]:
            (refused,) = answer["Entries"]
            raise AnnouncementError(f"{event.detail_type}: {refused.get('ErrorCode')}: {refused.get('ErrorMessage')}")
        log.info(PUBLISHED, extra={"detail_type": event.detail_type, "detail": event.detail()})
