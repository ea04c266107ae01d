"""The agent's configuration file. Every fault is reported in one line that names section, key and value."""

from __future__ import annotations

import configparser
import json
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace
from hashlib import sha256
from pathlib import Path

from . import identity
from .endpoint import HttpSettings, http_settings
from .fields import BOOT, BUS, DEVICE, IP_ADDRESS, NAME, PARAMETER, REGION, TABLE, UNIT, WORD, Section
from .fitness import FitSettings, fit_settings
from .former import KIND_KEYS, KIND_OPTIONS, Former, name_of
from .keys import default_parameter
from .kinds import Script, ServiceKind
from .known import AGENT_KEYS, COMMON_KEYS, about_section
from .listens import with_listens
from .model import ServiceSettings
from .mounts import Mount
from .ocf import Ocf
from .ocf_agents import Installed
from .ocf_config import RANGES_S, OcfSections, filled_in, refuse_twins
from .probes import probed
from .process import Process
from .scopes import Scopes
from .services import DependencyCycleError, in_dependency_order
from .unit_names import real_name
from .units import Unit

FINGERPRINT_LENGTH = 6
RUNTIME_DIR = Path("/run/understudy")
STATE_DIR = Path("/var/lib/understudy")
WATCHDOG_DEVICE = Path("/dev/watchdog")


class BadConfigError(Exception):
    """The configuration cannot be used. `faults` holds one line for each thing that is wrong."""

    def __init__(self, faults: list[str]) -> None:
        super().__init__("; ".join(faults))
        self.faults = faults


@dataclass(frozen=True)
class FailsafeConfig:
    """Where the keys are, in a file or in a parameter (None, "" when not), and where to listen for other nodes."""

    key_file: Path | None
    key_parameter: str
    port: int
    bind: str


@dataclass(frozen=True)
class Config:
    """A configuration that is whole and valid. `instance_arn` "": ask the machine. `boot`: beside the kernel's word.

    `failsafe` None: it is off, and no promises are asked for or given. `text`: of the whole file.
    """

    cluster: str
    table: str
    bus: str
    region: str
    instance_arn: str
    boot: str
    runtime_dir: Path
    state_dir: Path
    status_file: Path | None
    on_stop_failure: str
    orderly_stop_s: float
    call_timeout_s: float
    watchdog: Path | None = None
    """The device of the hardware watchdog that is demanded; None: none is."""
    failsafe: FailsafeConfig | None = None
    specs: tuple[ServiceSettings, ...] = ()
    kinds: Mapping[str, ServiceKind] = field(default_factory=dict)
    text: str = ""
    units: Mapping[str, Unit] = field(default_factory=dict)
    """Those of the services that are systemd units."""
    mounts: Mapping[str, Mount] = field(default_factory=dict)
    """Those that are file systems."""
    ocf: Mapping[str, Ocf] = field(default_factory=dict)
    """Those that an OCF resource agent handles."""
    commands: tuple[tuple[str, str, tuple[str, ...]], ...] = ()
    """The commands that services are made of: section, key, words."""
    former: tuple[Former, ...] = ()
    """Only in a plan: services that this configuration does not name."""
    fingerprint: str = ""
    """Of what the file says of the services; "" without any. A start that failed may succeed with another one."""
    fit: FitSettings | None = None
    """What says how fit this node is to take over; None: nothing does."""
    http: HttpSettings | None = None
    """Where it answers HTTP; None: it does not."""


def load(path: Path, *, is_plan: bool = False) -> Config:
    """Read and check the file. Raises BadConfigError."""
    try:
        return parse(path.read_text(encoding="utf-8"), is_plan=is_plan)
    except (OSError, UnicodeDecodeError) as fault:
        raise BadConfigError([f"{path}: cannot be read: {fault}"]) from fault


def parse(text: str, *, is_plan: bool = False, installed: Installed | None = None) -> Config:
    """Check the content of a configuration file. Raises BadConfigError with every fault.

    `is_plan`: an agent has written it, and it may name services that are to be stopped and nothing else. In it stands
    what resource agents have said of themselves, so none is asked.
    """
    if "\0" in text and not is_plan:
        number = text[: text.index("\0")].count("\n") + 1
        raise BadConfigError([f"line {number}: a NUL byte, which nothing can be given: remove it"])
    parser = configparser.ConfigParser(interpolation=None, default_section="\0")
    try:
        parser.read_string(text, source="configuration")
    except configparser.Error as fault:
        raise BadConfigError([" ".join(str(fault).split())]) from fault
    faults: list[str] = []
    sections = {title: Section(title, dict(parser[title]), faults) for title in parser.sections()}
    services, former = _sorted(sections, faults, is_plan=is_plan)
    ocf = OcfSections(installed or Installed(asks=not is_plan, memory=RUNTIME_DIR / "ocf-meta-data"))
    known = {title: ocf.fill_in(section) for title, section in sections.items()}
    specs = [_spec(name, section, services) for name, section in services.items()]
    try:
        in_dependency_order(specs)
    except DependencyCycleError as fault:
        faults.append(f"[service {str(fault).split()[0]}] depends_on goes in a circle: {fault}")
    faults += _role_faults(sections.get("agent"), services)
    http = http_settings(sections.get("http"))
    orderly_s = sum(spec.stop_limit_s for spec in specs)
    config = _agent(sections.get("agent") or Section("agent", {}, faults), orderly_s, specs)
    made = _Made(config.cluster, config.runtime_dir / "may-run", ocf, is_plan)
    config = _with_services(config, services, made)
    gone = tuple(_former(each, made, {*services, *former}) for each in former.values())
    if faults:
        raise BadConfigError(faults)
    return replace(
        config, former=gone, fingerprint=_fingerprint(parser), text=filled_in(text, parser, known), http=http
    )


def _sorted(
    sections: Mapping[str, Section], faults: list[str], *, is_plan: bool
) -> tuple[dict[str, Section], dict[str, Section]]:
    """Those of services by the names of these, and those of former ones by their titles."""
    services: dict[str, Section] = {}
    former: dict[str, Section] = {}
    for title, section in sections.items():
        word, _, name = title.partition(" ")
        if word == "service" and NAME.fullmatch(name.strip()):
            services[name.strip()] = section
        elif is_plan and name_of(title):
            former[title] = section
        elif title not in ("agent", "http"):
            faults.append(f"[{title}] is unknown: {about_section(title)}")
    return services, former


def _with_services(config: Config, services: Mapping[str, Section], made: _Made) -> Config:
    bare = {spec.name: _kind(services[spec.name], spec.name, spec, made) for spec in config.specs}
    units = {name: kind for name, kind in bare.items() if isinstance(kind, Unit)}
    kinds = {name: probed(services[name], with_listens(services[name], kind)) for name, kind in bare.items()}
    ocf = {name: kind for name, kind in bare.items() if isinstance(kind, Ocf)}
    _refuse_twins(services, units)
    refuse_twins(services, ocf)
    return replace(
        config,
        kinds=kinds,
        units=units,
        mounts={name: kind for name, kind in bare.items() if isinstance(kind, Mount)},
        ocf=ocf,
        fit=fit_settings(services),
        commands=tuple(command for section in services.values() for command in section.commands),
    )


@dataclass(frozen=True)
class _Made:
    """What every service of a configuration is made with."""

    cluster: str
    gates: Path
    ocf: OcfSections
    is_plan: bool


def _former(section: Section, made: _Made, known: Collection[str]) -> Former:
    """What it needs may be called otherwise, or be gone by now."""
    name = name_of(section.title)
    spec = _spec(section.title, section, None)
    needs = [one for one in (*spec.depends_on, *(f"former {one}" for one in spec.depends_on)) if one in known]
    kind = with_listens(section, _kind(section, name, spec, made))
    return Former(name, kind, replace(spec, depends_on=tuple(needs)))


def _fingerprint(parser: configparser.ConfigParser) -> str:
    """A fingerprint of a set of services, independent of comments and of the order of sections and keys."""
    services = {title: dict(parser[title]) for title in parser.sections() if title not in ("agent", "http")}
    text = json.dumps(services, sort_keys=True)
    return sha256(text.encode()).hexdigest()[:FINGERPRINT_LENGTH] if services else ""


def _role_faults(agent: Section | None, services: Mapping[str, Section]) -> list[str]:
    """A witness runs no services; every other node runs one at least."""
    is_heard_without_gap = agent is not None and agent.choice("role", ("serving", "witness"), "serving") == "witness"
    if is_heard_without_gap:
        return [f"[service {name}] is for a node that serves; [agent] role = 'witness'" for name in services]
    return [] if services else ["[service NAME] is missing: at least one service must be named, except by a witness"]


def _agent(section: Section, orderly_s: float, specs: list[ServiceSettings]) -> Config:
    section.refuse_unknown(AGENT_KEYS)
    cluster = section.text("cluster", pattern=NAME)
    arn = section.text("instance_arn", pattern=identity.ARN, needed=False)
    return Config(
        cluster=cluster,
        table=section.text("table", pattern=TABLE, allowed="must be the name or ARN of a DynamoDB table"),
        bus=section.text("bus", pattern=BUS, allowed="must be the name or ARN of an event bus"),
        region=section.text("region", pattern=REGION, needed=False, allowed="must be a region, such as eu-west-1"),
        instance_arn=arn,
        boot=section.text("boot", pattern=BOOT, needed=False),
        runtime_dir=section.path("runtime_dir") or RUNTIME_DIR / cluster,
        state_dir=section.path("state_dir") or STATE_DIR / cluster,
        status_file=section.path("status_file"),
        on_stop_failure=section.choice("on_stop_failure", ("reboot", "poweroff", "report"), "reboot"),
        orderly_stop_s=section.seconds("orderly_stop_s", orderly_s, 0, 86400),
        call_timeout_s=section.seconds("call_timeout_s", 2, 0.1, 10),
        watchdog=_watchdog(section),
        failsafe=_failsafe(section),
        specs=tuple(specs),
    )


def _watchdog(section: Section) -> Path | None:
    device = section.path("watchdog_device") or WATCHDOG_DEVICE
    return device if section.choice("watchdog", ("off", "required"), "off") == "required" else None


def _failsafe(section: Section) -> FailsafeConfig | None:
    key_file = section.path("failsafe_key_file")
    key_parameter = section.text("failsafe_key_parameter", pattern=PARAMETER, needed=False)
    port = section.count("failsafe_port", 7411, 1, 65535)
    bind = section.text("failsafe_bind", pattern=IP_ADDRESS, needed=False) or "0.0.0.0"  # noqa: S104 - keys guard it
    is_on = section.choice("failsafe", ("on", "off"), "on") == "on"
    if key_file is not None and key_parameter:
        section.fault("failsafe_key_parameter", "goes without failsafe_key_file: the keys are in one place")
    if not is_on and (key_file is not None or key_parameter):
        section.fault("failsafe", "goes without failsafe_key_file and failsafe_key_parameter")
    if not is_on:
        return None
    default = default_parameter(section.text("bus", needed=False), section.text("cluster", needed=False))
    return FailsafeConfig(key_file, key_parameter or ("" if key_file else default), port, bind)


def _spec(name: str, section: Section, services: Mapping[str, Section] | None) -> ServiceSettings:
    """`services`: those that it may depend on; None: any."""
    depends_on = section.names("depends_on")
    for wanted in depends_on:
        if services is not None and wanted not in services:
            section.fault("depends_on", f"no service {wanted!r}; there are: {', '.join(services)}")
    return ServiceSettings(
        name=name,
        depends_on=depends_on,
        start_limit_s=section.seconds("start_limit_s", 60, *RANGES_S["start_limit_s"]),
        stop_limit_s=section.seconds("stop_limit_s", 30, *RANGES_S["stop_limit_s"]),
        check_interval_s=section.seconds("check_interval_s", 5, *RANGES_S["check_interval_s"]),
        look_limit_s=section.seconds("look_limit_s", 5, *RANGES_S["look_limit_s"]),
        restart_tries=section.count("restart_tries", 2, 0, 100),
        restart_window_s=section.seconds("restart_window_s", 300, 1, 86400),
        restart_pause_s=section.seconds("restart_pause_s", 2, 0, 60),
    )


def _kind(section: Section, name: str, spec: ServiceSettings, made: _Made) -> ServiceKind:
    kind, scopes = section.choice("kind", tuple(KIND_KEYS)), Scopes(made.cluster, name)
    section.refuse_unknown((*COMMON_KEYS, *KIND_KEYS.get(kind, ()), *KIND_OPTIONS.get(kind, ())))
    if kind == "ocf":
        # Agents name files after the instance, in a directory that all clusters of the node share.
        return made.ocf.service(section, f"{name}@{made.cluster}", spec, scopes)
    if kind == "script":
        return Script(
            start=section.command("start"),
            stop=section.command("stop"),
            status=section.command("status"),
            kill=section.command("kill", needed=False),
            scopes=scopes,
        )
    if kind == "process":
        return Process(section.command("command"), section.address("ready"))
    if kind == "mount":
        return _mount(section, scopes)
    return _unit(section, made.gates / name, needed=kind == "unit", is_plan=made.is_plan)


def _unit(section: Section, gate: Path, *, needed: bool, is_plan: bool) -> Unit:
    allowed = "must be the full name of one unit, such as postgresql.service"
    unit = section.text("unit", pattern=UNIT, needed=needed, allowed=allowed)
    if unit.startswith("understudy-agent"):
        section.fault("unit", "the agent cannot manage itself")
    if not is_plan and (real := real_name(unit)) != unit:
        section.fault("unit", f"is another name of {real}, and may become one of another unit: name that one")
    return Unit(unit, gate=gate, has_probe=bool(section.text("probe", needed=False)))


def _refuse_twins(services: Mapping[str, Section], units: Mapping[str, Unit]) -> None:
    """One unit that is two services would be stopped for the one while the other is to serve."""
    first: dict[str, str] = {}
    for name, unit in units.items():
        other = first.setdefault(unit.unit, name)
        if unit.unit and other != name:
            services[name].fault("unit", f"is the unit of service {other!r} already")


def _mount(section: Section, scopes: Scopes) -> Mount:
    mount_point = section.mount_point("mount")
    device = section.text("device", pattern=DEVICE, needed=False)
    fstype = section.text("fstype", pattern=WORD, needed=False)
    options = section.text("options", pattern=DEVICE, needed=False)
    if not device:
        for key in ("fstype", "options"):
            if section.text(key, needed=False):
                section.fault(key, "goes with a device; without one, fstab says how to mount")
    return Mount(mount_point, device, fstype, options, scopes=scopes)
