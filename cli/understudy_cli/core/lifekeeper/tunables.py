"""What becomes of each parameter of `/etc/default/LifeKeeper`, and of the flags that go with them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from understudy_cli.core.lifekeeper.findings import DIFFERENT, LEFT, TAKEN, TO_DO, Finding

LIMITS = {
    "ROUTE53_TTL": 86_400,
    "ROUTE53_RECORD_INTERVAL": 300,
    "ROUTE53_RECORD_TRY_COUNT": 100,
    "ROUTE53_CHANGEID_INTERVAL": 300,
    "ROUTE53_CHANGEID_TRY_COUNT": 100,
    "ROUTE53_RECORDCHECK_INTERVAL": 300,
    "ROUTE53_RECORDCHECK_TRY_COUNT": 100,
}
"""The tunables that are the same here, each with its greatest value; the least is 1."""
HEARTBEAT, BEATS, HEARTBEAT_S, BEATS_COUNT = "LCMHBEATTIME", "LCMNUMHBEATS", 5, 3
LEAST_SILENCE_S, MOST_SILENCE_S = 15, 3600
"""The default of silence_limit_s: a shorter one needs a shorter lease, which is a decision and no translation."""
LEAST_HOSTS, MOST_TIMEOUT_S = 3, 4
ASKED_FIRST, ASKED_S = "confirmso!", 600
LEAST_ASKED_S, MOST_ASKED_S = 30, 1500
OFF = ("none", "off")
HANDLED = (HEARTBEAT, BEATS, "CONFIRMSODEF", "CONFIRMSOTO", "QUORUM_MODE", "QUORUM_HOSTS", "QUORUM_TIMEOUT_SECS")
SAYS_OTHERWISE = {
    "LKCHECKINTERVAL": "a service has a check_interval_s of its own in the agent's file, 5 s by default",
    "LKEVENT": "nothing runs by an event of LifeKeeper",
    "LKNOTIFY": "people are told by OperatorEmail and by notices (docs/notices.md)",
    "LKSYSLOG": "the agent logs to the journal, the controller to CloudWatch",
    "LOGMGR": "the agent logs to the journal, the controller to CloudWatch",
    "LK_TRAP_MGR": "no SNMP: events are on EventBridge (docs/events.md)",
    "LK_NOTIFY_ALIAS": "people are told by OperatorEmail and by notices (docs/notices.md)",
    "LKROOT": "where LifeKeeper is installed",
    "LK_": "about LifeKeeper's own programs",
    "LCM": "nodes do not ask each other for heartbeats: they send them to EventBridge",
    "REMOTETIMEOUT": "nodes do not run each other's commands",
    "TTY": "nodes do not ask each other for heartbeats",
    "FS_": "mounts have start_limit_s, stop_limit_s and kill in the agent's file",
    "NOBCASTPING": "no virtual IP is pinged: addresses are checked at Route 53 and EC2",
    "IP_": "no virtual IP is set on an interface",
    "IPV6": "no virtual IP is set on an interface",
    "EC2_": "calls to EC2 have limits of the controller's own",
    "AWSCLI_": "no node calls the AWS CLI; calls have limits of the controller's own",
    "ROUTE53_": "the Recovery Kit has it, and there is nothing here that it could set",
    "QWK_": "no shared storage is asked: the table of the controller stands outside of the nodes",
    "ALLOW_EXTEND_WITH_QUORUM_ERROR": "no hierarchies are extended",
    "API_": "the controller is asked through AWS, with AWS's rights",
    "RESERVATIONS": "no SCSI reservation: a lease fences, and EC2 stops the instance if the policy says so",
    "SCSI": "no SCSI reservation: a lease fences, and EC2 stops the instance if the policy says so",
    "LVM": "volumes are not LifeKeeper's any more: docs/kits.md",
    "PATH": "of LifeKeeper's own programs",
    "LD_LIBRARY_PATH": "of LifeKeeper's own programs",
    "PERL": "of LifeKeeper's own programs",
    "GUI_": "there is no GUI server on the nodes: the board, and the tool",
    "RMI_": "there is no GUI server on the nodes: the board, and the tool",
}
"""By the beginnings of names: what is so here by itself, or not at all."""
KITS = ("MYSQL", "PGSQL", "POSTGRES", "ORACLE", "DB2", "SAP", "APACHE", "NFS", "SMB", "SAMBA", "MQ", "LB", "QSP", "ASE")
"""Parameters of recovery kits begin so. What they set belongs into the service's section, if anywhere."""
DATAKEEPER = ("LKDR", "DR_", "NETRAID", "COMPRESSION", "BITMAP")


@dataclass
class Settings:
    """What goes into the definition, and what is to be said."""

    policy: dict[str, object] = field(default_factory=dict)
    quorum: dict[str, object] = field(default_factory=dict)
    tuning: dict[str, int] = field(default_factory=dict)
    findings: list[Finding] = field(default_factory=list)

    def say(self, verdict: str, what: str, why: str) -> None:
        """Add a finding."""
        self.findings.append(Finding(verdict, what, why))


def settings_of(values: Mapping[str, str], flags: list[str], strategy: str, members: int) -> Settings:
    """What the parameters, flags and shutdown strategy become, in a cluster of so many nodes with its witnesses."""
    found = Settings()
    for key, value in values.items():
        if key in LIMITS:
            _tuning(found, key, value)
        elif key not in HANDLED:
            found.findings.append(_named(key, value))
    _silence(found, values)
    _quorum(found, values, members)
    _approval(found, values, flags)
    for each in flags:
        if not each.startswith(ASKED_FIRST):
            found.findings.append(_flag(each))
    if strategy:
        found.findings.append(_shutdown(strategy))
    return found


def _tuning(found: Settings, key: str, value: str) -> None:
    if value.isascii() and value.isdigit() and len(value) < 10 and 1 <= int(value) <= LIMITS[key]:
        found.tuning[key] = int(value)
        found.say(TAKEN, f"{key}={value}", "tuning of the definition")
    else:
        found.say(LEFT, f"{key}={value}", f"allowed is a whole number from 1 to {LIMITS[key]}; the default is in force")


def _named(key: str, value: str) -> Finding:
    what = f"{key}={value}"
    if key == "QUORUM_LOSS_ACTION":
        if value == "osu":
            return Finding(TAKEN, what, "an agent whose lease or majority is lost stops its services, always")
        return Finding(DIFFERENT, what, "the agent stops its services; only what cannot be stopped takes the node down")
    if key == "WITNESS_MODE":
        return Finding(DIFFERENT, what, "the controller hears every node, and moves nothing without proof")
    for begins, why in SAYS_OTHERWISE.items():
        if key.startswith(begins):
            return Finding(DIFFERENT, what, why)
    if key.startswith(DATAKEEPER):
        return Finding(LEFT, what, "of DataKeeper: nothing here replicates disks")
    if key.startswith(KITS):
        return Finding(TO_DO, what, "of a recovery kit: see whether the service's section needs it (docs/kits.md)")
    return Finding(LEFT, what, "not known to this import")


def _silence(found: Settings, values: Mapping[str, str]) -> None:
    said = {key: values[key] for key in (HEARTBEAT, BEATS) if key in values}
    if not said:
        return
    what = " ".join(f"{key}={value}" for key, value in said.items())
    every, count = values.get(HEARTBEAT, str(HEARTBEAT_S)), values.get(BEATS, str(BEATS_COUNT))
    if not (every.isdigit() and count.isdigit()):
        found.say(LEFT, what, "no whole numbers; silence_limit_s stays 15 s")
        return
    silence_s = int(every) * int(count)
    if LEAST_SILENCE_S < silence_s <= MOST_SILENCE_S:
        found.policy["silence_limit_s"] = silence_s
        found.say(TAKEN, what, f"policy.silence_limit_s: {silence_s}; beats go to EventBridge every 4 s")
    else:
        why = f"silence counts from 15 s on, and not from {silence_s} s: it must be longer than the lease"
        found.say(DIFFERENT, what, why)


def _quorum(found: Settings, values: Mapping[str, str], members: int) -> None:
    mode = values.get("QUORUM_MODE", "")
    if mode == "majority" and members > 2:
        found.quorum = {"mode": "majority"}
        found.say(TAKEN, "QUORUM_MODE=majority", "quorum.mode of the definition")
    elif mode == "majority":
        why = "1 of 2 is no majority; the controller decides outside of the nodes, and so quorum.mode stays none"
        found.say(DIFFERENT, "QUORUM_MODE=majority", why)
    elif mode == "tcp_remote":
        _hosts(found, values)
        return
    elif mode and mode not in OFF:
        found.say(DIFFERENT, f"QUORUM_MODE={mode}", "the controller's table stands outside of the nodes: mode none")
    elif mode:
        found.say(TAKEN, f"QUORUM_MODE={mode}", "quorum.mode none, the default")
    for key in ("QUORUM_HOSTS", "QUORUM_TIMEOUT_SECS"):
        if key in values:
            found.say(DIFFERENT, f"{key}={values[key]}", "it is for mode tcp_remote")


def _hosts(found: Settings, values: Mapping[str, str]) -> None:
    hosts = [each.strip() for each in values.get("QUORUM_HOSTS", "").split(",") if each.strip()]
    what = f"QUORUM_MODE=tcp_remote QUORUM_HOSTS={','.join(hosts)}"
    if len(set(hosts)) < LEAST_HOSTS:
        why = f"{len(set(hosts))} hosts; with fewer than 3, one that is down would stop the service. Add hosts"
        found.say(LEFT, what, why)
        return
    found.quorum = {"mode": "tcp_remote", "hosts": hosts}
    found.say(TAKEN, what, "quorum of the definition; no host may be a node of the cluster")
    limit = values.get("QUORUM_TIMEOUT_SECS", "20")
    if limit.isdigit() and 1 <= int(limit) <= MOST_TIMEOUT_S:
        found.quorum["timeout_s"] = int(limit)
        found.say(TAKEN, f"QUORUM_TIMEOUT_SECS={limit}", "quorum.timeout_s")
    else:
        why = "a probe must end before the next heartbeat, which is sent every 4 s: timeout_s stays 2"
        found.say(DIFFERENT, f"QUORUM_TIMEOUT_SECS={limit}", why)


def _approval(found: Settings, values: Mapping[str, str], flags: list[str]) -> None:
    asked = [each for each in flags if each.startswith(ASKED_FIRST)]
    said = {key: values[key] for key in ("CONFIRMSODEF", "CONFIRMSOTO") if key in values}
    if not asked:
        for key, value in said.items():
            found.say(DIFFERENT, f"{key}={value}", "it counts with Confirm Failover only, which is not on")
        return
    wait = values.get("CONFIRMSOTO", str(ASKED_S))
    fits = wait.isdigit() and LEAST_ASKED_S <= int(wait) <= MOST_ASKED_S
    wait_s = int(wait) if fits else ASKED_S
    on_timeout = "hold" if values.get("CONFIRMSODEF") == "1" else "proceed"
    found.policy["approval"] = {"for": ["failover"], "wait_s": wait_s, "on_timeout": on_timeout}
    what = " ".join([*asked, *(f"{key}={value}" for key, value in said.items())])
    found.say(TAKEN, what, f"policy.approval of failovers to any node, wait_s {wait_s}, on_timeout {on_timeout}")
    if not fits:
        found.say(TO_DO, f"CONFIRMSOTO={wait}", f"a wait is 30 to 1500 s: {ASKED_S} is written")


def _flag(flag: str) -> Finding:
    if flag == "shutdown_switchover":
        return Finding(DIFFERENT, f"flag {flag}", "a node that is shut down says so, and the service moves: always so")
    return Finding(LEFT, f"flag {flag}", "not known to this import; what is to stay as it is needs a hold")


def _shutdown(strategy: str) -> Finding:
    if strategy.lower().startswith("switch"):
        return Finding(DIFFERENT, f"shutdown strategy {strategy}", "a node that is shut down says so: always so")
    why = "here the service moves when its node is shut down: hold the cluster before"
    return Finding(DIFFERENT, f"shutdown strategy {strategy}", why)
