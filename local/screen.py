"""Where the story is printed: lines everywhere, and above them a live picture when there is a terminal."""

from __future__ import annotations

import time
from collections import deque
from types import TracebackType
from typing import Self

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from local.observer import Observer, View

_KEPT_LINES = 14


class Screen:
    """Tells lines with their time; on a terminal, also draws what `follow` was given."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._began = time.monotonic()
        self._lines: deque[Text] = deque(maxlen=_KEPT_LINES)
        self._observer: Observer | None = None
        self._live = Live(get_renderable=self._draw, console=console, refresh_per_second=5, transient=True)
        self._drawing = False

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.leave()

    def follow(self, observer: Observer) -> None:
        """Draw the observer's view from now on, if this is a terminal."""
        self._observer = observer
        if self._console.is_terminal:
            self._drawing = True
            self._live.start()

    def leave(self) -> None:
        """Stop drawing; the lines stay."""
        if self._drawing:
            self._drawing = False
            self._live.stop()
            self._console.print(Group(*self._lines))

    def chapter(self, text: str) -> None:
        self._print(text, "bold")

    def say(self, text: str) -> None:
        self._print(f"  {text}", "")

    def _print(self, text: str, style: str) -> None:
        line = Text(f"{time.monotonic() - self._began:6.1f} s  {text}", style=style)
        self._lines.append(line)
        if not self._drawing:
            self._console.print(line, soft_wrap=True)

    def _draw(self) -> RenderableType:
        lines = Group(*self._lines)
        return lines if self._observer is None else Group(picture(self._observer.view), lines)


def picture(view: View) -> RenderableType:
    nodes = Table(expand=True, box=None)
    for heading in ("node", "address", "machine", "lease", "service", "heard", "obeys epoch"):
        nodes.add_column(heading)
    for node in view.nodes:
        nodes.add_row(
            node.name,
            node.address,
            Text(node.machine, style="green" if node.machine == "on" else "red"),
            Text("holds it", style="green") if node.name == view.active else "",
            node.service or "unknown",
            "never" if node.heard_s_ago is None else f"{node.heard_s_ago} s ago",
            str(node.read_epoch),
        )
    facts = Table.grid(padding=(0, 2))
    facts.add_row("epoch", str(view.epoch))
    facts.add_row("workflow", f"{view.stage} (rule {view.rule})" if view.stage else "no transition open")
    facts.add_row("DNS answers", view.dns or "nothing")
    served = bool(view.client) and not view.client.startswith("nobody")
    facts.add_row("the client is answered by", Text(view.client or "nobody", style="green" if served else "red"))
    return Panel(Group(nodes, "", facts), title="Understudy")
