# S11: what agent/README.md and the units promise
from __future__ import annotations

import argparse
import configparser
import json
import os
import re
import subprocess
from pathlib import Path

import pytest

import understudy_agent
from understudy_agent.__main__ import parser
from understudy_agent.former import KIND_KEYS, KIND_OPTIONS
from understudy_agent.known import AGENT_KEYS, COMMON_KEYS

AGENT_DIR = Path(understudy_agent.__file__).parent.parent
README = (AGENT_DIR / "README.md").read_text()


def block(language: str) -> str:
    found = re.search(rf"```{language}\n(.*?)```", README, re.DOTALL)
    assert found is not None
    return found.group(1)


def program(directory: Path, name: str, script: str) -> None:
    (directory / name).write_text(f"#!/bin/sh\n{script}\n")
    (directory / name).chmod(0o755)


def test_the_shell_loop_sends_a_beat_that_says_that_it_keeps_no_lease(tmp_path):
    program(tmp_path, "aws", f'printf "%s\\n" "$@" >{tmp_path}/asked')
    program(tmp_path, "sleep", f"! test -e {tmp_path}/asked")
    environment = {"PATH": f"{tmp_path}:{os.environ['PATH']}"}
    subprocess.run(["/bin/sh", "-euc", block("sh")], env=environment, timeout=20, check=True)
    service, command, option, entries = (tmp_path / "asked").read_text().splitlines()
    assert (service, command, option) == ("events", "put-events", "--entries")
    (entry,) = json.loads(entries)
    assert (entry["EventBusName"], entry["DetailType"]) == ("understudy", "Understudy Heartbeat")
    assert entry["Source"] == "arn:aws:ec2:eu-west-1:123456789012:instance/i-0a1b2c3d4e5f60718"
    detail = json.loads(entry["Detail"])
    assert detail.pop("beat") > 0
    assert re.fullmatch(r"[0-9A-Za-z-]{1,64}", detail.pop("boot"))
    assert detail == {
        "cluster": "orders-db",
        "keeps_lease": False,
        "read_epoch": 0,
        "services": {},
        "agent": "shell",
    }


def test_the_policy_of_a_node_lets_it_beat_for_itself_and_read():
    policy = json.loads(block("json"))
    assert [statement["Action"] for statement in policy["Statement"]] == [
        "events:PutEvents",
        "dynamodb:GetItem",
        "ssm:GetParameter",
    ]
    assert policy["Statement"][0]["Condition"]["Null"] == {"events:source": "false"}


def test_every_key_is_documented():
    for key in (
        *AGENT_KEYS,
        *COMMON_KEYS,
        *(key for keys in (*KIND_KEYS.values(), *KIND_OPTIONS.values()) for key in keys),
    ):
        assert f"`{key}`" in README, key


@pytest.mark.parametrize("name", ["understudy-agent.service", "understudy-agent@.service"])
def test_the_unit_lets_the_agent_stop_its_services_itself_and_keeps_the_lease_file(name):
    unit = configparser.ConfigParser(interpolation=None)
    unit.optionxform = str
    unit.read_string((AGENT_DIR / name).read_text())
    service = unit["Service"]
    assert (service["Type"], service["KillMode"], service["Restart"]) == ("notify", "mixed", "always")
    assert service["RuntimeDirectoryPreserve"] == "yes"
    assert service["StateDirectory"] == "understudy"
    assert service["RestartPreventExitStatus"] == "77 78"
    assert "ExecStopPost" not in service, "what keeps the lease of a dead agent is there before it dies"


def test_the_table_of_kits_names_every_agent_that_the_lab_runs():  # B19
    kits = (AGENT_DIR.parent / "docs" / "kits.md").read_text()
    lab = (AGENT_DIR.parent / "tests" / "nodes" / "test_ocf.py").read_text()
    run = re.findall(r'ocf\(\s*"\w+",\s*"(\w+)"', lab)
    table = kits.partition("## Which agents were run")[2].partition("Everything else")[0]
    assert set(re.findall(r"^\| `heartbeat:(\w+)`", table, re.MULTILINE)) == set(run) != set()
    assert max(len(line) for line in kits.splitlines() if line.startswith("|")) <= 160


def test_the_manual_page_names_every_command_option_exit_status_and_no_other():
    """What --help says is read from the parser itself."""
    page = re.sub(r"\\(.)", r"\1", (AGENT_DIR / "understudy-agent.8").read_text())
    commands, options = set(), set()
    for action in parser()._actions:
        options |= {word for word in action.option_strings if word.startswith("--")}
        if isinstance(action, argparse._SubParsersAction):
            for name, command in action.choices.items():
                commands.add(name)
                options |= {word for each in command._actions for word in each.option_strings if word.startswith("--")}
    assert set(re.findall(r"^\.B understudy-agent (\w+)$", page, re.MULTILINE)) == commands
    assert set(re.findall(r"--[a-z]+", page)) == options
    section = page.partition(".SH EXIT STATUS")[2].partition(".SH FILES")[0]
    listed = README.partition("## EXIT STATUS")[2].partition("## ENVIRONMENT")[0]
    assert re.findall(r"^\.B (\d+)$", section, re.MULTILINE) == re.findall(r"^\| (\d+) \|", listed, re.MULTILINE)
