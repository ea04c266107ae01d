"""For all tests."""

import gc
from pathlib import Path

import pytest
from hypothesis import settings

HERE = Path(__file__).parent
LONG = tuple(HERE / name for name in ("simulation", "explorer", "releases"))

# Whether an example took longer than 200 ms says something of the machine, and nothing of what is tested.
settings.register_profile("any machine", deadline=None)
settings.load_profile("any machine")


YOUNG_OBJECTS = 20_000
"""How many objects more there are before young ones are looked through for garbage: far more than Python's 700."""


def pytest_sessionstart() -> None:
    """While tests are collected next to nothing becomes garbage, and each look for it takes longer than the last."""
    gc.disable()


def pytest_collection_finish() -> None:
    """What has been collected stays to the end, and is not looked through again and again."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(YOUNG_OBJECTS)
    gc.enable()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Tests that take long begin first, so that no worker is left alone with one at the end."""
    items.sort(key=lambda item: not _is_below(item, LONG))


def _is_below(item: pytest.Item, paths: tuple[Path, ...]) -> bool:
    return any(path in (item.path, *item.path.parents) for path in paths)
