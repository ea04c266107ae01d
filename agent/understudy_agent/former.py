"""Services that an agent before this one was in charge of, and that the file no longer names, or names otherwise.

What was written down of them is kept in the plan, in sections `[former NAME]`, as long as the lease binds them: so they
can be looked at and stopped in their own way. They are never started.
"""

from __future__ import annotations

import configparser
import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass

from .kinds import ServiceKind
from .model import ServiceSettings

KIND_KEYS = {
    "unit": ("unit",),
    "mount": ("mount", "device", "fstype", "options"),
    "script": ("start", "stop", "status", "kill"),
    "process": ("command", "ready"),
    "ocf": ("agent", "params"),
}
"""What makes a service what it is: with another value it is another one."""
KIND_OPTIONS = {"ocf": ("check_level", "unpromoted")}
"""What is known of a kind besides."""
TITLE = re.compile(r"former ([A-Za-z0-9][A-Za-z0-9._-]{0,63})( [0-9]+)?")


@dataclass(frozen=True)
class Former:
    """One of them. `name`: as the lease has it. `spec`: under the title of its section, which no service can have."""

    name: str
    kind: ServiceKind
    spec: ServiceSettings


def name_of(title: str) -> str:
    """The name in the title `former NAME`, or `former NAME COUNT` when there are several; "" in any other."""
    found = TITLE.fullmatch(title)
    return found[1] if found else ""


def sections(before: str, now: str) -> dict[str, str]:
    """What of the plan before is no longer in the configuration: the text of each section, by its title.

    Raises configparser.Error when the plan before makes no sense.
    """
    old, new = _parsed(before), _parsed(now)
    found: dict[str, str] = {}
    for title in old.sections():
        word, _, name = title.partition(" ")
        if name_of(title) or (word == "service" and not _is_kept(old[title], new, title)):
            _add(found, name_of(title) or name.strip(), old[title])
    return found


def text_with(text: str, wanted: Collection[str], available: Mapping[str, str]) -> str:
    """The configuration with those of the former sections that are wanted."""
    return "\n".join([text, *(available[title] for title in available if title in wanted)])


def _parsed(text: str) -> configparser.ConfigParser:
    parser = configparser.ConfigParser(interpolation=None, default_section="\0")
    parser.read_string(text)
    return parser


def _is_kept(old: Mapping[str, str], new: configparser.ConfigParser, title: str) -> bool:
    """Whether the service of that section is still the same thing, whatever its limits are."""
    if not new.has_section(title):
        return False
    keys = ("kind", *KIND_KEYS.get(old.get("kind", "").strip(), ()))
    return all(old.get(key, "").strip() == new[title].get(key, "").strip() for key in keys)


def _add(found: dict[str, str], name: str, section: Mapping[str, str]) -> None:
    lines = [f"{key} = {value}".replace("\n", "\n\t") for key, value in section.items()]
    title, count = f"former {name}", 1
    while title in found:
        count += 1
        title = f"former {name} {count}"
    found[title] = "\n".join([f"[{title}]", *lines, ""])
