# S9
from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

import understudy_agent
from understudy_agent import config, unit_names
from understudy_agent.__main__ import main
from understudy_agent.config import BadConfigError
from understudy_agent.endpoint import HttpSettings
from understudy_agent.kinds import Script
from understudy_agent.listens import Listening
from understudy_agent.mounts import Mount
from understudy_agent.ocf import Ocf
from understudy_agent.places import line_of, lines_of
from understudy_agent.probes import Probed
from understudy_agent.process import Process
from understudy_agent.units import Unit

EXAMPLE = Path(understudy_agent.__file__).parent.parent / "agent.ini"
AGENT = "[agent]\ncluster = orders-db\ntable = t\nbus = b\n"
SERVICE = "[service db]\nkind = unit\nunit = db.service\n"


def faults(text: str) -> list[str]:
    with pytest.raises(BadConfigError) as refused:
        config.parse(text)
    return refused.value.faults


def test_the_example_is_good_and_its_comments_show_the_defaults():
    settings = config.load(EXAMPLE)
    assert [(spec.name, spec.depends_on) for spec in settings.specs] == [
        ("data", ()),
        ("postgresql", ("data",)),
    ]
    data = settings.specs[0]
    assert (data.start_limit_s, data.stop_limit_s, data.check_interval_s) == (60, 30, 5)
    assert (data.restart_tries, data.restart_window_s, data.restart_pause_s) == (2, 300, 2)
    assert settings.runtime_dir == Path("/run/understudy/orders-db")
    assert settings.state_dir == Path("/var/lib/understudy/orders-db")
    assert (settings.on_stop_failure, settings.call_timeout_s) == ("reboot", 2)


def test_the_commented_lines_of_the_example_are_good_too():
    lines = []
    for line in EXAMPLE.read_text().splitlines():
        bare = line[2:] if line.startswith("# ") else line
        lines.append(bare if " = " in bare or bare.startswith("[") or bare.endswith(" =") else "")
    settings = config.parse("\n".join(lines))
    data, *others = settings.kinds.values()
    assert isinstance(data, Probed)
    assert isinstance(data.kind, Listening)
    assert [type(kind) for kind in (data.kind.kind, *others)] == [Mount, Unit, Script, Ocf, Process]
    assert settings.instance_arn.endswith("instance/i-0a1b2c3d4e5f60718")


def test_an_orderly_stop_may_take_the_sum_of_the_stop_limits_unless_told():
    assert config.load(EXAMPLE).orderly_stop_s == 90
    assert config.parse(AGENT + "orderly_stop_s = 7\n" + SERVICE).orderly_stop_s == 7


def test_every_fault_is_told_with_section_key_value_and_what_is_allowed():
    told = faults(
        "[agent]\ncluster = orders db\nbus = b\ninstance_arn = i-0a\nboot = a_b\nruntime_dir = run\n"
        "state_dir = state\n"
        "on_stop_failure = pray\ncall_timeout_s = soon\nclustre = x\n"
        "[service db]\nkind = unit\nstart_limit_s = 0\nrestart_tries = 1.5\nrestart_window_s = 0\n"
        "command = db\ndepends_on = disk\n"
        "[service web]\nkind = daemon\n"
        "[service job]\nkind = script\nstart = 'open\nstop = stop\n"
        "[service proxy]\nkind = process\nready = localhost:80\n"
        "[servce x]\n"
    )
    expected = [
        "[agent] cluster = 'orders db': must match",
        "[agent] table is missing: must be set",
        "[agent] instance_arn = 'i-0a': must match arn:",
        "[agent] boot = 'a_b': must match",
        "[agent] runtime_dir = 'run': must be an absolute path",
        "[agent] state_dir = 'state': must be an absolute path",
        "[agent] on_stop_failure = 'pray': must be one of reboot, poweroff, report",
        "[agent] call_timeout_s = 'soon': must be a number of seconds from 0.1 to 10",
        "[agent] clustre = 'x': unknown key; did you mean cluster?",
        "[service db] start_limit_s = '0': must be a number of seconds from 0.1 to 86400",
        "[service db] restart_tries = '1.5': must be a whole number from 0 to 100",
        "[service db] restart_window_s = '0': must be a number of seconds from 1 to 86400",
        "[service db] command = 'db': unknown key here; it belongs to kind = process",
        "[service db] unit is missing: must be set",
        "[service db] depends_on = 'disk': no service 'disk'; there are: db, web, job, proxy",
        "[service web] kind = 'daemon': must be one of unit, mount, script, process",
        '[service job] start = "\'open": cannot be split into words',
        "[service job] status is missing: must be a command",
        "[service proxy] ready = 'localhost:80': must be IP-ADDRESS:PORT",
        "[service proxy] command is missing: must be a command",
        "[servce x] is unknown: did you mean [service x]? sections are [agent], [http] and [service NAME]",
    ]
    for fault in expected:
        assert [line for line in told if line.startswith(fault)], fault
    assert len(told) == len(expected)


@pytest.mark.parametrize(
    ("lines", "why"),
    [
        ("[service db]\nrole = witness\n", "unknown key here; it belongs in [agent]"),
        ("[service db]\nlisten = 1.2.3.4:80\n", "unknown key here; it belongs in [http]"),
        ("[service db]\nlistns = tcp 80\n", "unknown key; did you mean listens?"),
        ("[service db]\npromise_s = 4\n", "unknown key; known here: check_interval_s, depends_on, fit,"),
        ("[service db]\nstart = db\n", "unknown key here; it belongs to kind = script"),
        ("[service db]\nfailsafe_prot = 7411\n", "unknown key; did you mean failsafe_port in [agent]?"),
        ("[http]\nstop_limit_s = 4\n", "unknown key here; it belongs in [service NAME]"),
        ("[http]\nlisen = 1.2.3.4:80\n", "unknown key; did you mean listen?"),
    ],
)
def test_an_unknown_key_says_what_it_may_have_been_meant_for(lines, why):
    head, key = lines.split("\n")[:2]
    text = AGENT + (SERVICE + key if head == "[service db]" else SERVICE + lines)
    told = told_of(text)
    assert told.startswith(f"{head} {key.split(' = ')[0]} = "), told
    assert f": {why}" in told


@pytest.mark.parametrize(
    ("title", "why"),
    [
        ("Agent", "did you mean [agent]?"),
        ("services db2", "did you mean [service db2]?"),
        ("service", "a NAME has letters"),
        ("service my db", "a NAME has letters"),
        ("database", "sections are [agent], [http] and [service NAME]"),
    ],
)
def test_an_unknown_section_says_what_it_may_have_been_meant_for(title, why):
    assert told_of(f"{AGENT}{SERVICE}[{title}]\n").startswith(f"[{title}] is unknown: {why}")


def test_services_that_depend_on_each_other_in_a_circle_are_refused():
    text = AGENT + SERVICE + "depends_on = web\n[service web]\nkind = unit\nunit = w.service\ndepends_on = db\n"
    assert faults(text) == ["[service db] depends_on goes in a circle: db -> web -> db"]


def test_a_configuration_without_services_is_refused():
    assert faults(AGENT) == ["[service NAME] is missing: at least one service must be named, except by a witness"]


def test_a_configuration_without_anything_names_all_that_is_missing():
    assert len(faults("")) == 4


@pytest.mark.parametrize("text", ["cluster = x", AGENT + "cluster = twice\n", "[agent\n"])
def test_a_file_that_is_no_ini_file_is_refused_in_one_line(text):
    (told,) = faults(text)
    assert "\n" not in told


def test_ready_takes_ip_addresses_of_both_kinds():
    text = AGENT + "[service p]\nkind = process\ncommand = p\nready = {}\n"
    for address in ("127.0.0.2:5432", "[::1]:5432"):
        config.parse(text.format(address))
    assert faults(text.format("127.0.0.1:99999"))


def test_a_percent_sign_and_an_equals_sign_are_nothing_special():
    text = AGENT + "[service p]\nkind = process\ncommand = p --format=%d\n"
    assert config.parse(text).specs[0].name == "p"


def test_a_bad_file_ends_every_command_with_78_and_a_line_for_each_fault(tmp_path, capsys):
    file = tmp_path / "agent.ini"
    file.write_text(AGENT)
    for command in ("check", "run", "expire"):
        assert main([command, "--config", str(file)]) == 78
        assert capsys.readouterr().err == (
            f"{file}: [service NAME] is missing: at least one service must be named, except by a witness\n"
        )


def test_a_fault_is_told_with_the_line_that_it_is_in(tmp_path, capsys):
    file = tmp_path / "agent.ini"
    file.write_text(AGENT + "call_timeout_s = soon\n\n[service db]\nkind = unit\n# a comment\nRestart_Tries : x\n")
    assert main(["check", "--config", str(file)]) == 78
    last = AGENT.count("\n")
    assert [told.split(" = ")[0] for told in capsys.readouterr().err.splitlines()] == [
        f"{file}:{last + 6}: [service db] restart_tries",
        f"{file}:{last + 1}: [agent] call_timeout_s",
        f"{file}:{last + 3}: [service db] unit is missing: must be set",
    ]


@pytest.mark.parametrize(("text", "line"), [("cluster = x\n", 1), (AGENT + "cluster = twice\n", 5), ("\n[agent\n", 2)])
def test_a_line_that_is_no_ini_line_is_named(tmp_path, capsys, text, line):
    file = tmp_path / "agent.ini"
    file.write_text(text)
    assert main(["check", "--config", str(file)]) == 78
    assert capsys.readouterr().err.startswith(f"{file}:{line}: ")


def test_a_line_that_goes_on_is_not_the_line_of_a_key():
    lines = lines_of("[service a]\nparams = one=1\n  unit=2\nunit = x.service\n[service b]\nunit = y.service\n")
    assert line_of("[service a] unit = 'x.service': no", lines) == 4
    assert line_of("warning: [service b] unit = 'y.service': no", lines) == 6
    assert line_of("[service b] systemd cannot start it", lines) == 5
    assert line_of("[service c] unit is missing", lines) == line_of("who this node is", lines) == 0


def test_where_journald_reads_a_fault_of_the_file_has_the_priority_of_an_error(tmp_path):
    """So `journalctl -p err` shows why an agent does not run; a terminal shows no such prefix."""
    file, log = tmp_path / "agent.ini", tmp_path / "journal"
    file.write_text(AGENT)
    command = [sys.executable, "-m", "understudy_agent", "run", "--config", str(file)]
    with log.open("w") as journal:
        found = os.fstat(journal.fileno())
        for stream in (f"{found.st_dev}:{found.st_ino}", "1:1"):
            env = {"PYTHONPATH": str(EXAMPLE.parent), "JOURNAL_STREAM": stream}
            assert subprocess.run(command, env=env, stderr=journal, check=False, timeout=60).returncode == 78
    told, plain = log.read_text().splitlines()
    assert told == f"<3>{plain}"


def test_a_file_that_is_not_there_ends_with_78(tmp_path, capsys):
    assert main(["check", "--config", str(tmp_path / "none.ini")]) == 78
    assert "cannot be read" in capsys.readouterr().err


def test_a_witness_runs_no_services_and_says_so():  # S12
    assert config.parse(AGENT + "role = witness\n").specs == ()
    assert faults(AGENT + "role = witness\n" + SERVICE) == [
        "[service db] is for a node that serves; [agent] role = 'witness'"
    ]
    assert faults(AGENT + "role = observer\n" + SERVICE) == [
        "[agent] role = 'observer': must be one of serving, witness"
    ]


# B11 B13
def test_the_key_is_where_registration_made_it_unless_another_place_is_named():
    for bus in ("understudy", "arn:aws:events:eu-west-1:123456789012:event-bus/understudy"):
        text = AGENT.replace("bus = b", f"bus = {bus}") + SERVICE
        there = config.FailsafeConfig(None, "/understudy-keys/understudy/orders-db", 7411, "0.0.0.0")
        assert config.parse(text).failsafe == there
    there = config.parse(AGENT + "failsafe_key_parameter = /keys/orders-db\nfailsafe_port = 7500\n" + SERVICE).failsafe
    assert there == config.FailsafeConfig(None, "/keys/orders-db", 7500, "0.0.0.0")
    there = config.parse(AGENT + "failsafe_key_file = /keys\n" + SERVICE).failsafe
    assert there == config.FailsafeConfig(Path("/keys"), "", 7411, "0.0.0.0")


def test_failsafe_can_be_off_and_then_has_no_key():  # B11
    assert config.parse(AGENT + "failsafe = off\n" + SERVICE).failsafe is None
    assert told_of(AGENT + "failsafe = off\nfailsafe_key_file = /k\n" + SERVICE).startswith("[agent] failsafe = 'off'")


def test_a_key_is_in_one_place():  # B11
    both = "failsafe_key_file = /k\nfailsafe_key_parameter = k\nfailsafe_port = 0\nfailsafe_bind = here\n"
    told = faults(AGENT + both + SERVICE)
    assert [fault.split(" = ")[0] for fault in told] == [
        "[agent] failsafe_port",
        "[agent] failsafe_bind",
        "[agent] failsafe_key_parameter",
    ]


def told_of(text: str) -> str:
    (told,) = faults(text)
    return told


@pytest.mark.parametrize(
    "unit",
    [
        "--all",
        "-.mount",
        "db",
        "db.service.",
        "postgresql@.service",
        "db.service web.service",
        "db*.service",
        "db.timer.x",
    ],
)
def test_what_is_no_name_of_a_unit_is_refused(unit):  # B18
    assert told_of(AGENT + f"[service db]\nkind = unit\nunit = {unit}\n").endswith(
        "must be the full name of one unit, such as postgresql.service"
    )


@pytest.mark.parametrize(
    "unit", ["a.service", "postgresql@15-main.service", "srv-my\\x2ddata.mount", "x.socket", "y.target"]
)
def test_units_of_any_type_can_be_named(unit):  # B18
    assert config.parse(AGENT + f"[service db]\nkind = unit\nunit = {unit}\n").units["db"].unit == unit


def test_one_unit_is_one_service(tmp_path):  # B18
    told = told_of(AGENT + SERVICE + "[service again]\nkind = unit\nunit = db.service\n")
    assert told == "[service again] unit = 'db.service': is the unit of service 'db' already"


def linked(folder: Path, monkeypatch: pytest.MonkeyPatch, **names: str) -> None:
    """Files of units, by their names without ".service": links to what is named, or files of their own ("")."""
    monkeypatch.setattr(unit_names, "UNIT_PATHS", (folder,))
    for name, target in names.items():
        file = folder / f"{name}.service"
        file.symlink_to(target) if target else file.touch()


def test_an_alias_is_refused_with_the_name_of_its_unit(tmp_path, monkeypatch):  # B18
    """Whom it names may change while the unit runs: then another one would be looked at, and found down."""
    linked(tmp_path, monkeypatch, mysql="mariadb.service", mysqld="mysql.service", mariadb="")
    for alias in ("mysql", "mysqld"):
        text = AGENT + f"[service db]\nkind = unit\nunit = {alias}.service\n"
        told = told_of(text)
        assert told == (
            f"[service db] unit = '{alias}.service': is another name of mariadb.service, and may become one of another "
            "unit: name that one"
        )
        plan = config.parse(text, is_plan=True)
        assert plan.units["db"].unit == f"{alias}.service", (
            "what an older agent has written must be stopped all the same"
        )


@pytest.mark.parametrize(
    ("link", "target", "unit", "real"),
    [
        ("mysql@.service", "mariadb@.service", "mysql@orders.service", "mariadb@orders.service"),
        ("one@1.service", "mariadb@.service", "one@1.service", "mariadb@1.service"),
        ("mysqld.service", "mysql.service", "mysqld.service", "mariadb.service"),
    ],
    ids=["of-a-template", "of-an-instance", "of-an-alias"],
)
def test_an_alias_is_known_whatever_it_is_an_alias_of(tmp_path, link, target, unit, real):
    (tmp_path / "mariadb.service").touch()
    (tmp_path / "mariadb@.service").touch()
    (tmp_path / "mysql.service").symlink_to("mariadb.service")
    (tmp_path / link).symlink_to(target)
    assert unit_names.real_name(unit, [tmp_path]) == real


def test_links_of_units_that_go_in_a_circle_are_followed_to_no_end(tmp_path):
    (tmp_path / "one.service").symlink_to("two.service")
    (tmp_path / "two.service").symlink_to("one.service")
    assert unit_names.real_name("one.service", [tmp_path]) in ("one.service", "two.service")


def test_a_unit_whose_file_is_elsewhere_and_called_otherwise_has_the_name_of_its_link(tmp_path):
    """As systemd takes it: `systemctl start app-7.service` would know no such unit."""
    units, versions = tmp_path / "units", tmp_path / "versions"
    units.mkdir()
    versions.mkdir()
    (versions / "app-7.service").touch()
    (units / "app.service").symlink_to(versions / "app-7.service")
    (units / "again.service").symlink_to("app.service")
    assert [unit_names.real_name(f"{name}.service", [units]) for name in ("app", "again")] == ["app.service"] * 2


def test_a_unit_that_is_no_alias_is_taken_by_its_name(tmp_path, monkeypatch):
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / "linked.service").touch()
    own = {"linked": str(elsewhere / "linked.service"), "masked": "/dev/null", "pg@15": "/lib/pg@.service", "plain": ""}
    linked(tmp_path, monkeypatch, **own)
    for name in (*own, "not-there"):
        assert config.parse(AGENT + f"[service db]\nkind = unit\nunit = {name}.service\n").units


@pytest.mark.parametrize("unit", ["understudy-agent.service", "understudy-agent@orders.service"])
def test_the_agent_does_not_manage_itself(unit):  # B18
    assert "manage itself" in told_of(AGENT + f"[service db]\nkind = unit\nunit = {unit}\n")


@pytest.mark.parametrize(
    "line",
    ["table = a b", "bus = arn:aws:sns:eu-west-1:1:x", "region = eu_west", "table = arn:aws:events:eu-west-1:1:bus/b"],
)
def test_names_of_aws_that_cannot_be_are_refused(line):  # B18
    key = line.split()[0]
    text = "\n".join(row for row in AGENT.splitlines() if not row.startswith(key)) + f"\n{line}\n{SERVICE}"
    assert told_of(text).startswith(f"[agent] {key} = ")


def test_a_table_and_a_bus_may_be_named_by_their_arns():  # B18
    table = "arn:aws:dynamodb:eu-west-1:123456789012:table/understudy-clusters"
    bus = "arn:aws-us-gov:events:us-gov-west-1:123456789012:event-bus/understudy"
    parsed = config.parse(f"[agent]\ncluster = c\ntable = {table}\nbus = {bus}\nregion = us-gov-west-1\n" + SERVICE)
    assert (parsed.table, parsed.bus) == (table, bus)


@pytest.mark.parametrize(
    "line",
    [
        "table = clusters  # live",
        "on_stop_failure = report ; for now",
        "call_timeout_s = 2 # s",
        "status_file = # none",
    ],
)
def test_a_comment_behind_a_value_is_refused_as_what_it_is(line):  # B18
    key = line.split()[0]
    text = "\n".join(row for row in AGENT.splitlines() if not row.startswith(key)) + f"\n{line}\n{SERVICE}"
    assert told_of(text).endswith("a comment needs a line of its own; here it would be part of the value")


SCRIPT = "[service job]\nkind = script\nstart = /bin/true\nstop = /bin/true\nstatus = "


@pytest.mark.parametrize(
    "command",
    [
        "ps ax | grep x",
        "pgrep x >/dev/null",
        "pgrep x > /dev/null",
        "pgrep x 2>&1",
        "pgrep x 2>/tmp/x",
        "cat </etc/x",
        "a; b",
        "a && b",
        "a || b",
        "a &",
        "kill `cat /run/x.pid`",
        "kill $(cat /run/x.pid)",
        "kill $MAINPID",
        "kill ${MAINPID}",
    ],
)
def test_a_command_written_for_a_shell_is_refused(command):  # B18
    assert "no shell runs it" in told_of(AGENT + SCRIPT + command + "\n")


@pytest.mark.parametrize(
    "command",
    [
        "/bin/sh -c 'ps ax | grep -q x || exit 3'",
        '/bin/sh -c "kill $(cat /run/x.pid); exit 0"',
        "/usr/bin/check --url http://127.0.0.1/?a=1&b=2#top --price 5$",
        "/usr/bin/find /run -name x -exec test -e {} \\;",
    ],
)
def test_what_is_quoted_or_stands_inside_a_word_is_taken_as_it_is(command):  # B18
    config.parse(AGENT + SCRIPT + command + "\n")


@pytest.mark.parametrize("command", ["/bin/true # always", "/bin/true ; always"])
def test_a_comment_behind_a_command_is_refused_as_a_comment(command):  # B18
    assert "a comment needs a line of its own" in told_of(AGENT + SCRIPT + command + "\n")


# B20
def test_a_fingerprint_tells_one_set_of_services_from_another_and_nothing_else():
    print_of = lambda text: config.parse(text).fingerprint  # noqa: E731
    first = print_of(AGENT + SERVICE)
    assert len(first) == 6
    assert print_of(SERVICE + "# a comment\n" + AGENT + "call_timeout_s = 3\n") == first
    assert print_of(AGENT + SERVICE.replace("unit =", "unit  = ")) == first
    others = [
        SERVICE + "start_limit_s = 90\n",
        SERVICE.replace("db.service", "pg.service"),
        SERVICE + SERVICE.replace("db", "b2"),
    ]
    assert len({first, *(print_of(AGENT + each) for each in others)}) == 4


# B20 S12
def test_a_witness_has_no_services_and_gives_no_fingerprint():
    assert config.parse(AGENT + "role = witness\n").fingerprint == ""


# B21
def test_an_agent_answers_http_only_where_it_is_told_to_listen():
    assert config.parse(AGENT + SERVICE).http is None
    assert config.parse(AGENT + SERVICE + "[http]\ninterval_s = 5\n").http is None
    http = config.parse(AGENT + SERVICE + "[http]\nlisten = 0.0.0.0:7411\n").http
    assert http == HttpSettings(("0.0.0.0", 7411), None)
    assert config.parse(AGENT + SERVICE + "[http]\nlisten = [::1]:80\ninterval_s = 0.5\n").http == HttpSettings(
        ("::1", 80), 0.5
    )


# B21
@pytest.mark.parametrize(
    ("lines", "fault"),
    [
        ("listen = node:80\n", "[http] listen = 'node:80': must be IP-ADDRESS:PORT, such as 127.0.0.1:5432"),
        ("interval_s = 301\n", "[http] interval_s = '301': must be a number of seconds from 0.1 to 300"),
        ("port = 80\n", "[http] port = '80': unknown key; known here: interval_s, listen"),
    ],
)
def test_a_bad_http_section_is_told_like_every_other_fault(lines, fault):
    assert faults(AGENT + SERVICE + "[http]\n" + lines) == [fault]


# B21
def test_where_an_agent_listens_is_no_part_of_what_it_runs():
    """Another set of services makes a start that failed worth another try; a port does not."""
    without, listening = (
        config.parse(AGENT + SERVICE),
        config.parse(AGENT + SERVICE + "[http]\nlisten = 127.0.0.1:80\n"),
    )
    assert listening.fingerprint == without.fingerprint
    assert config.parse(listening.text, is_plan=True).http == listening.http
