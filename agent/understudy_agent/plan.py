"""What is written down beside the lease, so that services can be stopped without the configuration file.

It is the text of the configuration as the agent runs with it, headed by the agent's version: an operator may change or
lose the file meanwhile, and the process that must stop the services goes by this copy.
"""

from __future__ import annotations

import configparser
from collections.abc import Mapping
from hashlib import sha256
from pathlib import Path

from . import __version__, former
from .files import replace_text
from .log import Log

MARK_LENGTH = 16


def mark_of(text: str) -> str:
    """A fingerprint of a plan, as one word."""
    return sha256(text.encode("utf-8")).hexdigest()[:MARK_LENGTH]


class PlanFile:
    """The copy in the runtime directory. Nobody but root reads it: commands may hold what is secret.

    `mark`: of the plan that this process goes by or has written; "" while there is none.
    """

    def __init__(self, path: Path, log: Log, text: str = "") -> None:
        """`text`: the plan that this process goes by, which stood there when it was read."""
        self.path, self.mark = path, mark_of(text) if text else ""
        self._log = log
        self._seen: tuple[int, int] | None = None
        self._is_other = False

    def write(self, text: str) -> bool:
        """Write it down unless it stands there already. Whether it does."""
        wanted = f"# Written by understudy-agent {__version__}. Do not edit.\n{text}"
        try:
            if not self.path.is_file() or self.path.read_text(encoding="utf-8") != wanted:
                replace_text(self.path, wanted, privately=True)
        except (OSError, UnicodeDecodeError) as fault:
            self._log.error("plan_not_written", f"{fault}; nothing is started without it")
            return False
        self.mark = mark_of(wanted)
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
        """Whether there is another plan than the one that this process goes by. One that was lost is no other."""
        try:
            found = self.path.stat()
            if (found.st_ino, found.st_mtime_ns) != self._seen:
                self._is_other = mark_of(self.path.read_text(encoding="utf-8")) != self.mark
                self._seen = found.st_ino, found.st_mtime_ns
        except (OSError, UnicodeDecodeError):
            return False
        return self._is_other
