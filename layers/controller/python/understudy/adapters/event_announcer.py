"""Tells what the controller does: Announcer on EventBridge."""

import json
from collections.abc import Mapping
from typing import Any

SOURCE = "understudy"


class AnnouncementError(Exception):
    """EventBridge did not take an event. The message names its error code."""


class EventAnnouncer:
    """One event bus, by a boto3 client and the bus's name or ARN."""

    def __init__(self, client: Any, bus_name: str) -> None:
        self._client = client
        self._bus_name = bus_name

    def announce(self, detail_type: str, detail: Mapping[str, Any]) -> None:
        """Publish one event, source `understudy` (B5).

        Raises AnnouncementError when EventBridge did not take it, and lets botocore's errors through. A bus that does
        not exist takes everything, and nobody hears of it.
        """
        entry = {
            "EventBusName": self._bus_name,
            "Source": SOURCE,
            "DetailType": detail_type,
            "Detail": json.dumps(detail),
        }
        answer = self._client.put_events(Entries=[entry])
        if answer["FailedEntryCount"]:
            (refused,) = answer["Entries"]
            raise AnnouncementError(f"{detail_type}: {refused.get('ErrorCode')}: {refused.get('ErrorMessage')}")
