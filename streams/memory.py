"""The states of a run that ends with its process: a backtest, the demo's expected list, a measurement."""

from streams.track import Track


class MemoryStates:
    """`streams.pipeline.States` without a store."""

    def __init__(self) -> None:
        self.tracks: dict[str, Track] = {}
        self.customers_waiting: set[str] = set()
        self._waiting: dict[tuple[str, str], bytes] = {}

    def take(self, customer_id: str) -> Track:
        """The customer's track, an empty one for a new customer."""
        track = self.tracks.get(customer_id)
        if track is None:
            track = self.tracks[customer_id] = Track()
        return track

    def forget(self, customer_id: str, applied: int) -> None:
        """Replace the customer's track by an empty one that has seen `applied`, and drop what was waiting."""
        track = self.take(customer_id)
        for alert_id in track.waiting:
            self.set_waiting(customer_id, alert_id, None)
        track.clear()
        track.applied = applied

    def waiting(self, customer_id: str, alert_id: str) -> bytes | None:
        """The record of an open alert that was raised before the account was known."""
        return self._waiting.get((customer_id, alert_id))

    def set_waiting(self, customer_id: str, alert_id: str, record: bytes | None) -> None:
        """Keep that record; None drops it."""
        if record is None:
            self._waiting.pop((customer_id, alert_id), None)
        else:
            self.customers_waiting.add(customer_id)
            self._waiting[customer_id, alert_id] = record
