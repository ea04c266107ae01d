"""The PostgreSQL example without a server: its files are what its README and its tests say."""

import configparser
import re
import shlex
import subprocess
from pathlib import Path

import pytest

from tests.support.postgresql import SCHEMA
from understudy_agent.config import parse
from understudy_postgresql.__main__ import EXIT_BAD_CONFIG, main
from understudy_postgresql.config import BadConfigError, load

EXAMPLE = Path(__file__).parents[2] / "examples" / "postgresql"
README = (EXAMPLE / "README.md").read_text(encoding="utf-8")
SAMPLE = (EXAMPLE / "postgresql.ini").read_text(encoding="utf-8")


def agents_section() -> str:
    (section,) = re.findall(r"^```ini\n(.*?)^```", README, flags=re.MULTILINE | re.DOTALL)
    return str(section)


def test_the_agent_takes_the_section_of_the_readme():
    config = parse(f"[agent]\ncluster = orders-db\ntable = t\nbus = b\n{agents_section()}")
    assert [spec.name for spec in config.specs] == ["postgresql"]


@pytest.mark.parametrize(("ended", "told"), [(0, 0), (3, 3), (1, 4), (2, 4), (78, 4), (127, 4), (137, 4)])
def test_a_status_that_could_not_be_taken_is_never_told_as_dead(ended, told):
    """LSB's 1 and 2 would let another node lead; a Python that cannot begin ends with just those."""
    parser = configparser.ConfigParser(interpolation=None)
    parser.read_string(agents_section())
    command = parser["service postgresql"]["status"].replace("/usr/bin/understudy-postgresql status", f"(exit {ended})")
    assert f"(exit {ended})" in command
    assert subprocess.run(shlex.split(command), check=False).returncode == told


def test_the_sample_is_good_and_its_comments_are_the_defaults(tmp_path: Path):
    plain, spelled_out = tmp_path / "plain.ini", tmp_path / "spelled-out.ini"
    plain.write_text(SAMPLE)
    spelled_out.write_text(re.sub(r"^# (\w+ = )", r"\1", SAMPLE, flags=re.MULTILINE))
    assert load(plain) == load(spelled_out)
    assert load(plain).wait_for_peer


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("node = node-b", "must be the other node"),
        ("peer = a'b", "letters, digits"),
        ("data = relative", "absolute path"),
        ("port = x", "port number"),
        ("wait_for_peer = perhaps", "yes or no"),
        ("patience_s = soon", "number of seconds"),
        ("colour = red", "unknown key"),
    ],
)
def test_a_bad_value_is_told_with_its_key(tmp_path: Path, line, said):
    key = line.partition(" ")[0]
    file = tmp_path / "postgresql.ini"
    file.write_text(re.sub(rf"^(# )?{key} = .*\n", "", SAMPLE, flags=re.MULTILINE) + line + "\n")
    with pytest.raises(BadConfigError) as bad:
        load(file)
    assert [fault for fault in bad.value.faults if said in fault], bad.value.faults


def test_a_file_that_is_missing_is_told_and_no_status(tmp_path: Path, capsys):
    assert main(["--config", str(tmp_path / "none.ini"), "status"]) == EXIT_BAD_CONFIG
    assert "none.ini" in capsys.readouterr().err


def test_the_readme_grants_what_the_tests_grant():
    wanted = [line for line in SCHEMA.splitlines() if line.startswith("GRANT") and " ON writes " not in line]
    assert [line for line in wanted if line.format(ROLE="understudy") not in README] == []
    assert len(wanted) == 5
