"""How a section of the configuration becomes a service of kind `ocf`."""

from __future__ import annotations

import configparser
import io
import re
import shlex
from collections.abc import Mapping
from dataclasses import dataclass, field

from .fields import Section, real_directory
from .model import ServiceSettings
from .ocf import Call, Ocf
from .ocf_agents import AGENT, ActionLimits, AgentName, Installed, faults
from .scopes import Scopes

PARAMETER = re.compile(r"[A-Za-z_][A-Za-z0-9_-]*")
MOUNTS = {"heartbeat:Filesystem": "directory"}
"""Agents that mount a file system and leave no process: the parameter that says where."""
RANGES_S = {
    "start_limit_s": (0.1, 86400),
    "stop_limit_s": (0.1, 86400),
    "check_interval_s": (0, 3600),
    "look_limit_s": (0.1, 3600),
}
"""Lowest and highest value of the limits that an agent's meta-data may give in place of the file."""
NOBODY = AgentName("", "")
"""Of a section whose agent or parameters cannot be read."""


@dataclass(frozen=True)
class _Described:
    """What a section says, and what its agent says of itself. `faults`: see Ocf."""

    name: AgentName
    params: Mapping[str, str]
    level: int
    limits: ActionLimits = field(default_factory=ActionLimits)
    faults: tuple[str, ...] = ()
    validates: bool = False


class OcfSections:
    """The sections of a configuration whose services an OCF resource agent handles."""

    def __init__(self, installed: Installed) -> None:
        self._installed = installed
        self._described: dict[str, _Described] = {}

    def fill_in(self, section: Section) -> dict[str, str]:
        """Take from the agent's meta-data the limits that the section does not name: which, as its lines would be."""
        if section.text("kind", needed=False) != "ocf":
            return {}
        found = self._described[section.title] = self._describe(section)
        limits = {
            "start_limit_s": found.limits.start_s,
            "stop_limit_s": found.limits.stop_s,
            "look_limit_s": found.limits.monitor_s,
            "check_interval_s": found.limits.interval_s,
        }
        return section.fill_in({key: f"{within(key, value):g}" for key, value in limits.items() if value is not None})

    def _describe(self, section: Section) -> _Described:
        """What is wrong with the text is a fault of the section; what is wrong with the agent is one of the service."""
        name, params = _agent_name(section), _params(section)
        level = int(section.choice("check_level", ("0", "10", "20", "30"), "0") or 0)
        unpromoted = section.choice("unpromoted", ("yes", "no"), "no") == "yes"
        if name is None or params is None:
            return _Described(NOBODY, {}, level)
        if not self._installed.asks:
            return _Described(name, params, level)
        found = self._installed.meta_data(name)
        told = tuple(faults(name, found, params, unpromoted=unpromoted))
        if isinstance(found, str):
            return _Described(name, params, level, faults=told)
        return _Described(name, params, level, found.limits(level), told, found.has("validate-all"))

    def service(self, section: Section, instance: str, spec: ServiceSettings, scopes: Scopes) -> Ocf:
        """The service of a section that was filled in. `instance`: its name for its agent."""
        found = self._described[section.title]
        call = Call(
            found.name,
            instance,
            found.params,
            self._installed.root,
            found.level,
            start_s=spec.start_limit_s,
            stop_s=spec.stop_limit_s,
            monitor_s=spec.look_limit_s,
            interval_s=spec.check_interval_s or 1,
            validates=found.validates,
        )
        mount_point = found.params.get(MOUNTS.get(str(found.name), ""), "")
        if mount_point:
            mount_point, fault = real_directory(mount_point)
            if fault:
                section.tell(f"params directory: {fault}")
        return Ocf(call, scopes, faults=found.faults, mount_point=mount_point)


def within(key: str, value_s: float) -> float:
    """The nearest value in the range of a limit: nobody could correct in the file what stands in meta-data."""
    lowest, highest = RANGES_S[key]
    return min(max(value_s, lowest), highest)


def refuse_twins(sections: Mapping[str, Section], services: Mapping[str, Ocf]) -> None:
    """One resource that is two services would be stopped for the one while the other is to serve."""
    first: dict[tuple[AgentName, frozenset[tuple[str, str]]], str] = {}
    for name, kind in services.items():
        if kind.call.name == NOBODY:
            continue
        other = first.setdefault((kind.call.name, frozenset(kind.call.params.items())), name)
        if other != name:
            same = "has the same agent with the same params, so it is the same resource: name it once"
            sections[name].fault("agent", f"service {other!r} {same}")


def _agent_name(section: Section) -> AgentName | None:
    allowed = "must be PROVIDER:TYPE, such as heartbeat:pgsql"
    found = AGENT.fullmatch(section.text("agent", pattern=AGENT, allowed=allowed))
    return AgentName(found[1], found[2]) if found else None


def _params(section: Section) -> dict[str, str] | None:
    """None: they cannot be read. Values are kept out of messages: some are secret."""
    params: dict[str, str] = {}
    try:
        words = shlex.split(section.text("params", needed=False))
    except ValueError as fault:
        section.tell(f"params: they cannot be split into words: {fault}")
        return None
    last = "the beginning"
    for word in words:
        key, sign, value = word.partition("=")
        if not sign or not PARAMETER.fullmatch(key):
            section.tell(f"params: the word after {last} is no NAME=VALUE: a value with spaces must be quoted")
        elif key in params:
            section.tell(f"params: {key} is there twice")
        else:
            params[key] = value
            last = key
    return params if len(params) == len(words) else None


def filled_in(text: str, read: configparser.ConfigParser, missing: Mapping[str, Mapping[str, str]]) -> str:
    """The text of a configuration with more keys in its sections: whoever goes by it need not ask any agent.

    `read`: what was read from the text. It is written anew: a line added to the text could become part of a value.
    """
    if not any(missing.values()):
        return text
    written = configparser.ConfigParser(interpolation=None, default_section=read.default_section)
    written.read_dict({title: {**read[title], **missing.get(title, {})} for title in read.sections()})
    out = io.StringIO()
    written.write(out)
    return out.getvalue()
