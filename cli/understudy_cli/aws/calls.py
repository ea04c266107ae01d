"""The only place that calls AWS: it shows each call, knows AWS's clock, and turns faults into sentences."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping
from email.utils import parsedate_to_datetime
from typing import Any

import boto3
from botocore import xform_name
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from understudy_cli.aws.faults import code_of, fault_of
from understudy_cli.core.faults import Fault

CONFIG = Config(
    connect_timeout=5,
    read_timeout=20,
    retries={"mode": "standard", "max_attempts": 4},
    user_agent_appid="understudy-cli",
)
HIDDEN = {"taskToken"}
"""Arguments that are worth as much as a password: whoever has one can answer."""


class Calls:
    """Calls in one Region with one profile. `show` is told of each call before it is made."""

    def __init__(self, stack: str, region: str | None, profile: str | None, show: Callable[[str], None]) -> None:
        self.stack = stack
        self._region, self._profile, self._show = region, profile, show
        self._session: Any = None
        self._clients: dict[str, Any] = {}
        self._ahead_s = 0.0

    def now(self) -> float:
        """Seconds on AWS's clock, as its newest answer told it; this machine's before the first answer."""
        return time.time() + self._ahead_s

    @property
    def region(self) -> str:
        """The Region that is asked."""
        return str(self._session.region_name) if self._session is not None else str(self._region or "this Region")

    def call(
        self, service: str, operation: str, *, unless: Mapping[str, Callable[[], Fault]] | None = None, **arguments: Any
    ) -> Any:
        """One call, by the names of boto3. Raises Fault; `unless`: what a code of AWS means for this very call."""
        try:
            return self._made(service, operation, arguments)
        except ClientError as error:
            special = (unless or {}).get(code_of(error))
            raise (special() if special else self._fault(error, service, operation)) from error
        except BotoCoreError as error:
            raise self._fault(error, service, operation) from error

    def _fault(self, error: Exception, service: str, operation: str) -> Fault:
        return fault_of(error, f"{service}:{operation}", self.stack, self.region)

    def _made(self, service: str, operation: str, arguments: Mapping[str, Any]) -> Any:
        client = self._client(service)
        told = {name: "..." if name in HIDDEN else value for name, value in arguments.items()}
        self._show(f"{service} {operation} {json.dumps(told, default=str)}")
        answer = getattr(client, operation)(**arguments)
        self._learn_time(answer)
        return answer

    def client(self, service: str, **keys: str) -> Any:
        """A client for code that makes its calls itself; each is shown. With `keys`, one of whoever they belong to.

        Its calls raise what boto3 raises. To make one raises Fault.
        """
        try:
            made = self._connected().client(service, config=CONFIG, **keys)
        except BotoCoreError as error:
            raise self._fault(error, service, "connect") from error
        made.meta.events.register("provide-client-params.*.*", self._show_call)
        return made

    def _show_call(self, params: Mapping[str, Any], model: Any, **_: Any) -> None:
        self._show(f"{model.service_model.service_name} {xform_name(model.name)} {json.dumps(params, default=str)}")

    def _connected(self) -> Any:
        if self._session is None:
            self._session = boto3.session.Session(region_name=self._region, profile_name=self._profile)
        return self._session

    def _client(self, service: str) -> Any:
        if service not in self._clients:
            self._clients[service] = self._connected().client(service, config=CONFIG)
        return self._clients[service]

    def _learn_time(self, answer: Any) -> None:
        """A machine's clock may be wrong by hours, and every age is counted against AWS's."""
        said = answer.get("ResponseMetadata", {}).get("HTTPHeaders", {}).get("date", "")
        try:
            ahead = parsedate_to_datetime(said).timestamp() - time.time()
        except (TypeError, ValueError):
            return
        # The header has whole seconds, cut off: what is less than that is no difference.
        self._ahead_s = ahead if abs(ahead) > 2 else 0.0
