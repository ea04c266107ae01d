"""The parameters of all clusters, a part in every watch: a stack may have more of them than a minute has room for."""

from collections.abc import Iterator
from itertools import chain

from understudy.ports.parameters import Parameters, ParameterText


class ParameterListing:
    """Parameters whose reading of all clusters goes on where whoever read last has ended. Lives as long as its worker.

    It begins anew after the end, and after a fault.
    """

    def __init__(self, parameters: Parameters) -> None:
        self._parameters = parameters
        self._rest: Iterator[ParameterText] | None = None

    def cluster_text(self, cluster: str) -> ParameterText | None:
        """As Parameters.cluster_text."""
        return self._parameters.cluster_text(cluster)

    def tuning_text(self) -> ParameterText | None:
        """As Parameters.tuning_text."""
        return self._parameters.tuning_text()

    def cluster_texts(self) -> Iterator[ParameterText]:
        """As Parameters.cluster_texts, of those that are left of the reading before."""
        rest, self._rest = self._rest or iter(()), None
        # What is left may be nothing: then whoever reads now begins anew.
        first = next(rest, None)
        if first is None:
            rest = self._parameters.cluster_texts()
        for text in chain(filter(None, [first]), rest):
            self._rest = rest
            yield text
            self._rest = None
