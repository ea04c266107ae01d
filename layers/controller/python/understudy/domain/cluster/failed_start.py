"""That a service did not start on a node under a lease, kept until there is a reason to think that it would."""

from dataclasses import dataclass


@dataclass(frozen=True)
class FailedStart:
    """Since when (seconds) it is known, and under which epoch the node held the lease.

    `of`: a digest of the boot and of the agent's configuration with which it failed. With others it may start.
    """

    at: int
    epoch: int
    of: str
