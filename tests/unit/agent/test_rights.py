# B18: what an agent that is started as another user than root lacks
from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

import understudy_agent
from understudy_agent import config
from understudy_agent.rights import CAP_KILL, CAP_SYS_ADMIN, CAP_SYS_BOOT, Rights, missing_rights, own_rights

AGENT = "[agent]\ncluster = orders-db\ntable = t\nbus = b\nruntime_dir = {0}/run\nstate_dir = {0}/state\n"
ALL_KINDS = (
    "failsafe_key_file = {0}/key\nwatchdog = required\nwatchdog_device = /dev/null\n"
    "[service data]\nkind = mount\nmount = {0}\n[service db]\nkind = unit\nunit = db.service\n"
)
OWN = "on_stop_failure = report\n[service job]\nkind = process\ncommand = /bin/true\n"
NOTHING = Rights(0, lambda _path, _mode: False)


def told(text: str, directory: Path, rights: Rights) -> list[str]:
    return [line.partition(":")[0] for line in missing_rights(config.parse((AGENT + text).format(directory)), rights)]


def test_all_that_is_missing_is_told_at_once_with_what_it_is_for(tmp_path):
    assert told(ALL_KINDS, tmp_path, NOTHING) == [
        "[agent] runtime_dir",
        "[agent] state_dir",
        "[service db] unit",
        "[agent] failsafe_key_file",
        "[agent] watchdog_device",
        "[service db] no CAP_KILL",
        "[service data] mount",
        "[agent] on_stop_failure = 'reboot'",
    ]


def test_who_has_the_rights_lacks_nothing(tmp_path):
    capabilities = sum(1 << each for each in (CAP_KILL, CAP_SYS_ADMIN, CAP_SYS_BOOT))
    assert told(ALL_KINDS, tmp_path, Rights(capabilities, lambda _path, _mode: True)) == []


def test_no_right_is_asked_for_that_the_configuration_does_not_need(tmp_path):
    assert told(OWN, tmp_path, Rights(0)) == []


def test_the_kernel_says_which_rights_a_process_has(tmp_path):
    status = tmp_path / "status"
    status.write_text("Name:\tx\nCapInh:\t0000000000000000\nCapEff:\t0000000000400020\n")
    rights = own_rights(status)
    assert [rights.has(each) for each in (CAP_KILL, CAP_SYS_ADMIN, CAP_SYS_BOOT)] == [True, False, True]


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another user")
def test_an_agent_that_is_run_as_another_user_ends_with_77_and_says_what_it_lacks(tmp_path):
    tmp_path.chmod(0o755)
    file = tmp_path / "agent.ini"
    file.write_text((AGENT + OWN.replace("report", "reboot")).format("/proc/self"))
    package = str(Path(understudy_agent.__file__).parent.parent)
    program = (
        f"import os, sys; sys.path.insert(0, {package!r}); from understudy_agent.__main__ import main; "
        "os.setgroups([]); os.setgid(65534); os.setuid(65534); sys.exit(main(['run', '--config', '/dev/stdin']))"
    )
    words = [sys.executable, "-c", program]
    done = subprocess.run(words, stdin=file.open(), capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 77, done.stderr
    assert "[agent] runtime_dir: no right to write to /proc/self" in done.stderr
    assert "no CAP_SYS_BOOT" in done.stderr
    assert done.stderr.endswith("run it as root, or give its user these rights\n")
