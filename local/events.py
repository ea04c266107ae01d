"""The events that AWS sends and the embedded AWS does not, in the documented shape (see `samples`).

Nobody but AWS may put an event with a source that begins with `aws.`, and the emulator keeps to that, so the
launcher hands them to the deployed function itself.
"""

from __future__ import annotations

import json
import uuid
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from local.engine import ACCOUNT, REGION

SAMPLES = Path(__file__).with_name("samples")


def parameter_changed(name: str, operation: str) -> dict[str, Any]:
    """Parameter Store Change; `operation` is Create, Update or Delete."""
    # A name with a path begins with the slash that separates it from `parameter` in the ARN.
    arn = f"arn:aws:ssm:{REGION}:{ACCOUNT}:parameter/{name.removeprefix('/')}"
    return _event("parameter_store_change", arn, {"operation": operation, "name": name, "type": "String"})


def instance_changed(instance_id: str, state: str) -> dict[str, Any]:
    """EC2 Instance State-change Notification; `state` as EC2 names it."""
    arn = f"arn:aws:ec2:{REGION}:{ACCOUNT}:instance/{instance_id}"
    return _event("ec2_state_change", arn, {"instance-id": instance_id, "state": state})


def instance_terminating(instance_id: str, group: str, hook: str) -> dict[str, Any]:
    """EC2 Instance-terminate Lifecycle Action: a group waits at a hook before it ends the instance."""
    arn = f"arn:aws:autoscaling:{REGION}:{ACCOUNT}:autoScalingGroup:d5d8b4c2:autoScalingGroupName/{group}"
    detail = {
        "LifecycleActionToken": str(uuid.uuid4()),
        "AutoScalingGroupName": group,
        "LifecycleHookName": hook,
        "EC2InstanceId": instance_id,
        "LifecycleTransition": "autoscaling:EC2_INSTANCE_TERMINATING",
        "Origin": "AutoScalingGroup",
        "Destination": "EC2",
    }
    return _event("instance_terminate_lifecycle_action", arn, detail)


def _event(sample: str, resource: str, detail: dict[str, str]) -> dict[str, Any]:
    event: dict[str, Any] = json.loads((SAMPLES / f"{sample}.json").read_text())
    return event | {
        "id": str(uuid.uuid4()),
        "account": ACCOUNT,
        "region": REGION,
        "time": datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        "resources": [resource],
        "detail": detail,
    }
