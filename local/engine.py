"""The embedded AWS: MiniStack, moto's EC2 and a proxy before Route 53, on free loopback ports.

`with Engine(directory) as engine:` starts it; everything it started is gone when the block is left.
"""

from __future__ import annotations

import contextlib
import fcntl
import http.client
import os
import secrets
import shutil
import signal
import sys
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import boto3
from botocore.config import Config
from botocore.credentials import Credentials

from local.aws_proxy import AwsProxy
from local.processes import MARK, Child, clean_environment, free_port, kill_marked, start
from local.waiting import NotInTime, wait_for

REGION = "us-east-1"
# MiniStack takes an access key of twelve digits for the account; it is also moto's account.
ACCOUNT = "123456789012"
_SECRET = "local"
READY_LIMIT_S = 30.0


class Engine:
    """Where everything runs. `endpoints` is the environment that points any AWS client at it.

    The keys in `endpoints` and of `client` are the account's own, which no policy binds. With `enforces_iam`, any other
    caller may do what its role allows, but in EC2, which is moto. With `faulty` the functions reach every service by a
    proxy of its own, in `function_proxies`; nodes and tests reach all but Route 53 directly, so that a fault ordered
    there is the functions' alone.
    """

    def __init__(
        self, directory: Path, propagation_s: float = 0.0, *, enforces_iam: bool = False, faulty: bool = False
    ) -> None:
        self.directory = directory.resolve()
        self.function_proxies: dict[str, AwsProxy] = {}
        self._faulty = faulty
        self.enforces_iam = enforces_iam
        self.run = secrets.token_hex(6)
        self._propagation_s = propagation_s
        self._exit = contextlib.ExitStack()
        self._clients: dict[str, Any] = {}

    def __enter__(self) -> Self:
        with contextlib.ExitStack() as undo:
            undo.callback(kill_marked, self.mark)
            undo.enter_context(_alone_in(self.directory))
            shutil.rmtree(self.directory, ignore_errors=True)
            self.directory.mkdir(parents=True)
            (self.directory / "run").write_text(self.run)
            self.port, self.ec2_port = free_port(), free_port()
            keys = Credentials(ACCOUNT, _SECRET)
            self.proxy = undo.enter_context(AwsProxy(self.port, self._propagation_s, keys))
            self._start_function_proxies(undo)
            moto, ministack = self._start_moto(undo), self._start_ministack(undo)
            self._main = ministack
            _wait_ready(ministack, self.port, "/_ministack/ready")
            _wait_ready(moto, self.ec2_port, "/moto-api/")
            self._exit = undo.pop_all()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._exit.close()

    @contextlib.contextmanager
    def outage(self) -> Iterator[None]:
        """Meanwhile no API but EC2's answers anything. What was asked is still there when they come back."""
        os.killpg(self._main.pid, signal.SIGSTOP)
        try:
            yield
        finally:
            os.killpg(self._main.pid, signal.SIGCONT)

    @property
    def mark(self) -> str:
        """The environment entry that every process of this run carries."""
        return f"{MARK}={self.run}"

    @property
    def endpoints(self) -> dict[str, str]:
        main = f"http://127.0.0.1:{self.port}"
        return {
            "AWS_ENDPOINT_URL": main,
            "AWS_ENDPOINT_URL_EC2": f"http://127.0.0.1:{self.ec2_port}",
            # MiniStack does not know it: to find that out it takes 4 s of processor time, and answers nobody meanwhile.
            "AWS_ENDPOINT_URL_ROUTE53RESOLVER": f"http://127.0.0.1:{self.ec2_port}",
            "AWS_ENDPOINT_URL_ELASTIC_LOAD_BALANCING_V2": f"http://127.0.0.1:{self.ec2_port}",
            "AWS_ENDPOINT_URL_ROUTE_53": self.proxy.url,
            "AWS_DEFAULT_REGION": REGION,
            "AWS_REGION": REGION,
            "AWS_ACCESS_KEY_ID": ACCOUNT,
            "AWS_SECRET_ACCESS_KEY": _SECRET,
            "AWS_EC2_METADATA_DISABLED": "true",
        }

    def environment(self, home: str) -> dict[str, str]:
        """A clean environment for a program of this run that talks to this AWS."""
        return clean_environment(self.run, self.directory / home) | self.endpoints

    def client(self, service: str) -> Any:
        """A boto3 client of this AWS, whatever the caller's own environment says."""
        if service not in self._clients:
            moto = f"http://127.0.0.1:{self.ec2_port}"
            special = {"ec2": moto, "elbv2": moto, "route53resolver": moto, "route53": self.proxy.url}
            self._clients[service] = boto3.client(
                service,
                region_name=REGION,
                endpoint_url=special.get(service, f"http://127.0.0.1:{self.port}"),
                aws_access_key_id=ACCOUNT,
                aws_secret_access_key=_SECRET,
                config=Config(connect_timeout=5, read_timeout=30, retries={"total_max_attempts": 3}),
            )
        return self._clients[service]

    def _start_function_proxies(self, undo: contextlib.ExitStack) -> None:
        self.function_proxies = {"route53": self.proxy}
        if self._faulty:
            upstream = dict.fromkeys(("dynamodb", "events", "stepfunctions"), self.port) | {"ec2": self.ec2_port}
            self.function_proxies |= {n: undo.enter_context(AwsProxy(port)) for n, port in upstream.items()}

    def _start_ministack(self, undo: contextlib.ExitStack) -> Child:
        # MiniStack hands its own environment on to its Lambda workers: this is theirs, too.
        env = (
            self.environment("ministack")
            | self._function_endpoints()
            | {
                "GATEWAY_PORT": str(self.port),
                "BIND_HOST": "127.0.0.1",
                "IOT_MTLS_ENABLED": "0",
                "LOG_LEVEL": "WARNING",
                "MINISTACK_REGION": REGION,
                "MINISTACK_ACCOUNT_ID": ACCOUNT,
                "AUTH": "true" if self.enforces_iam else "false",
            }
        )
        program = [sys.executable, "-m", "ministack"]
        return self._start("ministack", program, env, undo)

    def _function_endpoints(self) -> dict[str, str]:
        words = {"route53": "ROUTE_53", "stepfunctions": "SFN", "events": "EVENTBRIDGE"}
        return {f"AWS_ENDPOINT_URL_{words.get(n, n.upper())}": p.url for n, p in self.function_proxies.items()}

    def _start_moto(self, undo: contextlib.ExitStack) -> Child:
        env = clean_environment(self.run, self.directory / "moto") | {"MOTO_EC2_LOAD_DEFAULT_AMIS": "false"}
        server = str(Path(sys.executable).with_name("moto_server"))
        return self._start("moto", [server, "-H", "127.0.0.1", "-p", str(self.ec2_port)], env, undo)

    def _start(self, name: str, program: list[str], env: dict[str, str], undo: contextlib.ExitStack) -> Child:
        child = start(name, program, env=env, log=self.directory / f"{name}.log", cwd=self.directory)
        undo.callback(child.stop, 1.0)
        return child


class DirectoryInUse(Exception):  # noqa: N818  (it reads as the sentence that the operator gets)
    """Another engine runs in the directory."""


@contextlib.contextmanager
def _alone_in(directory: Path) -> Iterator[None]:
    """Hold the directory, which another engine would empty when it starts. Raises DirectoryInUse."""
    directory.parent.mkdir(parents=True, exist_ok=True)
    with directory.with_name(f"{directory.name}.lock").open("a+") as lock:  # not emptied: it names who holds it
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            lock.seek(0)
            holder = f"process {lock.read().strip() or 'unknown'}"
            raise DirectoryInUse(
                f"another embedded AWS runs in {directory} ({holder}): wait until it has ended, or stop it with Ctrl-C"
            ) from None
        lock.truncate(0)
        lock.write(f"{os.getpid()}\n")
        lock.flush()
        yield


def _wait_ready(child: Child, port: int, path: str) -> None:
    def ready() -> bool:
        if not child.running():
            raise NotInTime(f"{child.name} ended with status {child.popen.returncode}:\n{child.tail()}")
        return _answers(port, path)

    wait_for(f"{child.name} is ready", ready, READY_LIMIT_S, interval_s=0.05, why=child.tail)


def _answers(port: int, path: str) -> bool:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=2)
    try:
        connection.request("GET", path)
        return connection.getresponse().status == http.HTTPStatus.OK
    except OSError:
        return False
    finally:
        connection.close()
