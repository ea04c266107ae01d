"""The AWS calls of an agent. Only botocore, and only the clients that it needs: an agent is to stay small."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any

from .answers import refuse_strange_answers
from .aws_clock import AwsClock
from .identity import Identity
from .keys import parse_keys

BEAT_VERSION = 1
"""Of what a beat says. The controller leaves aside words that it does not know, and refuses a version above its own."""
DETAIL_TYPE = "Understudy Heartbeat"
TRIAL_TYPE = "Understudy Check"
"""Of an event that only shows that the bus takes events of this node."""


class BeatRefusedError(RuntimeError):
    """EventBridge answered, and did not take the event."""


class Aws:
    """EventBridge for beats, DynamoDB for the state item. An endpoint other than AWS's: AWS_ENDPOINT_URL.

    Every call is tried once and given up after `call_timeout_s` without a connection or an answer: the
    loop tries again, with a beat number of then. `who` is asked at each call; what it raises, a call raises.
    """

    def __init__(
        self, *, who: Callable[[], Identity], region: str, table: str, bus: str, cluster: str, call_timeout_s: float
    ) -> None:
        """`region` "": the instance's own."""
        self._who = who
        self._events = Client("events", lambda: region or who().region, call_timeout_s)
        self._dynamodb = Client("dynamodb", lambda: region or who().region, call_timeout_s)
        self._bus = bus
        self._get = {
            "TableName": table,
            "Key": {"pk": {"S": cluster}, "sk": {"S": "state"}},
            "ConsistentRead": True,
        }

    def put_beat(self, detail: Mapping[str, object]) -> None:
        """Send one beat. Raises BeatRefusedError when the answer says that it failed, or botocore's."""
        self._put(DETAIL_TYPE, detail)

    def put_trial(self, cluster: str) -> None:
        """Send an event by which nothing is done: the stack's rule is about beats alone. Raises as `put_beat`."""
        self._put(TRIAL_TYPE, {"cluster": cluster})

    def _put(self, detail_type: str, detail: Mapping[str, object]) -> None:
        entry = {
            "EventBusName": self._bus,
            "Source": self._who().arn,
            "DetailType": detail_type,
            "Detail": json.dumps({"version": BEAT_VERSION, **detail}),
        }
        answer = self._events.call(lambda events: events.put_events(Entries=[entry]))
        if answer.get("FailedEntryCount", 0):
            failed = answer["Entries"][0]
            raise BeatRefusedError(f"{failed.get('ErrorCode')}: {failed.get('ErrorMessage')}")

    def read_state(self) -> Mapping[str, Any] | None:
        """The state item as plain values, strongly consistent; None: there is none. Raises botocore's."""
        return self.read_dated()[0]

    def read_dated(self) -> tuple[Mapping[str, Any] | None, str]:
        """As `read_state`, with the date of the answer, as HTTP writes it; "" without one."""
        self._who()  # without it, nothing that is read could be said of this node
        answer = self._dynamodb.call(lambda dynamodb: dynamodb.get_item(**self._get))
        item, headers = answer.get("Item"), answer["ResponseMetadata"]["HTTPHeaders"]
        return None if item is None else {key: plain(value) for key, value in item.items()}, headers.get("date", "")


class KeyParameter:
    """The keys that the nodes share, in a SecureString parameter.

    Each decryption costs money: it is asked for when the parameter has been written again since the last one.
    """

    def __init__(self, name: str, region: Callable[[], str], call_timeout_s: float) -> None:
        self._name = name
        self._client = Client("ssm", region, call_timeout_s)
        self._keys: tuple[bytes, ...] = ()
        self._put: tuple[object, ...] = ()
        """Version and time: a parameter that was deleted and put anew begins again at version 1."""

    def read(self) -> tuple[bytes, ...]:
        """Raises BadKeysError, or botocore's."""
        if not self._keys or self._put != _put(self._get(decrypted=False)):
            found = self._get(decrypted=True)
            self._keys = parse_keys(str(found["Value"]), f"parameter {self._name}")
            self._put = _put(found)
        return self._keys

    def _get(self, *, decrypted: bool) -> Mapping[str, Any]:
        answer = self._client.call(lambda ssm: ssm.get_parameter(Name=self._name, WithDecryption=decrypted))
        found: Mapping[str, Any] = answer["Parameter"]
        return found


def _put(parameter: Mapping[str, Any]) -> tuple[object, ...]:
    return parameter["Version"], parameter["LastModifiedDate"]


class Client:
    """A botocore client that is made when it is first needed, and anew while there are no credentials.

    One that was made without them would never look for them again: a role can be attached after the agent has started.
    """

    def __init__(self, service: str, region: Callable[[], str], call_timeout_s: float) -> None:
        self._service, self._region, self._call_timeout_s = service, region, call_timeout_s
        self._client: Any = None
        self._clock = AwsClock()

    def call(self, act: Callable[[Any], Any]) -> Any:
        """What comes of a call that is made with the client. Raises botocore's errors, and what `region` raises."""
        from botocore.exceptions import NoCredentialsError

        try:
            return act(self.made())
        except NoCredentialsError:
            self._client = None
            raise
        except Exception as error:
            self._clock.learn(error)
            raise

    def made(self) -> Any:
        """The client itself. Raises what `region` raises."""
        if self._client is None:
            client = botocore_client(self._service, self._region(), self._call_timeout_s)
            self._client = self._clock.sign_by(client)
        return self._client


def botocore_client(service: str, region: str, call_timeout_s: float) -> Any:
    """A client that tries each call once and gives up after `call_timeout_s`."""
    import botocore.session
    from botocore.config import Config

    config = Config(
        connect_timeout=call_timeout_s,
        read_timeout=call_timeout_s,
        retries={"total_max_attempts": 1, "mode": "standard"},
        max_pool_connections=1,
        tcp_keepalive=True,
    )
    return refuse_strange_answers(
        botocore.session.get_session().create_client(service, region_name=region, config=config)
    )


def plain(attribute: Mapping[str, Any]) -> Any:
    """A DynamoDB attribute as a plain value; numbers as int or float."""
    ((kind, value),) = attribute.items()
    if kind == "N":
        return float(value) if "." in value or "e" in value.lower() else int(value)
    if kind == "M":
        return {key: plain(inner) for key, inner in value.items()}
    if kind == "L":
        return [plain(inner) for inner in value]
    return None if kind == "NULL" else value
