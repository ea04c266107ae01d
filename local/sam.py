"""Builds and deploys the real template with the SAM CLI, against the embedded AWS."""

from __future__ import annotations

import compileall
import fcntl
import hashlib
import os
import py_compile
import re
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from botocore.exceptions import ClientError

from local.engine import Engine
from local.processes import MARK, start, tail_of

ROOT = Path(__file__).resolve().parents[1]
BUILD = ROOT / "build" / "sam"
SAM = ROOT / ".venv-sam" / "bin" / "sam"
STACK = "understudy"
BUCKET = "understudy-artifacts"
BUILD_LIMIT_S = 180.0
DEPLOY_LIMIT_S = 120.0
UNWEIGHED = (
    (
        "that a change of records has its keys",
        r"^ +'?Null'?:\n(?: +'?route53:ChangeResourceRecordSets\w+'?: '?false'?\n)+",
        "",
        1,
    ),
    (
        "which group's hook is answered, and that it has the stack's tag",
        r"^( +Resource:)\n +Fn::Sub: arn:\S+:autoScalingGroup:\S+\n"
        r" +Condition:\n +StringEquals:\n +autoscaling:\S+:\n +Ref: \S+\n",
        r"\1 '*'\n",
        2,
    ),
)
"""What of IAM the embedded AWS cannot weigh: what it says, its text, what stands in its place, and how often."""
_INPUTS = ("template.yaml", "samconfig.toml", "functions", "layers", "statemachine", "local/sam.py")


class SamFailed(Exception):  # noqa: N818  (it reads as the sentence that the operator gets)
    """`sam` failed; the message holds the end of its output."""


def build(engine: Engine) -> bool:
    """Build into build/sam, unless what is there was built from the same inputs. True if it was built."""
    BUILD.mkdir(parents=True, exist_ok=True)
    with (BUILD / "lock").open("w") as lock:  # a demo and a test run may build at the same time
        fcntl.flock(lock, fcntl.LOCK_EX)
        return _build(engine)


def _build(engine: Engine) -> bool:
    stamp, wanted = BUILD / "inputs.sha256", _inputs_hash()
    if (BUILD / "out" / "template.yaml").exists() and stamp.exists() and stamp.read_text() == wanted:
        return False
    stamp.unlink(missing_ok=True)
    _sam(
        engine,
        [
            "build",
            "--config-env",
            "local",
            "--build-dir",
            str(BUILD / "out"),
            "--cache-dir",
            str(BUILD / "cache"),
        ],
        # The embedded AWS runs functions in this interpreter, so their dependencies are built for it.
        {"LAYER_ARCHITECTURE": "host", "PIP_PYTHON": sys.executable},
        BUILD_LIMIT_S,
    )
    leave_out_unknown_keys(BUILD / "out" / "template.yaml")
    compile_in(BUILD / "out")
    stamp.write_text(wanted)
    return True


def leave_out_unknown_keys(template: Path) -> None:
    """The embedded AWS gives IAM neither the keys of a change of records nor group and tags where a hook is answered.

    So none of them is there that must be; what the policies say is held by tests/template. Raises SamFailed when there
    is nothing of the kind to leave out.
    """
    text = template.read_text(encoding="utf-8")
    for what, pattern, instead, expected in UNWEIGHED:
        text, count = re.subn(pattern, instead, text, flags=re.MULTILINE)
        if count != expected:
            raise SamFailed(f"{template} says {count} times {what}; expected: {expected}")
    template.write_text(text, encoding="utf-8")


def compile_in(built: Path) -> None:
    """Put the bytecode beside the sources.

    The embedded AWS unpacks every layer anew for each worker that it starts, so each would compile it all again:
    seconds on a small machine, in the middle of a failover. Bytecode that is not checked against its source
    survives the unpacking, which gives the files new times.
    """
    unchecked = py_compile.PycInvalidationMode.UNCHECKED_HASH
    if not compileall.compile_dir(built, quiet=2, force=True, workers=2, invalidation_mode=unchecked):
        raise SamFailed(f"{built} holds Python that does not compile")


def deploy(
    engine: Engine, hosted_zone_ids: Sequence[str], protected_names: Sequence[str], folder: Path = BUILD / "out"
) -> None:
    """Deploy what was built into `folder`. The zone must exist already: its id is a parameter of the stack."""
    # A bucket of our own: the one that SAM would make for itself takes it half a minute of waiting.
    engine.client("s3").create_bucket(Bucket=BUCKET)
    parameters = {
        "HostedZoneIds": ",".join(hosted_zone_ids),
        "ProtectedNames": ",".join(protected_names),
        "Architectures": "arm64" if os.uname().machine in ("aarch64", "arm64") else "x86_64",
        "DeletionProtection": "false",
        "Alarms": "false",  # it knows no alarms on metric expressions
        "LogRetentionDays": "1",
    }
    program = ["deploy", "--config-env", "local", "--stack-name", STACK, "--no-progressbar"]
    program += ["--template-file", str(folder / "template.yaml")]
    program += ["--no-resolve-s3", "--s3-bucket", BUCKET, "--no-confirm-changeset", "--capabilities", "CAPABILITY_IAM"]
    program += ["--parameter-overrides", *(f"{name}={value}" for name, value in parameters.items())]
    try:
        _sam(engine, program, {"SAM_CLI_POLL_DELAY": "0.3"}, DEPLOY_LIMIT_S)
    except SamFailed as failed:
        raise SamFailed("\n".join([*_resources_that_failed(engine), str(failed)])) from None


def _resources_that_failed(engine: Engine) -> list[str]:
    """The reason is a line in the middle of SAM's output, far above its end."""
    try:
        events = engine.client("cloudformation").describe_stack_events(StackName=STACK)["StackEvents"]
    except ClientError:  # there is no stack yet
        return []
    failed = [e for e in events if e["ResourceStatus"].endswith("_FAILED")]
    return [f"{e['LogicalResourceId']}: {e.get('ResourceStatusReason', e['ResourceStatus'])}" for e in failed]


def _sam(engine: Engine, arguments: list[str], settings: Mapping[str, str], limit_s: float) -> None:
    # The caller's environment, because pip is configured there, but nothing of its AWS settings.
    inherited = {k: v for k, v in os.environ.items() if not k.startswith(("AWS_", "SAM_", "PYTHON"))}
    env = inherited | engine.endpoints | {MARK: engine.run, "SAM_CLI_TELEMETRY": "0"} | dict(settings)
    log = engine.directory / f"sam-{arguments[0]}.log"
    child = start(f"sam {arguments[0]}", [str(SAM), *arguments], env=env, log=log, cwd=ROOT)
    try:
        status = child.popen.wait(limit_s)
    except subprocess.TimeoutExpired:
        raise SamFailed(f"{child.name} did not end within {limit_s:g} s:\n{tail_of(log)}") from None
    finally:
        child.stop()
    if status != 0:
        raise SamFailed(f"{child.name} ended with status {status}:\n{tail_of(log)}")


def _inputs_hash() -> str:
    digest = hashlib.sha256(f"{sys.version} {sys.executable}\n".encode())
    for name in _INPUTS:
        for path in sorted([ROOT / name, *(ROOT / name).rglob("*")]):
            if path.is_file() and "__pycache__" not in path.parts:
                digest.update(f"{path.relative_to(ROOT)}\0".encode() + path.read_bytes() + b"\0")
    return digest.hexdigest()
