"""A JSON Schema as the plain schemas of one type each that a value must match one of."""

from collections.abc import Mapping, Sequence
from typing import Any

Node = Mapping[str, Any]

ANNOTATIONS = {"$defs", "$id", "$schema", "default", "deprecated", "description", "discriminator", "examples", "title"}
"""Keywords that say nothing of what is valid."""
ANYTHING = "anything"
"""The type of what has none."""
_ANY: Node = {}
_TYPES = {
    str: "string",
    bool: "boolean",
    int: "integer",
    float: "number",
    type(None): "null",
    list: "array",
    dict: "object",
}


class Schema:
    """A schema whose parts are the same objects each time, so that one inside itself has an end."""

    def __init__(self, root: Node) -> None:
        self._root = root
        self._known: dict[int, Sequence[Node]] = {}

    def alternatives(self, node: Any) -> Sequence[Node]:
        """The schemas of one type each of which a value must match one."""
        if node is False:
            return ()
        if node is True or not node.keys() - ANNOTATIONS:
            return (_ANY,)
        if id(node) not in self._known:
            self._known[id(node)] = self._alternatives(node)
        return self._known[id(node)]

    def _alternatives(self, node: Node) -> Sequence[Node]:
        if "$ref" in node:
            found: Any = self._root
            for step in node["$ref"].removeprefix("#/").split("/"):
                found = found[step]
            return self.alternatives(found)
        for union in ("anyOf", "oneOf"):
            if union in node:
                return [each for option in node[union] for each in self.alternatives(option)]
        values = [node["const"]] if "const" in node else node.get("enum")
        if values is not None:
            of_type = {kind: [v for v in values if _TYPES[type(v)] == kind] for kind in _kinds(values)}
            return [{**node, "type": kind, "enum": those} for kind, those in of_type.items()]
        types = node.get("type", ANYTHING)
        return [{**node, "type": each} for each in ([types] if isinstance(types, str) else types)]


def _kinds(values: Sequence[Any]) -> Sequence[str]:
    return list(dict.fromkeys(_TYPES[type(value)] for value in values))
