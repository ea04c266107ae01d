"""What happens is told in lines everywhere; on a terminal it is drawn, too."""

import io

from rich.console import Console

from local.observer import NodeView, View, differences
from local.screen import Screen, picture

BEFORE = View(epoch=1, active="node-a", dns="127.1.1.10 (node-a)", client="node-a", nodes=())
AFTER = View(
    epoch=2,
    stage="FENCING",
    rule="active-silent",
    dns="127.1.1.10 (node-a)",
    client="nobody (ConnectionRefusedError)",
    nodes=(NodeView("node-b", "127.1.2.11", "on", "OUT_OF_SERVICE", 1, 2),),
)


def test_every_change_is_a_sentence_and_nothing_else_is():
    assert differences(BEFORE, AFTER) == [
        "epoch 2: a transition is open, by rule active-silent",
        "workflow: FENCING",
        "lease: nobody",
        "node-b reports its service OUT_OF_SERVICE",
        "the client is answered by nobody (ConnectionRefusedError)",
    ]
    assert differences(AFTER, AFTER) == []


def test_without_a_terminal_there_are_plain_lines():
    written = io.StringIO()
    with Screen(Console(file=written, force_terminal=False)) as screen:
        screen.chapter("It begins")
        screen.say("something happened")
    lines = written.getvalue().splitlines()
    assert [line.partition("s  ")[2] for line in lines] == ["It begins", "  something happened"]


def test_the_picture_shows_nodes_lease_epoch_stage_dns_and_client():
    written = io.StringIO()
    Console(file=written, width=110).print(picture(AFTER))
    shown = written.getvalue()
    for fact in ("node-b", "127.1.2.11", "OUT_OF_SERVICE", "FENCING", "active-silent", "127.1.1.10", "nobody"):
        assert fact in shown
