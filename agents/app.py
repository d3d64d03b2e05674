"""Makes the Faust apps, all alike but for their names and topics."""

import ssl
from pathlib import Path
from typing import Literal

import faust
from faust.types.auth import CredentialsT, SASLMechanism

from agents import kafka
from agents.lag import watch
from agents.settings import Settings
from agents.transport.app import BatchApp

Role = Literal["detect", "store", "deliver"]


def build(settings: Settings, role: Role, *, data: Path | None = None, member: str | None = None) -> BatchApp:
    """A Faust app for one process, with its agents still to be added.

    `data` is where its tables live; `member` its name as a static member of the group, if it is to be one.
    """
    group = settings.group(role)
    session = settings.session_timeout_seconds
    if not settings.kafka_transactions:
        session = min(session, 6.0)  # the embedded broker lets a group wait so long even when its last member has left
    app = BatchApp(
        group,
        broker=[f"kafka://{address}" for address in settings.bootstrap],
        broker_credentials=_credentials(settings),
        broker_client_id=group,
        broker_session_timeout=session,
        broker_heartbeat_interval=session / 20,  # by it the others learn that a worker is gone
        broker_rebalance_timeout=1.5 * session,
        broker_max_poll_interval=300.0,
        broker_commit_interval=0.1,  # asked so often whether anything is due
        broker_max_poll_records=5_000,  # about what a fetch brings of a partition
        consumer_auto_offset_reset="earliest",
        consumer_group_instance_id=member,
        consumer_max_fetch_size=4 << 20,
        # A broker that has just started may not know its topics yet: whoever leads the group then assigns none of their
        # partitions, and looks again only when its metadata is this old.
        consumer_metadata_max_age_ms=10_000,
        # In batches: what waits beyond these gathers in the consumer, and makes larger ones.
        stream_buffer_maxsize=2,
        # Faust's own wait at a rebalance acks what it drops; the batched consumer waits in its own way.
        stream_wait_empty=False,
        topic_partitions=settings.partitions,
        topic_replication_factor=settings.replication,
        # Topics are made by `csatwatch topics create`, with their settings.
        topic_allow_declare=False,
        topic_disable_leader=True,
        store="rocksdb://",
        datadir=str(data) if data is not None else None,
        web_enabled=False,
        autodiscover=False,
        table_cleanup_interval=3600.0,
        # Where the end of a transaction is not visible yet, state seems to be ahead of its changelog. `Restore` looks
        # at both once the previous owner's transactions are over.
        recovery_consistency_check=False,
        # Faust's assignor gives them out; `agents.transport.standby` follows them.
        table_standby_replicas=settings.standby_replicas if data is not None else 0,
    )
    watch(app, settings, role)
    return app


def _credentials(settings: Settings) -> CredentialsT | None:
    context: ssl.SSLContext | None = kafka.ssl_context(settings)
    if settings.kafka_security_protocol.startswith("SASL"):
        options = kafka.connection(settings)
        return faust.SASLCredentials(  # with a context it becomes SASL_SSL
            username=options["sasl_plain_username"],
            password=options["sasl_plain_password"],
            mechanism=SASLMechanism(settings.kafka_security_sasl_mechanism),
            ssl_context=context,
        )
    return faust.SSLCredentials(context=context) if context is not None else None
