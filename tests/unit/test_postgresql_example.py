"""The PostgreSQL example without a server: its files are what its README and its tests say."""

from __future__ import annotations

import configparser
import os
import re
import shlex
import subprocess
from pathlib import Path

import pytest

from local.waiting import wait_for
from tests.support.postgresql import SCHEMA, directory_for_servers, server_user
from understudy.definition import parse_document
from understudy.definition.policy import policy_of
from understudy.domain.cluster.policy import FitnessPolicy
from understudy_agent.config import parse
from understudy_postgresql import verbs
from understudy_postgresql.__main__ import EXIT_BAD_CONFIG, main
from understudy_postgresql.config import BadConfigError, Peer, load
from understudy_postgresql.extent import Extent, NotFitError, Seen, extent_of, fitness, furthest, seen_of
from understudy_postgresql.follower import Follower
from understudy_postgresql.peers import Peers
from understudy_postgresql.server import Replica, Server

EXAMPLE = Path(__file__).parents[2] / "examples" / "postgresql"
README = (EXAMPLE / "README.md").read_text(encoding="utf-8")
SAMPLE = (EXAMPLE / "postgresql.ini").read_text(encoding="utf-8")


def agents_section() -> str:
    (section,) = re.findall(r"^```ini\n(.*?)^```", README, flags=re.MULTILINE | re.DOTALL)
    return str(section)


def test_the_agent_takes_the_section_of_the_readme():
    config = parse(f"[agent]\ncluster = orders-db\ntable = t\nbus = b\n{agents_section()}")
    assert [spec.name for spec in config.specs] == ["postgresql"]
    assert config.fit is not None
    assert config.fit.argv == ("/usr/bin/understudy-postgresql", "fit")


def test_the_controller_takes_the_definition_and_demands_that_nodes_say_how_fit_they_are():  # B20
    document = parse_document((EXAMPLE / "definition.yaml").read_text(encoding="utf-8"))
    policy = policy_of(document)
    assert [node.name for node in document.nodes] == ["node-a", "node-b", "node-c"]
    assert [service.name for service in document.services] == ["postgresql"]
    assert (policy.kill_limit_s, policy.fitness) == (2, FitnessPolicy(required=True, margin=1 << 24))


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
        ("peer = node-b, node-b", "each once"),
        ("peer = node-b, node-c", "as many as peer names, 2"),
        ("peer = node-b,", "letters, digits"),
        ("fit_lag_limit_bytes = 64MB", "number of bytes"),
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


def of_three(tmp_path: Path, **values: str) -> Path:
    """The sample as it stands on node-a of three, with these values."""
    given = {"peer": "node-b, node-c", "peer_address": "10.0.2.10, 10.0.3.10", "os_user": server_user(), **values}
    text = SAMPLE
    for key, value in {**given, "run_dir": str(tmp_path / "run"), "data": str(tmp_path / "data")}.items():
        text = re.sub(rf"^(# )?{key} = .*$", f"{key} = {value}", text, flags=re.MULTILINE)
    file = tmp_path / "of-three.ini"
    file.write_text(text)
    return file


@pytest.mark.parametrize(("waits", "names", "needed"), [("yes", 'ANY 1 ("node-b", "node-c")', 2), ("no", "", 3)])
def test_a_commit_of_three_waits_for_either_of_the_others(tmp_path, waits, names, needed):
    config = load(of_three(tmp_path, wait_for_peer=waits))
    assert config.peers == (Peer("node-b", "10.0.2.10"), Peer("node-c", "10.0.3.10"))
    assert config.needed == needed
    assert shlex.quote(f"synchronous_standby_names={names}") in Server(config)._options(None)


def test_a_file_of_two_nodes_is_as_good_as_ever(tmp_path):
    (tmp_path / "postgresql.ini").write_text(SAMPLE)
    config = load(tmp_path / "postgresql.ini")
    assert (config.peers, config.needed) == ((Peer("node-b", "10.0.2.10"),), 1)


def test_a_file_that_is_missing_is_told_and_no_status(tmp_path: Path, capsys):
    assert main(["--config", str(tmp_path / "none.ini"), "status"]) == EXIT_BAD_CONFIG
    assert "none.ini" in capsys.readouterr().err


def test_the_readme_grants_what_the_tests_grant():
    wanted = [line for line in SCHEMA.splitlines() if line.startswith("GRANT") and " ON writes " not in line]
    assert [line for line in wanted if line.format(ROLE="understudy") not in README] == []
    assert len(wanted) == 5


# --- how far the data goes

LED = ("node-a 1",)
LED_ON = (*LED, "node-b 2")


def extent(position: int | None = 1000, lineage: tuple[str, ...] = LED, timeline: int = 2, **more) -> Extent:
    return Extent(**{"leads": False, "system_id": "7", **more}, lineage=lineage, timeline=timeline, position=position)


def test_what_a_server_says_is_read_and_what_makes_no_sense_is_no_answer():
    assert extent_of(["t", "7", "node-a 1;node-b 2;", "0000000A", "1000"]) == extent(1000, LED_ON, 10, leads=True)
    assert extent_of(["f", "7", "", "00000001", ""]) == extent(None, (), 1)
    assert extent_of(["f", "7", "", "", "1000"]) is None
    assert extent_of([""]) is None


def test_what_was_seen_outlives_the_one_that_said_it():
    seen = Seen().and_these({"node-b": extent(900, leads=True)})
    again = seen.and_these({"node-b": extent(None), "node-c": extent(800)})
    assert again == Seen({"node-b": extent(900, leads=True), "node-c": extent(800)}, a_leader=True)
    assert seen_of(again.as_json()) == again


@pytest.mark.parametrize(
    ("own", "other"),
    [
        (extent(1000), extent(1000)),
        (extent(1000), extent(1064, leads=True)),  # as much as the limit
        (extent(1000), extent(9000, (), 1)),  # of an older promotion, however far it went
        (extent(1000), extent(9000, timeline=1)),
        (extent(1000), extent(9000, system_id="8")),  # another database
        (extent(1000, leads=True), extent(9000)),
    ],
)
def test_a_node_that_has_all_but_the_limit_says_its_position(own, other):  # B20
    assert fitness(own, Seen({"node-b": other}, a_leader=True), needed=2, lag_limit=64) == 1000


@pytest.mark.parametrize(
    ("other", "why"),
    [
        (extent(1065), "lacks 65 bytes; the limit is 64"),
        (extent(1065, leads=True), "lacks 65 bytes"),
        (extent(900, LED_ON, 3), "later leader"),
        (extent(900, timeline=3), "later leader"),  # it streams from one already whose line it has not taken over yet
        (extent(900, ("node-c 9",), 2, leads=True), "later leader"),
    ],
)
def test_a_node_that_lacks_more_than_the_limit_or_a_promotion_is_not_fit(other, why):  # B20
    with pytest.raises(NotFitError, match=why):
        fitness(extent(1000), Seen({"node-b": other}, a_leader=True), needed=2, lag_limit=64)


@pytest.mark.parametrize(
    ("own", "seen", "needed", "is_known"),
    [
        (extent(), Seen(), 2, False),  # it may have been off for a week
        (extent(), Seen({"node-b": extent()}), 2, True),
        (extent(), Seen({"node-b": extent()}), 3, False),
        (extent(), Seen({"node-b": extent(system_id="8")}), 2, False),
        (extent(), Seen({"node-b": extent()}, a_leader=True), 3, True),
        (extent(), Seen(), 1, True),
        (extent(None), Seen({"node-b": extent()}, a_leader=True), 1, False),  # it reads its own log
    ],
)
def test_a_node_that_has_seen_too_little_since_its_boot_cannot_say(own, seen, needed, is_known):  # B20
    if is_known:
        assert fitness(own, seen, needed, lag_limit=64) == 1000
    else:
        with pytest.raises(LookupError):
            fitness(own, seen, needed, lag_limit=64)


def test_who_has_most_of_what_is_lacking_is_asked_for_it():
    others = {"node-b": extent(1100), "node-c": extent(1200), "node-d": extent(9000, LED_ON, 3)}
    assert furthest(extent(1000), others.items()) == "node-c"
    assert furthest(extent(1200), others.items()) is None
    assert furthest(extent(1000), []) is None


class PlayedServer(Server):
    """A replica of three nodes whose words the test gives."""

    replicates = Replica("", streams=False)

    def play(self, own: Extent | None) -> PlayedServer:
        self.told = own
        self.done: list[str] = []
        return self

    def extent(self):
        return self.told

    def replica(self):
        return self.replicates

    def processes(self):
        return [os.getpid()]

    def is_replica(self):
        return True

    def is_accepting(self):
        return True

    def serves(self):
        return "promote" in self.done

    def promote(self):
        self.done.append("promote")

    def lacks_postmaster(self):
        return False

    def stop(self):
        self.done.append("stop")

    def kill(self):
        self.done.append("kill")

    def start_replica(self, follow):
        self.done.append(f"follow {follow.name}")

    def lineage(self):
        return list(self.told.lineage)

    def system_id(self):
        return self.told.system_id

    def keep_lineage(self, lines):
        self.done.append(f"lines {len(lines)}")


class PlayedPeers(Peers):
    def __init__(self, **answers: Extent) -> None:
        self._answers = {name.replace("_", "-"): each for name, each in answers.items()}

    def extents(self, _):
        return self._answers


def tried(tmp_path: Path, own: Extent | None, waits: str = "yes", **answers: Extent) -> tuple[object, list[str]]:
    server = PlayedServer(load(of_three(tmp_path, wait_for_peer=waits))).play(own)
    status, _ = verbs._started(server, PlayedPeers(**answers))
    return status, server.done


def test_a_node_of_three_promotes_nothing_before_another_one_has_said_that_it_has_no_more(tmp_path):  # B20
    assert tried(tmp_path, extent(1000)) == (None, [])
    assert tried(tmp_path, extent(1000), node_c=extent(None)) == (None, [])
    assert tried(tmp_path, extent(1000), node_c=extent(9000, leads=True)) == (
        None,
        [],
    )  # thawed, and on its way out
    assert tried(tmp_path, extent(None), node_c=extent(1000)) == (None, [])
    assert tried(tmp_path, None, node_c=extent(1000)) == (None, [])
    assert tried(tmp_path, extent(1000), node_c=extent(1000)) == (None, ["promote"])


def test_a_node_that_does_not_wait_for_others_promotes_without_them(tmp_path):
    assert tried(tmp_path, extent(1000), waits="no") == (None, ["promote"])


def test_a_node_of_three_takes_over_what_another_one_has_more_before_it_is_promoted(tmp_path):  # B20
    ahead = {"node_b": extent(1100), "node_c": extent(1200)}
    for waits in ("yes", "no"):
        assert tried(tmp_path, extent(1000), waits=waits, **ahead) == (None, ["stop", "follow node-c"])


def test_a_node_that_lacks_a_promotion_leaves_the_lead_to_one_that_has_it(tmp_path):  # B20
    assert tried(tmp_path, extent(9000), node_c=extent(1000, LED_ON, 3)) == (verbs.FAILED, [])


def test_the_first_node_of_a_new_cluster_asks_nobody(tmp_path):
    assert tried(tmp_path, extent(1000, (), 1)) == (None, ["promote"])


# --- whom to follow


def turned(tmp_path: Path, own: Extent, replicates: Replica, **answers: Extent) -> list[str]:
    """What one turn of the follower changes."""
    server = PlayedServer(load(of_three(tmp_path))).play(own)
    server.replicates = replicates
    follower = Follower(server)
    follower._peers = PlayedPeers(**answers)
    follower.turn(0.0)
    assert {name.replace("_", "-") for name in answers} <= set(server.seen().by_name)
    return server.done


STREAMS_FROM_B = Replica("10.0.2.10", streams=True)


def test_a_replica_follows_whoever_leads(tmp_path):
    led_by_c = extent(1200, (*LED, "node-c 2"), 3, leads=True)
    assert turned(tmp_path, extent(), STREAMS_FROM_B, node_b=extent(leads=True)) == []
    assert turned(tmp_path, extent(), STREAMS_FROM_B, node_b=extent()) == [], "from another replica, as start has it"
    assert turned(tmp_path, extent(), STREAMS_FROM_B, node_c=led_by_c) == ["stop"], "the next turn starts it"
    streams_from_c = Replica("10.0.3.10", streams=True)
    assert turned(tmp_path, extent(), streams_from_c, node_c=led_by_c) == ["lines 2"]


def test_of_two_that_say_they_lead_the_one_of_the_latest_promotion_is_followed(tmp_path):
    led_by_c = extent(1200, (*LED, "node-c 2"), 3, leads=True)
    assert turned(tmp_path, extent(), STREAMS_FROM_B, node_b=extent(leads=True), node_c=led_by_c) == ["stop"]
    assert turned(tmp_path, extent(), Replica("10.0.3.10", streams=True), node_b=extent(leads=True)) == ["stop"]


def test_a_node_that_is_off_keeps_nobody_waiting():
    with directory_for_servers() as folder:
        psql = folder / "psql"
        psql.write_text(
            "#!/bin/sh\ncase \"$*\" in *10.0.3.10*) exec sleep 600 ;; esac\necho 'f|7|node-a 1;|00000002|1000'\n"
        )
        psql.chmod(0o755)
        peers = Peers(Server(load(of_three(folder, bin=str(folder)))))
        try:
            answers = wait_for("node-b answers", lambda: peers.extents(0.05), 30)
            assert answers == {"node-b": extent(1000)}
            (asked,) = peers._asked.values()
            peers.extents(0.0)
            assert asked in peers._asked.values(), "it is not asked again meanwhile"
        finally:
            peers.end()
        assert asked.process.returncode is not None
