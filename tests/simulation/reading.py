"""What agents read of the table. A state is read far more often than it changes, so it is made a map and parsed once.

Nobody changes what was read: the states are frozen, and no agent writes into a view.
"""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from understudy.adapters.dynamodb.maps import to_map
from understudy.domain.cluster.state import ClusterState, NodeReport
from understudy_agent.view import StateView, parse_state

Item = Mapping[str, Any]


class Reading:
    """The newest states as items, and their views."""

    def __init__(self) -> None:
        self._state: tuple[ClusterState | None, Item | None] = (None, None)
        self._rest: tuple[dict[str, object], Item] = ({}, {})
        self._nodes: dict[str, tuple[NodeReport, Item]] = {}
        self._view: tuple[Item | None, StateView | None] = (None, None)

    def item(self, state: ClusterState) -> Item:
        """As DynamoDB gives it."""
        known, item = self._state
        if known is not state or item is None:
            nodes = {name: self._node(name, report) for name, report in state.nodes.items()}
            item = {**self._without_nodes(state), "nodes": nodes}
            self._state = (state, item)
        return item

    def _without_nodes(self, state: ClusterState) -> Item:
        """A beat changes nothing but its node."""
        fields = {name: value for name, value in vars(state).items() if name != "nodes"}
        if fields != self._rest[0]:
            self._rest = (fields, to_map(replace(state, nodes={})))
        return self._rest[1]

    def _node(self, name: str, report: NodeReport) -> Item:
        known, item = self._nodes.get(name, (None, {}))
        if known is not report:
            item = to_map(report)
            self._nodes[name] = (report, item)
        return item

    def parse(self, item: Item) -> StateView:
        """As parse_state."""
        known, view = self._view
        if known is not item or view is None:
            view = parse_state(item)
            self._view = (item, view)
        return view
