"""The newest readiness report of each cluster: ReportBook on DynamoDB."""

from typing import Any

from understudy.adapters.dynamodb.keys import READINESS, key
from understudy.adapters.dynamodb.maps import from_map, to_map
from understudy.adapters.dynamodb.table import ClusterTable
from understudy.adapters.dynamodb.values import from_item, to_attribute
from understudy.domain.readiness.report import Report

REPORT = "report"


class DynamoDbReportBook:
    """The items (cluster, "readiness") of the cluster table, by a low-level boto3 client.

    The report is one attribute, and is set by an update: so IAM can hold this function to that attribute, and it cannot
    change the state of a cluster. Faults of DynamoDB come through as botocore raises them.
    """

    def __init__(self, client: Any, table_name: str) -> None:
        self._table = ClusterTable(client, table_name)

    def last(self, cluster: str) -> Report | None:
        """The newest report, strongly consistent; None when there is none yet."""
        item = self._table.read_item(cluster, READINESS)
        return from_map(Report, from_item(item)[REPORT]) if item else None

    def store(self, report: Report) -> None:
        """Keep a report in place of the one before."""
        self._table.change_item(
            key(report.cluster, READINESS),
            UpdateExpression="SET #report = :report",
            ExpressionAttributeNames={"#report": REPORT},
            ExpressionAttributeValues={":report": to_attribute(to_map(report))},
        )
