"""By what each customer is judged: the policy, and what it says otherwise for a tier or a customer."""

from collections.abc import Mapping
from typing import NamedTuple

from schemas.customer import Customer
from schemas.policy import Policy
from streams.detect import Rules
from streams.track import Track


class Judge(NamedTuple):
    """A policy, and its thresholds as they are compared."""

    policy: Policy
    rules: Rules


class Judges:
    """Those of a policy.

    Attributes:
        usual: the one of most customers.
        differ: whether there are others.
    """

    def __init__(self, policy: Policy) -> None:
        self._policy = policy
        self._all = {selected: Judge(each, Rules.of(each)) for selected, each in policy.all_for.items()}
        self.usual = self._all[None, None]
        self.differ = len(self._all) > 1

    def of(self, track: Track, customer_id: str, accounts: Mapping[str, Customer]) -> Judge:
        """The customer's, the overrides of the policy in it."""
        if not self.differ:
            return self.usual
        account = accounts.get(customer_id)
        judge = self._all[self._policy.selected_by(customer_id, account.tier if account else None)]
        if track.sums is not None and track.sums.spans != judge.rules.spans:
            track.sums = None  # the account is of another tier now
        return judge
