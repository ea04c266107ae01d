#!/bin/sh
# Installs the agent from the wheels beside this file, in an environment of its own; it asks no registry. As root:
#
#     sh install.sh [ROOT]             install or upgrade; ROOT: below this directory instead of /
#     sh install.sh --remove [ROOT]    remove all of it but /etc/understudy and /var/lib/understudy
#
# PYTHON names the Python to use; without it, the first that is new enough is taken. Nothing is started or stopped.
# Each version has a directory of its own, so an upgrade changes no code under an agent that runs.
set -eu

here=$(cd "$(dirname "$0")" && pwd)
action=install
if [ "${1:-}" = --remove ]; then
    action=remove
    shift
fi
root=${1:-}
base=$root/opt/understudy-agent
link=$root/usr/bin/understudy-agent
units=$root/etc/systemd/system
missing=

lacks() {
    echo "install.sh: $1" >&2
    missing=yes
}

is_fit() {
    "$1" -c 'import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 10))' 2>/dev/null
}

is_used() { # by a process that was started from below this path
    set -- "$1" /proc/[0-9]*/cmdline # listed before there is a grep, whose own line would be found
    path=$1
    shift
    grep -qsF "$path/" "$@"
}

find_python() {
    for python in ${PYTHON:-python3 python3.13 python3.12 python3.11 python3.10}; do
        if is_fit "$python"; then return; fi
    done
    if ! command -v "${PYTHON:-python3}" >/dev/null; then
        lacks "there is no ${PYTHON:-python3}: the agent needs Python 3.10 or newer"
    elif "${PYTHON:-python3}" -c 'import sys; sys.exit(sys.version_info < (3, 10))' 2>/dev/null; then
        lacks "${PYTHON:-python3} has no venv or no ensurepip. Debian, Ubuntu: apt-get install python3-venv"
    else
        lacks "${PYTHON:-python3} is older than 3.10, which the botocore in this bundle needs.\
 Amazon Linux 2023: dnf install python3.11; or name another: PYTHON=python3.11"
    fi
}

check_machine() {
    [ -z "$root" ] || return 0
    [ "$(id -u)" = 0 ] || lacks "only root can write to /opt, /usr/bin and /etc/systemd/system: run it as root"
    command -v systemctl >/dev/null || lacks "there is no systemd here (systemctl): the agent runs as its unit"
}

reload() {
    if [ -z "$root" ] && [ -d /run/systemd/system ]; then systemctl daemon-reload; fi
}

install_it() {
    ls "$here"/wheels/understudy_agent-*.whl >/dev/null 2>&1 ||
        lacks "there are no wheels beside this file: build the bundle (make wheel), unpack it, and run its install.sh"
    find_python
    check_machine
    [ -z "$missing" ] || exit 1
    # The same bundle with the same Python is the same installation.
    about='import sys; print(sys.version, sys.executable)'
    name=$({ "$python" -c "$about" && cat "$here"/wheels/*.whl; } | sha256sum | cut -c 1-12)
    if [ ! -e "$base/$name/complete" ]; then
        rm -rf "${base:?}/$name" # what an installation that was interrupted has left
        "$python" -m venv "$base/$name"
        "$base/$name/bin/python" -m pip --isolated install --quiet --disable-pip-version-check --no-index \
            --find-links "$here/wheels" understudy-agent
        "$base/$name/bin/understudy-agent" --version >/dev/null
        : >"$base/$name/complete"
    fi
    mkdir -p "$root/usr/bin" "$root/etc/understudy" "$units" "$root/usr/share/man/man8"
    for unit in understudy-agent.service understudy-agent@.service; do
        install -m 644 "$here/$unit" "$units/$unit"
    done
    install -m 644 "$here/understudy-agent.8" "$root/usr/share/man/man8/understudy-agent.8"
    [ -e "$root/etc/understudy/agent.ini" ] || install -m 644 "$here/agent.ini" "$root/etc/understudy/agent.ini"
    ln -s "/opt/understudy-agent/$name/bin/understudy-agent" "$link.new.$$"
    mv -fT "$link.new.$$" "$link" # at once: there is always one
    forget_others
    reload
}

forget_others() {
    for old in "$base"/*/; do
        old=${old%/}
        case "${old##*/}" in
        "$name") continue ;;
        bin | include | lib | lib64 | share) old_layout=yes ;; # of a version that had no directory of its own
        *) is_used "$old" || rm -rf "$old" ;;
        esac
    done
    if [ -n "${old_layout:-}" ] && ! is_used "$base/bin"; then
        rm -rf "$base/bin" "$base/include" "$base/lib" "$base/lib64" "$base/share" "$base/pyvenv.cfg"
    fi
}

remove_it() {
    check_machine
    if is_used "$base"; then
        lacks "an agent of it runs, or keeps a lease: systemctl disable --now understudy-agent,\
 and each understudy-agent@NAME"
    fi
    [ -z "$missing" ] || exit 1
    rm -f "$units"/*.d/zz-understudy-*.conf "$units/understudy-agent.service" "$units/understudy-agent@.service"
    rm -f "$units"/*.wants/understudy-agent.service "$units"/*.wants/understudy-agent@*.service
    rm -f "$link" "$root/usr/share/man/man8/understudy-agent.8"
    rm -rf "$base"
    reload
    echo "install.sh: removed. Kept: $root/etc/understudy, $root/var/lib/understudy"
}

"${action}_it"
