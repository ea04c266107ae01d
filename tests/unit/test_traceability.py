"""The document of which test proves what: it is read on a screen, and says what is not proved."""

from pathlib import Path

import pytest

from tools.traceability import traceability

ROOT = Path(__file__).resolve().parents[2]
SCREEN = 160
TESTS = """
# S1
def test_the_sky_is_blue(): ...


# S1 B2: in the morning
def test_the_sun_rises(stubber): ...
"""


@pytest.fixture
def project(tmp_path):
    folder = tmp_path / "tests/unit/sky"
    folder.mkdir(parents=True)
    (folder / "test_sky.py").write_text(TESTS)
    (tmp_path / "tests/requirements.toml").write_text('S1 = "It is day."\nS2 = "It is night."\nB2 = "Both."\n')
    return tmp_path


def test_a_row_is_a_heading_with_the_files_of_its_tests_and_their_number(project):
    document = traceability(project)
    assert "## S1\n\nIt is day.\n\n- unit: `sky/test_sky.py` 2 †\n" in document
    assert "## B2\n\nBoth.\n\n- unit: `sky/test_sky.py` 1 †\n" in document


def test_a_row_that_no_test_names_is_said_to_be_not_proved(project):
    document = traceability(project)
    assert "## S2\n\nIt is night.\n\n*Not proved yet.*\n" in document
    assert "2 of 3 rows are named by a test. Not proved yet: S2." in document


def test_no_line_is_wider_than_a_screen():
    assert [line for line in traceability(ROOT).splitlines() if len(line) > SCREEN] == []
