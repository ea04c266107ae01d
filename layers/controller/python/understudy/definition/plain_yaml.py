"""YAML, and JSON with it, read from people without what could surprise."""

from typing import Any

import yaml

from understudy.domain.cluster.quoting import plain, quoted

FAULT_LIMIT = 400
"""Characters of what PyYAML says."""
NUMBER_LENGTH_LIMIT = 40
"""Characters of a number. One of thousands of digits, as 0xff... and 1:59:59... are, can be neither read nor shown."""
INT, FLOAT = "tag:yaml.org,2002:int", "tag:yaml.org,2002:float"
NESTING_LIMIT = 16
"""Lists and objects within each other; a definition needs 4."""


def read_plain_yaml(text: str) -> Any:
    """What the text stands for, in plain values. Raises ValueError for whatever cannot be read."""
    try:
        return yaml.load(text, Loader=_PlainLoader)  # noqa: S506 - a SafeLoader
    except (yaml.YAMLError, ValueError) as fault:  # ValueError: PyYAML takes `0x_` for a number and cannot read it
        raise ValueError(plain(" ".join(str(fault).split()), FAULT_LIMIT)) from None


class _PlainLoader(yaml.SafeLoader):
    """YAML without what could surprise.

    No aliases (a few lines can stand for gigabytes), no nesting without end, no tags, no key said twice, no texts taken
    for dates.
    """

    depth = 0

    yaml_implicit_resolvers = {  # noqa: RUF012 - so PyYAML has it
        first: [(tag, pattern) for tag, pattern in resolvers if tag != "tag:yaml.org,2002:timestamp"]
        for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
    }

    def compose_node(self, parent: Any, index: Any) -> Any:
        event: Any = self.peek_event()  # type: ignore[no-untyped-call]
        is_alias = isinstance(event, yaml.AliasEvent)
        if is_alias or getattr(event, "tag", None) is not None:
            problem = f"{'aliases' if is_alias else 'tags'} are not allowed"
            raise yaml.MarkedYAMLError(problem=problem, problem_mark=event.start_mark)
        if self.depth == NESTING_LIMIT:
            problem = f"nested deeper than {NESTING_LIMIT}"
            raise yaml.MarkedYAMLError(problem=problem, problem_mark=event.start_mark)
        self.depth += 1
        node = super().compose_node(parent, index)
        self.depth -= 1
        return node

    def construct_number(self, node: yaml.ScalarNode) -> int | float:
        if len(node.value) > NUMBER_LENGTH_LIMIT:
            problem = f"{quoted(node.value)} is a number of more than {NUMBER_LENGTH_LIMIT} characters"
            raise yaml.constructor.ConstructorError(None, None, problem, node.start_mark)
        is_whole = node.tag == INT
        return self.construct_yaml_int(node) if is_whole else self.construct_yaml_float(node)

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        seen = set()
        for key_node, _ in node.value:
            key = self.construct_object(key_node, deep=True)
            if not isinstance(key, str) or key in seen:
                raise yaml.constructor.ConstructorError(
                    None, None, f"key {quoted(key)} is said twice or is no text", key_node.start_mark
                )
            seen.add(key)
        return super().construct_mapping(node, deep=deep)


for _tag in (INT, FLOAT):
    _PlainLoader.add_constructor(_tag, _PlainLoader.construct_number)
