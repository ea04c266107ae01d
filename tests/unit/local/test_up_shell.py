"""A shell that evaluates what `make env` prints works on the stack that is up, and on no other AWS."""

import subprocess

import pytest

from local.up.ports import PortBlock
from local.up.shell import script, variables, write_programs

OWN = {"AWS_ENDPOINT_URL": "http://127.0.0.1:50000", "AWS_ACCESS_KEY_ID": "123456789012"}
PORTS = PortBlock(20000)
LIMIT_S = 10


@pytest.fixture
def programs(tmp_path):
    folder = tmp_path / "it's here" / "bin"
    write_programs(folder, PORTS, tmp_path / "checkout")
    return folder


def evaluated(programs, text: str, **environment: str) -> list[str]:
    """What a shell says that has evaluated it twice."""
    lines = "\n".join(script(variables(PORTS, OWN), programs))
    shell = ["/bin/bash", "-c", f'set -eu; eval "$LINES_"; eval "$LINES_"; {text}']
    env = {"PATH": "/usr/bin:/bin", "LINES_": lines} | environment
    ended = subprocess.run(shell, env=env, capture_output=True, text=True, timeout=LIMIT_S, check=False)
    return (ended.stdout + ended.stderr).splitlines()


def test_it_enters_by_the_stated_ports_and_with_the_stacks_own_keys(programs):
    text = 'echo "$AWS_ENDPOINT_URL $AWS_ENDPOINT_URL_EC2 $AWS_ENDPOINT_URL_ROUTE_53 $AWS_ACCESS_KEY_ID"'
    here = "http://127.0.0.1"
    assert evaluated(programs, text) == [f"{here}:20000 {here}:20001 {here}:20002 123456789012"]


def test_no_setting_of_the_users_own_leads_elsewhere(programs):
    own = {"AWS_PROFILE": "production", "AWS_SESSION_TOKEN": "t", "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS": "true"}
    text = 'echo "${AWS_PROFILE-}${AWS_SESSION_TOKEN-}${AWS_IGNORE_CONFIGURED_ENDPOINT_URLS-}"; echo $AWS_CONFIG_FILE'
    assert evaluated(programs, text, **own) == ["", "/dev/null"]


def test_no_proxy_is_asked_and_those_that_the_user_leaves_out_stay_left_out(programs):
    text = 'echo "$no_proxy"; echo "$NO_PROXY"; echo "$PATH"'
    said = evaluated(programs, text, no_proxy="corp.example.com")
    assert said == ["127.0.0.1,corp.example.com", "127.0.0.1", f"{programs}:/usr/bin:/bin"]


def test_dig_asks_the_stacks_own_name_server(programs, tmp_path):
    real = tmp_path / "real"
    real.mkdir()
    (real / "dig").write_text('#!/bin/sh\nprintf "<%s>" "$@"\n')
    (real / "dig").chmod(0o755)
    said = evaluated(programs, 'dig +short "two words"', PATH=f"{real}:/usr/bin:/bin")
    assert said == ["<@127.0.0.1><-p><20003><+short><two words>"]


def test_without_dig_it_says_how_to_get_it(programs):
    (said,) = evaluated(programs, "dig +short x || true", PATH="/nowhere")
    assert said.startswith("dig is not installed")


def test_the_tool_is_there_if_the_checkout_has_it(tmp_path, programs):
    assert not (programs / "understudy").exists()
    package = tmp_path / "checkout" / "cli" / "understudy_cli"
    package.mkdir(parents=True)
    (package / "__main__.py").write_text('import sys; print("the tool:", *sys.argv[1:])')
    write_programs(programs, PORTS, tmp_path / "checkout")
    assert evaluated(programs, "understudy status orders-db") == ["the tool: status orders-db"]
