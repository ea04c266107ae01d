# B19: any OCF resource agent as a service, with small agents of our own
from __future__ import annotations

import os
import signal
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests.unit.agent.waiting import wait_for
from understudy_agent import config, mount_check, ocf_agents, tasks
from understudy_agent.check import check
from understudy_agent.config import BadConfigError, Config
from understudy_agent.kinds import Script
from understudy_agent.mounts import System
from understudy_agent.ocf import Ocf
from understudy_agent.ocf_agents import AgentName, Installed, parse, reason, seconds
from understudy_agent.places import line_of, lines_of
from understudy_agent.scopes import Scopes, SystemPaths
from understudy_agent.tasks import STILL_HANGS, Outcome, Task

AGENT = "[agent]\ncluster = orders-db\ntable = t\nbus = b\n"
META_DATA = """<?xml version="1.0"?>
<!DOCTYPE resource-agent SYSTEM "ra-api-1.dtd">
<resource-agent name="fake" version="1.0">
<parameters>
<parameter name="config" required="1"><content type="string"/></parameter>
<parameter name="options" required="0"><content type="string"/></parameter>
<parameter name="rep_mode"><content type="string"/></parameter>
</parameters>
<actions>
<action name="start" timeout="90s"/><action name="stop" timeout="2min"/>
<action name="monitor" depth="0" role="Promoted" timeout="1s" interval="1s"/>
<action name="monitor" depth="0" timeout="20" interval="10s"/>
<action name="monitor" depth="10" timeout="45s" interval="30s"/>
{more}
</actions>
</resource-agent>"""
PROMOTE = '<action name="promote" timeout="5s"/><action name="validate-all" timeout="5s"/>'
VALIDATE = '<action name="validate-all" timeout="5s"/>'


class Agents:
    """A tree of OCF agents. Each writes down how it was called, and ends as `exits` says of its action."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.installed = Installed(root=root, limit_s=10)

    def add(
        self, name: str = "fake", more: str = VALIDATE, provider: str = "lab", script: str = "", says: str = ""
    ) -> None:
        path = self.root / "resource.d" / provider / name
        path.parent.mkdir(parents=True, exist_ok=True)
        (path.parent / f"{name}.xml").write_text(says or META_DATA.format(more=more))
        path.write_text(
            f'#!/bin/sh\nif [ "$1" = meta-data ]; then echo x >>{self.root}/asked; cat "$0.xml"; exit; fi\n'
            f"env >{self.root}/env.$1; {script}\n"
            f"test -e {self.root}/exit.$1 && exit $(cat {self.root}/exit.$1); exit 0\n"
        )
        path.chmod(0o755)

    def exits(self, **statuses: int) -> None:
        for action, status in statuses.items():
            (self.root / f"exit.{action.replace('_', '-')}").write_text(str(status))

    def environment(self, action: str) -> dict[str, str]:
        lines = (self.root / f"env.{action}").read_text().splitlines()
        return dict(line.partition("=")[::2] for line in lines)


@pytest.fixture
def agents(tmp_path) -> Agents:
    made = Agents(tmp_path / "ocf")
    made.add()
    return made


def section(agent: str = "lab:fake", params: str = "config=/etc/x", **keys: object) -> str:
    lines = {"kind": "ocf", "agent": agent, "params": params, **keys}
    return "\n".join(["[service db]", *(f"{key} = {value}" for key, value in lines.items()), ""])


def read(agents: Agents, *args: str, **keys: Any) -> Config:
    return config.parse(AGENT + section(*args, **keys), installed=agents.installed)


def db(agents: Agents, *args: str, **keys: Any) -> Ocf:
    return read(agents, *args, **keys).ocf["db"]


def faults(agents: Agents, *args: str, **keys: Any) -> tuple[str, ...]:
    return db(agents, *args, **keys).faults


def done(task: Task) -> tuple[Outcome, str]:
    outcome = wait_for(task.poll)
    return outcome, task.why


# --- how it is called


def test_an_agent_gets_the_environment_that_the_api_demands(agents):
    kind = db(agents, params="config=/etc/x\n  options=\"-o ro,noatime x='1'\"")
    assert done(kind.start())[0] is Outcome.DONE
    found = agents.environment("start")
    assert {
        "OCF_ROOT": str(agents.root),
        "OCF_RA_VERSION_MAJOR": "1",
        "OCF_RA_VERSION_MINOR": "1",
        "OCF_RESOURCE_PROVIDER": "lab",
        "OCF_RESOURCE_TYPE": "fake",
        "OCF_RESOURCE_INSTANCE": "db@orders-db",
        "OCF_CHECK_LEVEL": "0",
        "OCF_RESKEY_config": "/etc/x",
        "OCF_RESKEY_options": "-o ro,noatime x='1'",
        "OCF_RESKEY_CRM_meta_timeout": "90000",
        "OCF_RESKEY_CRM_meta_name": "start",
        "XDG_SESSION_CLASS": "none",
    }.items() <= found.items()
    assert "/usr/sbin" in found["PATH"]


def test_a_parameter_is_no_word_of_a_command_line_that_everybody_can_read(agents):
    agents.add(script='ps -o args= $$ >"$OCF_ROOT/args"')
    done(db(agents, params="config=secret").start())
    assert "secret" not in (agents.root / "args").read_text()


def test_a_monitor_is_a_probe_until_the_service_was_started_or_seen(agents):
    agents.exits(monitor=7)
    kind = db(agents, check_level=10)
    done(kind.look())
    probe = agents.environment("monitor")
    assert (probe["OCF_RESKEY_CRM_meta_interval"], probe["OCF_CHECK_LEVEL"]) == ("0", "0")
    agents.exits(monitor=0)
    done(kind.look())
    done(kind.look())
    regular = agents.environment("monitor")
    assert (regular["OCF_RESKEY_CRM_meta_interval"], regular["OCF_CHECK_LEVEL"]) == ("30000", "10")
    assert regular["OCF_RESKEY_CRM_meta_timeout"] == "45000"


# --- what an exit status proves


@pytest.mark.parametrize(
    ("status", "outcome", "words"),
    [
        (0, Outcome.SERVING, ""),
        (7, Outcome.DOWN, "monitor ended with 7"),
        (8, Outcome.SERVING, ""),
        (9, Outcome.RUNNING, "monitor ended with 9"),
        (190, Outcome.SERVING, "degraded"),
        (191, Outcome.SERVING, "degraded"),
        (1, Outcome.UNKNOWN, "monitor ended with 1"),
        (2, Outcome.UNKNOWN, "correct `params`"),
        (3, Outcome.UNKNOWN, "does not know this action"),
        (4, Outcome.UNKNOWN, "permission"),
        (5, Outcome.UNKNOWN, "not installed on this node"),
        (6, Outcome.UNKNOWN, "configuration is not accepted"),
        (77, Outcome.UNKNOWN, "monitor ended with 77"),
    ],
)
def test_a_monitor_of_what_was_never_seen_says(agents, status, outcome, words):
    agents.exits(monitor=status)
    found, why = done(db(agents).look())
    assert (found, words in why) == (outcome, True)


def test_a_generic_error_is_a_failure_of_what_serves_and_no_proof_that_it_is_down(agents):
    kind = db(agents)
    done(kind.start())
    agents.exits(monitor=1)
    assert done(kind.look())[0] is Outcome.RUNNING
    assert done(kind.stop())[0] is Outcome.DONE
    assert done(kind.look())[0] is Outcome.UNKNOWN


def test_what_somebody_starts_again_after_our_stop_is_monitored_as_ever(agents):
    kind = db(agents)
    done(kind.start())
    done(kind.stop())
    agents.exits(monitor=7)
    assert done(kind.look())[0] is Outcome.DOWN
    agents.exits(monitor=0)
    done(kind.look())
    done(kind.look())
    assert agents.environment("monitor")["OCF_RESKEY_CRM_meta_interval"] == "10000"
    agents.exits(monitor=1)
    assert done(kind.look())[0] is Outcome.RUNNING, "it has failed, and is restarted"


@pytest.mark.parametrize("kind", ["ocf", "script"])
def test_no_look_is_begun_beside_one_that_the_kernel_keeps(agents, monkeypatch, kind):
    """Each would hang, too, every few seconds: until the machine has no process ids left."""
    agents.add(script=f"echo x >>{agents.root}/looks; sleep 600")
    path = str(agents.root / "resource.d" / "lab" / "fake")
    looked = db(agents) if kind == "ocf" else Script((path, "start"), (path, "stop"), (path, "monitor"))
    with monkeypatch.context() as patch:
        patch.setattr(tasks, "signal_group", lambda *_: False)  # as of a process in an uninterruptible call
        first = looked.look()
        pid = first._child.pid
        assert wait_for(lambda: (agents.root / "looks").exists())
        first.abort()
    try:
        for _ in range(3):
            assert done(looked.look()) == (Outcome.UNKNOWN, STILL_HANGS)
    finally:
        os.killpg(pid, signal.SIGKILL)
    agents.add()
    wait_for(lambda: done(looked.look())[0] is Outcome.SERVING)


def test_an_agents_own_reason_is_told(agents):
    agents.add(script='echo "ocf-exit-reason:no such disk" >&2; echo noise >&2')
    agents.exits(monitor=5, stop=1)
    assert done(db(agents).look())[1].endswith("name where it is in `params`: no such disk")
    assert done(db(agents).stop()) == (Outcome.FAILED, "stop ended with 1: no such disk")
    assert reason("x\nNov 30 21:09:59 INFO: nginx not running\n") == "nginx not running"


@pytest.mark.parametrize("text", ["", "(", "exit 7\n", "#!/no/such/shell\nexit 7\n"])
def test_an_agent_that_is_no_program_any_more_tells_nothing(agents, text):
    """A full disk leaves an empty file. A shell runs that itself, and it ends with 0: in service, and stopped well."""
    kind = db(agents)
    (agents.root / "resource.d/lab/fake").write_text(text)
    assert done(kind.look())[0] is Outcome.UNKNOWN
    assert done(kind.stop())[0] is Outcome.FAILED


def test_an_agent_that_is_gone_tells_nothing(agents):
    kind = db(agents)
    (agents.root / "resource.d" / "lab" / "fake").unlink()
    assert done(kind.look())[0] is Outcome.UNKNOWN
    assert done(kind.start())[0] is Outcome.FAILED


# --- what is left of it


class Machine:
    """A machine whose kernel shows in a slice what a test puts there."""

    def __init__(self, directory: Path) -> None:
        self.procs = directory / "cgroup" / "understudy.slice/understudy-orders\\x2ddb.slice"
        self.procs /= "understudy-orders\\x2ddb-db.slice"
        self.procs.mkdir(parents=True)
        (directory / "cgroup" / "cgroup.controllers").touch()
        self.mountinfo = directory / "mountinfo"
        self.mountinfo.write_text("")
        paths = SystemPaths(directory, "systemd-run", directory / "cgroup", directory / "none")
        self.scopes, self.system = Scopes("orders-db", "db", paths), System(mountinfo=self.mountinfo)
        self.holds()

    def holds(self, *pids: int) -> None:
        (self.procs / "cgroup.procs").write_text("".join(f"{pid}\n" for pid in pids))


@pytest.fixture
def machine(tmp_path) -> Machine:
    return Machine(tmp_path)


def on(machine: Machine, kind: Ocf, mount_point: str = "") -> Ocf:
    return Ocf(kind.call, machine.scopes, faults=kind.faults, mount_point=mount_point, system=machine.system)


@pytest.mark.parametrize("status", [7, 1])
def test_it_is_not_down_while_a_process_is_left_in_its_slice(agents, machine, status):
    agents.exits(monitor=status)
    kind = on(machine, db(agents))
    machine.holds(4711)
    outcome, why = done(kind.look())
    assert outcome is Outcome.RUNNING
    assert "4711" in why


def test_what_its_agent_does_not_stop_is_killed_in_its_slice_without_asking_the_agent(agents, machine):
    agents.exits(stop=1)
    kind = on(machine, db(agents))
    with subprocess.Popen(["sleep", "60"]) as child:
        machine.holds(child.pid)
        kill = kind.kill()
        assert child.wait(10) == -9
        machine.holds()
        assert done(kill)[0] is Outcome.DONE
    assert not (agents.root / "env.stop").exists()


def test_a_kill_with_nothing_in_the_slice_asks_the_agent_to_stop_again(agents, machine):
    assert done(on(machine, db(agents)).kill())[0] is Outcome.DONE
    assert agents.environment("stop")["OCF_RESKEY_CRM_meta_timeout"] == "120000"


def test_a_file_system_is_not_down_while_it_is_mounted_whatever_its_agent_says(agents, machine):
    agents.exits(monitor=7)
    kind = on(machine, db(agents), "/srv/orders")
    machine.mountinfo.write_text("36 25 8:1 / /srv/orders rw - ext4 /dev/sdb rw\n")
    outcome, why = done(kind.look())
    assert (outcome, "/srv/orders is mounted" in why) == (Outcome.RUNNING, True)
    assert kind.remains().mount_points == ("/srv/orders",)
    machine.mountinfo.unlink()
    assert done(kind.look())[0] is Outcome.UNKNOWN
    machine.mountinfo.write_text("")
    assert done(kind.look())[0] is Outcome.DOWN


def test_the_directory_of_filesystem_is_what_must_be_unmounted(agents, tmp_path):
    agents.add("Filesystem", provider="heartbeat", says=META_DATA.replace('"config"', '"directory"').format(more=""))
    found = db(agents, "ocf:heartbeat:Filesystem", f"directory={tmp_path}")
    assert found.remains().mount_points == (str(tmp_path),)
    (tmp_path / "link").symlink_to(tmp_path)
    with pytest.raises(BadConfigError, match="params directory: must name the real directory"):
        db(agents, "heartbeat:Filesystem", f"directory={tmp_path}/link")


# --- what its meta-data demands


def words_of(pid: int) -> str:
    """The command line of a process; "" when it has ended."""
    try:
        return Path(f"/proc/{pid}/cmdline").read_text()
    except OSError:
        return ""


def test_limits_are_the_agents_own_unless_the_file_names_others(agents):
    (spec,) = read(agents).specs
    assert (spec.start_limit_s, spec.stop_limit_s, spec.look_limit_s, spec.check_interval_s) == (90, 120, 20, 10)
    (spec,) = read(agents, check_level=10, stop_limit_s=7, check_interval_s=1).specs
    assert (spec.start_limit_s, spec.stop_limit_s, spec.look_limit_s, spec.check_interval_s) == (90, 7, 45, 1)


def test_a_plan_holds_the_limits_so_that_nobody_asks_an_agent_again(agents):
    found = read(agents, stop_limit_s=7)
    assert (agents.root / "asked").read_text().split() == ["x"]
    planned = config.parse(found.text, is_plan=True, installed=Installed(root=agents.root, asks=False))
    assert (planned.specs, planned.ocf["db"].call) == (found.specs, planned.ocf["db"].call)
    assert planned.ocf["db"].call.params == {"config": "/etc/x"}
    assert (agents.root / "asked").read_text().split() == ["x"]
    assert planned.text == found.text


@pytest.mark.parametrize(
    "text",
    [
        "[service db]\n  kind = ocf\n  agent = lab:fake\n  params = config=/etc/x\n",
        "[service db] of ours\n  kind = ocf\n  agent = lab:fake\n  params = config=/etc/x\n",
        "[service db]\n\n# said by\n   kind = ocf\n   agent = lab:fake\n   params =\n      config=/etc/x\n",
        "[service db]   \nkind = ocf\nagent = lab:fake\nparams =\n  config=/etc/x\n  options='\n  [service db]\n  '\n",
    ],
    ids=["keys", "header", "both", "in a value"],
)
def test_a_plan_can_be_read_however_the_file_is_indented(agents, text):
    found = config.parse(AGENT + text, installed=agents.installed)
    planned = config.parse(found.text, is_plan=True, installed=Installed(root=agents.root, asks=False))
    assert planned.specs == found.specs
    assert planned.ocf["db"].call.params == found.ocf["db"].call.params
    assert planned.text == found.text
    assert planned.fingerprint


def test_limits_of_the_meta_data_that_are_out_of_range_are_the_nearest_ones(agents):
    """Nobody has written them into the file, so nobody could correct them there."""
    says = META_DATA.replace("90s", "48h").replace("2min", "1ms").replace('"45s"', '"9999min"')
    agents.add(says=says.replace('interval="30s"', f'interval="{"9" * 400}"').format(more=""))
    (spec,) = read(agents, check_level=10).specs
    assert (spec.start_limit_s, spec.stop_limit_s) == (86400, 0.1)
    assert (spec.look_limit_s, spec.check_interval_s) == (3600, 3600)


def test_the_fingerprint_of_a_configuration_does_not_depend_on_the_agents_version(agents):
    before = read(agents).fingerprint
    agents.add(says=META_DATA.replace("90s", "91s").format(more=""))
    agents.installed = Installed(root=agents.root)
    assert read(agents).fingerprint == before


def test_all_that_is_wrong_with_parameters_is_told_at_once_with_what_is_allowed(agents):
    told = faults(agents, params="cfg=1 speed=2")
    assert told == (
        "params cfg: unknown to lab:fake; it has: config, options, rep_mode",
        "params speed: unknown to lab:fake; it has: config, options, rep_mode",
        "params config is missing: lab:fake requires it",
    )


def break_agent(agents: Agents, how: str) -> None:
    path = agents.root / "resource.d" / "lab" / "fake"
    if how == "is not there":
        path.unlink()
    elif how == "cannot be executed":
        path.chmod(0o644)
    else:
        agents.add(
            says={"no XML": "<no", "is <html>": "<html/>", "entities": '<!DOCTYPE x [<!ENTITY a "b">]><x/>'}[how]
        )


@pytest.mark.parametrize("how", ["is not there", "cannot be executed", "no XML", "is <html>", "entities"])
def test_an_agent_without_meta_data_starts_nothing_and_says_why(agents, how):
    break_agent(agents, how)
    kind = db(agents)
    (told,) = kind.faults
    assert told.startswith("agent = 'lab:fake': ")
    assert how in told
    assert done(kind.start()) == (Outcome.FAILED, told)


def test_meta_data_that_takes_too_long_is_given_up_with_all_that_it_has_started(agents):
    path = agents.root / "resource.d" / "lab" / "fake"
    path.write_text(f"#!/bin/sh\nsleep 600 & echo $! >{agents.root}/pid; wait\n")
    agents.installed = Installed(root=agents.root, limit_s=0.5)
    (told,) = faults(agents)
    assert "no answer within 0.5 s" in told
    pid = int((agents.root / "pid").read_text())
    assert wait_for(lambda: "sleep" not in words_of(pid))


def test_meta_data_is_not_waited_for_longer_than_its_agent_runs_and_cannot_fill_the_memory(agents):
    path = agents.root / "resource.d" / "lab" / "fake"
    path.write_text(f'#!/bin/sh\ncat "$0.xml"; sleep 600 & echo $! >{agents.root}/pid\n')
    try:
        assert faults(agents) == ()
    finally:
        os.kill(int((agents.root / "pid").read_text()), signal.SIGKILL)
    path.write_text("#!/bin/sh\nexec yes\n")
    agents.installed = Installed(root=agents.root, limit_s=0.3)
    assert "no answer within 0.3 s" in faults(agents)[0]


def test_what_an_agent_has_said_in_this_boot_is_not_asked_again_until_its_file_changes(agents, tmp_path):
    """Beats wait meanwhile: an agent that is restarted on an active node would lose the lease to a slow answer."""
    memory = tmp_path / "run" / "meta-data"
    agents.installed = Installed(root=agents.root, memory=memory)
    assert faults(agents) == (), "without a folder to keep it in, it is only asked"
    memory.parent.mkdir()
    for _ in range(3):
        agents.installed = Installed(root=agents.root, memory=memory)
        assert read(agents).specs[0].start_limit_s == 90
    assert (agents.root / "asked").read_text().split() == ["x", "x"]
    path = agents.root / "resource.d" / "lab" / "fake"
    path.write_text(path.read_text() + "# a newer one\n")
    agents.installed = Installed(root=agents.root, memory=memory)
    assert faults(agents) == ()
    assert (agents.root / "asked").read_text().split() == ["x", "x", "x"]
    (memory / "lab:fake").write_text("no such text")
    agents.installed = Installed(root=agents.root, memory=memory)
    assert faults(agents) == ()
    break_agent(agents, "no XML")
    agents.installed = Installed(root=agents.root, memory=memory)
    assert faults(agents), "it was written anew, and what it says now is no meta-data"


def test_after_an_agent_that_hangs_the_others_get_little_time(agents, monkeypatch):
    """systemd waits for 90 s for the node agent to be ready, and starts it again then, and again."""
    given = []

    def hang(argv, more, limit_s):
        given.append(limit_s)
        clock.append(clock[-1] + limit_s)
        raise TimeoutError("no answer")

    clock = [0.0]
    monkeypatch.setattr(ocf_agents, "ran", hang)
    installed = Installed(root=agents.root, clock_s=lambda: clock[-1])
    for number in range(15):
        agents.add(f"fake{number}")
        installed.meta_data(AgentName("lab", f"fake{number}"))
    assert given == [20, *[3] * 14]
    assert sum(given) < 90


def test_a_service_that_runs_is_looked_at_and_stopped_though_it_could_not_be_started(agents):
    kind = db(agents, params="")
    assert kind.faults
    assert done(kind.look())[0] is Outcome.SERVING
    assert done(kind.stop())[0] is Outcome.DONE
    agents.exits(monitor=7)
    assert done(kind.look()) == (Outcome.UNFIT, "params config is missing: lab:fake requires it")


@pytest.mark.parametrize(
    ("params", "words"),
    [
        ("config=a b c", "the word after config is no NAME=VALUE"),
        ("config='a", "cannot be split"),
        ("config=a config=b", "config is there twice"),
    ],
)
def test_parameters_that_cannot_be_read_are_a_fault_that_shows_no_value(agents, params, words):
    with pytest.raises(BadConfigError) as bad:
        read(agents, params=params)
    assert words in str(bad.value)
    assert "'b" not in str(bad.value)


def test_the_same_agent_with_the_same_parameters_is_one_service(agents):
    """It is one resource: what stops it as the one stops it as the other, which is to serve."""
    again = section(params="options=ro config=/etc/x").replace("[service db]", "[service again]")
    with pytest.raises(BadConfigError) as caught:
        config.parse(AGENT + section(params="config=/etc/x options=ro") + again, installed=agents.installed)
    assert caught.value.faults == [
        "[service again] agent = 'lab:fake': service 'db' has the same agent with the same params, so it is the same "
        "resource: name it once"
    ]
    other = again.replace("/etc/x", "/etc/y")
    assert len(config.parse(AGENT + section() + other, installed=agents.installed).ocf) == 2


@pytest.mark.parametrize(
    "lines",
    ["agent = bad name\n", "", "agent = lab:fake\nparams = config='\n", "agent = lab:fake\nparams = config\n"],
)
def test_services_whose_agent_or_parameters_cannot_be_read_are_not_called_the_same(agents, lines):
    """What they are is not known: the fault that a person is to mend is the only one."""
    text = AGENT + "".join(f"[service {name}]\nkind = ocf\n{lines}" for name in ("db", "again"))
    with pytest.raises(BadConfigError) as caught:
        config.parse(text, installed=agents.installed)
    assert len(caught.value.faults) == 2
    assert "same" not in str(caught.value)


def test_a_byte_that_no_program_can_be_given_is_refused_with_its_line(agents):
    text = AGENT + section(params="config=a\0b")
    with pytest.raises(BadConfigError) as caught:
        config.parse(text, installed=agents.installed)
    (told,) = caught.value.faults
    assert told == "line 8: a NUL byte, which nothing can be given: remove it"
    assert line_of(told, lines_of(text)) == 8
    (planned,) = config.parse(text, is_plan=True, installed=agents.installed).ocf.values()
    assert done(planned.stop())[0] is Outcome.FAILED
    assert done(planned.look())[0] is Outcome.UNKNOWN


@pytest.mark.parametrize("agent", ["pgsql", "a:b:c", "../x:y", "heartbeat:../x", ""])
def test_an_agent_is_a_provider_and_a_type(agents, agent):
    with pytest.raises(BadConfigError, match=r"must be set|PROVIDER:TYPE"):
        read(agents, agent)


def test_a_beat_gets_the_first_fault_and_how_many_more_there_are(agents):
    agents.exits(monitor=7)
    outcome, why = done(db(agents, params=f"{'x' * 300}=1").look())
    assert outcome is Outcome.UNFIT
    assert len(why) < 260
    assert why.endswith("...; 1 more by `understudy-agent check`")


# --- promotion


def test_an_agent_that_wants_promotion_is_refused_with_the_reason_and_the_way_out(agents):
    agents.add(more=PROMOTE)
    (told,) = faults(agents)
    assert "is to be promoted, and nothing here does that: unpromoted = yes" in told
    assert faults(agents, unpromoted="yes") == ()


def test_mariadbs_promotable_agent_is_refused_and_the_one_that_serves_alone_is_named(agents):
    agents.add("mariadb", PROMOTE, "heartbeat")
    agents.add("mysql", PROMOTE, "heartbeat")
    assert "heartbeat:mysql" in faults(agents, "heartbeat:mariadb")[0]
    assert faults(agents, "heartbeat:mysql") == ()


def test_postgresql_without_replication_needs_no_promotion(agents):
    agents.add("pgsql", PROMOTE, "heartbeat")
    assert faults(agents, "heartbeat:pgsql") == ()
    assert faults(agents, "heartbeat:pgsql", "config=/x rep_mode=none") == ()
    (told,) = faults(agents, "heartbeat:pgsql", "config=/x rep_mode=async")
    assert "rep_mode=async: it needs promotion" in told


# --- check


def checked(agents: Agents, *args: str, **keys: Any):
    return check(read(agents, *args, **keys))


def test_check_has_the_agent_validate_all_and_shows_what_it_says(agents):
    assert checked(agents).notes == ["[service db] lab:fake validate-all: good"]
    assert agents.environment("validate-all")["OCF_RESKEY_config"] == "/etc/x"
    agents.add(script='echo "ocf-exit-reason:no /etc/x" >&2')
    agents.exits(validate_all=6)
    (told,) = checked(agents).faults
    assert told.startswith("[service db] lab:fake validate-all ended with 6: ")
    assert told.endswith(": no /etc/x")


def test_check_tells_of_an_agent_that_validates_nothing(agents):
    agents.add(more="")
    assert checked(agents).notes == ["[service db] lab:fake validate-all: the agent has no such action"]
    agents.add()
    agents.installed = Installed(root=agents.root)
    agents.exits(validate_all=3)
    found = checked(agents)
    assert (found.faults, len(found.warnings)) == ([], 1)


def test_what_lies_on_a_file_system_that_is_not_mounted_is_a_warning(agents, tmp_path, monkeypatch):
    fstab = tmp_path / "fstab"
    monkeypatch.setattr(mount_check, "FSTAB", fstab)
    fstab.write_text(f"/dev/null {tmp_path}/data xfs noauto 0 0\n")
    (tmp_path / "data").mkdir()
    agents.exits(validate_all=5)
    data = f"[service data]\nkind = mount\nmount = {tmp_path}/data\n"
    text = AGENT + section(params=f"config={tmp_path}/data/x") + data
    found = check(config.parse(text, installed=agents.installed))
    assert found.faults == []
    (told,) = found.warnings
    assert told.endswith(f"{tmp_path}/data is not mounted here now")


def test_check_refuses_what_the_meta_data_refuses_and_asks_the_agent_nothing(agents):
    assert checked(agents, params="").faults == ["[service db] params config is missing: lab:fake requires it"]
    assert not (agents.root / "env.validate-all").exists()


def test_check_tells_which_tools_of_pacemaker_an_agent_may_call(agents, monkeypatch):
    monkeypatch.setenv("PATH", "/usr/bin:/bin")
    agents.add(script="true || /usr/sbin/crm_attribute -p; true || ocf_promotion_score -v 1")
    (told,) = checked(agents).warnings
    assert "may call crm_attribute, crm_master of Pacemaker" in told


@pytest.mark.parametrize(
    ("text", "found"), [("20", 20), ("20s", 20), ("100ms", 0.1), ("2min", 120), ("0", None), ("", None), ("soon", None)]
)
def test_a_duration_is_written_in_many_ways(text, found):
    assert seconds(text) == found


def test_a_monitor_of_a_role_is_not_the_monitor_of_the_service():
    assert parse(META_DATA.format(more="")).limits(0).interval_s == 10
    assert parse(META_DATA.format(more="")).limits(20).interval_s == 10


@pytest.mark.parametrize(
    ("roles", "interval_s"), [(("Promoted", "Unpromoted"), 21), (("Master", "Slave"), 21), (("Started",), 20)]
)
def test_where_monitors_are_of_roles_only_it_is_that_of_what_is_not_promoted(roles, interval_s):
    monitors = "".join(
        f'<action name="monitor" timeout="5s" interval="{20 + at}s" role="{role}"/>' for at, role in enumerate(roles)
    )
    found = parse(f"<resource-agent><actions>{monitors}</actions></resource-agent>").limits(0)
    assert (found.interval_s, found.monitor_s) == (interval_s, 5)
