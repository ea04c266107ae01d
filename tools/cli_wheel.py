"""Builds the wheel of the command-line tool, with the controller's code for definitions in it."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

from tools.agent_bundle import UV
from tools.archive import EPOCH_S

CARRIED = ("cli", "layers/controller/python")
"""The tool, and what its setup.py takes from beside it."""
BUILT = ("__pycache__", "*.egg-info", "build")


def build(source: Path, work: Path) -> Path:
    """Build the tool of the project in `source`; everything that is made stands below `work`.

    Returns the folder with the wheel, and nothing else in it. Raises CalledProcessError.
    """
    folder, project = work / "cli", work / "cli-source"
    for old in (folder, project):
        shutil.rmtree(old, ignore_errors=True)
    for part in CARRIED:
        shutil.copytree(source / part, project / part, ignore=shutil.ignore_patterns(*BUILT))
    shutil.copy(source / "LICENSE", project / "cli")  # a wheel carries only what stands in its project
    constraints = source / "requirements" / "build.txt"
    wheel: list[str | Path] = [
        UV,
        "build",
        "--quiet",
        "--wheel",
        "--require-hashes",
        "--build-constraints",
        constraints,
    ]
    # A wheel keeps the modes of its files, and those that setuptools writes have what the umask leaves.
    environment = os.environ | {"SOURCE_DATE_EPOCH": str(EPOCH_S)}
    # Only a Python that can run the controller's code puts it into the wheel.
    wheel += ["--python", sys.executable]
    subprocess.run([*wheel, "--out-dir", folder, project / "cli"], check=True, umask=0o022, env=environment)
    (folder / ".gitignore").unlink(missing_ok=True)
    return folder
