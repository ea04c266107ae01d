# B18 S9: what `understudy-agent check` says of a configuration on the machine that it is for
from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

import understudy_agent
from tests.unit.agent.fake_systemd import FakeSystemctl
from understudy_agent import config, mount_check
from understudy_agent.__main__ import main
from understudy_agent.check import check
from understudy_agent.findings import Findings

EXAMPLE = Path(understudy_agent.__file__).parent.parent / "agent.ini"
AGENT = "[agent]\ncluster = orders-db\ntable = t\nbus = b\nstate_dir = {state}\nruntime_dir = {state}\n"
NOT_ENABLED = {"UnitFileState": "disabled", "WantedBy": ""}


@pytest.fixture
def systemctl(tmp_path, monkeypatch) -> FakeSystemctl:
    """A systemctl that is found before any other."""
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    return FakeSystemctl(tmp_path)


@pytest.fixture
def found(systemctl, tmp_path):
    def check_it(text: str) -> Findings:
        return check(config.parse(AGENT.format(state=tmp_path) + text), directory=tmp_path / "etc")

    return check_it


def unit(name: str, more: str = "") -> str:
    return f"[service db]\nkind = unit\nunit = {name}\n{more}"


def test_a_unit_that_systemd_knows_by_another_name_is_a_fault(systemctl, found):
    systemctl.shows("serves")
    (told, *_) = found(unit("alias.service")).faults
    assert told.endswith("is another name of plain.service, as systemd shows it: name that one")


@pytest.fixture
def fstab(tmp_path, monkeypatch) -> Path:
    """The fstab that is looked at; there is none."""
    file: Path = tmp_path / "fstab"
    monkeypatch.setattr(mount_check, "FSTAB", file)
    return file


def test_the_example_is_good_where_its_unit_and_its_file_system_are_and_neither_starts_at_boot(
    systemctl, fstab, tmp_path, capsys
):
    systemctl.shows("postgresql_down", of="postgresql.service", **NOT_ENABLED)
    data, file = tmp_path / "orders", tmp_path / "agent.ini"
    data.mkdir()
    file.write_text(EXAMPLE.read_text().replace("mount = /srv/orders", f"mount = {data}"))
    fstab.write_text(f"/dev/null {data} xfs noauto,noatime 0 0\n")
    assert main(["check", "--offline", "--config", str(file)]) == 0
    said = capsys.readouterr()
    assert "good, 2 services" in said.out
    assert said.err == ""


def test_the_example_says_what_a_machine_lacks_that_was_not_set_up_for_it(systemctl, fstab, capsys):
    systemctl.shows("postgresql_down", of="postgresql.service", **NOT_ENABLED)
    assert main(["check", "--offline", "--config", str(EXAMPLE)]) == 78
    line = EXAMPLE.read_text().splitlines().index("mount = /srv/orders") + 1
    where = f"{EXAMPLE}:{line}: [service data] mount = '/srv/orders'"
    assert capsys.readouterr().err.splitlines() == [
        f"{where}: {fstab} has no line for it: add one with noauto, or name `device` and `fstype`",
        f"{where}: it is not there: mkdir -p /srv/orders",
    ]


def test_a_unit_that_starts_at_boot_is_refused_with_what_to_do(found, systemctl):
    systemctl.shows("postgresql_down")
    where = "[service db] unit = 'postgresql.service'"
    fault = "multi-user.target starts postgresql.service at boot: systemctl disable postgresql.service"
    assert found(unit("postgresql.service")) == Findings([f"{where}: {fault}"])
    systemctl.shows("enabled", WantedBy="")
    (told,) = found(unit("atboot.service")).faults
    assert told.endswith("systemd starts atboot.service at boot: systemctl disable atboot.service")


def test_a_socket_that_starts_at_boot_is_refused_with_its_service(found, systemctl):
    systemctl.shows("socket_listens", of="echo.socket", UnitFileState="enabled", WantedBy="sockets.target")
    (told,) = found(unit("echo.service")).faults
    assert told.endswith("sockets.target starts echo.socket at boot: systemctl disable echo.socket")


def test_a_server_that_starts_at_boot_by_itself_is_refused_with_its_umbrella(found, systemctl):
    systemctl.shows("postgresql_down", WantedBy="multi-user.target", UnitFileState="disabled")
    assert len(found(unit("postgresql.service")).faults) == 2


@pytest.mark.parametrize(
    ("recorded", "name", "words"),
    [
        ("masked", "masked.service", "it is masked: systemctl unmask masked.service"),
        ("not_found", "nonesuch.service", "it is not-found: install it, or name another"),
        ("bad_setting", "bad.service", "it is bad-setting: systemd-analyze verify bad.service"),
    ],
)
def test_a_unit_that_systemd_cannot_start_is_refused_with_what_to_do(found, systemctl, recorded, name, words):
    systemctl.shows(recorded)
    (told,) = found(unit(name)).faults
    assert f"systemd cannot start {name}: {words}" in told


def test_a_unit_that_is_active_without_a_process_is_refused_without_a_probe(found, systemctl):
    systemctl.shows("lone_active", **NOT_ENABLED)
    (told,) = found(unit("lone.service")).faults
    assert told.endswith("only a probe can tell: give the service a `probe`")
    systemctl.shows("lone_active", ActiveState="inactive")
    findings = found(unit("lone.service"))
    assert (findings.faults, len(findings.warnings)) == ([], 1)


def test_a_target_that_stands_for_nothing_is_refused_without_a_probe(found, systemctl):
    systemctl.shows("target_serves", of="app.target", Wants="", Requires="", ActiveState="inactive")
    (told,) = found(unit("app.target")).faults
    assert "give the service a `probe`" in told


def test_a_drop_in_that_is_not_in_effect_is_a_warning_once_the_cluster_was_placed(found, systemctl, tmp_path):
    systemctl.shows("serves")
    well = "[service db] unit = 'plain.service': plain.service is indirect and active"
    assert found(unit("plain.service")) == Findings(notes=[well])
    (tmp_path / "placed.json").write_text('{"epoch": 3}')
    (told,) = found(unit("plain.service")).warnings
    assert "is not in effect" in told
    systemctl.shows("serves", DropInPaths=str(tmp_path / "etc/plain.service.d/zz-understudy-orders-db.conf"))
    assert found(unit("plain.service")) == Findings(notes=[well])


def test_the_drop_in_of_another_cluster_and_an_order_that_cannot_be_are_warnings(found, systemctl, tmp_path):
    systemctl.shows("serves", After="multi-user.target", NeedDaemonReload="yes")
    other = tmp_path / "etc" / "plain.service.d" / "zz-understudy-old.conf"
    other.parent.mkdir(parents=True)
    other.write_text("")
    findings = found(unit("plain.service"))
    assert findings.faults == []
    assert [warning.split(": ", 1)[1] for warning in findings.warnings] == [
        "plain.service has changed on disk: systemctl daemon-reload",
        f"{other} is another cluster's, and keeps plain.service from starting",
        "plain.service is ordered after multi-user.target: when the machine shuts down, systemd may stop it too early",
    ]


def test_where_systemd_does_not_answer_its_units_are_not_checked(found, systemctl):
    systemctl.shows_nothing()
    findings = found(unit("db.service"))
    assert findings.faults == []
    assert "systemd cannot be asked about it here" in findings.unknown[0]


def test_a_check_opens_and_closes_no_gate(found, systemctl, tmp_path):
    gate = tmp_path / "may-run" / "db"
    gate.parent.mkdir()
    gate.touch()
    systemctl.shows("down")
    found(unit("memory.service"))
    assert gate.exists()


SCRIPT = "[service job]\nkind = script\nstart = {0} start\nstop = {0} stop\nstatus = /bin/true\n"


def test_a_program_that_is_not_there_or_cannot_be_executed_is_refused(found, tmp_path):
    program = tmp_path / "job"
    assert found(SCRIPT.format(program)).faults == [
        f"[service job] start: {program} is not there, or cannot be executed",
        f"[service job] stop: {program} is not there, or cannot be executed",
    ]
    program.write_text("#!/bin/sh\n")
    assert len(found(SCRIPT.format(program)).faults) == 2
    program.chmod(0o755)
    assert found(SCRIPT.format(program)) == Findings()


def test_a_program_on_a_file_system_that_only_the_active_node_mounts_is_not_known(found, fstab, tmp_path):
    mounted = f"[service data]\nkind = mount\nmount = {tmp_path}/srv\ndevice = /dev/null\n"
    (tmp_path / "srv").mkdir()
    job = tmp_path / "srv" / "job"
    assert found(SCRIPT.format(job) + mounted) == Findings(
        unknown=[
            f"[service job] {key}: {job} is on a file system that is not mounted here now" for key in ("start", "stop")
        ]
    )


def test_all_faults_are_told_at_once_and_warnings_change_no_exit_status(systemctl, tmp_path, capsys):
    file = tmp_path / "agent.ini"
    systemctl.shows("masked")
    file.write_text(AGENT.format(state=tmp_path) + unit("masked.service") + SCRIPT.format("/no/such/program"))
    assert main(["check", "--offline", "--config", str(file)]) == 78
    said = capsys.readouterr()
    assert (len(said.err.splitlines()), said.out) == (3, "")
    systemctl.shows_nothing()
    file.write_text(AGENT.format(state=tmp_path) + unit("db.service"))
    assert main(["check", "--offline", "--config", str(file)]) == 0
    said = capsys.readouterr()
    assert said.err.startswith(f"{file}:9: not known: [service db] unit = 'db.service': ")
    assert said.out.endswith("; not known: 1\n")


def test_check_tells_of_a_key_file_that_an_agent_could_not_use(systemctl, tmp_path, capsys):  # B11
    systemctl.shows_nothing()
    file, key = tmp_path / "agent.ini", tmp_path / "key"
    text = AGENT.format(state=tmp_path) + f"failsafe_key_file = {key}\n"
    file.write_text(text + unit("db.service"))
    assert main(["check", "--offline", "--config", str(file)]) == 78
    assert "No such file" in capsys.readouterr().err
    key.write_text("k" * 40)
    key.chmod(0o644)
    assert main(["check", "--offline", "--config", str(file)]) == 78
    assert "open to everybody" in capsys.readouterr().err
    key.chmod(0o600)
    assert main(["check", "--offline", "--config", str(file)]) == 0


MOUNT = "[service data]\nkind = mount\nmount = {0}\n"


def test_a_file_system_is_good_with_its_mount_point_a_line_in_fstab_and_its_device(found, fstab, tmp_path):
    point = tmp_path / "a b"
    point.mkdir()
    fstab.write_text(f"# the data\n\n/dev/null {str(point).replace(' ', chr(92) + '040')}/ xfs noauto 0 0\n")
    assert found(MOUNT.format(point)) == Findings()


def test_a_file_system_that_boots_mount_is_refused(found, fstab, tmp_path):
    fstab.write_text(f"/dev/null {tmp_path} xfs defaults 0 0\n")
    where = f"[service data] mount = '{tmp_path}'"
    at_boot = f"{where}: {fstab} mounts it at boot, whoever holds the lease: add noauto to its options, then"
    expected = Findings([f"{at_boot} systemctl daemon-reload"])
    assert found(MOUNT.format(tmp_path)) == found(MOUNT.format(tmp_path) + "device = /dev/null\n") == expected


def test_a_mount_point_that_mount_makes_itself_need_not_be_there(found, fstab, tmp_path):
    fstab.write_text(f"/dev/null {tmp_path}/srv xfs noauto,x-mount.mkdir 0 0\n")
    assert found(MOUNT.format(f"{tmp_path}/srv")) == Findings()


def test_a_mount_point_below_one_that_is_not_mounted_is_not_known(found, fstab, tmp_path):
    fstab.write_text(f"/dev/null {tmp_path}/srv/logs ext4 noauto 0 0\n/dev/null {tmp_path}/srv xfs noauto 0 0\n")
    (tmp_path / "srv").mkdir()
    inner = f"[service logs]\nkind = mount\nmount = {tmp_path}/srv/logs\n"
    why = f"whether it is there: {tmp_path}/srv is not mounted here now"
    assert found(MOUNT.format(tmp_path / "srv") + inner) == Findings(
        unknown=[f"[service logs] mount = '{tmp_path}/srv/logs': {why}"]
    )


@pytest.mark.parametrize("device", ["/dev/no-such-disk", "LABEL=no-such-label", 'UUID="no-such-id"'])
def test_a_device_that_is_not_there_now_is_a_warning(found, fstab, tmp_path, device):
    fstab.write_text(f"{device} {tmp_path} xfs noauto 0 0\n")
    (told,) = found(MOUNT.format(tmp_path)).warnings
    assert f"the device {device} is not there now" in told


def test_a_network_file_system_needs_its_program_and_who_exports_it_is_not_known(found, fstab, tmp_path, monkeypatch):
    fstab.write_text(f"10.0.0.9:/orders {tmp_path} nfs4 noauto 0 0\n")
    monkeypatch.setattr(mount_check, "HELPERS", str(tmp_path))
    programs = tmp_path / "programs"
    programs.mkdir()
    for name in mount_check.PROGRAMS:
        (programs / name).symlink_to(shutil.which(name) or "")
    monkeypatch.setenv("PATH", str(programs))
    where = f"[service data] mount = '{tmp_path}'"
    unknown = [f"{where}: whether 10.0.0.9:/orders can be mounted: another machine has it"]
    missing = f"{where}: the program mount.nfs4 is not there: install nfs-common or nfs-utils"
    assert found(MOUNT.format(tmp_path)) == Findings([missing], unknown=unknown)
    helper = tmp_path / "mount.nfs4"
    helper.write_text("#!/bin/sh\n")
    helper.chmod(0o755)
    assert found(MOUNT.format(tmp_path)) == Findings(unknown=unknown)


def test_what_is_mounted_now_is_said(found, fstab):
    fstab.write_text("proc /proc proc noauto 0 0\n")
    assert found(MOUNT.format("/proc")) == Findings(notes=["[service data] mount = '/proc': mounted now"])


def test_a_directory_that_cannot_be_written_is_refused(found, tmp_path):
    read_only = Path("/proc/self")  # nobody can write there, root neither
    text = SCRIPT.format("/bin/true")
    settings = config.parse(AGENT.format(state=read_only) + text)
    assert check(settings).faults == [
        f"[agent] {key}: {read_only} cannot be written: mount it read-write, or name another"
        for key in ("runtime_dir", "state_dir")
    ]
