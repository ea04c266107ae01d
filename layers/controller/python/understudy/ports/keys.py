"""What registration needs for the keys that the nodes of a cluster share."""

from typing import Protocol


class NodeKeys(Protocol):
    """The keys of the clusters, of which the controller can read none."""

    def make(self, cluster: str) -> bool:
        """Make the cluster's key, unless it has one: one that is there is never replaced. True: it was made now.

        Raises KeyNotMadeError.
        """
        ...
