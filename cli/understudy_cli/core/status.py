"""The status of clusters as lines, and as what `--json` prints."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from datetime import tzinfo
from typing import Any

from understudy_cli.core.cluster import FAILED, GONE, IN_SERVICE, OWED, READY, SILENT, Cluster, Node
from understudy_cli.core.lines import BAD, DIM, GOOD, HEAD, PLAIN, WARN, Line, Span, columns, line
from understudy_cli.core.situation import Situation, held, situation_of
from understudy_cli.core.times import ago, local

HEALTH_TONES = {READY: GOOD, FAILED: BAD, GONE: BAD, SILENT: WARN}
NOT_KNOWN = "not known"


def status_lines(cluster: Cluster, zone: tzinfo | None = None) -> list[Line]:
    """One cluster: how it stands, each node, the address, and whatever speaks against it."""
    situation = situation_of(cluster, zone)
    lines = [
        line(Span(cluster.name, HEAD), "  ", Span(situation.sentence, situation.tone)),
        line(Span(f"  epoch {cluster.epoch}, read at {local(cluster.read_at, cluster.read_at, zone)}", DIM)),
    ]
    lines += columns([_node_row(each) for each in cluster.nodes], indent=2)
    lines += [line("      ", Span(f"{each.name}: {note}", WARN)) for each in cluster.nodes for note in each.notes]
    lines.append(line("  address  ", _address(cluster)))
    lines += [line("  ! ", Span(each, BAD)) for each in situation.matters]
    hold = held(cluster, zone)
    return [*lines, line("  ", Span(hold, WARN))] if hold else lines


def overview_lines(clusters: Sequence[Cluster], zone: tzinfo | None = None) -> list[Line]:
    """Many clusters, one row each; those that are not well first, each with what speaks against it."""
    told = [(each, situation_of(each, zone)) for each in clusters]
    told.sort(key=lambda pair: (pair[1].exit == 0, pair[0].name))
    lines = columns(
        [[Span(cluster.name, HEAD), Span(situation.sentence, situation.tone)] for cluster, situation in told]
    )
    found: list[Line] = []
    for row, (cluster, situation) in zip(lines, told):
        found += [row, *(line("    ! ", Span(each, BAD)) for each in situation.matters)]
        if cluster.hold:
            found.append(line("    ", Span(held(cluster, zone), WARN)))
    return found


def _node_row(node: Node) -> list[Span]:
    heard = "never heard" if node.heard_s_ago is None else f"heard {ago(0, node.heard_s_ago)}"
    return [
        Span(node.name, HEAD),
        Span(node.role, PLAIN),
        Span(node.health, HEALTH_TONES.get(node.health, WARN)),
        Span(node.service or NOT_KNOWN, GOOD if node.service == IN_SERVICE else PLAIN),
        Span(heard, DIM),
    ]


def _address(cluster: Cluster) -> Span:
    if cluster.address is None:
        return Span(NOT_KNOWN, WARN)
    return Span(cluster.address, BAD if cluster.address == OWED else PLAIN)


def status_json(cluster: Cluster) -> dict[str, Any]:
    """The status for programs: docs/command-line.schema.json, `cluster`."""
    situation: Situation = situation_of(cluster)
    values = asdict(cluster)
    return {**values, "exit": situation.exit, "sentence": situation.sentence, "matters": list(situation.matters)}
