"""Builds what a release consists of, twice, in two folders, and keeps it only when both builds are the same.

What is committed is built. In dist/: the package for `sam deploy`, the agent for nodes, the wheel of the command-line
tool, and SHA256SUMS of all.
"""

from __future__ import annotations

import contextlib
import io
import os
import shutil
import subprocess
import sys
import tarfile
import tomllib
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

from tools import agent_bundle, cli_wheel, sam_package
from tools.archive import NotAFile, first_difference, first_with, pack, sha256

ROOT = Path(__file__).resolve().parents[1]
WORK = ROOT / "build" / "release"
DIST = ROOT / "dist"
TWO_MACHINES: Mapping[str, tuple[int, str, str]] = {
    "one": (0o022, "0", "UTC"),
    "another-with-a-longer-name": (0o077, "1", "Asia/Kolkata"),
}
"""What differs between machines, beside the folder: umask, PYTHONHASHSEED, TZ."""


class CannotRelease(Exception):  # noqa: N818  (it reads as the sentence that the maintainer gets)
    """There is nothing to publish; the message says why, and what to do."""


Build = Callable[[Path, Path], Path]
PARTS: Mapping[str, Build] = {
    "understudy": sam_package.build,
    "understudy-agent": agent_bundle.build,
    "understudy-cli": cli_wheel.build,
}
"""The artefacts by the beginning of their names, and what builds the folder of each from (source, work)."""


def version() -> str:
    """The project's version: pyproject.toml is its one place, and tests hold all others equal to it."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    return str(project["version"])


def twice(parts: Mapping[str, Build], source: Callable[[Path], None], work: Path) -> dict[str, tuple[Path, Path]]:
    """Build every part in two folders, each from own sources that `source` puts there. Both folders by name."""
    built: dict[str, list[Path]] = {name: [] for name in parts}
    for machine, (umask, seed, zone) in TWO_MACHINES.items():
        folder = work / machine
        shutil.rmtree(folder, ignore_errors=True)
        (folder / "source").mkdir(parents=True)
        source(folder / "source")
        with _as_on(umask, {"PYTHONHASHSEED": seed, "TZ": zone}):
            for name, build in parts.items():
                built[name].append(build(folder / "source", folder))
    return {name: (one, other) for name, (one, other) in built.items()}


@contextlib.contextmanager
def _as_on(umask: int, settings: Mapping[str, str]) -> Iterator[None]:
    """This process, with the umask and the environment of another machine."""
    before, environment = os.umask(umask), dict(os.environ)
    os.environ.update(settings)
    try:
        yield
    finally:
        os.umask(before)
        os.environ.clear()
        os.environ.update(environment)


def publish(built: Mapping[str, tuple[Path, Path]], number: str, dist: Path, secrets: list[str]) -> Path:
    """Pack what was built twice, and write SHA256SUMS, when nothing differs and nothing names a path of the machine.

    Raises CannotRelease, and then writes nothing into `dist`.
    """
    for name, (one, other) in built.items():
        if difference := first_difference(one, other):
            raise CannotRelease(
                f"{name}: two builds of the same sources are not the same: {difference}. See {one} and {other}"
            )
        if leak := first_with(one, secrets):
            raise CannotRelease(f"{name}: {leak}. Nothing of the building machine belongs into a release: {one}")
    sums = dist / "SHA256SUMS"
    lines = []
    for name, (one, _) in built.items():
        artefact = _artefact(name, number, one, dist)
        lines.append(f"{sha256(artefact)}  {artefact.name}\n")
    sums.write_text("".join(lines), encoding="utf-8")
    return sums


def _artefact(name: str, number: str, folder: Path, dist: Path) -> Path:
    """What is published of a folder: its wheel, where it has that alone, or an archive of it."""
    wheels = [*folder.glob("*.whl")]
    if wheels and wheels == [*folder.iterdir()]:
        dist.mkdir(parents=True, exist_ok=True)
        return Path(shutil.copyfile(wheels[0], dist / wheels[0].name))
    archive = dist / f"{name}-{number}.tar.gz"
    # A node unpacks the agent into a folder of its own choice; the package brings its folder along.
    pack(folder, archive, root=f"{name}-{number}" if name == "understudy" else "")
    return archive


def committed(folder: Path, repository: Path = ROOT) -> None:
    """Put the sources as they are committed into a folder. Raises CannotRelease when something is not committed."""
    changed = [line[3:] for line in _git(repository, "status", "--porcelain").splitlines()]
    if changed:
        few = ", ".join(changed[:5]) + (" ..." if len(changed) > 5 else "")
        raise CannotRelease(f"a release is built from what is committed. Commit or remove what is not committed: {few}")
    tar = subprocess.run(["git", "archive", "--format=tar", "HEAD"], cwd=repository, check=True, capture_output=True)
    with tarfile.open(fileobj=io.BytesIO(tar.stdout)) as archive:
        archive.extractall(folder, filter="data")


def _git(repository: Path, *arguments: str) -> str:
    return subprocess.run(["git", *arguments], cwd=repository, check=True, capture_output=True, text=True).stdout


def main() -> int:
    """Build, compare, publish. The exit status is 1 when there is nothing to publish."""
    try:
        built = twice(PARTS, committed, WORK)
        sums = publish(built, version(), DIST, [str(ROOT)])
    except (CannotRelease, NotAFile, sam_package.PathOutside, subprocess.CalledProcessError) as reason:
        print(reason, file=sys.stderr)
        return 1
    print(sums.read_text(encoding="utf-8"), end="")
    return 0


if __name__ == "__main__":
    sys.exit(main())
