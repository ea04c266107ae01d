"""What `make wheel` builds installs on a node that reaches no package registry, and leaves an agent that runs."""

from __future__ import annotations

import hashlib
import os
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
    env = os.environ | {"PYTHON": sys.executable, "PIP_NO_INDEX": "1"}
    done = subprocess.run(
        ["sh", str(base / "bundle" / "install.sh"), str(base / "root")],
        env=env,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return base / "root"


def test_the_same_sources_make_the_same_bundle(digest: str):
    assert build() == digest


def test_nothing_in_it_names_the_building_machine(root: Path):
    assert first_with(root.parent / "bundle", [str(ROOT)]) is None


def test_the_installed_agent_checks_its_sample_configuration(root: Path):
    agent = root / "opt/understudy-agent/bin/understudy-agent"
    config = root / "etc/understudy/agent.ini"
    checked = subprocess.run([agent, "check", "--config", config], capture_output=True, text=True, check=False)
    told = f"{config}: good, 2 services; watchdog off: a kernel that hangs is ended by nothing\n"
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
    env = os.environ | {"PYTHON": sys.executable}
    subprocess.run(["sh", str(root.parent / "bundle" / "install.sh"), str(root)], env=env, check=True)
    assert config.read_text() == "# mine\n"
    config.write_text(before)


def test_a_python_that_is_too_old_is_refused_with_what_to_do(root: Path, tmp_path: Path):
    old = tmp_path / "python3"
    old.write_text("#!/bin/sh\nexit 1\n")
    old.chmod(0o755)
    refused = subprocess.run(
        ["sh", str(root.parent / "bundle" / "install.sh"), str(tmp_path / "root")],
        env=os.environ | {"PYTHON": str(old)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert refused.returncode == 1
    assert "PYTHON=python3.11" in refused.stderr
    assert not (tmp_path / "root").exists()
