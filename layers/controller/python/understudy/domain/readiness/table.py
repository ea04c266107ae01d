"""The table of readiness checks (S1 to S3, S11 to S15, S17): what each looks at, and what to do about what it finds.

A check is a pure function of gathered facts. A read that failed is UNKNOWN, never FAIL and never PASS.
`docs/readiness.md` is printed from the table.
"""

from understudy.domain.readiness.rows_instances import INSTANCE_CHECKS
from understudy.domain.readiness.rows_names import DNS_CHECKS
from understudy.domain.readiness.rows_nodes import EC2_CHECKS
from understudy.domain.readiness.rows_peers import PEER_CHECKS

CHECKS = (*EC2_CHECKS, *INSTANCE_CHECKS, *PEER_CHECKS, *DNS_CHECKS)
