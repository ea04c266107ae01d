"""Pacemaker and Corosync of Debian, with `aws-vpc-route53` and `fence_aws`, set up as their manuals say."""

from __future__ import annotations

import contextlib
import re
import shutil
from pathlib import Path

from bench.peers.clients import Asker, Resolved
from bench.peers.contender import Contender
from bench.peers.ground import PORT, Ground
from local.engine import REGION
from local.roles import put_policy
from local.waiting import wait_for
from local.world import ZONE_NAME
from tests.nodes.machine import Machine

LIMIT_S = 120.0
CLUSTER = "pcmk"
SERVICE = "quick.service"
TTL_S = 10
_COROSYNC = """totem {{
  version: 2
  cluster_name: {name}
  transport: knet
  crypto_cipher: none
  crypto_hash: none
}}
nodelist {{
{nodes}
}}
quorum {{
  provider: corosync_votequorum
  two_node: 1
}}
logging {{
  to_syslog: yes
  to_logfile: no
}}
"""
_NODE = "  node {{\n    name: {name}\n    nodeid: {number}\n    ring0_addr: {address}\n  }}"
_OWNED = "d /var/{} 0750 hacluster haclient"
_FOLDERS = [
    *(_OWNED.format(f"lib/pacemaker{below}") for below in ("", "/blackbox", "/cib", "/cores", "/pengine")),
    _OWNED.format("log/pacemaker"),
    "d /var/lib/corosync 0755 root root",
]
_AWS = """#!/bin/sh
unset PYTHONPATH
export AWS_CONFIG_FILE=/etc/aws.config
exec /usr/bin/aws --endpoint-url {url} "$@"
"""
"""Debian's `aws` knows no endpoint by its environment."""
_PROFILE = f"[default]\nregion = {REGION}\noutput = text\n"
_CONFIGURATION = """<configuration>
 <crm_config><cluster_property_set id="options">
  <nvpair id="stonith" name="stonith-enabled" value="true"/>
 </cluster_property_set></crm_config>
 <nodes/>
 <resources>
  <primitive id="fence" class="stonith" type="fence_aws">
   <instance_attributes id="fence-with">
    <nvpair id="fence-region" name="region" value="{region}"/>
    <nvpair id="fence-hosts" name="pcmk_host_map" value="{hosts}"/>
    <nvpair id="fence-power" name="power_timeout" value="240"/>
    <nvpair id="fence-timeout" name="pcmk_reboot_timeout" value="480"/>
    <nvpair id="fence-retries" name="pcmk_reboot_retries" value="4"/>
   </instance_attributes>
   <operations><op id="fence-monitor" name="monitor" interval="60s"/></operations>
  </primitive>
  <group id="web">
   <primitive id="app" class="systemd" type="quick">
    <operations><op id="app-monitor" name="monitor" interval="10s" timeout="20s"/></operations>
   </primitive>
   <primitive id="record" class="ocf" provider="heartbeat" type="aws-vpc-route53">
    <instance_attributes id="record-with">
     <nvpair id="record-awscli" name="awscli" value="/usr/local/bin/aws-here"/>
     <nvpair id="record-zone" name="hostedzoneid" value="{zone}"/>
     <nvpair id="record-name" name="fullname" value="{record}."/>
     <nvpair id="record-profile" name="profile" value="default"/>
    </instance_attributes>
    <operations>
     <op id="record-start" name="start" interval="0" timeout="180s"/>
     <op id="record-stop" name="stop" interval="0" timeout="180s"/>
     <op id="record-monitor" name="monitor" interval="300s" timeout="180s"/>
    </operations>
   </primitive>
  </group>
 </resources>
 <constraints/>
</configuration>
"""
_UNDER_WAY = re.compile(r'pending="(?!false)')
_OF_RECORD = ("route53:ChangeResourceRecordSets", "route53:GetChange", "route53:ListResourceRecordSets")


_SETTINGS = {
    "corosync": "two_node, knet, token by default (3 s)",
    "fence_aws": "reboot; power_timeout 240, pcmk_reboot_timeout 480, pcmk_reboot_retries 4",
    "aws-vpc-route53": "ttl 10 by default, start and stop 180 s, monitor 300 s",
    "service": "systemd resource, monitor 10 s",
}


class Pacemaker(Contender):
    """Two nodes. The service comes before the record: so the 20 s for which the agent waits for INSYNC delay nobody."""

    name = "Pacemaker"

    def __init__(self, ground: Ground, endpoints: dict[str, str], libraries: Path) -> None:
        super().__init__(ground)
        self.settings = _SETTINGS
        made = [ground.machine(CLUSTER, letter) for letter in "ab"]
        self.machines = [machine for machine, _ in made]
        self._instances = [instance for _, instance in made]
        self._record = f"{CLUSTER}.{ZONE_NAME}"
        for machine in self.machines:
            self._put_on(machine, endpoints, libraries)
        statement = {"Effect": "Allow", "Action": list(_OF_RECORD), "Resource": "*"}
        put_policy(ground.aws.engine, f"node-of-{CLUSTER}", "record", [statement])

    def _put_on(self, machine: Machine, endpoints: dict[str, str], libraries: Path) -> None:
        nodes = "\n".join(
            _NODE.format(name=one.name, number=number, address=one.address)
            for number, one in enumerate(self._instances, start=1)
        )
        shutil.copytree(libraries, machine.path("/opt/peers"))
        machine.write("/etc/corosync/corosync.conf", _COROSYNC.format(name=CLUSTER, nodes=nodes))
        machine.write("/etc/default/corosync", "")
        machine.write("/etc/tmpfiles.d/pacemaker.conf", "\n".join(_FOLDERS) + "\n")
        # Debian's boto3 knows no endpoint by its environment either.
        environment = {"PYTHONPATH": "/opt/peers", "AWS_ENDPOINT_URL_EC2": endpoints["ec2"]}
        machine.write("/etc/default/pacemaker", "".join(f"{key}={value}\n" for key, value in environment.items()))
        machine.write("/usr/local/bin/aws-here", _AWS.format(url=endpoints["route53"]), 0o755)
        machine.write("/etc/aws.config", _PROFILE)
        wants = machine.path("/etc/systemd/system/multi-user.target.wants")
        wants.mkdir(parents=True, exist_ok=True)
        for unit in ("corosync.service", "pacemaker.service"):
            (wants / unit).symlink_to(f"/lib/systemd/system/{unit}")

    def prepare(self, undo: contextlib.ExitStack) -> None:
        for machine in self.machines:
            machine.switch_on()
        for machine in self.machines:
            machine.wait_booted()
        first = self.machines[0]
        self.ground.aws.world.set_record(self._record, first.address, TTL_S)
        wait_for("both nodes of Pacemaker are online", self._are_online, LIMIT_S, why=self.tail)
        first.write("/etc/cib.xml", self._configuration())
        first.run("cibadmin", "--replace", "--scope=configuration", "--xml-file=/etc/cib.xml")
        self.watch(undo, PORT)
        resolved = undo.enter_context(Resolved(self.ground.aws.dns.port, self._record))
        by_record = Asker("record", self.ground.hub, PORT, lambda: resolved.address)
        self.clients = [undo.enter_context(by_record)]
        self.wait_ready()

    def _configuration(self) -> str:
        hosts = ";".join(f"{one.name}:{one.instance_id}" for one in self._instances)
        zone = self.ground.aws.world.zone
        return _CONFIGURATION.format(region=REGION, hosts=hosts, zone=zone, record=self._record)

    def _told(self) -> str:
        on = next((machine for machine in self.machines if machine.is_on), None)
        return on.says("crm_mon", "-1", "--inactive", "--output-as=xml") if on else ""

    def _are_online(self) -> bool:
        told = self._told()
        return all(f'<node name="{one.name}" id=' in told for one in self.machines) and told.count('online="true"') == 2

    def is_ready(self) -> bool:
        """Both nodes are online, all resources run, and nothing is under way."""
        told = self._told()
        return (
            self._are_online()
            and told.count('role="Started"') == 3
            and 'failed="true"' not in told
            and not _UNDER_WAY.search(told)
            and any("S_IDLE" in one.says("crmadmin", "-S", one.name) for one in self.machines)
        )

    def switch_over(self, active: Machine) -> None:
        """`--move` leaves a constraint, which is cleared when it has moved."""
        other = next(machine for machine in self.machines if machine is not active)
        active.run("crm_resource", "--resource", "web", "--move", "--node", other.name)

    def kill_service(self, active: Machine) -> None:
        active.run("systemctl", "kill", "--signal=KILL", SERVICE)

    def come_back(self, machine: Machine) -> None:
        """Its peer has it rebooted."""
        wait_for(f"{machine.name} is switched on by fence_aws", lambda: machine.is_on, LIMIT_S, why=self.tail)
        machine.wait_booted()

    def settle(self) -> None:
        """Forget the order to move, and what failed."""
        on = next(machine for machine in self.machines if machine.is_on)
        on.says("crm_resource", "--resource", "web", "--clear")
        on.says("crm_resource", "--cleanup")
