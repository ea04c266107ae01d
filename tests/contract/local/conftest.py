"""One embedded AWS for these tests."""

import pytest

from local.engine import Engine


@pytest.fixture(scope="session")
def engine(tmp_path_factory):
    with Engine(tmp_path_factory.mktemp("engine") / "aws") as running:
        yield running
