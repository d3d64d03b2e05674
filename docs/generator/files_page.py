"""The pages of the files that users write: the policy, workflows, and mappings of survey tools."""

from collections.abc import Iterator

from docs.generator.schema_tables import objects, section, table
from schemas.export import file_schema

_POLICY = """\
# The policy file, field by field

What they do together is told in [the policy](../policy.md). For editors there is a
[JSON Schema](../schemas/policy.schema.json).
"""
_WORKFLOW = """\
# The workflow file, field by field

How one is written is told in [workflows](../workflows.md). For editors there is a
[JSON Schema](../schemas/workflow.schema.json).
"""
_SOURCE = """\
# The mapping of a survey tool, field by field

How one is written is told in [survey tools](../sources.md#anything-else-a-mapping-of-your-own). For editors there is a
[JSON Schema](../schemas/source.schema.json).
"""


def policy() -> Iterator[str]:
    """Every field of a policy file."""
    yield _POLICY
    yield from _fields("policy")


def workflow() -> Iterator[str]:
    """Every field of a workflow file."""
    yield _WORKFLOW
    yield from _fields("workflow")


def source() -> Iterator[str]:
    """Every field of a mapping."""
    yield _SOURCE
    yield from _fields("source")


def _fields(name: str) -> Iterator[str]:
    described = file_schema(name)
    yield "\n".join(table(described, described)) + "\n"
    for inside, node in objects(described).items():
        yield from section(described, inside, node)
