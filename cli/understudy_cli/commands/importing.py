"""The command that comes from elsewhere: import."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import click

from understudy_cli.app import App, ParamType, asks
from understudy_cli.commands.defining import end_refused, read_text
from understudy_cli.commands.moving import confirm, yes_option
from understudy_cli.core import exits
from understudy_cli.core.faults import Fault
from understudy_cli.core.lifekeeper.defaults import Defaults, merged_defaults, read_defaults
from understudy_cli.core.lifekeeper.display import Display, merged, read
from understudy_cli.core.lifekeeper.findings import FOR_A_PERSON, LEFT, Finding, finding_lines, in_order, report
from understudy_cli.core.lifekeeper.imported import Given, Imported, imported, roots
from understudy_cli.core.lifekeeper.resources import Told
from understudy_cli.core.lifekeeper.texts import agent_text, definition_text
from understudy_cli.core.lines import line
from understudy_cli.definition import definition_faults, is_readable

SAVE = "Save what lcdstatus prints without an option on each node, and name the files"


class Machine(ParamType):
    """HOST=INSTANCE, as a pair."""

    name = "host=instance"

    def convert(self, value: str, param: click.Parameter | None, ctx: click.Context | None) -> tuple[str, str]:
        """The machine's name as LifeKeeper prints it, and the ID of its instance."""
        host, _, instance = value.partition("=")
        if not (host and instance.startswith("i-")):
            self.fail(f"{value} is not HOST=INSTANCE, as in lk1=i-0a1b2c3d4e5f60718", param, ctx)
        return host, instance


existing = click.Path(exists=True, dir_okay=False, path_type=Path)


@click.command("import")
@click.argument("source", type=click.Choice(["lifekeeper"]))
@click.argument("display", nargs=-1, required=True, type=existing)
@click.option("--into", required=True, type=click.Path(file_okay=False, path_type=Path), help="Folder to write into.")
@click.option("--cluster", required=True, help="Name that the cluster is to have.")
@click.option("--defaults", multiple=True, type=existing, help="A copy of /etc/default/LifeKeeper, of each node.")
@click.option("--root", help="Tag of the hierarchy's top, where there are several.")
@click.option("--node", multiple=True, type=Machine(), help="HOST=INSTANCE, of each machine.")
@click.option("--record", default="", help="The host name that the Route 53 resource protects.")
@click.option("--zone", default="", help="The ID of its hosted zone.")
@click.option("--route-table", multiple=True, help="A route table that the EC2 resource changes.")
@click.option("--elastic-ip", default="", help="The allocation ID of the Elastic IP that the EC2 resource moves.")
@click.option("--table", default="", help="The stack's output TableName.")
@yes_option
@asks
def import_command(app: App, source: str, display: Sequence[Path], into: Path, yes: bool, **options: Any) -> None:
    """Make a definition and agent files of what LifeKeeper has printed, and list what could not be taken.

    DISPLAY: files with the output of lcdstatus (lkcli status), of each node. It asks nobody, and changes nothing else.
    """
    whole, differing = _displays(display)
    parameters, unlike = _parameters(options["defaults"])
    made = imported(whole, _root(whole, options["root"]), parameters, _given(app, options))
    findings = in_order([*made.findings, *_unlike(differing, unlike), *_unknown(options["node"], whole)])
    _refuse_unsound(app, made, findings)
    files = _files(into, made, findings)
    _ask_about(app, files, yes)
    into.mkdir(parents=True, exist_ok=True)
    for path, text in files.items():
        path.write_text(text, encoding="utf-8")
    app.screen.show(*finding_lines(findings), line(""), *(line(f"  {path}") for path in files))
    told = {"cluster": made.given.cluster, "files": [str(each) for each in files], **_as_told(findings)}
    left = sum(each.verdict in FOR_A_PERSON for each in findings)
    sentence = f"{len(files)} files are written. {left} of {len(findings)} things need a person before they are used."
    app.end(exits.WAITS, sentence, **told)


def _given(app: App, options: Mapping[str, Any]) -> Given:
    tables = tuple(options["route_table"])
    addresses = Told(options["record"], options["zone"], tables, options["elastic_ip"])
    return Given(options["cluster"], dict(options["node"]), addresses, options["table"], app.settings.stack)


def _as_told(findings: Sequence[Finding]) -> dict[str, Any]:
    return {"findings": [asdict(each) for each in findings]}


def _displays(paths: Sequence[Path]) -> tuple[Display, list[str]]:
    displays = [read(read_text(each), each.name) for each in paths]
    for path, each in zip(paths, displays):
        if not each.resources:
            raise Fault(f"{path} names no resource", SAVE, exits.WRONG)
        if not each.machine and any(one.kind for one in each.resources.values()):
            what = f"{path} does not say of which machine it is: 'Resource hierarchies for machine' is missing"
            raise Fault(what, SAVE, exits.WRONG)
    return merged(displays)


def _parameters(paths: Sequence[Path]) -> tuple[Defaults, list[str]]:
    return merged_defaults([read_defaults(read_text(each), each.name) for each in paths])


def _root(display: Display, root: str | None) -> str:
    found = roots(display)
    if not found:
        raise Fault("No file says what the resources are: these are short displays", SAVE, exits.WRONG)
    if root in found:
        return str(root)
    if root or len(found) > 1:
        what = f"No hierarchy has {root} at its top" if root else "There are several hierarchies"
        raise Fault(what, f"Name one with --root: {', '.join(found)}", exits.WRONG)
    return found[0]


def _unlike(tags: Sequence[str], keys: Sequence[str]) -> list[Finding]:
    """What two nodes say differently; what the first file says was taken."""
    why = "the nodes say different things; the first file's word was taken"
    return [*(Finding(LEFT, f"resource {tag}", why) for tag in tags), *(Finding(LEFT, key, why) for key in keys)]


def _unknown(nodes: Sequence[tuple[str, str]], display: Display) -> list[Finding]:
    return [
        Finding(LEFT, f"--node {host}={instance}", "no display names such a machine")
        for host, instance in nodes
        if host not in display.machines
    ]


def _refuse_unsound(app: App, made: Imported, findings: Sequence[Finding]) -> None:
    """Write nothing that would be refused."""
    faults = definition_faults(definition_text(made)) if is_readable() else []
    if not made.addresses:
        faults = ["addresses: none; a Route 53 or EC2 resource of the hierarchy has to become one", *faults]
    if faults:
        app.screen.show(*finding_lines(findings))
        told = {"cluster": made.given.cluster, **_as_told(findings)}
        end_refused(app, "Refused: no file was written, for the definition would be refused.", faults, **told)


def _files(into: Path, made: Imported, findings: Sequence[Finding]) -> dict[Path, str]:
    return {
        into / f"{made.given.cluster}.yaml": definition_text(made),
        **{into / f"{each.name}.agent.ini": agent_text(made, each) for each in made.nodes},
        into / "findings.txt": report(findings),
    }


def _ask_about(app: App, files: dict[Path, str], yes: bool) -> None:
    there = [str(path) for path in files if path.exists()]
    if there:
        confirm(app, f"These files are there, and would be overwritten: {', '.join(there)}.", yes)
