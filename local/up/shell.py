"""What `make env` prints: a shell that evaluates it works on the stack that is up, and on no other AWS."""

from __future__ import annotations

import shlex
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

from local.sam import ROOT
from local.up.ports import PortBlock

UNSET = (
    "AWS_PROFILE",
    "AWS_DEFAULT_PROFILE",
    "AWS_SESSION_TOKEN",
    "AWS_ROLE_ARN",
    "AWS_WEB_IDENTITY_TOKEN_FILE",
    "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS",
    "AWS_USE_FIPS_ENDPOINT",
    "AWS_USE_DUALSTACK_ENDPOINT",
)
"""Of the user's own settings, what would lead elsewhere."""

_DIG = """\
#!/bin/sh
# dig, which asks the name server of the stack that `make up` started.
IFS=:
for folder in $PATH; do
  if [ "$folder" != {here} ] && [ -x "$folder/dig" ]; then
    exec "$folder/dig" @127.0.0.1 -p {port} "$@"
  fi
done
echo "dig is not installed (on Debian: apt-get install bind9-dnsutils). What DNS answers: make state" >&2
exit 127
"""
_TOOL = """\
#!/bin/sh
# The command-line tool as it is in this checkout.
PYTHONPATH={path} exec {python} -m {package} "$@"
"""


def variables(ports: PortBlock, own: Mapping[str, str]) -> dict[str, str]:
    """`own`: how programs of the stack reach its AWS. Whoever plays enters by the stated ports instead."""
    here = "http://127.0.0.1"
    ec2 = f"{here}:{ports.ec2}"
    return dict(own) | {
        "AWS_ENDPOINT_URL": f"{here}:{ports.aws}",
        "AWS_ENDPOINT_URL_EC2": ec2,
        "AWS_ENDPOINT_URL_ROUTE53RESOLVER": ec2,
        "AWS_ENDPOINT_URL_ROUTE_53": f"{here}:{ports.route53}",
        "AWS_CONFIG_FILE": "/dev/null",
        "AWS_SHARED_CREDENTIALS_FILE": "/dev/null",
        "AWS_PAGER": "",
        "AWS_MAX_ATTEMPTS": "2",  # in an outage nobody wants to wait for more
    }


def script(wanted: Mapping[str, str], programs: Path) -> list[str]:
    """For bash and zsh. To evaluate it twice is the same as once."""
    return [
        f"unset {' '.join(UNSET)}",
        *(f"export {name}={shlex.quote(value)}" for name, value in wanted.items()),
        *_in_front("PATH", str(programs), ":"),
        *_in_front("no_proxy", "127.0.0.1", ","),
        *_in_front("NO_PROXY", "127.0.0.1", ","),
    ]


def _in_front(name: str, entry: str, between: str) -> Iterator[str]:
    quoted = shlex.quote(entry)
    yield (
        f'case "{between}${{{name}-}}{between}" in *{between}{quoted}{between}*) ;; '
        f'*) export {name}={quoted}"${{{name}:+{between}${name}}}" ;; esac'
    )


def write_programs(folder: Path, ports: PortBlock, root: Path = ROOT) -> None:
    """What PATH gets: dig as it asks here, and the command-line tool if this checkout has it."""
    folder.mkdir(parents=True, exist_ok=True)
    _write(folder / "dig", _DIG.format(here=shlex.quote(str(folder)), port=ports.dns))
    if (root / "cli" / "understudy_cli" / "__main__.py").exists():
        path = (
            f"{root / 'cli'}:{root / 'layers/controller/python'}"  # it judges definitions by the controller's own code
        )
        tool = {"path": shlex.quote(path), "python": shlex.quote(sys.executable)}
        _write(folder / "understudy", _TOOL.format(package="understudy_cli", **tool))


def _write(path: Path, text: str) -> None:
    path.write_text(text)
    path.chmod(0o755)
