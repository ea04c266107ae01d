"""What `make wheel` builds installs on a node that reaches no package registry, and leaves an agent that runs."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
import tarfile
from pathlib import Path

import pytest

from local.sam import ROOT
from tools.archive import first_with

BUNDLE = ROOT / "dist" / "understudy-agent.tar.gz"


def build() -> str:
    """The hash of the bundle."""
    subprocess.run(["make", "-s", "wheel"], cwd=ROOT, check=True, capture_output=True)
    return hashlib.sha256(BUNDLE.read_bytes()).hexdigest()


@pytest.fixture(scope="module")
def digest() -> str:
    return build()


@pytest.fixture(scope="module")
def root(digest: str, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A directory below which the bundle was installed. pip is told that there is no network."""
    base = tmp_path_factory.mktemp("node")
    with tarfile.open(BUNDLE) as bundle:
        bundle.extractall(base / "bundle", filter="data")
    done = install(base, "root")
    assert done.returncode == 0, done.stderr
    return base / "root"


def install(base: Path, *words: str, python: str = sys.executable) -> subprocess.CompletedProcess[str]:
    """Run install.sh; the words that name directories are below `base`."""
    env = os.environ | {"PYTHON": python, "PIP_NO_INDEX": "1"}
    argv = [word if word.startswith("-") else str(base / word) for word in words]
    return subprocess.run(
        ["sh", str(base / "bundle" / "install.sh"), *argv], env=env, capture_output=True, text=True, check=False
    )


def installed(root: Path) -> Path:
    """The program to which the link leads."""
    return root / str((root / "usr/bin/understudy-agent").readlink()).lstrip("/")


def environments(root: Path) -> set[str]:
    return {path.name for path in (root / "opt/understudy-agent").iterdir()}


def test_the_same_sources_make_the_same_bundle(digest: str):
    assert build() == digest


def test_nothing_in_it_names_the_building_machine(root: Path):
    assert first_with(root.parent / "bundle", [str(ROOT)]) is None


def test_the_installed_agent_checks_its_sample_configuration(root: Path):
    """On a machine that was not set up for it: what is missing is named."""
    config = root / "etc/understudy/agent.ini"
    argv: list[str | Path] = [installed(root), "check", "--offline", "--config", config]
    checked = subprocess.run(argv, capture_output=True, text=True, check=False)
    assert checked.returncode == 78
    assert "mount = '/srv/orders': it is not there: mkdir -p /srv/orders\n" in checked.stderr
    own = root / "own.ini"
    own.write_text(
        f"[agent]\ncluster = c\ntable = t\nbus = b\nstate_dir = {root}\nruntime_dir = {root}\n"
        "[service app]\nkind = process\ncommand = /bin/true\n"
    )
    argv[-1] = own
    checked = subprocess.run(argv, capture_output=True, text=True, check=False)
    told = f"{own}: good, 1 services; watchdog off: a kernel that hangs is ended by nothing\n"
    assert (checked.returncode, checked.stdout) == (0, told), checked.stderr


def test_the_unit_starts_what_was_installed(root: Path):
    unit = (root / "etc/systemd/system/understudy-agent.service").read_text()
    link = root / "usr/bin/understudy-agent"
    assert f"ExecStart=/{link.relative_to(root)} run" in unit
    assert (root / str(link.readlink()).lstrip("/")).is_file()


def test_a_configuration_that_is_there_is_kept(root: Path):
    config = root / "etc/understudy/agent.ini"
    before = config.read_text()
    config.write_text("# mine\n")
    assert install(root.parent, "root").returncode == 0
    assert config.read_text() == "# mine\n"
    config.write_text(before)


def test_the_same_bundle_again_is_the_same_installation(root: Path):
    before, made = environments(root), installed(root).stat().st_ino
    assert install(root.parent, "root").returncode == 0
    assert (environments(root), installed(root).stat().st_ino) == (before, made)


def test_an_upgrade_changes_no_file_that_a_running_agent_uses(root: Path):
    """The directory of the old version goes with the next installation after its last process has ended."""
    old = installed(root).parents[1]
    code = "import sys; print(flush=True); sys.stdin.read()"
    with subprocess.Popen([old / "bin/python", "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as agent:
        assert agent.stdout is not None
        agent.stdout.readline()
        newer = root.parent / "bundle/wheels/newer-0-py3-none-any.whl"
        newer.write_bytes(b"another bundle")
        assert install(root.parent, "root").returncode == 0
        assert environments(root) == {old.name, installed(root).parents[1].name}
        assert old != installed(root).parents[1]
        assert install(root.parent, "--remove", "root").returncode == 1
        assert installed(root).exists()
        agent.communicate()
    assert install(root.parent, "root").returncode == 0
    assert environments(root) == {installed(root).parents[1].name}
    newer.unlink()


def test_an_installation_that_was_interrupted_is_made_anew(root: Path):
    environment = installed(root).parents[1]
    (environment / "complete").unlink()
    (environment / "bin/understudy-agent").unlink()
    assert install(root.parent, "root").returncode == 0
    assert installed(root).exists()


def test_what_is_missing_is_said_at_once_and_nothing_is_changed(root: Path, tmp_path: Path):
    old = tmp_path / "python3"
    old.write_text("#!/bin/sh\nexit 1\n")
    old.chmod(0o755)
    refused = install(root.parent, str(tmp_path / "root"), python=str(old))
    assert refused.returncode == 1
    assert "PYTHON=python3.11" in refused.stderr
    shutil.copy(root.parent / "bundle/install.sh", tmp_path)
    alone = ["sh", str(tmp_path / "install.sh"), str(tmp_path / "root")]
    env = os.environ | {"PYTHON": "/no/such/python"}
    told = subprocess.run(alone, env=env, capture_output=True, text=True, check=False)
    assert told.returncode == 1
    assert "there are no wheels beside this file" in told.stderr
    assert "there is no /no/such/python" in told.stderr
    assert not (tmp_path / "root").exists()


def test_removing_leaves_the_configuration_and_nothing_else(root: Path):
    drop_in = root / "etc/systemd/system/db.service.d/zz-understudy-orders-db.conf"
    drop_in.parent.mkdir()
    drop_in.touch()
    assert install(root.parent, "--remove", "root").returncode == 0
    left = {str(path.relative_to(root)) for path in root.rglob("*") if not path.is_dir()}
    assert left == {"etc/understudy/agent.ini", "own.ini"}
