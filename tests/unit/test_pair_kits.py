"""The kits of MariaDB and Redis without a server: what they decide, and that their files are what their pages say."""

from __future__ import annotations

import configparser
import errno
import io
import itertools
import re
import shlex
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

import understudy_mariadb
import understudy_redis
from tests.nodes.test_mariadb import SCHEMA
from understudy.definition import parse_document
from understudy.definition.policy import policy_of
from understudy_agent import unit_names
from understudy_agent.config import parse
from understudy_mariadb import Look
from understudy_pair import command, node
from understudy_pair.node import BadConfigError, Node, Teller, is_of_unit, load, real_name, slices_of

EXAMPLES = Path(__file__).parents[2] / "examples"
KITS = {"mariadb": understudy_mariadb, "redis": understudy_redis}
RAN = {1: "100"}
"""A server's processes: number and start time."""


def page(kit: str) -> str:
    return (EXAMPLES / kit / "README.md").read_text(encoding="utf-8")


def section(kit: str) -> str:
    (found,) = re.findall(r"^```ini\n(.*?)^```", page(kit), flags=re.MULTILINE | re.DOTALL)
    return str(found)


def put_sample(kit: str, folder: Path, *, spelled_out: bool = False) -> Path:
    text = (EXAMPLES / kit / f"{kit}.ini").read_text(encoding="utf-8")
    path = folder / f"{kit}-{spelled_out}.ini"
    path.write_text(re.sub(r"^# (\w+ = )", r"\1", text, flags=re.MULTILINE) if spelled_out else text)
    return path


@pytest.fixture
def dirs(tmp_path: Path) -> dict[str, str]:
    return {"peer_address": "10.0.2.10", "run_dir": str(tmp_path / "run"), "state_dir": str(tmp_path / "state")}


class Played:
    """A server of either kit whose answers the test gives."""

    def play(self, running: dict[int, str], answer: object) -> Played:
        self.running, self.answer = running, answer
        return self

    def processes(self) -> dict[int, str]:
        return self.running

    def look(self, limit_s: float = 0.0) -> Any:
        return self.answer


class PlayedMariaDb(Played, understudy_mariadb.Server):
    pass


class PlayedRedis(Played, understudy_redis.Server):
    pass


WRITABLE = {"mariadb": Look(False, ""), "redis": {"role": "master"}}
REPLICA = {"role": "slave", "master_host": "127.0.0.1", "master_port": "1"}
READ_ONLY = {"mariadb": Look(True, ""), "redis": REPLICA}


@pytest.fixture(params=KITS)
def kit(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def server(kit: str, dirs: dict[str, str]) -> Played:
    made = PlayedMariaDb if kit == "mariadb" else PlayedRedis
    return made({**KITS[kit].DEFAULTS, **dirs}).play(RAN, READ_ONLY[kit])


# --- files


def test_the_agent_takes_the_section_of_the_page(kit):
    config = parse(f"[agent]\ncluster = orders-db\ntable = t\nbus = b\n{section(kit)}")
    assert [spec.name for spec in config.specs] == [kit]
    assert config.fit is not None
    assert config.fit.argv == (f"/usr/bin/understudy-{kit}", "fit")


def test_the_controller_takes_the_policy_of_the_page(kit):
    """The shipped timings leave too little to a kill that takes two seconds."""
    (policy,) = re.findall(r"`policy: (\{kill_limit_s.*?\})`", page(kit))
    definition = yaml.safe_load((EXAMPLES / "web-application" / "definition.yaml").read_text(encoding="utf-8"))
    assert policy_of(parse_document(yaml.safe_dump({**definition, "policy": yaml.safe_load(policy)}))).kill_limit_s == 2


@pytest.mark.parametrize(("ended", "told"), [(0, 0), (3, 3), (1, 4), (2, 4), (78, 4), (127, 4), (137, 4)])
def test_a_status_that_could_not_be_taken_is_never_told_as_dead(kit, ended, told):
    """LSB's 1 and 2 would let another node lead; a Python that cannot begin ends with just those."""
    parser = configparser.ConfigParser(interpolation=None)
    parser.read_string(section(kit))
    asked = parser[f"service {kit}"]["status"].replace(f"/usr/bin/understudy-{kit} status", f"(exit {ended})")
    assert f"(exit {ended})" in asked
    assert subprocess.run(shlex.split(asked), check=False).returncode == told


def test_the_sample_is_good_and_its_comments_are_the_defaults(kit, tmp_path):
    defaults = KITS[kit].DEFAULTS
    plain, spelled_out = put_sample(kit, tmp_path), put_sample(kit, tmp_path, spelled_out=True)
    assert load(plain, defaults) == load(spelled_out, defaults)
    assert set(defaults) <= set(re.findall(r"^(\w+) =", spelled_out.read_text(), flags=re.MULTILINE))


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("colour = red", "colour: unknown key"),
        ("wait_for_peer = perhaps", "wait_for_peer = perhaps: must be yes or no"),
        ("unit =", "unit is missing"),
        ("[mariadb]", "already exists"),
    ],
)
def test_a_bad_value_is_told_with_its_key(tmp_path, capsys, line, told):
    file = put_sample("mariadb", tmp_path)
    file.write_text(f"{file.read_text()}{line}\n")
    with pytest.raises(BadConfigError, match=told):
        load(file, understudy_mariadb.DEFAULTS)
    assert understudy_mariadb.main(["--config", str(file), "status"]) == command.EXIT_BAD_CONFIG
    assert told in capsys.readouterr().err


def test_the_page_grants_what_the_tests_grant():
    granted = SCHEMA.partition("CREATE DATABASE")[0].replace("10.77.0.0/255.255.255.0", "10.0.0.0/255.255.0.0")
    lines = granted.strip().splitlines()
    assert len(lines) == 3
    assert [line for line in lines if line not in page("mariadb")] == []


# --- what a node remembers


def test_a_server_that_was_started_again_is_not_taken_for_the_one_that_was_promoted(server):
    server.mark()
    assert server.may_be_writable()
    server.running = {1: "200"}
    assert not server.may_be_writable()
    server.running = RAN
    server.unmark()
    assert not server.may_be_writable()


def test_the_processes_of_another_unit_are_none_of_its_own(dirs):
    node = Node({**dirs, "unit": "no-such-unit.service"})
    assert node.processes() == {}
    node.kill()


@pytest.mark.parametrize(
    ("group", "is_own"),
    [
        ("0::/system.slice/db.service", True),
        ("0::/system.slice/system-db.slice/db.service/worker", True),
        ("1:name=systemd:/system.slice/db.service", True),
        ("0::/machine.slice/libpod-1.scope/system.slice/db.service", False),
        ("0::/system.slice/docker-1.scope/system.slice/db.service", False),
        ("0::/system.slice/container.service/db.service", False),
        ("0::/docker/1/system.slice/db.service", False),
        ("0::/system.slice/other.service", False),
        ("0::/", False),
    ],
)
def test_a_unit_of_the_same_name_in_a_container_is_another_one(group, is_own):
    assert is_of_unit(group, "db.service", [""]) == is_own


def test_a_node_that_is_a_container_itself_knows_its_units_by_where_its_systemd_is(tmp_path):
    (tmp_path / "cgroup").write_text("0::/machine.slice/node-a.scope/init.scope\n")
    tops = slices_of(tmp_path / "cgroup")
    assert is_of_unit("0::/machine.slice/node-a.scope/system.slice/db.service", "db.service", tops)
    assert not is_of_unit("0::/machine.slice/node-b.scope/system.slice/db.service", "db.service", tops)
    assert slices_of(tmp_path / "not-there") == [""]


def test_an_alias_of_the_servers_unit_is_refused_with_its_name(kit, tmp_path, monkeypatch, capsys):
    """Nothing runs in a group of that name: a server that takes writes would be called stopped, and never killed."""
    (tmp_path / "real.service").touch()
    (tmp_path / "alias.service").symlink_to(tmp_path / "real.service")
    (tmp_path / "pg@1.service").symlink_to(tmp_path / "pg@.service")
    assert [real_name(name, [tmp_path]) for name in ("real.service", "pg@1.service", "none.service")] == [
        "real.service",
        "pg@1.service",
        "none.service",
    ]
    monkeypatch.setattr(node, "UNIT_PATHS", (tmp_path,))
    file = put_sample(kit, tmp_path)
    file.write_text(f"{file.read_text()}unit = alias.service\n")
    for verb in ("status", "stop", "kill", "start"):
        assert KITS[kit].main(["--config", str(file), verb]) == command.EXIT_BAD_CONFIG
        assert "is another name of real.service" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("unit", "real"),
    [
        ("mysql@1.service", "mariadb@1.service"),
        ("one@1.service", "mariadb@1.service"),
        ("app.service", "app.service"),
        ("again.service", "app.service"),
        ("masked.service", "masked.service"),
    ],
)
def test_the_name_that_a_servers_processes_are_known_by_is_found_as_systemd_finds_it(tmp_path, unit, real):
    """An alias of a template is one of each of its instances; a file elsewhere gives its link no other name."""
    units, versions = tmp_path / "units", tmp_path / "versions"
    units.mkdir()
    versions.mkdir()
    (units / "mysql@.service").symlink_to("mariadb@.service")
    (units / "one@1.service").symlink_to("mariadb@.service")
    (units / "app.service").symlink_to(versions / "app-7.service")
    (units / "again.service").symlink_to("app.service")
    (units / "masked.service").symlink_to("/dev/null")
    assert real_name(unit, [units]) == real
    assert unit_names.real_name(unit, [units]) == real, "the agent's own word"


def test_what_the_data_is_outlives_a_boot_and_how_far_the_leader_was_does_not(kit, server, dirs):
    assert (server.state, server.seen()) == ("never", None)
    server.keep_state("synced")
    server.keep_seen(7)
    again = type(server)({**server.config, "run_dir": f"{dirs['run_dir']}-of-the-next-boot"})
    assert (again.state, again.seen()) == ("synced", None)


def test_only_data_of_nobody_can_be_claimed(server, capsys):
    assert command.claim(server) == command.DONE
    assert server.state == "first"
    assert command.claim(server) == command.FAILED
    assert "first already" in capsys.readouterr().err


def test_a_thing_is_said_once_until_there_is_another_to_say(capsys):
    say = Teller()
    for text in ("one", "one", "other", "one"):
        say(text)
    assert capsys.readouterr().err.split() == ["one", "other", "one"]


# --- what the agent is told


@pytest.mark.parametrize(
    ("running", "is_marked", "answers", "told"),
    [
        ({}, True, WRITABLE, command.STOPPED),
        (RAN, False, READ_ONLY, command.STOPPED),
        (RAN, True, READ_ONLY, command.UNKNOWN),  # a promotion may be on its way into the server
        (RAN, True, WRITABLE, command.RUNS),
        (RAN, False, WRITABLE, command.RUNS),  # by somebody's hand
        (RAN, False, {}, command.UNKNOWN),
        (RAN, True, {}, command.UNKNOWN),
    ],
)
def test_only_a_server_that_is_surely_read_only_is_stopped(kit, server, running, is_marked, answers, told):
    if is_marked:
        server.mark()
    server.play(running, answers.get(kit))
    assert KITS[kit].status(server) == told


@pytest.mark.parametrize("answers", [READ_ONLY, WRITABLE, {}], ids=["read-only", "writable", "silent"])
@pytest.mark.parametrize("is_marked", [True, False])
def test_a_server_is_killed_unless_it_is_surely_read_only(kit, server, answers, is_marked):
    if is_marked:
        server.mark()
    server.play(RAN, answers.get(kit))
    killed = []
    server.kill = lambda: killed.append(True)
    assert KITS[kit].kill(server) == command.DONE
    assert bool(killed) == (is_marked or answers is not READ_ONLY)


@pytest.mark.parametrize("state", ["never", "behind", "refused", "rebuilding"])
def test_data_that_is_not_the_clusters_newest_never_leads_and_is_not_fit(
    kit, server, state, capsys, monkeypatch
):  # B20
    monkeypatch.setattr(understudy_mariadb.Server, "is_read_only_at_start", lambda _: True)
    monkeypatch.setattr(understudy_mariadb.Server, "replica", lambda _: None)
    server.keep_state(state)
    assert KITS[kit].start(server) == command.FAILED
    assert state in capsys.readouterr().err
    assert KITS[kit].fit(server) == command.NOT_FIT


def test_a_server_that_does_not_answer_cannot_say_how_fit_it_is(kit, server, capsys):  # B20
    server.keep_state("synced")
    server.answer = None
    assert KITS[kit].fit(server) == command.UNKNOWN
    assert capsys.readouterr().out == ""


def test_a_node_that_has_seen_no_leader_since_its_boot_says_that_it_does_not_know_and_why(
    kit, server, capsys, monkeypatch
):  # B20
    monkeypatch.setattr(understudy_mariadb.Server, "replica", lambda _: None)
    server.keep_state("synced")
    assert KITS[kit].fit(server) == command.UNKNOWN
    told = capsys.readouterr()
    assert "leader" in told.out, "the agent logs what is printed"
    assert told.err == "", "the journal would have it each time"


def test_mariadb_is_demoted_while_its_clients_connect_again(dirs, monkeypatch):
    """Whoever comes when it is read-only can write nothing: a pool that never gives up must not keep it from a move."""
    left, said = itertools.count(7), []

    def ask(_, sql, limit_s=0.0):
        said.append(sql)
        return [{"id": str(next(left))}] if sql == understudy_mariadb.OTHERS else []

    monkeypatch.setattr(understudy_mariadb.Server, "ask", ask)
    server = PlayedMariaDb({**understudy_mariadb.DEFAULTS, **dirs}).play(RAN, READ_ONLY["mariadb"])
    assert server.demote()
    only = said.index("SET GLOBAL read_only = ON")
    seen_after = said.index(understudy_mariadb.OTHERS, only)
    assert said[seen_after + 1].startswith("KILL CONNECTION"), "those that could still write have ended"


@pytest.mark.parametrize(("left", "is_done"), [([], True), ([{"id": "7"}], False)])
def test_mariadb_is_not_demoted_while_anybody_is_left_who_could_promote_it(dirs, monkeypatch, left, is_done):
    """A start that was killed may have left its statement in the server."""
    said = []

    def ask(_, sql, limit_s=0.0):
        said.append(sql)
        return left if sql == understudy_mariadb.OTHERS else []

    monkeypatch.setattr(understudy_mariadb.Server, "ask", ask)
    server = PlayedMariaDb({**understudy_mariadb.DEFAULTS, **dirs}).play(RAN, READ_ONLY["mariadb"])
    assert server.demote() == is_done
    assert ("KILL CONNECTION 7" in said) != is_done


def test_redis_disconnects_everybody_before_it_lets_them_write_again(dirs, monkeypatch):
    said = []
    monkeypatch.setattr(understudy_redis.Server, "ask", lambda _, *commands: said.extend(commands) or [])
    monkeypatch.setattr(understudy_redis.Server, "look_at_peer", lambda _: None)
    server = PlayedRedis({**understudy_redis.DEFAULTS, **dirs})
    server.play(RAN, READ_ONLY["redis"] | {"connected_slaves": "0"})
    server.mark()
    assert server.demote()
    assert [" ".join(words[:2]) for words in said] == [
        "CLIENT PAUSE",
        "CONFIG SET",
        "INFO",
        "CONFIG GET",
        "REPLICAOF 127.0.0.1",
        "CLIENT KILL",
        "CLIENT UNPAUSE",
    ]
    assert server.state == "alone", "nobody has more than it"
    server.answer = WRITABLE["redis"] | {"connected_slaves": "0"}
    assert not server.demote(), "somebody has promoted it meanwhile"


# --- MariaDB

RUNS = {"Slave_IO_Running": "Yes", "Slave_SQL_Running": "Yes", "Last_IO_Error": "", "Last_SQL_Error": "no such row"}
FOLLOWS = RUNS | {"Last_SQL_Errno": "0", "Last_IO_Errno": "0", "Gtid_IO_Pos": "0-1-90"}


@pytest.mark.parametrize(
    ("state", "replica", "seen", "number"),
    [
        ("synced", FOLLOWS, 100, -10),  # what was received counts, applied or not
        ("synced", FOLLOWS, 80, 0),
        ("synced", None, 100, -20),
        ("synced", {**FOLLOWS, "Last_IO_Errno": "2003"}, 100, -10),  # the leader is gone: that is when it matters
        ("synced", {**FOLLOWS, "Last_SQL_Errno": "1062"}, 100, None),
        ("synced", {**FOLLOWS, "Last_IO_Errno": "1236"}, 100, None),
        ("first", None, None, 0),
    ],
)
def test_a_mariadb_replica_is_as_fit_as_it_lacks_transactions(state, replica, seen, number):  # B20
    assert understudy_mariadb.fitness(state, Look(True, "0-1-80"), replica, seen) == number


def test_a_mariadb_replica_that_saw_no_leader_since_the_boot_cannot_say():  # B20
    with pytest.raises(LookupError, match="seen no leader"):
        understudy_mariadb.fitness("synced", Look(True, "0-1-80"), FOLLOWS, None)
    assert understudy_mariadb.fitness("synced", Look(False, "0-1-80"), None, None) == 0


def test_a_position_counts_all_its_domains():
    assert understudy_mariadb.sequence("0-1-105, 3-2-7") == 112
    assert understudy_mariadb.sequence("") == 0


@pytest.mark.parametrize(
    ("options", "is_so"),
    [
        ("--read-only", True),
        ("--read_only=ON", True),
        ("--read_only=1", True),
        ("--server_id=1", False),
        ("--read_only=ON\n--read-only=OFF", False),
        ("", False),
    ],
)
def test_a_server_that_would_take_writes_after_a_crash_is_never_promoted(tmp_path, monkeypatch, dirs, options, is_so):
    program = tmp_path / "my_print_defaults"
    program.write_text(f"#!/bin/sh\ncat <<END\n{options}\nEND\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    server = PlayedMariaDb({**understudy_mariadb.DEFAULTS, **dirs}).play(RAN, WRITABLE["mariadb"])
    server.keep_state("synced")
    assert (understudy_mariadb.start(server) == command.DONE) == is_so


def test_a_replica_that_cannot_apply_what_it_received_is_not_promoted(dirs, monkeypatch, capsys):
    broken = {**FOLLOWS, "Last_SQL_Errno": "1062", "Last_SQL_Error": "Duplicate entry"}
    monkeypatch.setattr(understudy_mariadb.Server, "is_read_only_at_start", lambda _: True)
    monkeypatch.setattr(understudy_mariadb.Server, "ask", lambda *_: [broken])
    server = PlayedMariaDb({**understudy_mariadb.DEFAULTS, **dirs}).play(RAN, READ_ONLY["mariadb"])
    server.keep_state("synced")
    assert understudy_mariadb.start(server) == command.FAILED
    assert "Duplicate entry" in capsys.readouterr().err
    assert not server.may_be_writable()


def followed(dirs: dict[str, str], monkeypatch: pytest.MonkeyPatch, replica: dict[str, str]) -> tuple[Any, list[str]]:
    """A replica, as its server shows it, and what is asked of the server. The other node leads."""
    said: list[str] = []

    def ask(_: object, sql: str, limit_s: float | None = 0.0) -> list[dict[str, str]]:
        said.append(sql)
        return [replica]

    monkeypatch.setattr(understudy_mariadb.Server, "ask", ask)
    monkeypatch.setattr(understudy_mariadb.Server, "look_at_peer", lambda _: Look(False, "0-1-90", leads=True))
    return PlayedMariaDb({**understudy_mariadb.DEFAULTS, **dirs}).play(RAN, Look(True, "0-1-80")), said


def test_a_mariadb_replica_is_said_to_follow_when_the_leader_has_not_refused_it_meanwhile(dirs, monkeypatch, capsys):
    """The thread runs as soon as it is connected, before the leader has looked whether it can go on from there."""
    shown = dict(FOLLOWS)
    server, _ = followed(dirs, monkeypatch, shown)
    server.keep_state("synced")
    say = Teller()
    understudy_mariadb.turn(server, say)
    assert "following" not in capsys.readouterr().err
    understudy_mariadb.turn(server, say)
    assert "following" in capsys.readouterr().err
    shown |= {"Slave_IO_Running": "Connecting"}
    understudy_mariadb.turn(server, say)
    assert "not connected" in capsys.readouterr().err
    shown |= {"Slave_IO_Running": "Yes"}
    understudy_mariadb.turn(server, say)
    assert "following" not in capsys.readouterr().err


def test_a_mariadb_replica_that_could_not_apply_all_may_not_lead_though_its_restart_hides_that(dirs, monkeypatch):
    """A server that was started again shows no error and no threads."""
    shown = {**FOLLOWS, "Last_SQL_Errno": "1032", "Slave_SQL_Running": "No"}
    server, said = followed(dirs, monkeypatch, shown)
    server.keep_state("synced")
    understudy_mariadb.turn(server, Teller())
    shown |= {"Last_SQL_Errno": "0", "Slave_IO_Running": "No", "Gtid_IO_Pos": ""}
    assert understudy_mariadb.fit(server) == command.NOT_FIT
    assert understudy_mariadb._started(server) == command.FAILED
    understudy_mariadb.turn(server, Teller())
    assert said[-1] == "START SLAVE"
    shown |= RUNS
    for _ in range(2):
        understudy_mariadb.turn(server, Teller())
    assert server.state == "synced", "somebody has repaired it"


def test_a_mariadb_replica_whose_sql_thread_was_stopped_applies_what_it_has_received_before_it_leads(dirs, monkeypatch):
    """In this order: with both threads stopped, the server would throw away what it has received."""
    server, said = followed(dirs, monkeypatch, {**FOLLOWS, "Slave_SQL_Running": "No"})
    server.keep_state("synced")
    assert understudy_mariadb._started(server) is None
    assert [sql for sql in said if "THREAD" in sql] == ["START SLAVE SQL_THREAD", "STOP SLAVE IO_THREAD"]


def test_a_mariadb_replica_that_somebody_stopped_before_it_had_applied_all_says_so(dirs, monkeypatch, capsys):
    stopped = {"Slave_IO_Running": "No", "Slave_SQL_Running": "No"}
    server, said = followed(dirs, monkeypatch, FOLLOWS | stopped)
    server.keep_state("synced")
    assert understudy_mariadb._started(server) == command.FAILED
    assert "START SLAVE" in capsys.readouterr().err
    assert not any(sql.startswith("START") for sql in said)


@pytest.mark.parametrize("state", ["never", "first", "synced", "broken"])
def test_a_mariadb_server_begins_to_follow_none_that_no_agent_has_promoted(dirs, monkeypatch, capsys, state):
    """With an older state it would refuse the newest data, for good; and that would be replaced by a rebuild."""
    server, said = followed(dirs, monkeypatch, FOLLOWS)
    by_hand = Look(False, "0-1-70", leads=False)
    monkeypatch.setattr(understudy_mariadb.Server, "look_at_peer", lambda _: by_hand)
    monkeypatch.setattr(understudy_mariadb.Server, "replica", lambda _: None)
    server.keep_state(state)
    understudy_mariadb.turn(server, Teller())
    assert (said, server.state, server.seen()) == ([], state, None)
    assert "no agent has promoted" in capsys.readouterr().err
    assert understudy_mariadb.rebuild(server) == command.FAILED
    assert "from one that leads" in capsys.readouterr().err
    assert (said, server.state) == ([], state)


def test_a_mariadb_replica_goes_on_following_whom_it_followed(dirs, monkeypatch):
    server, _ = followed(dirs, monkeypatch, FOLLOWS)
    monkeypatch.setattr(understudy_mariadb.Server, "look_at_peer", lambda _: Look(False, "0-1-90", leads=False))
    server.keep_state("synced")
    understudy_mariadb.turn(server, Teller())
    assert server.seen() == 90


def test_a_mariadb_server_that_is_demoted_is_none_that_was_promoted(dirs, monkeypatch):
    """Last of all: with a shorter time-out, a write that waits for the other node would be acknowledged without it."""
    said = []

    def ask(_, sql, limit_s=0.0):
        said.append(sql)
        return []

    monkeypatch.setattr(understudy_mariadb.Server, "ask", ask)
    server = PlayedMariaDb({**understudy_mariadb.DEFAULTS, **dirs}).play(RAN, READ_ONLY["mariadb"])
    assert server.demote()
    assert said[-1] == "SET GLOBAL rpl_semi_sync_master_timeout = DEFAULT"
    said.clear()
    monkeypatch.setattr(server, "_others", lambda: {"7"})
    assert not server.demote()
    assert "SET GLOBAL rpl_semi_sync_master_timeout = DEFAULT" not in said, "somebody may wait"


def test_a_mariadb_replica_that_would_not_start_is_not_fit(dirs, monkeypatch):
    """Both threads were stopped by somebody, before all was applied that was received."""
    stopped = FOLLOWS | {"Slave_IO_Running": "No", "Slave_SQL_Running": "No"}
    server, _ = followed(dirs, monkeypatch, stopped)
    server.keep_state("synced")
    server.keep_seen(90)
    assert understudy_mariadb._started(server) == command.FAILED
    assert understudy_mariadb.fit(server) == command.NOT_FIT
    server.answer = Look(True, "0-1-90", leads=False)
    assert understudy_mariadb.fit(server) == command.DONE


def test_a_claim_is_void_once_the_other_mariadb_leads(dirs, monkeypatch, capsys):
    """Both were claimed, by mistake: from an empty position it would take the leader's history without its data."""
    server, said = followed(dirs, monkeypatch, FOLLOWS)
    server.keep_state("first")
    assert understudy_mariadb._started(server) == command.FAILED
    assert "claimed" in capsys.readouterr().err
    understudy_mariadb.turn(server, Teller())
    assert server.state == "never"
    assert "rebuild" in capsys.readouterr().err
    assert [sql for sql in said if not sql.startswith("SHOW")] == []


@pytest.mark.parametrize(
    ("status", "output", "error", "told"),
    [
        (0, "read_only\tposition\tleads\n0\t0-1-90\t0\n", "", "leads"),
        (1, "", "ERROR 2002 (HY000): Can't connect to server on '10.0.2.10' (115)", "does not answer"),
        (124, "", "no answer within 2 s", "does not answer"),
        (0, "read_only\tposition\tleads\n1\t0-1-90\t0\n", "", ""),
        (1, "", "ERROR 1045 (28000): Access denied for user 'understudy'@'10.0.1.10'", ""),
        (
            1,
            "",
            "ERROR 2002 (HY000): Received error packet: 1130 - Host '10.0.1.10' is not allowed to connect to this",
            "",
        ),
    ],
)
def test_mariadb_data_is_claimed_only_when_the_other_node_says_that_it_does_not_lead(
    dirs, monkeypatch, capsys, status, output, error, told
):
    """A server that does not know the account yet has never had the cluster's data."""
    answer = subprocess.CompletedProcess([], status, output, error)
    monkeypatch.setattr(understudy_mariadb, "run", lambda *_: answer)
    server = PlayedMariaDb({**understudy_mariadb.DEFAULTS, **dirs})
    assert understudy_mariadb.COMMANDS["claim"](server) == (command.FAILED if told else command.DONE)
    assert told in capsys.readouterr().err
    assert server.state == ("never" if told else "first")


# --- Redis

SLAVE = {"role": "slave", "slave_repl_offset": "900"}


@pytest.mark.parametrize(
    ("state", "info", "seen", "number"),
    [
        ("synced", SLAVE, 1000, -100),
        ("synced", SLAVE, 800, 0),
        ("first", SLAVE, None, 0),
        ("led", {"role": "master"}, None, 0),
        ("alone", {"role": "master"}, None, 0),
    ],
)
def test_a_redis_replica_is_as_fit_as_it_lacks_bytes(state, info, seen, number):  # B20
    assert understudy_redis.fitness(state, info, seen) == number


@pytest.mark.parametrize(("state", "seen"), [("synced", None), ("led", 1000), ("alone", 1000)])
def test_a_redis_server_that_has_not_followed_since_it_led_or_booted_cannot_say(state, seen):  # B20
    with pytest.raises(LookupError, match="followed no leader"):
        understudy_redis.fitness(state, SLAVE, seen)


def test_a_redis_server_that_is_a_master_by_its_configuration_is_not_promoted(dirs, capsys):
    server = PlayedRedis({**understudy_redis.DEFAULTS, **dirs}).play(RAN, WRITABLE["redis"])
    server.keep_state("synced")
    assert understudy_redis.start(server) == command.FAILED
    assert "replicaof is not in its configuration" in capsys.readouterr().err
    server.mark()
    assert understudy_redis.start(server) == command.DONE


def test_a_redis_server_that_holds_keys_of_its_own_is_never_copied_over(dirs, monkeypatch, capsys):
    said = []
    monkeypatch.setattr(understudy_redis.Server, "look_at_peer", lambda _: LEADER)
    monkeypatch.setattr(understudy_redis.Server, "ask", lambda _, *commands: said.extend(commands))
    server = PlayedRedis({**understudy_redis.DEFAULTS, **dirs})
    server.play(RAN, READ_ONLY["redis"] | {"db0": "keys=3,expires=0,avg_ttl=0"})
    understudy_redis.turn(server, Teller())
    assert (said, server.state) == ([], "never")
    assert "not the cluster's" in capsys.readouterr().err
    server.answer = READ_ONLY["redis"]
    understudy_redis.turn(server, Teller())
    assert (said, server.state) == ([["REPLICAOF", "10.0.2.10", "6379"]], "behind")


def test_the_answers_of_redis_are_told_apart():
    answer = understudy_redis._answer
    assert [answer(io.BytesIO(text)) for text in (b"+OK\r\n", b":7\r\n", b"$5\r\na\r\nbc\r\n")] == [
        "OK",
        "7",
        "a\r\nbc",
    ]
    assert answer(io.BytesIO(b"*2\r\n$1\r\nk\r\n$2\r\na \r\n")) == "k\na "
    with pytest.raises(ValueError, match="NOAUTH"):
        answer(io.BytesIO(b"-NOAUTH first\r\n"))
    with pytest.raises(ConnectionResetError):
        answer(io.BytesIO(b""))


@pytest.mark.parametrize(
    ("state", "after"), [("never", "never"), ("behind", "behind"), ("synced", "behind"), ("led", "led")]
)
def test_a_redis_master_that_was_not_promoted_here_wins_no_right_to_lead_by_being_demoted(
    dirs, monkeypatch, state, after
):
    """The agent stops a master that runs without a lease; its data is nobody's, old, or parted from the leader's."""
    monkeypatch.setattr(understudy_redis.Server, "ask", lambda *_: [])
    monkeypatch.setattr(understudy_redis.Server, "look_at_peer", lambda _: None)
    server = PlayedRedis({**understudy_redis.DEFAULTS, **dirs})
    server.play(RAN, READ_ONLY["redis"] | {"connected_slaves": "0"})
    server.keep_state(state)
    assert server.demote()
    assert server.state == after


def test_a_redis_server_is_demoted_though_its_disk_is_full(dirs, monkeypatch, capsys):
    """A stop that fails for that has its server killed, and its node taken down if that cannot be shown either."""
    monkeypatch.setattr(understudy_redis.Server, "ask", lambda *_: [])
    monkeypatch.setattr(understudy_redis.Server, "look_at_peer", lambda _: None)
    server = PlayedRedis({**understudy_redis.DEFAULTS, **dirs})
    server.play(RAN, READ_ONLY["redis"] | {"connected_slaves": "0"})
    server.keep_state("led")
    server.mark()

    def is_full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(server, "_put", is_full)
    assert understudy_redis.stop(server) == command.DONE
    assert (server.state, server.may_be_writable()) == ("led", False)
    assert "No space left" in capsys.readouterr().err


def test_a_redis_master_that_was_not_promoted_here_is_not_taken_for_one_that_leads_alone(dirs, monkeypatch):
    monkeypatch.setattr(understudy_redis.Server, "look_at_peer", lambda _: None)
    monkeypatch.setattr(understudy_redis.Server, "ask", lambda *_, **__: None)
    server = PlayedRedis({**understudy_redis.DEFAULTS, **dirs}).play(RAN, WRITABLE["redis"])
    server.keep_state("led")
    understudy_redis.turn(server, Teller())
    assert server.state == "led", "its replica may have more of the last second"
    server.mark()
    understudy_redis.turn(server, Teller())
    assert server.state == "alone"


KEYS = {"db0": "keys=3,expires=0,avg_ttl=0"}
LEADER = {"role": "master", "master_repl_offset": "5", "run_id": "a1", "title": "{title} promoted:a1"}
BY_HAND = {**LEADER, "title": "{title} promoted:a0"}
"""A master whose promotion was another process's."""


@pytest.mark.parametrize("state", ["never", "first", "behind", "synced", "led", "alone"])
def test_nothing_is_copied_from_a_redis_master_that_no_agent_has_promoted(dirs, monkeypatch, capsys, state):
    """Old or empty, it would take the place of all that the cluster has, and then be called the cluster's."""
    said: list[list[str]] = []
    peer = dict(BY_HAND)
    monkeypatch.setattr(understudy_redis.Server, "look_at_peer", lambda _: peer)
    monkeypatch.setattr(understudy_redis.Server, "ask", lambda _, *commands, **__: said.extend(commands))
    server = PlayedRedis({**understudy_redis.DEFAULTS, **dirs}).play(RAN, READ_ONLY["redis"])
    server.keep_state(state)
    understudy_redis.turn(server, Teller())
    assert ([words for words in said if words != ["INFO"]], server.state, server.seen()) == ([], state, None)
    assert "no agent has promoted" in capsys.readouterr().err
    peer |= LEADER
    understudy_redis.turn(server, Teller())
    assert said[-1] == ["REPLICAOF", "10.0.2.10", "6379"]
    assert server.state == "behind"


@pytest.mark.parametrize(("link", "state"), [("up", "synced"), ("down", "behind")])
def test_a_redis_replica_goes_on_following_a_master_that_an_older_kit_has_promoted(dirs, monkeypatch, link, state):
    """That says nothing of it, and has not lost the lead by this node's upgrade."""
    monkeypatch.setattr(understudy_redis.Server, "look_at_peer", lambda _: BY_HAND)
    monkeypatch.setattr(understudy_redis.Server, "ask", lambda *_, **__: None)
    server = PlayedRedis({**understudy_redis.DEFAULTS, **dirs})
    follows = {"role": "slave", "master_host": "10.0.2.10", "master_port": "6379", "master_link_status": link}
    server.play(RAN, follows)
    server.keep_state("synced")
    understudy_redis.turn(server, Teller())
    assert server.state == state


def titled(monkeypatch: pytest.MonkeyPatch, title: str) -> list[str]:
    """The title of a server whose run is b2, last of all that it has been."""
    titles = [title]

    def ask(_: object, *commands: list[str], **__: object) -> list[str]:
        titles.extend(words[3] for words in commands if words[:3] == ["CONFIG", "SET", "proc-title-template"])
        shown = f"proc-title-template\n{titles[-1]}"
        return [
            "role:master\r\nrun_id:b2\r\n" if words == ["INFO"] else shown if words[1:2] == ["GET"] else "OK"
            for words in commands
        ]

    monkeypatch.setattr(understudy_redis.Server, "ask", ask)
    return titles


def test_a_redis_server_says_that_it_was_promoted_and_by_which_run_until_it_is_demoted(dirs, monkeypatch):
    titles = titled(monkeypatch, "{title} promoted:a1")
    monkeypatch.setattr(understudy_redis.Server, "look_at_peer", lambda _: None)
    server = PlayedRedis({**understudy_redis.DEFAULTS, **dirs}).play(RAN, REPLICA | {"connected_slaves": "0"})
    assert server.promote()
    assert titles[-1] == "{title} promoted:b2"
    assert server.demote()
    assert titles[-1] == "{title}"


def test_a_redis_leader_that_an_older_kit_has_promoted_says_so_after_the_upgrade(dirs, monkeypatch):
    titles = titled(monkeypatch, "{title}")
    monkeypatch.setattr(understudy_redis.Server, "look_at_peer", lambda _: None)
    server = PlayedRedis({**understudy_redis.DEFAULTS, **dirs}).play(RAN, WRITABLE["redis"])
    understudy_redis.turn(server, Teller())
    assert titles == ["{title}"], "it was made a master by somebody's hand"
    server.mark()
    server.keep_state("led")
    for _ in range(2):
        understudy_redis.turn(server, Teller())
    assert titles == ["{title}", "{title} promoted:b2"]


def test_the_other_redis_is_asked_whether_it_was_promoted(dirs, monkeypatch):
    asked = []

    def ask(address, _, commands, limit_s):
        asked.append((address, commands))
        return [as_said({"role": "master", "run_id": "a1"}), "proc-title-template\n{title} promoted:a1"]

    monkeypatch.setattr(understudy_redis, "_ask", ask)
    peer = understudy_redis.Server({**understudy_redis.DEFAULTS, **dirs}).look_at_peer()
    assert peer == {"role": "master", "run_id": "a1", "title": "{title} promoted:a1"}
    assert asked == [("10.0.2.10", [["INFO"], ["CONFIG", "GET", "proc-title-template"]])]


def test_a_claim_is_void_once_the_other_redis_leads_and_nothing_is_copied_over_what_was_claimed(
    dirs, monkeypatch, capsys
):
    said = []
    monkeypatch.setattr(understudy_redis.Server, "look_at_peer", lambda _: LEADER)
    monkeypatch.setattr(understudy_redis.Server, "ask", lambda _, *commands: said.extend(commands))
    server = PlayedRedis({**understudy_redis.DEFAULTS, **dirs}).play(RAN, READ_ONLY["redis"] | KEYS)
    server.keep_state("first")
    assert understudy_redis.start(server) == command.FAILED
    assert "claimed" in capsys.readouterr().err
    server.keep_state("first")
    understudy_redis.turn(server, Teller())
    assert (said, server.state) == ([], "never")
    assert understudy_redis.fit(server) == command.NOT_FIT


@pytest.mark.parametrize(
    ("peer", "told"),
    [
        (LEADER, "leads"),
        ({**REPLICA, **KEYS}, "holds keys"),
        ({**REPLICA, "loading": "1"}, "is loading"),
        (None, "does not answer"),
    ],
)
def test_redis_data_is_claimed_only_when_the_other_node_has_none(dirs, monkeypatch, capsys, peer, told):
    monkeypatch.setattr(understudy_redis.Server, "look_at_peer", lambda _: peer)
    server = PlayedRedis({**understudy_redis.DEFAULTS, **dirs}).play(RAN, READ_ONLY["redis"])
    assert understudy_redis.COMMANDS["claim"](server) == command.FAILED
    assert told in capsys.readouterr().err
    assert server.state == "never"
    monkeypatch.setattr(understudy_redis.Server, "look_at_peer", lambda _: READ_ONLY["redis"])
    assert understudy_redis.COMMANDS["claim"](server) == command.DONE


def test_claimed_redis_data_does_not_lead_beside_a_node_that_holds_keys_too(dirs, monkeypatch, capsys):
    """It may be a leader that was just demoted, and both were claimed: its data would be copied over."""
    monkeypatch.setattr(understudy_redis.Server, "promote", lambda _: True)
    peer = {**REPLICA, **KEYS, "loading": "1"}
    monkeypatch.setattr(understudy_redis.Server, "look_at_peer", lambda _: peer)
    server = PlayedRedis({**understudy_redis.DEFAULTS, **dirs}).play(RAN, READ_ONLY["redis"])
    server.keep_state("first")
    assert understudy_redis._started(server) is None, "it is loading, and will say how many it has"
    del peer["loading"]
    assert understudy_redis._started(server) == command.FAILED
    assert "holds keys, too" in capsys.readouterr().err
    del peer["db0"]
    assert understudy_redis._started(server) == command.DONE


def test_what_removes_keys_from_a_replica_is_said(dirs, monkeypatch, capsys):
    """A replica refuses FLUSHALL alone, and both nodes are replicas until one is promoted."""
    peer = dict(LEADER)
    monkeypatch.setattr(understudy_redis.Server, "look_at_peer", lambda _: peer)
    server = PlayedRedis({**understudy_redis.DEFAULTS, **dirs}).play(RAN, READ_ONLY["redis"] | KEYS)
    understudy_redis.turn(server, Teller())
    assert "CONFIG SET replica-read-only no" in capsys.readouterr().err
    peer |= {**REPLICA, **KEYS}
    assert understudy_redis.COMMANDS["claim"](server) == command.FAILED
    assert "CONFIG SET replica-read-only no" in capsys.readouterr().err


LOADS = {**REPLICA, "loading": "1", "master_host": "10.0.2.10", "master_port": "6379"}


@pytest.mark.parametrize(
    "answer",
    [
        LOADS,
        {**LOADS, "loading": "0", "async_loading": "1"},
        {**LOADS, "loading": "0", "master_sync_in_progress": "1", "master_link_status": "down"},
    ],
    ids=["loading", "loading-beside", "copying"],
)
def test_a_redis_replica_whose_data_is_being_replaced_may_not_lead_though_its_leader_is_gone(
    dirs, monkeypatch, answer, capsys
):
    """Half of a data set, or an older one, would be everybody's."""
    monkeypatch.setattr(
        understudy_redis, "_ask", lambda address, *_: [as_said(answer)] if address[:3] == "127" else None
    )
    server = understudy_redis.Server({**understudy_redis.DEFAULTS, **dirs})
    monkeypatch.setattr(server, "processes", lambda: RAN)
    server.keep_state("synced")
    server.keep_seen(7)
    assert understudy_redis.fit(server) in (command.NOT_FIT, command.UNKNOWN)
    assert understudy_redis._started(server) in (None, command.FAILED)
    understudy_redis.turn(server, Teller())
    assert server.state == "behind"


def as_said(info: dict[str, str]) -> str:
    return "".join(f"{key}:{text}\r\n" for key, text in info.items())


@pytest.mark.parametrize("key", ["loading", "async_loading"])
def test_a_redis_server_that_loads_its_own_file_is_unknown_and_forgets_nothing(dirs, monkeypatch, key):
    loads = {**REPLICA, key: "1"}
    monkeypatch.setattr(understudy_redis, "_ask", lambda *_: [as_said(loads)])
    server = understudy_redis.Server({**understudy_redis.DEFAULTS, **dirs})
    monkeypatch.setattr(server, "processes", lambda: RAN)
    server.keep_state("synced")
    understudy_redis.turn(server, Teller())
    assert (understudy_redis.status(server), understudy_redis.fit(server)) == (command.UNKNOWN, command.UNKNOWN)
    assert (understudy_redis._started(server), server.state) == (None, "synced")


def test_a_redis_server_that_died_while_it_led_waits_for_what_the_other_one_is_loading(dirs, monkeypatch, capsys):
    """Whether that follows anybody is not known yet, and it may have what this one's file lacks."""
    peer = dict(LOADS)
    monkeypatch.setattr(understudy_redis.Server, "look_at_peer", lambda _: peer)
    monkeypatch.setattr(understudy_redis.Server, "promote", lambda _: True)
    server = PlayedRedis({**understudy_redis.DEFAULTS, **dirs}).play(RAN, READ_ONLY["redis"])
    server.keep_state("led")
    assert understudy_redis._started(server) is None
    peer["loading"] = "0"
    assert understudy_redis._started(server) == command.FAILED
    assert "which the other node has" in capsys.readouterr().err


def test_a_redis_replica_that_takes_writes_is_not_called_stopped_and_is_not_promoted(dirs, monkeypatch, capsys):
    """With `replica-read-only no`, what clients write there is acknowledged, and gone with the next copy."""
    said = []
    monkeypatch.setattr(understudy_redis.Server, "look_at_peer", lambda _: None)
    server = PlayedRedis({**understudy_redis.DEFAULTS, **dirs})
    server.play(RAN, READ_ONLY["redis"] | {"slave_read_only": "0", "connected_slaves": "0"})

    def ask(_, *commands, **__):
        said.extend(" ".join(words) for words in commands)
        if "CONFIG SET replica-read-only yes" in said:
            server.answer = {**server.answer, "slave_read_only": "1"}
        return []

    monkeypatch.setattr(understudy_redis.Server, "ask", ask)
    server.keep_state("synced")
    assert understudy_redis.status(server) == command.RUNS
    assert understudy_redis.start(server) == command.FAILED
    assert "replica-read-only" in capsys.readouterr().err
    assert understudy_redis.stop(server) == command.DONE
    assert understudy_redis.status(server) == command.STOPPED
    assert server.state == "behind", "what was written there has parted it from the leader's"
    assert said.index("REPLICAOF NO ONE") < said.index("REPLICAOF 127.0.0.1 1"), "so it is copied whole"
