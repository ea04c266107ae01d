#!/bin/sh
# Installs the agent from the wheels beside this file; no package registry is asked. Run it as root:
#
#     [PYTHON=python3.11] sh install.sh [ROOT]
#
# ROOT: install below this directory instead of /. An agent.ini that is there already is kept. Nothing is started.
set -eu

here=$(cd "$(dirname "$0")" && pwd)
root=${1:-}
python=${PYTHON:-python3}

"$python" -c 'import sys; sys.exit(sys.version_info < (3, 10))' || {
    echo "install.sh: $python is older than 3.10, which the botocore in this bundle needs. Name another: PYTHON=python3.11" >&2
    exit 1
}
"$python" -m venv "$root/opt/understudy-agent"
"$root/opt/understudy-agent/bin/python" -m pip install --quiet --disable-pip-version-check --no-index --upgrade \
    --find-links "$here/wheels" understudy-agent

mkdir -p "$root/usr/bin" "$root/etc/understudy" "$root/etc/systemd/system"
ln -sfn /opt/understudy-agent/bin/understudy-agent "$root/usr/bin/understudy-agent"
for unit in understudy-agent.service understudy-agent@.service; do
    install -m 644 "$here/$unit" "$root/etc/systemd/system/$unit"
done
[ -e "$root/etc/understudy/agent.ini" ] || install -m 644 "$here/agent.ini" "$root/etc/understudy/agent.ini"
