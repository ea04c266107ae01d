"""The functions of two releases in one process, each with its own package `understudy`."""

from __future__ import annotations

import contextlib
import hashlib
import importlib
import importlib.util
import sys
import tarfile
import tempfile
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

from tests.support.asl_definition import Definition
from tools.keep_release import KEPT, ROOT

PACKAGE = "understudy"


def _clients() -> ModuleType:
    """What builds the clients of the release whose package is in force, by the name that it has there."""
    names = (f"{PACKAGE}.clients", f"{PACKAGE}.wiring")
    return importlib.import_module(next(each for each in names if importlib.util.find_spec(each)))


def unpack_release_before(folder: Path) -> Path:
    """What `tools.keep_release` has kept, laid out as the sources are, in a folder of its own below this one.

    It is unpacked once: what has been compiled of it is found again by the next process.
    """
    unpacked = folder / hashlib.sha256(KEPT.read_bytes()).hexdigest()[:16]
    if not unpacked.is_dir():
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=folder) as beside, tarfile.open(KEPT) as archive:
            archive.extractall(Path(beside) / "new", filter="data")
            with contextlib.suppress(OSError):  # another process was first
                (Path(beside) / "new").rename(unpacked)
    return unpacked


class Side:
    """The functions below `root`, as they are deployed: handlers, clients and adapters, with that release's package.

    While one of them is called, `understudy` means that package; what it has imported is put away in between.
    """

    def __init__(self, name: str, root: Path, clock: Callable[[], float]) -> None:
        self.name, self._root = name, root
        self._modules: dict[str, ModuleType] = {}
        self._handlers: dict[str, Callable[[Any, Any], Any]] = {}
        self.workflow = Definition.load(root / "statemachine" / "transition.asl.json")
        with self._in_force():
            clients = _clients()
            assert Path(str(clients.__file__)).is_relative_to(root)
            setattr(clients, "clock", clock)  # noqa: B010 - of another release, so nothing here knows its type
            setattr(clients, "pause", lambda seconds: None)  # noqa: B010

    def __repr__(self) -> str:
        return self.name

    def call(self, function: str, event: Mapping[str, Any]) -> Any:
        """Invoke a function by the name of its folder."""
        context = SimpleNamespace(
            function_name=function,
            memory_limit_in_mb=256,
            invoked_function_arn=f"arn:aws:lambda:us-east-1:123456789012:function:{function}:live",
            aws_request_id="00000000-0000-4000-8000-000000000000",
        )
        with self._in_force():
            return self._handler(function)(event, context)

    def _handler(self, function: str) -> Callable[[Any, Any], Any]:
        if function not in self._handlers:
            path = self._root / "functions" / function / "app.py"
            spec = importlib.util.spec_from_file_location(f"{self.name}_{function}", path)
            assert spec
            assert spec.loader
            module = importlib.util.module_from_spec(spec)
            spec.loader.exec_module(module)
            self._handlers[function] = module.handler
        return self._handlers[function]

    @contextlib.contextmanager
    def _in_force(self) -> Iterator[None]:
        path = str(self._root / "layers" / "controller" / "python")
        others = _taken_out()
        sys.modules.update(self._modules)
        sys.path.insert(0, path)
        importlib.invalidate_caches()
        try:
            yield
        finally:
            self._modules = _taken_out()
            sys.modules.update(others)
            sys.path.remove(path)


def _taken_out() -> dict[str, ModuleType]:
    """The modules of the package, which nobody finds any more."""
    names = [name for name in sys.modules if name == PACKAGE or name.startswith(f"{PACKAGE}.")]
    return {name: sys.modules.pop(name) for name in names}


NOW = ROOT
"""Where the sources of the release in the making are."""
