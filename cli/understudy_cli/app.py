"""What every command has: the stack that is meant, the screen, and how it ends."""

from __future__ import annotations

import difflib
import os
import secrets
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import tzinfo
from typing import TYPE_CHECKING, Any, NoReturn

import click
from click.shell_completion import CompletionItem

from understudy_cli.aws.calls import Calls
from understudy_cli.aws.stack import AwsStack
from understudy_cli.core import exits
from understudy_cli.core.cluster import Cluster, NewerFormat, cluster_of
from understudy_cli.core.faults import Fault
from understudy_cli.core.lines import BAD, GOOD, WARN, Span, line
from understudy_cli.core.times import seconds_of
from understudy_cli.ports import Stack
from understudy_cli.screen import Screen

TONES = {exits.DONE: GOOD, exits.NOT_DONE: WARN, exits.WAITS: WARN, exits.NOT_KNOWN: WARN}

NOTHING_CHANGED = (exits.NOT_KNOWN, "You have stopped looking; nothing was changed.", dict[str, Any]())


def _on_aws(settings: Settings, screen: Screen) -> Stack:
    show = screen.call if settings.show_aws else lambda words: None
    return AwsStack(Calls(settings.stack, settings.region, settings.profile, show))


@dataclass
class Settings:
    """The options that every command takes, from before or after its name; and how the outside is reached."""

    stack: str = field(default_factory=lambda: os.environ.get("UNDERSTUDY_STACK") or "understudy")
    region: str | None = field(default_factory=lambda: os.environ.get("AWS_REGION"))
    """As the AWS CLI takes it; boto3 by itself knows AWS_DEFAULT_REGION alone."""
    profile: str | None = None
    as_json: bool = False
    show_aws: bool = False
    connect: Callable[[Settings, Screen], Stack] = _on_aws
    sleep: Callable[[float], None] = time.sleep
    chance: Callable[[], str] = field(default=lambda: secrets.token_hex(4))
    zone: tzinfo | None = None

    def app(self, command: str) -> App:
        """What a command works with."""
        screen = Screen(as_json=self.as_json)
        return App(command, self.connect(self, screen), screen, self)


@dataclass
class App:
    """One run of one command."""

    command: str
    stack: Stack
    screen: Screen
    settings: Settings
    _stopped: tuple[int, str, Mapping[str, Any]] = NOTHING_CHANGED

    def end(self, exit: int, sentence: str = "", **document: Any) -> NoReturn:
        """End with this status: the sentence for people, the document for programs."""
        if sentence:
            self.screen.show(line(Span(sentence, TONES.get(exit, BAD))))
        told = {"command": self.command, "exit": exit, **({"sentence": sentence} if sentence else {}), **document}
        self.screen.document(told)
        raise click.exceptions.Exit(exit)

    def when_stopped(self, exit: int, sentence: str, **document: Any) -> None:
        """How Ctrl-C ends the command from now on. To be said before anything is changed: it can come at any moment."""
        self._stopped = exit, sentence, document

    def stop(self) -> NoReturn:
        """End because of Ctrl-C."""
        exit, sentence, document = self._stopped
        if not sentence:
            raise click.exceptions.Exit(exit)
        self.end(exit, sentence, **document)

    def fail(self, fault: Fault) -> NoReturn:
        """End with a fault: what was found, and what to do."""
        self.screen.complain(line(Span(f"{fault.what}.", BAD)), line(f"{fault.do}."))
        error = {"what": fault.what, "do": fault.do}
        self.screen.document({"command": self.command, "exit": fault.exit, "error": error})
        raise click.exceptions.Exit(fault.exit)

    def named(self, cluster: str | None) -> str:
        """The cluster that is meant: the named one, or the only one. Raises Fault."""
        if cluster:
            return cluster
        names = self.stack.clusters()
        if len(names) == 1:
            return names[0]
        if not names:
            raise Fault(
                "No cluster is registered in this stack", "Submit a definition: understudy put FILE", exits.WRONG
            )
        raise Fault("Which cluster?", f"Name one of: {', '.join(names)}", exits.WRONG)

    def cluster(self, name: str | None) -> Cluster:
        """A cluster as it stands. Raises Fault, also for one that is not registered."""
        meant = self.named(name)
        item = self.stack.states([meant]).get(meant)
        if item is None:
            raise self._unknown(meant)
        return self.judged(item)

    def judged(self, item: Mapping[str, Any]) -> Cluster:
        """The cluster of a state item, now. Raises Fault for one that is newer than this tool."""
        try:
            return cluster_of(item, self.stack.now())
        except NewerFormat as newer:
            raise Fault(str(newer), "Install the tool of the stack's own release", exits.NOT_KNOWN) from newer

    def _unknown(self, cluster: str) -> Fault:
        names = self.stack.clusters()
        close = difflib.get_close_matches(cluster, names, 1)
        known = f"Did you mean {close[0]}?" if close else f"There are: {', '.join(names) or 'none'}"
        return Fault(f"No cluster {cluster} is registered in this stack", known.rstrip("."), exits.WRONG)


def _remember(context: click.Context, parameter: click.Parameter, value: Any) -> None:
    """Keep an option where it is given; before and after the command's name is the same."""
    if value is not None and value is not False and parameter.name:
        setattr(context.ensure_object(Settings), parameter.name, value)


OPTIONS = (
    click.option(
        "--stack", expose_value=False, callback=_remember, help="Name of the stack; UNDERSTUDY_STACK, or understudy."
    ),
    click.option("--region", expose_value=False, callback=_remember, help="Region of the stack."),
    click.option("--profile", expose_value=False, callback=_remember, help="Profile of the AWS configuration."),
    click.option(
        "--json",
        "as_json",
        is_flag=True,
        expose_value=False,
        callback=_remember,
        help="One JSON document, for programs.",
    ),
    click.option(
        "--show-aws", "show_aws", is_flag=True, expose_value=False, callback=_remember, help="Print each call of AWS."
    ),
)


def with_options(function: Callable[..., Any]) -> Callable[..., Any]:
    """The options that every command takes."""
    for option in reversed(OPTIONS):
        function = option(function)
    return function


def asks(function: Callable[..., Any]) -> Callable[..., Any]:
    """A command that gets its App first, and whose faults and end by Ctrl-C are sentences."""

    @with_options
    @click.pass_context
    def run(context: click.Context, /, **arguments: Any) -> None:
        app = context.ensure_object(Settings).app(context.info_name or "")
        try:
            function(app, **arguments)
        except Fault as fault:
            app.fail(fault)
        except KeyboardInterrupt:
            app.stop()

    run.__doc__, run.__name__ = function.__doc__, function.__name__
    params = [*getattr(function, "__click_params__", []), *getattr(run, "__click_params__", [])]
    run.__click_params__ = params  # type: ignore[attr-defined]
    return run


if TYPE_CHECKING:
    ParamType = click.ParamType[Any]
else:
    ParamType = click.ParamType  # that of click 8.1 takes no parameter


class ClusterName(ParamType):
    """The name of a cluster, completed from those that are registered."""

    name = "cluster"

    def shell_complete(self, ctx: click.Context, param: click.Parameter, incomplete: str) -> list[Any]:
        """The names that begin so; none when they cannot be read: a shell that completes is no place to complain."""
        try:
            names = ctx.ensure_object(Settings).app("").stack.clusters()
        except Fault:
            names = []
        return [CompletionItem(each) for each in names if each.startswith(incomplete)]


class Duration(ParamType):
    """A duration as people type it, in seconds."""

    name = "duration"

    def convert(self, value: str, param: click.Parameter | None, ctx: click.Context | None) -> int:
        """The seconds."""
        try:
            return seconds_of(value)
        except ValueError as fault:
            self.fail(str(fault), param, ctx)


cluster_argument = click.argument("cluster", required=False, type=ClusterName())
