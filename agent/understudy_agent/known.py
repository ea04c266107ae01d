"""The keys and sections that a configuration file may have, and what somebody may have meant by another one."""

from __future__ import annotations

from collections.abc import Collection
from difflib import get_close_matches

from .former import KIND_KEYS, KIND_OPTIONS

COMMON_KEYS = (
    "kind",
    "depends_on",
    "start_limit_s",
    "stop_limit_s",
    "check_interval_s",
    "look_limit_s",
    "restart_tries",
    "restart_window_s",
    "restart_pause_s",
    "probe",
    "probe_tries",
    "listens",
    "fit",
    "fit_interval_s",
    "fit_limit_s",
)
AGENT_KEYS = (
    "cluster",
    "role",
    "table",
    "bus",
    "region",
    "instance_arn",
    "boot",
    "runtime_dir",
    "state_dir",
    "status_file",
    "on_stop_failure",
    "orderly_stop_s",
    "call_timeout_s",
    "watchdog",
    "watchdog_device",
    "failsafe",
    "failsafe_key_file",
    "failsafe_key_parameter",
    "failsafe_port",
    "failsafe_bind",
)
HTTP_KEYS = ("listen", "interval_s")
AGENT, HTTP, SERVICE = "agent", "http", "service NAME"
SECTIONS = f"sections are [{AGENT}], [{HTTP}] and [{SERVICE}]"
BAD_NAME = "a NAME has letters, digits, dots, dashes and underscores, 64 at most, and begins with a letter or digit"
LIKE = 0.75
"""How alike two words must be for one to be taken for a slip of the other; 1: the same."""


def about_key(key: str, allowed: Collection[str]) -> str:
    """What to do about a key that its section does not have: where it belongs, what it may be a slip of, or what else
    there is.
    """
    at_home = _home(key)
    if at_home:
        return f"unknown key here; it belongs {at_home}"
    everywhere = {*AGENT_KEYS, *HTTP_KEYS, *COMMON_KEYS, *_of_kinds()}
    for words in (allowed, everywhere):
        (meant, *_) = [*get_close_matches(key, words, 1, LIKE), ""]
        if meant:
            return f"unknown key; did you mean {meant}{'' if meant in allowed else f' {_home(meant)}'}?"
    return f"unknown key; known here: {', '.join(sorted(allowed))}"


def about_section(title: str) -> str:
    """What to do about a section that no file has."""
    word, _, name = title.strip().partition(" ")
    if word == "service":
        return BAD_NAME
    (meant, *_) = [*get_close_matches(word.lower(), ("agent", "http", "service"), 1, LIKE), ""]
    if not meant:
        return SECTIONS
    whole = f"service {name.strip() or 'NAME'}" if meant == "service" else meant
    return f"did you mean [{whole}]? {SECTIONS}"


def _of_kinds() -> dict[str, list[str]]:
    """The kinds that have a key which not all have."""
    found: dict[str, list[str]] = {}
    for kinds in (KIND_KEYS, KIND_OPTIONS):
        for kind, keys in kinds.items():
            for key in keys:
                found.setdefault(key, []).append(kind)
    return found


def _home(key: str) -> str:
    """Where a key belongs; "" when it belongs nowhere."""
    for title, keys in ((AGENT, AGENT_KEYS), (HTTP, HTTP_KEYS), (SERVICE, COMMON_KEYS)):
        if key in keys:
            return f"in [{title}]"
    kinds = _of_kinds().get(key)
    return f"to kind = {' or '.join(kinds)}" if kinds else ""
