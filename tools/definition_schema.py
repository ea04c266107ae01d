"""Prints the JSON Schema of a cluster's definition, for editors."""

import json

from understudy.definition.document import ClusterDocument


def definition_schema() -> str:
    """The schema as a file: keys in a stable order, the head first."""
    head = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Understudy cluster definition",
    }
    body = ClusterDocument.model_json_schema()
    schema = head | {key: body[key] for key in sorted(body) if key not in head}
    return json.dumps(schema, indent=2, ensure_ascii=False) + "\n"
