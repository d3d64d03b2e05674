"""The states of a run that ends with its process: a backtest, the demo's expected list, a measurement."""

from collections.abc import Collection, Mapping

from streams.track import Track


class MemoryStates:
    """`streams.records.States` without a store."""

    def __init__(self) -> None:
        self.tracks: dict[str, Track] = {}
        self.customers_waiting: set[str] = set()

    @property
    def at_hand(self) -> Mapping[str, Track]:
        """All of them."""
        return self.tracks

    def expect(self, customer_ids: Collection[str]) -> None:
        """There is no place to look at."""

    def take(self, customer_id: str) -> Track:
        """The customer's track, an empty one for a new customer."""
        track = self.tracks.get(customer_id)
        if track is None:
            track = self.tracks[customer_id] = Track()
        return track

    def forget(self, customer_id: str, applied: int) -> None:
        """Replace the customer's track by an empty one that has seen `applied`, and drop what was waiting."""
        track = self.take(customer_id)
        self.set_waits(customer_id, waits=False)
        track.clear()
        track.applied = applied

    def set_waits(self, customer_id: str, *, waits: bool) -> None:
        """Note whether alerts of the customer wait for the account."""
        if waits == (customer_id in self.customers_waiting):
            return
        if waits:
            self.customers_waiting.add(customer_id)
        else:
            self.customers_waiting.discard(customer_id)
