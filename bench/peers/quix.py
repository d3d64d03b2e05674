"""Quix Streams: a stateful StreamingDataFrame, RocksDB with a changelog, at least once, a checkpoint every 10 s."""

import msgspec
from quixstreams import Application, State
from quixstreams.models import BytesSerializer, Deserializer, SerializationContext, TopicConfig
from quixstreams.state.rocksdb import RocksDBOptions

from bench.peers import job

_load = msgspec.msgpack.Decoder(job.Window).decode
_dump = msgspec.msgpack.Encoder().encode


class EventDeserializer(Deserializer):
    """The job's own decoder instead of Quix's JSON."""

    def __call__(self, value: bytes, ctx: SerializationContext) -> job.Event:
        """Raises `msgspec.ValidationError`."""
        del ctx
        return job.decode(value)


app = Application(
    broker_address=job.BROKER,
    consumer_group=job.GROUP,
    auto_offset_reset="earliest",
    state_dir=job.STATE_DIR,
    commit_interval=10.0,
    loglevel="WARNING",
    consumer_extra_config={"queued.min.messages": 100_000, "fetch.message.max.bytes": job.FETCH_BYTES},
    producer_extra_config={
        "linger.ms": job.LINGER_MS,
        "batch.num.messages": 10_000,
        "queue.buffering.max.messages": 500_000,
    },
    rocksdb_options=RocksDBOptions(use_fsync=False),
)
progress = job.Progress()


def process(event: job.Event, state: State) -> list[bytes]:
    """Take an event in. Returns the alerts."""
    raw = state.get_bytes("window")
    window = job.Window() if raw is None else _load(raw)
    alerts = job.take(window, event)
    state.set_bytes("window", _dump(window))
    if progress.ended():
        app.stop()
    return alerts


def main() -> None:
    """Run until the feed ends, or until SIGTERM."""
    feed = app.topic(job.FEED, key_deserializer="str", value_deserializer=EventDeserializer())
    alerts = app.topic(
        job.ALERTS,
        key_serializer="str",
        value_serializer=BytesSerializer(),
        config=TopicConfig(num_partitions=4, replication_factor=1),
    )
    app.dataframe(feed).apply(process, stateful=True, expand=True).to_topic(alerts)
    app.run()


if __name__ == "__main__":
    main()
