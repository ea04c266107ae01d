"""Route 53's API as AWS describes it: buckets of an account, one batch for a zone at a time, slow propagation.

It answers as a boto3 client does, so the real adapters talk to it. Time is virtual, chance is seeded.
"""

from collections import Counter
from dataclasses import dataclass
from random import Random
from typing import Any

from botocore.exceptions import ClientError

from bench.virtual_time import VirtualTime
from tests.support.fakes.paged_route53 import PagedRoute53

REQUESTS_BURST, REQUESTS_A_SECOND = 50, 10
"""Of an account, for each action."""
UNITS_BURST, UNITS_A_SECOND = 1500, 100
UNITS = {"CREATE": 1, "DELETE": 1, "UPSERT": 2}
"""What a change costs of an account's change throughput."""
RECORDS_LIMIT, CHARACTERS_LIMIT = 1000, 32_000
"""Of one batch; an UPSERT counts twice."""
LATENCY_S = (0.03, 0.12)
"""Between a request and its answer: uniform."""
BATCH_S = (0.2, 0.8)
"""How long a batch keeps its zone: uniform. AWS does not say; the retries of its SDKs fit this order."""
PROPAGATION_S = (20.0, 0.5)
"""Until a change is in sync: lognormal, median and sigma. AWS says: generally within 60 seconds."""


@dataclass
class Bucket:
    """Tokens that come back with time."""

    burst: float
    a_second: float
    left: float
    at_s: float = 0.0

    def take(self, count: float, now_s: float) -> bool:
        """Whether there were as many; if not, none is taken."""
        self.left = min(self.burst, self.left + (now_s - self.at_s) * self.a_second)
        self.at_s = now_s
        if count > self.left:
            return False
        self.left -= count
        return True


class Route53Model:
    """Zones by id. `requests` and `refused` count calls by action, `units` what accepted batches have cost.

    `accepted_at`: when each record was changed first (seconds), by name.
    """

    def __init__(self, time: VirtualTime, random: Random, propagation_s: tuple[float, float] = PROPAGATION_S) -> None:
        self.requests: Counter[str] = Counter()
        self.refused: Counter[str] = Counter()
        self.units = 0
        self.accepted_at: dict[str, float] = {}
        self._time, self._random, self._propagation_s = time, random, propagation_s
        self._records = PagedRoute53()
        self._sets: dict[tuple[str, str, str], dict[str, Any]] = {}
        self._buckets: dict[str, Bucket] = {}
        self._throughput = Bucket(UNITS_BURST, UNITS_A_SECOND, UNITS_BURST, time())
        self._busy_until: dict[str, float] = {}
        self._in_sync_at: dict[str, float] = {}

    def put(self, zone: str, name: str, kind: str, value: str, ttl: int = 10) -> None:
        """Let a record set stand."""
        self._records.put(zone, name, kind, value, ttl=ttl)
        self._sets[(zone, name, kind)] = {"TTL": ttl, "ResourceRecords": [{"Value": value}]}

    def list_resource_record_sets(self, **asked: str) -> dict[str, Any]:
        """As the operation of that name."""
        self._request("ListResourceRecordSets")
        return self._records.list_resource_record_sets(**asked)

    def get_change(self, *, Id: str) -> dict[str, Any]:  # noqa: N803 - botocore's names
        """As the operation of that name."""
        self._request("GetChange")
        return {"ChangeInfo": {"Status": "INSYNC" if self._time() >= self._in_sync_at[Id] else "PENDING"}}

    def change_resource_record_sets(
        self,
        *,
        HostedZoneId: str,  # noqa: N803 - botocore's names
        ChangeBatch: dict[str, Any],  # noqa: N803
    ) -> dict[str, Any]:
        """As the operation of that name."""
        self._request("ChangeResourceRecordSets")
        changes = ChangeBatch["Changes"]
        if self._busy_until.get(HostedZoneId, 0.0) > self._time():
            raise self._refusal("ChangeResourceRecordSets", "PriorRequestNotComplete", "a batch is in work")
        self._demand_a_batch_that_fits(changes)
        self._demand_matches(HostedZoneId, changes)
        units = sum(UNITS[change["Action"]] for change in changes)
        if not self._throughput.take(units, self._time()):
            raise self._refusal("ChangeResourceRecordSets", "Throttling", "Rate exceeded")
        self.units += units
        self._apply(HostedZoneId, changes)
        self._busy_until[HostedZoneId] = self._time() + self._random.uniform(*BATCH_S)
        change_id = f"C{len(self._in_sync_at):013d}"
        median_s, sigma = self._propagation_s
        self._in_sync_at[change_id] = self._time() + median_s * self._random.lognormvariate(0, sigma)
        return {"ChangeInfo": {"Id": f"/change/{change_id}", "Status": "PENDING"}}

    def _request(self, action: str) -> None:
        self._time.sleep(self._random.uniform(*LATENCY_S))
        self.requests[action] += 1
        bucket = self._buckets.setdefault(
            action, Bucket(REQUESTS_BURST, REQUESTS_A_SECOND, REQUESTS_BURST, self._time())
        )
        if not bucket.take(1, self._time()):
            raise self._refusal(action, "Throttling", "Rate exceeded")

    def _refusal(self, action: str, code: str, why: str) -> ClientError:
        self.refused[f"{action} {code}"] += 1
        return ClientError(
            {"Error": {"Code": code, "Message": why}, "ResponseMetadata": {"HTTPStatusCode": 400}}, action
        )

    def _demand_a_batch_that_fits(self, changes: list[dict[str, Any]]) -> None:
        weights = [(2 if each["Action"] == "UPSERT" else 1, each["ResourceRecordSet"]) for each in changes]
        records = sum(weight * len(each["ResourceRecords"]) for weight, each in weights)
        characters = sum(weight * len(value["Value"]) for weight, each in weights for value in each["ResourceRecords"])
        if records > RECORDS_LIMIT or characters > CHARACTERS_LIMIT:
            why = f"{records} records, {characters} characters"
            raise self._refusal("ChangeResourceRecordSets", "InvalidChangeBatch", why)

    def _demand_matches(self, zone: str, changes: list[dict[str, Any]]) -> None:
        gone = set()
        for each in changes:
            there = self._sets.get(_key(zone, each))
            name = each["ResourceRecordSet"]["Name"]
            if each["Action"] == "DELETE" and there != _body(each):
                why = f"[Tried to delete resource record set [name='{name}.', type='TXT'] but it was not found]"
                raise self._refusal("ChangeResourceRecordSets", "InvalidChangeBatch", why)
            if each["Action"] == "DELETE":
                gone.add(_key(zone, each))
            if each["Action"] == "CREATE" and there is not None and _key(zone, each) not in gone:
                why = f"[Tried to create resource record set [name='{name}.', type='TXT'] but it already exists]"
                raise self._refusal("ChangeResourceRecordSets", "InvalidChangeBatch", why)

    def _apply(self, zone: str, changes: list[dict[str, Any]]) -> None:
        for each in changes:
            if each["Action"] == "DELETE":
                continue  # every DELETE of ours is followed by the CREATE of the same name
            record_set = each["ResourceRecordSet"]
            (value,) = (record["Value"] for record in record_set["ResourceRecords"])
            self.put(zone, record_set["Name"], record_set["Type"], value, record_set["TTL"])
            if record_set["Type"] == "A":
                self.accepted_at.setdefault(record_set["Name"], self._time())


def _key(zone: str, change: dict[str, Any]) -> tuple[str, str, str]:
    return (zone, change["ResourceRecordSet"]["Name"], change["ResourceRecordSet"]["Type"])


def _body(change: dict[str, Any]) -> dict[str, Any]:
    return {name: change["ResourceRecordSet"][name] for name in ("TTL", "ResourceRecords")}
