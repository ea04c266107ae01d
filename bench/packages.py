"""How large what is deployed is: each function, and the two layers that all of them share."""

from __future__ import annotations

import io
import zipfile
from pathlib import Path

from local.sam import BUILD, ROOT


def measure() -> dict[str, dict[str, int]]:
    """Bytes unpacked and as a zip file. Bytecode is left out: the build puts it there for the embedded AWS alone."""
    built = BUILD / "out"
    functions = sorted(path for path in built.glob("*Function") if path.is_dir())
    found = {"DependenciesLayer": _size(built / "DependenciesLayer")}
    found["ControllerLayer"] = _size(ROOT / "layers" / "controller")
    return found | {path.name: _size(path) for path in functions}


def _size(directory: Path) -> dict[str, int]:
    packed, unpacked = io.BytesIO(), 0
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        for path in sorted(directory.rglob("*")):
            if path.is_file() and path.suffix != ".pyc":
                unpacked += path.stat().st_size
                archive.write(path, path.relative_to(directory))
    if not unpacked:
        raise FileNotFoundError(f"{directory} holds nothing: was it built?")
    return {"bytes": unpacked, "zipped_bytes": len(packed.getvalue())}
