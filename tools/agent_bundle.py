"""Builds the agent with all that it needs, for nodes that reach no package registry."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

from tools.archive import EPOCH_S, pack

ROOT = Path(__file__).resolve().parents[1]
UV = ROOT / ".venv" / "bin" / "uv"
BESIDE = ("install.sh", "agent.ini", "understudy-agent.8", "understudy-agent.service", "understudy-agent@.service")


def build(source: Path, work: Path) -> Path:
    """Build the agent of the project in `source`; everything that is made stands below `work`.

    Returns the folder of what a node needs: its wheels and what stands beside them. Raises CalledProcessError.
    """
    folder, project = work / "agent", work / "agent-source"
    for old in (folder, project):
        shutil.rmtree(old, ignore_errors=True)
    shutil.copytree(source / "agent", project, ignore=shutil.ignore_patterns("__pycache__", "*.egg-info", "build"))
    shutil.copy(source / "LICENSE", project)  # a wheel carries only what stands in its project
    wheels = folder / "wheels"
    requirements = source / "requirements"
    wheel: list[str | Path] = [UV, "build", "--quiet", "--wheel", "--require-hashes"]
    _run([*wheel, "--build-constraints", requirements / "build.txt", "--out-dir", wheels, project])
    download = [sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check", "--require-hashes"]
    _run([*download, "--only-binary=:all:", "--no-deps", "--dest", wheels, "-r", requirements / "agent.txt"])
    (wheels / ".gitignore").unlink(missing_ok=True)
    for name in (*(f"agent/{name}" for name in BESIDE), "LICENSE"):
        shutil.copy(source / name, folder)
    return folder


def _run(command: list[str | Path]) -> None:
    # A wheel keeps the modes of its files, and those that setuptools writes have what the umask leaves.
    subprocess.run(command, check=True, umask=0o022, env=os.environ | {"SOURCE_DATE_EPOCH": str(EPOCH_S)})


if __name__ == "__main__":
    bundle = ROOT / "dist" / "understudy-agent.tar.gz"
    pack(build(ROOT, ROOT / "build"), bundle)
    print(bundle.relative_to(ROOT))
