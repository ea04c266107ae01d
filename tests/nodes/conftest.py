"""Real nodes for all tests of a worker; each test has nodes of its own, with fresh disks."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.nodes.base import built_base
from tests.nodes.lab import Lab, left_behind
from tests.nodes.leases import Leases
from tests.nodes.needs import missing

HERE = Path(__file__).parent


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Where no node can run, each test of them is skipped by its name, with the reason."""
    reason = missing()
    for item in items:
        if reason and HERE in item.path.parents:
            item.add_marker(pytest.mark.skip(reason=reason))


@pytest.fixture(scope="session")
def session_lab() -> Iterator[Lab]:
    """At the end, nothing of it is left on this machine."""
    lab = Lab(built_base())
    yield lab
    lab.close()
    assert left_behind() == []


@pytest.fixture
def lab(session_lab: Lab) -> Iterator[Lab]:
    yield session_lab
    session_lab.remove_machines()


@pytest.fixture
def leases(lab: Lab) -> Iterator[Leases]:
    """The test is the controller."""
    with Leases(lab.hub) as made:
        yield made
