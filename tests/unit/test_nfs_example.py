"""The NFS example's copies without a network: what is newer, how old it is, and what is never overwritten."""

from __future__ import annotations

import errno
import json
from collections.abc import Sequence
from dataclasses import asdict, replace
from pathlib import Path

import pytest

from copies import CannotError, Mark, Settings, age_s, epoch_of_lease, has_newer, load
from understudy_agent.slots import SlotFile
from understudy_copy import Copy, main

BOOT = "boot-1"
LED = Mark(epoch=5, origin="node-a", as_of=100.0)
"""What node-a has written under the lease of epoch 5."""


class Peer:
    """The other node's rsync daemon: its mark, and how a copy ends. `ran`: the copies that were asked for."""

    def __init__(self) -> None:
        self.mark: Mark | None = None
        self.copy_ends_with, self.is_mounted = 0, True
        self.ran: list[Sequence[str]] = []

    def run(self, argv: Sequence[str]) -> int:
        if argv[0] == "sync":
            return 0
        if argv[-2].endswith("tree/.understudy-copy"):
            return 0 if self.is_mounted else 23
        if argv[-2].endswith("mark/mark.json"):
            if self.mark is None:
                return 10
            Path(argv[-1], "mark.json").write_text(json.dumps(asdict(self.mark)))
            return 0
        self.ran.append(argv)
        return self.copy_ends_with


class Node:
    """node-b, with a clock that the test sets."""

    def __init__(self, folder: Path) -> None:
        self.now, self.peer, self.lease = 130.0, Peer(), SlotFile(folder / "lease.json")
        self.tree = folder / "tree"
        self.tree.mkdir()
        (self.tree / ".understudy-copy").touch()
        paths = (self.tree, folder / "state", folder / "password")
        settings = Settings("node-b", "10.0.1.10", "nfs", *paths, 873, 5.0, 60.0, 9.0, folder / "lease.json")
        self.is_mounted = True
        self.copy = Copy(settings, BOOT, self.peer.run, lambda: self.now, lambda _: self.is_mounted)

    def hold_lease(self, epoch: int) -> None:
        self.lease.write({"epoch": epoch})

    def mark(self) -> Mark:
        return self.copy.mark()


@pytest.fixture
def node(tmp_path: Path) -> Node:
    return Node(tmp_path)


# --- which is newer


@pytest.mark.parametrize(
    ("own", "peer", "newer"),
    [
        (Mark(), LED, True),
        (Mark(4, "node-b"), LED, True),
        (Mark(5, "node-a"), LED, True),
        (Mark(6, "node-b"), LED, False),
        (Mark(5, "node-b"), Mark(5, "node-b"), False),
        (Mark(), Mark(), False),
        (Mark(4, "node-b"), replace(LED, is_torn=True), False),
    ],
)
def test_a_later_epoch_is_newer_and_in_one_epoch_what_its_holder_has(own, peer, newer):
    assert has_newer(own, peer, "node-b") is newer


@pytest.mark.parametrize(
    "mark", [Mark(), replace(LED, is_torn=True), replace(LED, as_of=None), replace(LED, as_of=200.0)]
)
def test_no_whole_copy_or_one_of_the_future_has_no_age(mark):
    assert age_s(mark, 130.0) is None
    assert age_s(LED, 130.0) == 30.0


# --- to lead


def test_the_last_copy_is_taken_before_the_lease_is_served(node):
    node.copy.save(LED)
    node.peer.mark = LED
    node.hold_lease(6)
    node.copy.start()
    assert len(node.peer.ran) == 1
    assert node.mark() == Mark(6, "node-b", 130.0, BOOT)


def test_a_young_copy_is_served_when_the_other_node_does_not_answer_and_an_old_one_is_not(node):
    node.copy.save(LED)
    node.hold_lease(6)
    node.now = 161.0
    with pytest.raises(CannotError, match="61 s old; limit_s is 60"):
        node.copy.start()
    node.now = 160.0
    node.copy.start()
    assert node.mark().boot == BOOT


def test_what_a_person_accepts_is_served_whatever_its_age(node):
    node.copy.save(LED)
    node.hold_lease(6)
    node.now = 100_000.0
    node.copy.accept()
    node.copy.start()
    assert node.mark().epoch == 6


@pytest.mark.parametrize("mark", [Mark(), replace(LED, is_torn=True)])
def test_no_copy_and_half_a_copy_are_never_served(node, mark):
    node.copy.save(mark)
    node.hold_lease(6)
    with pytest.raises(CannotError, match=r"no copy|half of another"):
        node.copy.start()
    with pytest.raises(CannotError, match=r"no copy|half of another"):
        node.copy.accept()


def test_newer_data_that_cannot_be_copied_is_not_left_behind(node):
    node.copy.save(LED)
    node.peer.mark, node.peer.copy_ends_with = LED, 23
    node.hold_lease(6)
    with pytest.raises(CannotError, match="could not be copied"):
        node.copy.start()
    assert node.mark() == LED


def test_a_directory_that_is_not_mounted_is_neither_served_nor_copied(node):
    node.copy.save(LED)
    node.hold_lease(6)
    (node.tree / ".understudy-copy").unlink()
    with pytest.raises(CannotError, match="mounted"):
        node.copy.start()
    (node.tree / ".understudy-copy").touch()
    node.peer.mark, node.peer.is_mounted = LED, False
    node.copy.turn()
    assert (node.peer.ran, node.mark()) == ([], LED)


def test_nothing_is_copied_below_where_nothing_is_mounted_here(node, tmp_path):
    """It would fill the root's file system, bring the proof along, and be served as if it were mounted."""
    node.peer.mark = replace(LED, boot="boot-9")
    node.hold_lease(6)
    node.is_mounted = False
    for mark in (Mark(), LED):
        node.copy.save(mark)
        for ask in (node.copy.turn, node.copy.start):
            with pytest.raises(CannotError, match="nothing is mounted on"):
                ask()
    node.peer.mark = Mark()
    node.copy.save(Mark())
    with pytest.raises(CannotError, match="nothing is mounted on"):
        node.copy.init()
    node.copy.save(LED)
    node.peer.mark, node.is_mounted = replace(LED, boot="boot-9"), True
    (node.tree / ".understudy-copy").unlink()
    with pytest.raises(CannotError, match="With the right data"):
        node.copy.turn()
    assert node.peer.ran == []


def test_what_was_put_aside_is_not_put_aside_over_when_a_copy_is_repeated(node):
    node.copy.save(Mark(5, "node-b", 100.0))
    node.peer.mark, node.peer.copy_ends_with = Mark(6, "node-a", 129.0, "boot-9"), 30
    asides = []
    for _ in range(3):
        node.copy.turn()
        (aside,) = (word.removeprefix("--backup-dir=") for word in node.peer.ran[-1] if "--backup-dir" in word)
        Path(aside).mkdir(parents=True)  # as rsync does with the first file
        asides.append(Path(aside).name)
    assert asides == ["5", "5.2", "5.3"]


@pytest.mark.parametrize("mark", [Mark(7, "node-b", 100.0), Mark(6, "node-a", 100.0)])
def test_data_of_a_later_epoch_than_the_lease_is_of_another_cluster(node, mark):
    node.copy.save(mark)
    node.hold_lease(6)
    with pytest.raises(CannotError, match="this is not the cluster that wrote it"):
        node.copy.start()


def test_nobody_but_the_agent_lets_it_lead(node):
    node.copy.save(LED)
    with pytest.raises(CannotError, match="Only the agent calls start"):
        node.copy.start()


def test_the_lease_is_read_as_the_agent_writes_it(tmp_path):
    file = SlotFile(tmp_path / "lease.json")
    for epoch in (3, 4, 5):
        file.write({"epoch": epoch})
        assert epoch_of_lease((tmp_path / "lease.json").read_bytes()) == epoch
    with pytest.raises(ValueError, match="no epoch"):
        epoch_of_lease(b"{}")


@pytest.mark.parametrize("verb", ["stop", "kill"])
def test_a_node_leads_no_more_though_its_disk_is_full(node, monkeypatch, verb):
    """A stop that fails for that would have the node taken down."""
    node.copy.save(Mark(6, "node-b", 1764600000.123456, "0f5c2e9a-30d3-4a6e-9c0e-0123456789ab"))

    def is_full(_: Mark) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(node.copy, "save", is_full)
    getattr(node.copy, verb)()
    assert node.mark().boot == ""
    assert node.mark().epoch == 6


# --- to follow


def test_a_node_that_leads_copies_nothing_and_says_until_when_it_is_whole(node):
    node.copy.save(Mark(6, "node-b", 100.0, BOOT))
    node.peer.mark = Mark(7, "node-a", 130.0, "boot-9")
    node.copy.turn()
    assert node.peer.ran == []
    assert node.mark() == Mark(6, "node-b", 130.0, BOOT)


def test_a_node_that_led_before_its_power_cut_leads_no_more_and_puts_aside_what_it_alone_has(node):
    node.copy.save(Mark(5, "node-b", 100.0, "boot-0"))
    node.peer.mark = Mark(6, "node-a", 129.0, "boot-9")
    node.copy.turn()
    (argv,) = node.peer.ran
    assert "--backup" in argv
    assert next(word for word in argv if word.startswith("--backup-dir")).endswith("/before/5")
    assert node.mark() == Mark(6, "node-a", 130.0)


def test_half_a_copy_of_another_epoch_is_fit_for_nothing_until_it_is_whole(node):
    node.copy.save(Mark(5, "node-b", 100.0))
    node.peer.mark, node.peer.copy_ends_with = Mark(6, "node-a", 129.0, "boot-9"), 30
    node.copy.turn()
    assert node.mark().is_torn
    with pytest.raises(CannotError, match="half of another"):
        node.copy.fit()
    node.peer.copy_ends_with = 0
    node.copy.turn()
    assert "--backup" in node.peer.ran[-1], "what only it has is still put aside"
    assert node.copy.fit() == "0"


def test_files_that_go_while_somebody_works_leave_a_whole_copy_and_no_others(node):
    node.copy.save(replace(LED, as_of=1.0))
    node.peer.copy_ends_with, node.peer.mark = 24, replace(LED, boot="boot-9")
    node.copy.turn()
    assert node.mark().as_of == 130.0
    node.now, node.peer.mark = 140.0, LED
    node.copy.turn()
    assert node.mark().as_of == 130.0


def test_a_copy_ages_while_the_other_node_does_not_answer_and_not_while_nobody_leads(node):
    node.copy.save(Mark(6, "node-b", 100.0))
    node.copy.turn()
    assert node.copy.fit() == "-30"
    node.peer.mark = LED
    node.copy.turn()
    assert node.copy.fit() == "0"


def test_a_node_that_says_it_leads_under_an_older_lease_makes_no_copy_younger(node):
    node.copy.save(Mark(6, "node-b", 100.0))
    node.peer.mark = replace(LED, boot="boot-9")
    node.copy.turn()
    assert node.mark().as_of == 100.0


def test_a_mark_that_cannot_be_read_stops_everything(node):
    node.copy.save(LED)
    (file,) = (path for path in node.copy._file.parent.iterdir())
    file.write_text("{")
    for ask in (node.copy.turn, node.copy.fit, node.copy.accept):
        with pytest.raises(CannotError, match="cannot be read"):
            ask()


def test_the_first_copy_is_named_once_and_only_while_nobody_has_one(node):
    with pytest.raises(CannotError, match="does not answer"):
        node.copy.init()
    node.peer.mark = LED
    for without_peer in (False, True):
        with pytest.raises(CannotError, match="epoch 5"):
            node.copy.init(without_peer=without_peer)
    node.peer.mark = Mark()
    node.copy.init()
    assert node.mark() == Mark(1, "node-b", 130.0)


def test_the_first_copy_is_named_without_the_other_node_when_a_person_says_that_it_is_gone(node):
    node.copy.init(without_peer=True)
    assert node.mark().origin == "node-b"


def test_each_fault_of_the_configuration_is_told(tmp_path):
    file = tmp_path / "copy.ini"
    file.write_text("[copy]\nnode = node-a\ntree = /srv/share\ncluster = nfs\nintervall_s = 3\nlimit_s = soon\n")
    with pytest.raises(CannotError) as caught:
        load(file)
    told = str(caught.value).splitlines()
    assert [line.split("[copy] ")[1].split(";")[0] for line in told] == [
        "peer_address is missing",
        "intervall_s is unknown",
        "limit_s = soon: expected a number",
    ]


def test_the_shipped_configuration_is_good():
    settings = load(Path("examples/nfs/copy.ini"))
    assert (settings.interval_s, settings.limit_s, settings.lease) == (5, 120, Path("/run/understudy/nfs/lease.json"))


@pytest.mark.parametrize(("fault", "status"), [(CannotError("it is 130 s old"), 1), (PermissionError("no"), 4)])
def test_a_copy_that_is_not_fit_is_told_from_one_that_cannot_be_read(
    tmp_path, monkeypatch, capsys, fault, status
):  # B20
    def fit(_):
        raise fault

    monkeypatch.setattr(Copy, "fit", fit)
    text = Path("examples/nfs/copy.ini").read_text(encoding="utf-8")
    (tmp_path / "copy.ini").write_text(f"{text}state = {tmp_path}\n")
    assert main(["--config", str(tmp_path / "copy.ini"), "fit"]) == status
    assert capsys.readouterr() == (f"{fault}\n", "")
