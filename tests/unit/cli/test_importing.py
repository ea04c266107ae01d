"""What LifeKeeper prints becomes a definition and agent files, and nothing is left out without a word."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.unit.cli.running import a_stack, document, run
from understudy.definition import parse_document
from understudy.definition.document import ClusterDocument
from understudy.domain.cluster.tuning import LIMITS as ALLOWED
from understudy_agent.config import Config, parse
from understudy_cli.core.lifekeeper.defaults import read_defaults
from understudy_cli.core.lifekeeper.display import read
from understudy_cli.core.lifekeeper.tunables import LIMITS

RECORDED = Path(__file__).parent / "lifekeeper" / "recorded"
LK1, LK2, SHORT, DEFAULTS = (RECORDED / each for each in ("lk1.txt", "lk2.txt", "lk1-short.txt", "LifeKeeper"))
NODES = ("--node", "lk1=i-0a1b2c3d4e5f60718", "--node", "lk2=i-0c2d3e4f5a6b70819")


def an_import(folder: Path, *more: str, displays: tuple[Path, ...] = (LK1, LK2), **texts: str) -> dict[str, Any]:
    """What `understudy import` prints for programs. `texts`: a display of one's own in place of the recorded ones."""
    for name, text in texts.items():
        (folder / name).write_text(text)
        displays = (folder / name,) if name == "display" else displays
    into = ("--into", str(folder / "made"), "--cluster", "orders-db")
    return document(a_stack(), "import", "lifekeeper", *map(str, displays), *into, *more)


def why(told: dict[str, Any], what: str) -> tuple[str, str]:
    """The verdict and the reason of the one finding that begins so."""
    (found,) = [each for each in told["findings"] if each["what"].startswith(what)]
    return found["verdict"], found["why"]


def the_definition(folder: Path) -> ClusterDocument:
    """As the controller reads it."""
    return parse_document((folder / "made" / "orders-db.yaml").read_text())


def the_agent(folder: Path, node: str) -> Config:
    return parse((folder / "made" / f"{node}.agent.ini").read_text())


def test_what_is_written_is_valid_for_controller_and_agent(tmp_path):  # B25
    told = an_import(tmp_path, *NODES, "--defaults", str(DEFAULTS), "--table", "understudy-clusters")
    assert told["exit"] == 5
    text = tmp_path / "made" / "orders-db.yaml"
    assert run(a_stack(), "validate", str(text)).exit_code == 0
    made = the_definition(tmp_path)
    assert [(each.name, each.priority) for each in made.nodes] == [("lk1", 1), ("lk2", 10)]
    services = {each.name: each.depends_on for each in made.services}
    assert services == {"orders-app": ("pgsql-5432",), "pgsql-5432": ("srv-orders",), "srv-orders": ()}
    for node in ("lk1", "lk2"):
        config = the_agent(tmp_path, node)
        assert (config.cluster, config.table, config.bus) == ("orders-db", "understudy-clusters", "understudy")
        assert {each.name: tuple(each.depends_on) for each in config.specs} == services


def test_the_record_is_taken_as_it_is_printed(tmp_path):  # B25
    told = an_import(tmp_path, *NODES)
    (address,) = the_definition(tmp_path).addresses
    assert (address.kind, address.name, address.hosted_zone_id) == (
        *("route53_record", "orders-db.corp.example.com"),
        "Z0123EXAMPLE",
    )
    assert why(told, "comm/route53")[0] == "TAKEN"
    assert why(told, "comm/ip") == ("DIFFERENT", "no virtual IP: the record leads to the node's own address")


def test_every_resource_every_parameter_and_every_line_is_named(tmp_path):  # B25
    told = an_import(tmp_path, *NODES, "--defaults", str(DEFAULTS))
    said = "\n".join(each["what"] for each in told["findings"])
    display, defaults = read(LK1.read_text()), read_defaults(DEFAULTS.read_text())
    assert len(display.resources) == 6
    assert [tag for tag in display.resources if f" {tag}" not in said] == []
    assert [key for key in defaults.values if f"{key}=" not in said] == []
    assert why(told, "LifeKeeper, line 21") == ("LEFT", "not understood: LCMHBEATTIME 5")
    written = (tmp_path / "made" / "findings.txt").read_text()
    assert all(each["what"] in written for each in told["findings"])


@pytest.mark.parametrize(
    ("what", "verdict", "reason"),
    [
        ("scsi/netraid datarep-orders", "LEFT", "nothing here replicates disks"),
        ("gen/app orders-app", "TO_DO", "/usr/local/sbin/orders-app"),
        ("gen/filesys /srv/orders", "TO_DO", "noauto"),
        ("LCMHBEATTIME=5 LCMNUMHBEATS=6", "TAKEN", "silence_limit_s: 30"),
        ("ROUTE53_TTL=20", "TAKEN", "tuning"),
        ("ROUTE53_RECORD_TRY_COUNT=0", "LEFT", "from 1 to 100"),
        ("QUORUM_MODE=tcp_remote", "TAKEN", "quorum"),
        ("QUORUM_TIMEOUT_SECS=20", "DIFFERENT", "timeout_s stays 2"),
        ("QUORUM_LOSS_ACTION=fastboot", "DIFFERENT", "stops its services"),
        ("CONFIRMSODEF=0", "DIFFERENT", "not on"),
        ("LKDR_CHUNK_SIZE=64", "LEFT", "DataKeeper"),
        ("OF_NOBODYS_KNOWLEDGE=1", "LEFT", "not known to this import"),
        ("flag shutdown_switchover", "DIFFERENT", "always so"),
    ],
)
def test_each_has_its_verdict_and_a_reason(what, verdict, reason, tmp_path):  # B25
    found = why(an_import(tmp_path, *NODES, "--defaults", str(DEFAULTS)), what)
    assert (found[0], reason in found[1]) == (verdict, True), found


def test_what_the_parameters_set_stands_in_the_definition(tmp_path):  # B25
    an_import(tmp_path, *NODES, "--defaults", str(DEFAULTS))
    made = the_definition(tmp_path)
    assert made.policy.silence_limit_s == 30
    assert made.tuning.model_dump(exclude_unset=True) == {"ROUTE53_TTL": 20, "ROUTE53_CHANGEID_INTERVAL": 10}
    assert (made.quorum.mode, len(made.quorum.hosts)) == ("tcp_remote", 3)


def test_a_line_that_is_not_understood_is_named(tmp_path):  # B25
    told = an_import(tmp_path, *NODES, display="A headline of a newer release\n" + LK1.read_text())
    assert why(told, "display, line 1") == ("LEFT", "not understood: A headline of a newer release")


def test_wherever_a_line_stands_that_nobody_knows_it_is_named():  # B25
    """Among the flags it counts as one, and flags are named as well."""
    lines, silent = LK1.read_text().splitlines(), []
    for place in range(len(lines) + 1):
        found = read("\n".join([*lines[:place], "        word of a newer release", *lines[place:]]))
        if ["word of a newer release"] not in ([said for _, said in found.unread], found.flags[-1:], found.flags[:1]):
            silent.append(place)
    assert silent == []


def test_of_the_recorded_displays_every_line_is_understood():  # B25
    assert [read(each.read_text()).unread for each in (LK1, LK2, SHORT)] == [[], [], []]


def test_a_short_display_alone_does_not_say_what_is_there(tmp_path):  # B25
    told = an_import(tmp_path, displays=(SHORT,))
    assert (told["exit"], "lcdstatus" in told["error"]["do"]) == (2, True)
    assert not (tmp_path / "made").exists()


def test_a_resource_that_only_the_short_display_names_is_named(tmp_path):  # B25
    more = SHORT.read_text() + "lk1      reports      reports      ISP          1  lk1\n"
    (tmp_path / "short").write_text(more)
    told = an_import(tmp_path, *NODES, displays=(LK1, tmp_path / "short"))
    assert why(told, "resource reports")[0] == "LEFT"


def test_of_several_hierarchies_one_is_asked_for_and_the_others_are_named(tmp_path):  # B25
    other = """reports: id=reports app=gen type=app state=ISP
        Local priority = 10
        SHARED equivalency with "reports" on "lk2", priority = 1
"""
    both = LK1.read_text().replace("Communication Status", f"{other}\nCommunication Status")
    told = an_import(tmp_path, *NODES, display=both)
    assert (told["exit"], told["error"]["do"]) == (2, "Name one with --root: orders-app, reports")
    told = an_import(tmp_path, *NODES, "--root", "orders-app", display=both)
    assert why(told, "gen/app reports") == ("LEFT", "of another hierarchy: import it as a cluster of its own (--root)")


def test_where_no_address_is_printed_nothing_is_written(tmp_path):  # B25
    bare = LK1.read_text().replace("info=Z0123EXAMPLE orders-db.corp.example.com", "info=")
    told = an_import(tmp_path, *NODES, display=bare)
    assert (told["exit"], (tmp_path / "made").exists()) == (3, False)
    assert why(told, "comm/route53") == ("LEFT", "it is not printed: give --record and --zone")
    given = ("--record", "orders-db.corp.example.com", "--zone", "Z0123EXAMPLE")
    assert an_import(tmp_path, *NODES, *given, display=bare)["exit"] == 5


EC2 = """Resource hierarchies for machine "lk1":
web: id=httpd app=gen type=qsp state=ISP
        depends on resources: ec2-10.1.0.10
        Local priority = 1
        SHARED equivalency with "web" on "lk2", priority = 10
ec2-10.1.0.10: id=ec2-10.1.0.10 app=comm type=ec2 state=ISP
        depends on resources: ip-10.1.0.10
ip-10.1.0.10: id=IP-10.1.0.10 app=comm type=ip state=ISP
"""


def test_the_route_table_scenario_becomes_a_route(tmp_path):  # B25
    told = an_import(tmp_path, *NODES, display=EC2)
    assert (told["exit"], "--route-table" in why(told, "comm/ec2")[1]) == (3, True)
    told = an_import(tmp_path, *NODES, "--route-table", "rtb-0a1b2c3d4e5f60718", display=EC2)
    (address,) = the_definition(tmp_path).addresses
    assert (address.kind, address.address) == ("route_table", "10.1.0.10/32")
    assert "loopback" in why(told, "comm/ip")[1]


def test_the_elastic_ip_scenario_becomes_an_elastic_ip(tmp_path):  # B25
    alone = EC2.replace("        depends on resources: ip-10.1.0.10\n", "").partition("ip-10.1.0.10: ")[0]
    an_import(tmp_path, *NODES, "--elastic-ip", "eipalloc-0a1b2c3d4e5f60718", display=alone)
    (address,) = the_definition(tmp_path).addresses
    assert address.kind == "elastic_ip"


def test_a_service_of_quick_service_protection_becomes_a_unit(tmp_path):  # B25
    an_import(tmp_path, *NODES, "--route-table", "rtb-0a1b2c3d4e5f60718", display=EC2)
    assert list(the_agent(tmp_path, "lk1").units) == ["web"]
    assert "unit = httpd.service" in (tmp_path / "made" / "lk1.agent.ini").read_text()


def test_an_instance_that_is_not_said_becomes_a_tag(tmp_path):  # B25
    told = an_import(tmp_path)
    nodes = the_definition(tmp_path).nodes
    assert [each.instance.tag for each in nodes if each.instance] == ["orders-db/lk1", "orders-db/lk2"]
    assert why(told, "machine lk2")[1].endswith("or tag it understudy:member=orders-db/lk2")


def test_a_witness_server_becomes_a_witness(tmp_path):  # B25
    third = LK1.read_text().replace(
        "machine=lk2 state=ALIVE\n", "machine=lk2 state=ALIVE\n        machine=lk3 state=ALIVE\n"
    )
    (tmp_path / "LifeKeeper").write_text("QUORUM_MODE=majority\n")
    told = an_import(tmp_path, *NODES, "--defaults", str(tmp_path / "LifeKeeper"), display=third)
    made = the_definition(tmp_path)
    assert [(each.name, each.role) for each in made.nodes][-1] == ("lk3", "witness")
    assert (made.quorum.mode, the_agent(tmp_path, "lk3").specs) == ("majority", ())
    assert why(told, "QUORUM_MODE=majority")[0] == "TAKEN"


def test_a_majority_of_two_is_not_taken_with_a_reason(tmp_path):  # B25
    (tmp_path / "LifeKeeper").write_text("QUORUM_MODE=majority\n")
    told = an_import(tmp_path, *NODES, "--defaults", str(tmp_path / "LifeKeeper"))
    assert why(told, "QUORUM_MODE=majority")[0] == "DIFFERENT"


def test_confirm_failover_becomes_an_approval(tmp_path):  # B25
    asked = LK1.read_text().replace(
        "        shutdown_switchover\n", "        shutdown_switchover\n        confirmso!lk2\n"
    )
    (tmp_path / "LifeKeeper").write_text("CONFIRMSODEF=1\nCONFIRMSOTO=300\n")
    an_import(tmp_path, *NODES, "--defaults", str(tmp_path / "LifeKeeper"), display=asked)
    approval = the_definition(tmp_path).policy.approval
    assert (list(approval.actions), approval.wait_s, approval.on_timeout) == (["failover"], 300, "hold")


def test_what_two_nodes_say_differently_is_named(tmp_path):  # B25
    (tmp_path / "one").write_text("ROUTE53_TTL=5\n")
    (tmp_path / "two").write_text("ROUTE53_TTL=6\n")
    (tmp_path / "lk2").write_text(LK2.read_text().replace("id=/srv/orders app", "id=/srv/other app"))
    files = ("--defaults", str(tmp_path / "one"), "--defaults", str(tmp_path / "two"))
    told = an_import(tmp_path, *NODES, *files, displays=(LK1, tmp_path / "lk2"))
    assert why(told, "resource /srv/orders")[0] == "LEFT"
    said = {each["what"]: each["verdict"] for each in told["findings"]}
    assert (said["ROUTE53_TTL=5"], said["ROUTE53_TTL"]) == ("TAKEN", "LEFT")


def test_what_is_there_is_not_overwritten_without_a_yes(tmp_path):  # B25
    an_import(tmp_path, *NODES)
    (tmp_path / "made" / "orders-db.yaml").write_text("mine\n")
    told = an_import(tmp_path, *NODES)
    assert (told["exit"], (tmp_path / "made" / "orders-db.yaml").read_text()) == (2, "mine\n")
    assert an_import(tmp_path, *NODES, "--yes")["exit"] == 5
    assert (tmp_path / "made" / "orders-db.yaml").read_text() != "mine\n"


def test_an_instance_of_a_machine_that_nobody_prints_is_named(tmp_path):  # B25
    told = an_import(tmp_path, *NODES, "--node", "lk9=i-0c2d3e4f5a6b70819")
    assert why(told, "--node lk9")[0] == "LEFT"


def test_names_that_are_not_allowed_here_are_changed_and_said(tmp_path):  # B25
    told = an_import(tmp_path, *NODES)
    assert why(told, "/srv/orders") == ("DIFFERENT", "is called srv-orders here: small letters, digits and hyphens")


def test_nothing_that_a_display_holds_reaches_the_terminal_or_another_section(tmp_path):  # B25
    hostile = LK1.read_text().replace("id=/srv/orders app", "id=/srv/\x1b[31m\r[service other] app")
    (tmp_path / "display").write_text(hostile, newline="")
    arguments = ("--into", str(tmp_path / "made"), "--cluster", "orders-db", *NODES)
    result = run(a_stack(), "import", "lifekeeper", str(tmp_path / "display"), *arguments)
    assert "\x1b" not in result.output
    for each in (tmp_path / "made").glob("*.ini"):
        assert "[service other]" not in each.read_text().splitlines()


def test_the_tunables_are_those_of_the_controller():  # B25
    assert {key: (1, most) for key, most in LIMITS.items()} == dict(ALLOWED)


def test_without_the_controllers_code_it_is_written_all_the_same(tmp_path, monkeypatch):  # B25
    monkeypatch.setattr("understudy_cli.definition.sys.version_info", (3, 9, 18))
    assert an_import(tmp_path, *NODES)["exit"] == 5
