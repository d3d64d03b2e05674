"""The detector's states in memory, for as long as one run."""

from collections.abc import Mapping

from streams.track import Track


class MemoryStates:
    """`streams.pipeline.States` without a store. All accounts are known from the start: no alert waits for one."""

    def __init__(self) -> None:
        self._tracks: dict[str, Track] = {}

    def track(self, customer_id: str) -> Track:
        """The customer's track, an empty one for a new customer."""
        track = self._tracks.get(customer_id)
        if track is None:
            track = self._tracks[customer_id] = Track()
        return track

    def changed(self, customer_id: str) -> None:
        """All is kept as it is."""

    def forget(self, customer_id: str, applied: int) -> None:
        """Replace the customer's track by an empty one that has seen `applied`."""
        self._tracks[customer_id] = track = Track()
        track.applied = applied

    def waiting(self, customer_id: str) -> Mapping[str, bytes]:  # noqa: ARG002 (the protocol's signature)
        """Nothing."""
        return {}

    def set_waiting(self, customer_id: str, waiting: Mapping[str, bytes]) -> None:
        """Nothing is kept."""
