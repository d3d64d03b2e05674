"""On what does the policy alert that no workflow handles?"""

from collections.abc import Iterator, Sequence
from typing import Any

from schemas.alert import Kind
from schemas.policy import Policy
from schemas.workflow import Workflow
from streams.filter import OPEN, decide

_EFFECT = "such alerts are recorded and nobody is told"


def gaps(policy: Policy, workflows: Sequence[Workflow]) -> Iterator[str]:
    """A sentence for each kind of alert, and each poor rating, that no workflow asks for.

    What only an account's or a ticket's details decide counts as handled where some of them are.
    """
    for kind in Kind:
        mine = [workflow for workflow in workflows if workflow.trigger.kind is kind]
        if not mine:
            yield f"no workflow handles {kind}: {_EFFECT}"
        elif kind is Kind.POOR_RATING:
            for rating in range(1, policy.poor_rating.at_most + 1):
                if not any(_may_pass(workflow, {"rating": rating}) for workflow in mine):
                    yield (
                        f"no workflow handles a rating of {rating}, on which the policy alerts "
                        f"(poor_rating.at_most is {policy.poor_rating.at_most}): {_EFFECT}"
                    )
        elif not any(_may_pass(workflow, {}) for workflow in mine):
            yield f"no workflow can handle {kind}, for no alert passes their filters: {_EFFECT}"


def _may_pass(workflow: Workflow, known: dict[str, Any]) -> bool:
    values = {"kind": workflow.trigger.kind.value, "silent": False, "status": OPEN} | known
    return decide(workflow.trigger.filter, lambda name: values.get(name, OPEN)) is not False
