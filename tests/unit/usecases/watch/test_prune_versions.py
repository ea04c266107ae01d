"""Old versions are deleted every day, and none while the stack is being changed."""

from collections.abc import Sequence

import pytest

from understudy.domain.cluster.versions import AT_REST, Published, Versions
from understudy.usecases.watch.prune_versions import prune_versions

DAY_S = 24 * 3600.0
NOW = 1000 * DAY_S


class Stack:
    """Two functions with five versions each, a day apart. `read`: what was asked, in order."""

    def __init__(self, status: str = "UPDATE_COMPLETE", named: int = 5, refused: Sequence[str] = ()) -> None:
        self._status, self._named, self._refused = status, named, refused
        self.read: list[str] = []
        self.deleted: list[str] = []

    def functions(self) -> list[str]:
        return ["open", "close"]

    def versions(self, function: str) -> Versions:
        self.read.append(function)
        return Versions([Published(n, NOW - (10 - n) * DAY_S) for n in range(1, 6)], {self._named})

    def status(self) -> str:
        self.read.append("status")
        return self._status

    def delete(self, function: str, number: int) -> bool:
        if f"{function}:{number}" in self._refused:
            return False
        self.deleted.append(f"{function}:{number}")
        return True


def prune(stack: Stack):
    return prune_versions(stack=stack, clock=lambda: NOW)


def test_superfluous_versions_of_every_function_are_deleted():  # B16
    stack = Stack()
    assert prune(stack) == {"outcome": "PRUNED", "deleted": 4}
    assert stack.deleted == ["open:1", "open:2", "close:1", "close:2"]


@pytest.mark.parametrize(
    "status",
    [
        "UPDATE_IN_PROGRESS",
        "UPDATE_COMPLETE_CLEANUP_IN_PROGRESS",
        "UPDATE_ROLLBACK_IN_PROGRESS",
        "UPDATE_ROLLBACK_FAILED",
    ],
)
def test_while_the_stack_is_being_changed_nothing_is_deleted_that_a_rollback_may_need(status):  # B16
    stack = Stack(status)
    assert prune(stack) == {"outcome": "BUSY", "deleted": 0}
    assert stack.deleted == []


def test_whether_the_stack_is_at_rest_is_asked_after_what_the_aliases_name():  # B16
    """In the other order, an alias that moves between the two would look as if its old version were done with."""
    stack = Stack()
    prune(stack)
    assert stack.read == ["open", "close", "status"]


def test_a_version_that_an_alias_names_by_now_is_left_and_the_others_go():  # B16
    stack = Stack(refused=["open:2"])
    assert prune(stack)["deleted"] == 3
    assert stack.deleted == ["open:1", "close:1", "close:2"]


def test_a_stack_that_failed_or_is_being_deleted_is_not_at_rest():
    assert not [status for status in AT_REST if "FAILED" in status or "PROGRESS" in status or "DELETE" in status]
