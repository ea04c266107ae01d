"""What is wrong with a stack and its clusters: notices, alarms, versions of agents, texts, readiness."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from understudy_cli.core.cluster import Cluster
from understudy_cli.core.items import Fields
from understudy_cli.core.situation import situation_of
from understudy_cli.core.times import ago

PASS, WARN, FAIL = "PASS", "WARN", "FAIL"
PEERS = ("keys-alike", "peers-addressed", "peers-answer")
"""The checks of whether nodes can promise each other anything."""
OLD_S = 2 * 86_400
"""Every cluster is checked once a day."""


@dataclass(frozen=True)
class Finding:
    """One check: what was found, and what to do when it is not as it should be."""

    name: str
    verdict: str
    found: str
    advice: str = ""


def notices(subscriptions: Sequence[tuple[str, bool]]) -> Finding:
    """Whether anybody gets notices. `subscriptions`: each endpoint, and whether it is confirmed."""
    confirmed = [endpoint for endpoint, is_confirmed in subscriptions if is_confirmed]
    pending = [endpoint for endpoint, is_confirmed in subscriptions if not is_confirmed]
    if not confirmed:
        what = f"nobody; not confirmed: {', '.join(pending)}" if pending else "nobody"
        return Finding(
            "notices", FAIL, what, "Subscribe somebody to OperatorTopicArn, and confirm (docs/monitoring.md)"
        )
    if pending:
        return Finding("notices", WARN, f"not confirmed: {', '.join(pending)}", "Confirm AWS's mail, or subscribe anew")
    return Finding("notices", PASS, f"{len(confirmed)} confirmed")


def alarms(states: Mapping[str, str]) -> Finding:
    """Which alarms of the stack are on."""
    on = sorted(name for name, state in states.items() if state == "ALARM")
    if on:
        return Finding("alarms", FAIL, ", ".join(on), "docs/on-call.md has a section for each")
    if not states:
        return Finding("alarms", WARN, "there are none", "Deploy the stack with Alarms=true")
    return Finding("alarms", PASS, f"{len(states)}, none is on")


def texts(unaccepted: Iterable[str]) -> Finding:
    """Of which clusters a text was submitted that is not in force."""
    names = sorted(unaccepted)
    if names:
        return Finding(
            "texts", FAIL, f"not in force: {', '.join(names)}", "docs/on-call.md#a-text-that-is-not-in-force"
        )
    return Finding("texts", PASS, "every text is in force")


def versions(clusters: Sequence[Cluster], stack: str | None, tool: str) -> Finding:
    """Whether the stack, all agents and this tool are of one version. `stack`: None for one that does not say it."""
    agents = sorted({each.agent for cluster in clusters for each in cluster.nodes if each.agent})
    found = f"stack {stack or 'not known'}, agents {', '.join(agents) or 'not heard yet'}, this tool {tool}"
    if {stack, tool, *agents} != {tool}:
        advice = "Finish the upgrade: docs/planned-work.md#upgrading-without-losing-protection"
        return Finding("versions", WARN, found, advice)
    return Finding("versions", PASS, found)


def peers(items: Mapping[str, Mapping[str, Any] | None]) -> Finding:
    """Whether the nodes of each cluster have one key and reach each other's ports, by its newest readiness report."""
    looked, odd = [], []
    for name, item in sorted(items.items()):
        checks = [Fields(each) for each in Fields(item).inside("report").items("checks")]
        found = [each for each in checks if each.text("name") in PEERS]
        looked += [name] if found else []
        odd += [f"{name}: {each.text('found')}" for each in found if each.text("verdict") != PASS]
    if odd:
        return Finding("keys and ports", WARN, "; ".join(odd), "docs/failsafe.md; understudy check says what to do")
    if not looked:
        return Finding("keys and ports", WARN, "not checked yet", "understudy check")
    return Finding("keys and ports", PASS, f"alike and open in {len(looked)}")


def well(clusters: Sequence[Cluster]) -> list[Finding]:
    """Each cluster that is not well, in the words of the status."""
    told = [(each.name, situation_of(each)) for each in clusters]
    ill = [
        Finding(name, FAIL, situation.sentence, "; ".join(situation.matters) or f"understudy why {name}")
        for name, situation in told
        if situation.exit
    ]
    return ill or [Finding("clusters", PASS, f"{len(clusters)}, all in service with a node that could take over")]


def readiness(items: Mapping[str, Mapping[str, Any] | None], now: float) -> list[Finding]:
    """What the newest readiness report of each cluster says, keys and peers of its nodes among it."""
    found = []
    for name, item in sorted(items.items()):
        report = Fields(item).inside("report")
        checks = [Fields(each) for each in report.items("checks")]
        failed = [f"{each.text('name')}: {each.text('found')}" for each in checks if each.text("verdict") == FAIL]
        at = report.number("checked_at")
        if at is None or now - at > OLD_S:
            age = "never checked" if at is None else f"checked {ago(at, now)}"
            found.append(Finding(f"readiness of {name}", WARN, age, f"understudy check {name}"))
        if failed:
            found.append(Finding(f"readiness of {name}", FAIL, "; ".join(failed), f"understudy check {name}"))
    return found or [Finding("readiness", PASS, "no check of any cluster has failed")]
