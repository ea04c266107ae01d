"""What is written down beside the lease, so that services can be stopped without the configuration file (B18).

It is the text of the configuration as the agent runs with it, headed by the agent's version: an operator may change or
lose the file meanwhile, and the process that must stop the services goes by this copy.
"""

from __future__ import annotations

import configparser
from collections.abc import Mapping
from pathlib import Path

from . import __version__, former
from .files import replace_text
from .log import Log


class Plan:
    """The copy in the runtime directory. Nobody but root reads it: commands may hold what is secret."""

    def __init__(self, path: Path, log: Log) -> None:
        self.path = path
        self._log = log
        self._seen = self._mark()

    def write(self, text: str) -> bool:
        """Write it down unless it stands there already. Whether it does."""
        wanted = f"# Written by understudy-agent {__version__}. Do not edit.\n{text}"
        try:
            if self.path.is_file() and self.path.read_text(encoding="utf-8") == wanted:
                return True
            replace_text(self.path, wanted, privately=True)
        except (OSError, UnicodeDecodeError) as fault:
            self._log.error("plan_not_written", f"{fault}; nothing is started without it")
            return False
        return True

    def left_of_before(self, text: str) -> Mapping[str, str]:
        """What of the plan that is there is no longer in this configuration: see former.sections."""
        try:
            return former.sections(self.path.read_text(encoding="utf-8"), text)
        except FileNotFoundError:
            return {}
        except (OSError, UnicodeDecodeError, configparser.Error) as fault:
            self._log.error("plan_not_read", str(fault))
            return {}

    def has_changed(self) -> bool:
        """Whether there is another plan than when this process has begun. One that was lost is no other."""
        mark = self._mark()
        return mark is not None and mark != self._seen

    def _mark(self) -> tuple[int, int] | None:
        try:
            found = self.path.stat()
        except OSError:
            return None
        return found.st_ino, found.st_mtime_ns
