"""Builds the folder that `sam deploy` takes: template, functions, layers, workflow, and nothing outside of it."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
SAM = ROOT / ".venv-sam" / "bin" / "sam"
OUTSIDE = re.compile(r"^(?P<key> *\w+: )(?P<path>(?:\.\./)+\S+)$", re.MULTILINE)


class PathOutside(Exception):  # noqa: N818  (it reads as the sentence that the maintainer gets)
    """The template names a file that is not of the sources, so the package could not carry it."""


def build(source: Path, work: Path) -> Path:
    """Build the project in `source`; everything that is made stands below `work`.

    Returns the folder of the package. Raises CalledProcessError, PathOutside.
    """
    folder = work / "sam" / "package"
    shutil.rmtree(folder.parent, ignore_errors=True)
    # Neither a cache (it does not see the two settings of the layer's build) nor the caller's AWS.
    inherited = {name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "SAM_"))}
    settings = {"LAYER_ARCHITECTURE": "arm64 x86_64", "PIP_PYTHON": sys.executable, "SAM_CLI_TELEMETRY": "0"}
    settings |= {"PYTHONDONTWRITEBYTECODE": "1"}
    built = subprocess.run(
        [SAM, "build", "--no-cached", "--build-dir", folder],
        cwd=source,
        env=inherited | settings,
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        check=False,
    )
    if built.returncode != 0:
        print(built.stdout, file=sys.stderr)
        built.check_returncode()
    take_in(folder, source)
    return folder


def take_in(folder: Path, source: Path) -> None:
    """Copy what the built template names outside its folder into it, and name it there.

    `sam build` leaves layers without a build of their own, the workflow and the licence where they are.
    Raises PathOutside.
    """
    template = folder / "template.yaml"

    def inside(match: re.Match[str]) -> str:
        named = (folder / match["path"]).resolve()
        if not named.is_relative_to(source.resolve()) or not named.exists():
            raise PathOutside(f"{template} names {match['path']}, which is no file of the sources in {source}")
        name = named.relative_to(source.resolve())
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        if named.is_dir():
            shutil.copytree(named, folder / name, dirs_exist_ok=True, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(named, folder / name)
        return match["key"] + name.as_posix()

    template.write_text(OUTSIDE.sub(inside, template.read_text(encoding="utf-8")), encoding="utf-8")
