"""The protected record in Route 53: Zone, RecordReader and ChangeStatus."""

from collections.abc import Mapping
from typing import Any

from botocore.exceptions import ClientError

from understudy.adapters.aws_errors import NO_ANSWER, code_of, passes
from understudy.adapters.route53_names import ForeignRecordError, plain_name, read_record_set, write_change
from understudy.domain.definition import Record
from understudy.domain.errors import AddressUnreadableError, ChangeRefusedError, GuardMismatchError, ZoneBusyError
from understudy.domain.record import Change, RecordReading, RecordSet, guard_name

BATCH_REFUSED = "InvalidChangeBatch"
IN_SYNC = "INSYNC"
COMMENT_LIMIT = 256
PAGE_SIZE = 300


class Route53Zone:
    """Route 53, by a boto3 client."""

    def __init__(self, client: Any) -> None:
        self._client = client

    def read(self, record: Record) -> RecordReading:
        """The protected record and its guard, as Route 53 keeps them now (B2, S4).

        Raises AddressUnreadableError when Route 53 does not answer, and when an alias or a record with a routing
        policy stands under either name: that is nothing the controller could compare or move.
        """
        return RecordReading(
            record=self._read(record.hosted_zone_id, record.name, record.type),
            guard=self._read(record.hosted_zone_id, guard_name(record), "TXT"),
        )

    def submit(self, record: Record, batch: tuple[Change, ...], comment: str) -> str:
        """Hand in one atomic batch; the id of the change, which is accepted and not yet in sync (B1, B2, S4).

        Raises GuardMismatchError for InvalidChangeBatch. That code also covers values that Route 53 does not like: a
        second reading tells the two apart. Raises ZoneBusyError when trying again later may help, and when no answer
        came: then the batch may have been accepted all the same. Raises ChangeRefusedError for anything else.
        """
        try:
            answer = self._client.change_resource_record_sets(
                HostedZoneId=record.hosted_zone_id,
                ChangeBatch={"Comment": comment[:COMMENT_LIMIT], "Changes": [write_change(each) for each in batch]},
            )
        except NO_ANSWER as fault:
            raise ZoneBusyError(f"{record.hosted_zone_id}: {fault}") from fault
        except ClientError as fault:
            raise _refusal(fault, f"{record.hosted_zone_id}: {fault}") from fault
        return str(answer["ChangeInfo"]["Id"]).removeprefix("/change/")

    def is_in_sync(self, change_id: str) -> bool:
        """Whether all of Route 53's servers have the change (S7). Says nothing of the caches of resolvers.

        Raises AddressUnreadableError, also for a change that Route 53 does not know.
        """
        try:
            answer = self._client.get_change(Id=change_id)
        except (ClientError, NO_ANSWER) as fault:
            raise AddressUnreadableError(f"change {change_id}: {fault}") from fault
        return bool(answer["ChangeInfo"]["Status"] == IN_SYNC)

    def list_zone(self, hosted_zone_id: str) -> Mapping[tuple[str, str], RecordSet]:
        """Every record set of a zone by (name, type), 300 a call (S5).

        An alias, or a record with a routing policy, has values that no protected record has.
        Raises AddressUnreadableError.
        """
        pages = self._client.get_paginator("list_resource_record_sets").paginate(
            HostedZoneId=hosted_zone_id, PaginationConfig={"PageSize": PAGE_SIZE}
        )
        try:
            return {
                (plain_name(found["Name"]), found["Type"]): _any_record_set(found)
                for page in pages
                for found in page["ResourceRecordSets"]
            }
        except (ClientError, NO_ANSWER) as fault:
            raise AddressUnreadableError(f"{hosted_zone_id}: {fault}") from fault

    def _read(self, hosted_zone_id: str, name: str, kind: str) -> RecordSet | None:
        try:
            answer = self._client.list_resource_record_sets(
                HostedZoneId=hosted_zone_id, StartRecordName=name, StartRecordType=kind, MaxItems="1"
            )
            for found in answer["ResourceRecordSets"]:
                if (plain_name(found["Name"]), found["Type"]) == (name, kind):
                    return read_record_set(found)
        except (ClientError, NO_ANSWER, ForeignRecordError) as fault:
            raise AddressUnreadableError(f"{hosted_zone_id} {name} {kind}: {fault}") from fault
        return None


def _any_record_set(found: Mapping[str, Any]) -> RecordSet:
    try:
        return read_record_set(found)
    except ForeignRecordError as fault:
        return RecordSet(plain_name(found["Name"]), found["Type"], 0, (str(fault),))


def _refusal(fault: ClientError, why: str) -> Exception:
    if code_of(fault) == BATCH_REFUSED:
        return GuardMismatchError(why)
    return ZoneBusyError(why) if passes(fault) else ChangeRefusedError(why)
