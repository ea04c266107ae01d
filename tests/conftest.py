"""For all tests."""

from pathlib import Path

import pytest
from hypothesis import settings

HERE = Path(__file__).parent
COVERS_NOTHING = tuple(
    HERE / "unit" / name
    for name in ("agent", "bench", "local", "support", "test_hostile_definitions.py", "test_house_rules.py")
)
"""Unit tests that cover nothing of the domain, or nothing that others do not."""
LONG = tuple(HERE / name for name in ("simulation", "explorer", "releases"))

# Whether an example took longer than 200 ms says something of the machine, and nothing of what is tested.
settings.register_profile("any machine", deadline=None)
settings.load_profile("any machine")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Tests that take long begin first, so that no worker is left alone with one at the end.

    Unit tests cover the domain whole, and nothing else is traced: that more than doubles the time of a simulation.
    """
    items.sort(key=lambda item: not _is_below(item, LONG))
    for item in items:
        if not _is_below(item, (HERE / "unit",)) or _is_below(item, COVERS_NOTHING):
            item.add_marker("no_cover")


def _is_below(item: pytest.Item, paths: tuple[Path, ...]) -> bool:
    return any(path in (item.path, *item.path.parents) for path in paths)
