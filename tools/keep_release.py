"""Keeps what a release runs in the controller, so that the next one can be held against it.

`python -m tools.keep_release`, right after a release. It goes into the repository, because a clone may
have no tags and no history. See docs/releases.md.
"""

from __future__ import annotations

import shutil
import sys
import tempfile
from pathlib import Path

from tools.archive import pack
from tools.release import committed

ROOT = Path(__file__).resolve().parents[1]
KEPT = ROOT / "tests" / "releases" / "before.tar.gz"
PARTS = ("functions", "layers/controller/python/understudy", "statemachine/transition.asl.json")


def keep(sources: Path, archive: Path) -> None:
    """Write functions, package and workflow of the sources into the archive."""
    with tempfile.TemporaryDirectory() as work:
        for part in PARTS:
            target = Path(work, part)
            target.parent.mkdir(parents=True, exist_ok=True)
            if (sources / part).is_dir():
                shutil.copytree(sources / part, target, ignore=shutil.ignore_patterns("__pycache__"))
            else:
                shutil.copy(sources / part, target)
        pack(Path(work), archive)


def main() -> int:
    """Keep what is committed."""
    with tempfile.TemporaryDirectory() as sources:
        committed(Path(sources))
        keep(Path(sources), KEPT)
    print(f"{KEPT.relative_to(ROOT)} written")
    return 0


if __name__ == "__main__":
    sys.exit(main())
