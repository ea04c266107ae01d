"""The protected record in Route 53: RecordReader and ZoneListing, and with the right to write Zone and ChangeStatus."""

from collections.abc import Callable, Collection, Mapping
from typing import Any

from botocore.exceptions import ClientError

from understudy.adapters.aws_errors import NO_ANSWER, code_of, is_not_done, passes
from understudy.adapters.route53.listing import PAGE_SIZE, read_records
from understudy.adapters.route53.names import ForeignRecordError, names_in, plain_name, read_record_set, write_change
from understudy.adapters.route53.readings import Route53Readings
from understudy.adapters.route53.retries import RetriedCalls, RetryingClient, TimeLimit
from understudy.domain.cluster.definition import Record
from understudy.domain.cluster.errors import (
    AddressCrowdedError,
    AddressUnreadableError,
    ChangeRefusedError,
    GuardMismatchError,
    ZoneBusyError,
    ZoneCrowdedError,
)
from understudy.domain.cluster.record import Change, ChangeReading, RecordReading, RecordSet, guard_name

BATCH_REFUSED = "InvalidChangeBatch"
NO_SUCH_CHANGE = "NoSuchChange"
IN_SYNC = "INSYNC"
COMMENT_LIMIT = 256


class Route53Records:
    """Route 53 as those see it who only look. Each method ends within CALL_LIMIT_S; in `read_many` each page does."""

    def __init__(self, client: RetryingClient) -> None:
        self._client = client

    def read(self, record: Record) -> RecordReading:
        """The protected record and its guard, as Route 53 keeps them now.

        Raises AddressCrowdedError when Route 53 throttles. Raises AddressUnreadableError when it does not answer, and
        when an alias or a record with a routing policy stands under either name: that is nothing the controller could
        compare or move.
        """
        calls = self._client.begin(record.role_arn, record.external_id)
        return RecordReading(
            record=_read(calls, record, record.name, record.type),
            guard=_read(calls, record, guard_name(record), "TXT"),
        )

    def read_many(
        self, records: Collection[Record], before_page: Callable[[], object] = lambda: None
    ) -> Mapping[Record, RecordReading]:
        """Records of one zone with their guards, with as few calls as their names allow.

        `before_page` is called before each page, not before the same page is asked for again.
        What stands in the way of one is told in its reading. Raises AddressUnreadableError.
        """
        zone = next(iter(records))

        def list_page(**start: str) -> Mapping[str, Any]:
            before_page()
            asked = {"HostedZoneId": zone.hosted_zone_id, "MaxItems": PAGE_SIZE, **start}
            page: Mapping[str, Any] = _list(self._client.begin(zone.role_arn, zone.external_id), asked)
            return page

        try:
            return read_records(records, list_page)
        except (ClientError, *NO_ANSWER) as fault:
            raise _unreadable(fault, f"{zone.hosted_zone_id}: {fault}") from fault


class Route53Zone:
    """Route 53 as the mover of the address sees it, who also writes, and follows what it has written.

    The id of a change in another account carries the role by which it can be followed, parted by spaces.
    """

    def __init__(self, client: RetryingClient) -> None:
        self._client = client
        self._records = Route53Records(client)

    def within(self, limit: TimeLimit) -> "Route53Zone":
        """The same, but all its calls together take no longer than the limit."""
        return Route53Zone(self._client.within(limit))

    def readings(self) -> Route53Readings:
        """What else it says of zones and names, within the same limit."""
        return Route53Readings(self._client)

    def pause(self, seconds: float) -> None:
        """Wait between two questions, but no longer than the limit allows."""
        self._client.pause(seconds)

    def read(self, record: Record) -> RecordReading:
        """See Route53Records.read."""
        return self._records.read(record)

    def read_many(
        self, records: Collection[Record], before_page: Callable[[], object] = lambda: None
    ) -> Mapping[Record, RecordReading]:
        """See Route53Records.read_many."""
        return self._records.read_many(records, before_page)

    def submit(self, record: Record, batch: tuple[Change, ...], comment: str, *, tries_again: bool = True) -> str:
        """Hand in one atomic batch; the id of the change, which is accepted and not yet in sync.

        Where Route 53 has said that it did not take it, it is handed in again a little later if `tries_again`.
        Raises GuardMismatchError for InvalidChangeBatch. That code also covers values that Route 53 does not like: a
        second reading tells the two apart. Raises ZoneCrowdedError when Route 53 throttles or has an earlier
        batch of the zone in work, ZoneBusyError when trying again later may help otherwise, and when no answer came:
        then the batch may have been accepted all the same. Raises ChangeRefusedError for anything else.
        """
        changes = {"Comment": comment[:COMMENT_LIMIT], "Changes": [write_change(each) for each in batch]}
        calls = self._client.begin(record.role_arn, record.external_id)
        write = calls.write if tries_again else calls.write_once
        try:
            answer = write(
                lambda client: client.change_resource_record_sets(
                    HostedZoneId=record.hosted_zone_id, ChangeBatch=changes
                )
            )
        except NO_ANSWER as fault:
            raise ZoneBusyError(f"{record.hosted_zone_id}: {fault}") from fault
        except ClientError as fault:
            raise _refusal(fault, f"{record.hosted_zone_id}: {fault}") from fault
        change_id = str(answer["ChangeInfo"]["Id"]).removeprefix("/change/")
        return " ".join(filter(None, (change_id, record.role_arn, record.external_id)))

    def change_status(self, change_id: str) -> ChangeReading:
        """Whether all of Route 53's servers have the change. Says nothing of the caches of resolvers.

        UNKNOWN: Route 53 has said that it knows no such change. Raises AddressUnreadableError when it says nothing.
        """
        plain_id, role_arn, external_id = (*change_id.split(" "), "", "")[:3]
        try:
            answer = self._client.begin(role_arn, external_id).read(lambda client: client.get_change(Id=plain_id))
        except (ClientError, *NO_ANSWER) as fault:
            if isinstance(fault, ClientError) and code_of(fault) == NO_SUCH_CHANGE:
                return ChangeReading.UNKNOWN
            raise AddressUnreadableError(f"change {change_id}: {fault}") from fault
        return ChangeReading.IN_SYNC if answer["ChangeInfo"]["Status"] == IN_SYNC else ChangeReading.PENDING


def _read(calls: RetriedCalls, record: Record, name: str, kind: str) -> RecordSet | None:
    asked = {"HostedZoneId": record.hosted_zone_id, "StartRecordName": name, "StartRecordType": kind}
    try:
        for found in _list(calls, {**asked, "MaxItems": "1"})["ResourceRecordSets"]:
            if (plain_name(found["Name"]), found["Type"]) == (name, kind):
                return read_record_set(found)
    except (ClientError, ForeignRecordError, *NO_ANSWER) as fault:
        raise _unreadable(fault, f"{record.hosted_zone_id} {name} {kind}: {fault}") from fault
    return None


def _list(calls: RetriedCalls, asked: Mapping[str, Any]) -> Any:
    return calls.read(lambda client: client.list_resource_record_sets(**asked))


def _refusal(fault: ClientError, why: str) -> Exception:
    if code_of(fault) == BATCH_REFUSED:
        return GuardMismatchError(why, names_in(why))
    if is_not_done(fault):
        return ZoneCrowdedError(why)
    return ZoneBusyError(why) if passes(fault) else ChangeRefusedError(why)


def _unreadable(fault: Exception, why: str) -> AddressUnreadableError:
    return AddressCrowdedError(why) if is_not_done(fault) else AddressUnreadableError(why)
