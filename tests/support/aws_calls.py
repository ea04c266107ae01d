"""Which AWS actions a piece of code can call, read from the code itself.

It follows names from an entry (a function's `app.py`): functions that are named, classes that are named, and of those
classes every method whose name is used anywhere on the way. That is a little too much at worst, and never too little:
what is not named cannot be called. In the adapters, a name that is an operation of a boto3 client is such a call.
"""

import ast
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

import botocore.session
from botocore import xform_name

IAM_PREFIX = {"stepfunctions": "states", "elbv2": "elasticloadbalancing"}
"""Where IAM calls a service differently from boto3."""
IN_TRANSACTIONS = {
    "Put": "PutItem",
    "Update": "UpdateItem",
    "Delete": "DeleteItem",
    "ConditionCheck": "ConditionCheckItem",
}
"""What each part of a DynamoDB transaction needs. The transaction itself is no action of IAM."""
TRANSACTION = "dynamodb:TransactWriteItems"
Thing = tuple[str, str]
"""A function or a class: its module and its name; a method's name has its class before it."""


@dataclass
class Code:
    """Python modules by their dotted names: what they define, and what their names stand for."""

    functions: dict[Thing, ast.AST] = field(default_factory=dict)
    methods: dict[Thing, dict[str, ast.AST]] = field(default_factory=dict)
    bases: dict[Thing, list[str]] = field(default_factory=dict)
    names: dict[str, dict[str, Thing]] = field(default_factory=dict)

    def add(self, module: str, source: str) -> None:
        """Read one module."""
        tree = ast.parse(source)
        names = self.names.setdefault(module, {})
        for node in ast.walk(tree):
            if isinstance(node, ast.ImportFrom) and node.module and not node.level:
                names.update({each.asname or each.name: (node.module, each.name) for each in node.names})
        for node in tree.body:
            if isinstance(node, ast.FunctionDef):
                self.functions[(module, node.name)] = node
                names[node.name] = (module, node.name)
            elif isinstance(node, ast.ClassDef):
                self.methods[(module, node.name)] = {
                    each.name: each for each in node.body if isinstance(each, ast.FunctionDef)
                }
                self.bases[(module, node.name)] = [base.id for base in node.bases if isinstance(base, ast.Name)]
                names[node.name] = (module, node.name)

    def methods_of(self, cls: Thing) -> Mapping[str, tuple[str, ast.AST]]:
        """The methods of a class with those that it inherits, each with its module."""
        found: dict[str, tuple[str, ast.AST]] = {}
        for base in self.bases[cls]:
            parent = self.names[cls[0]].get(base)
            if parent in self.methods:
                found.update(self.methods_of(parent))
        return {**found, **{name: (cls[0], node) for name, node in self.methods[cls].items()}}


@dataclass
class Reached:
    """What can be reached from an entry."""

    code: Code
    live: set[Thing] = field(default_factory=set)
    used: set[str] = field(default_factory=set)
    seen: dict[int, tuple[str, ast.AST]] = field(default_factory=dict)

    def follow(self, module: str, node: ast.AST) -> None:
        """Add a piece of code of a module, and whatever it names."""
        if id(node) in self.seen:
            return
        self.seen[id(node)] = (module, node)
        for name in _names(node):
            self._take(module, name)

    def settle(self) -> None:
        """Add the methods that are used of the classes that are live, until nothing more comes."""
        before = -1
        while before != len(self.seen):
            before = len(self.seen)
            for cls in tuple(self.live):
                for name, (module, node) in self.code.methods_of(cls).items():
                    if name in self.used or name.startswith("__"):
                        self.follow(module, node)

    def _take(self, module: str, name: str) -> None:
        first, _, attribute = name.partition(".")
        thing = self.code.names[module].get(first)
        if attribute:
            self.used.add(attribute)
            # `wiring.ledger`: a function of an imported module.
            thing = (".".join(thing), attribute) if thing else None
        if thing in self.code.functions:
            self.follow(thing[0], self.code.functions[thing])
        elif thing in self.code.methods:
            self.live.add(thing)


def actions_from(entry: Path, package: Path, *, clients: str) -> set[str]:
    """The IAM actions that the module `entry` can call through the package; its module `clients` makes the clients."""
    code, source = _package(package), entry.read_text(encoding="utf-8")
    module = f"{entry.parent.name}.{entry.stem}"
    code.add(module, source)
    reached = Reached(code)
    reached.follow(module, ast.parse(source))
    reached.settle()
    adapters = [node for where, node in reached.seen.values() if ".adapters." in where]
    return set(_actions(adapters, _services(package, clients)))


def actions_in(sources: Iterable[Path], services: Iterable[str]) -> set[str]:
    """The IAM actions that whole modules can call, with clients of these services."""
    trees = [ast.parse(path.read_text(encoding="utf-8")) for path in sources]
    return set(_actions(trees, services))


@cache
def _package(package: Path) -> Code:
    code = Code()
    for path in sorted(package.rglob("*.py")):
        name = ".".join(path.relative_to(package.parent).with_suffix("").parts).removesuffix(".__init__")
        code.add(name, path.read_text(encoding="utf-8"))
    return code


def _services(package: Path, clients: str) -> list[str]:
    """The services of which clients are made: whatever is named there as one."""
    tree = ast.parse((package / clients).read_text(encoding="utf-8"))
    return sorted(set(_texts(ast.walk(tree))) & set(_session().get_available_services()))


def _actions(nodes: Iterable[ast.AST], services: Iterable[str]) -> Iterator[str]:
    by_name = {name: action for service in services for name, action in _operations(service).items()}
    every = [node for tree in nodes for node in ast.walk(tree)]
    texts = set(_texts(every))
    called = {by_name[name] for name in _operation_names(every) if name in by_name}
    yield from called - {TRANSACTION}
    if TRANSACTION in called:
        yield from (f"dynamodb:{needed}" for part, needed in IN_TRANSACTIONS.items() if part in texts)


def _operation_names(nodes: Iterable[ast.AST]) -> Iterator[str]:
    """`client.get_item(...)` and `client.get_paginator("query")`, also when the method is only handed on."""
    for node in nodes:
        if isinstance(node, ast.Attribute):
            yield node.attr
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "get_paginator":
            yield from _texts(node.args)


def _texts(nodes: Iterable[ast.AST]) -> Iterator[str]:
    return (node.value for node in nodes if isinstance(node, ast.Constant) and isinstance(node.value, str))


def _names(node: ast.AST) -> Iterator[str]:
    """The names and the attributes that code uses, annotations left out: nobody is called by an annotation."""
    for child in ast.iter_child_nodes(node):
        if child is getattr(node, "annotation", None) or child is getattr(node, "returns", None):
            continue
        if isinstance(child, ast.Attribute):
            yield f"{child.value.id}.{child.attr}" if isinstance(child.value, ast.Name) else f".{child.attr}"
        if isinstance(child, ast.Name):
            yield child.id
        yield from _names(child)


@cache
def _session() -> botocore.session.Session:
    return botocore.session.get_session()


@cache
def _operations(service: str) -> Mapping[str, str]:
    prefix = IAM_PREFIX.get(service, service)
    return {xform_name(name): f"{prefix}:{name}" for name in _session().get_service_model(service).operation_names}
