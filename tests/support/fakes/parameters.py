"""Parameter Store in memory."""

from collections.abc import Iterator

from tests.support.fakes.faults import Faulty
from understudy.ports.parameters import ParameterText


class FakeParameters(Faulty):
    """The parameters of the clusters. Every put makes a new version."""

    def __init__(self) -> None:
        super().__init__()
        self._texts: dict[str, ParameterText] = {}

    def put(self, cluster: str, text: str) -> ParameterText:
        """What an operator does: put the parameter."""
        version = self._texts[cluster].version + 1 if cluster in self._texts else 1
        self._texts[cluster] = ParameterText(cluster, version, text)
        return self._texts[cluster]

    def delete(self, cluster: str) -> None:
        """What an operator does: delete the parameter. Put again, it starts at version 1, as in Parameter Store."""
        del self._texts[cluster]

    def cluster_text(self, cluster: str) -> ParameterText | None:
        """As Parameters.cluster_text."""
        with self._called("cluster_text"):
            return self._texts.get(cluster)

    def put_tuning(self, text: str) -> ParameterText:
        """What an operator does: put the stack's tunables."""
        return self.put("", text)

    def tuning_text(self) -> ParameterText | None:
        """As Parameters.tuning_text."""
        with self._called("tuning_text"):
            return self._texts.get("")

    def cluster_texts(self) -> Iterator[ParameterText]:
        """As Parameters.cluster_texts."""
        with self._called("cluster_texts"):
            yield from [text for text in self._texts.values() if not text.is_tuning]
