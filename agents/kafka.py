"""The one place that makes Kafka clients: every client of an installation speaks to the same brokers the same way."""

import asyncio
import ssl
from typing import Any

import structlog
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.client import AIOKafkaClient
from aiokafka.errors import KafkaError

from agents.settings import PREFIX, BadSettings, Settings
from agents.transport.closing import ClosingConsumer

_CONNECT = 5.0  # seconds until a broker that does not answer counts as away
_FIRST_WAIT, _LONGEST_WAIT = 0.25, 4.0  # seconds between two looks at a broker that is away

_log = structlog.get_logger(__name__)


def ssl_context(settings: Settings) -> ssl.SSLContext | None:
    """The TLS context for the brokers; None where the protocol has no TLS. Raises `BadSettings`."""
    if not settings.kafka_security_protocol.endswith("SSL"):
        return None
    try:
        context = ssl.create_default_context(cafile=settings.kafka_security_ca_file)
    except (OSError, ssl.SSLError) as error:
        raise _unusable("KAFKA_SECURITY_CA_FILE", error, "name a PEM file of the authority's certificates") from None
    if settings.kafka_security_cert_file is not None:
        try:
            context.load_cert_chain(settings.kafka_security_cert_file, settings.kafka_security_key_file)
        except (OSError, ssl.SSLError) as error:
            fix = f"name a PEM certificate here and its private key in {PREFIX}KAFKA_SECURITY_KEY_FILE"
            raise _unusable("KAFKA_SECURITY_CERT_FILE", error, fix) from None
    return context


def connection(settings: Settings) -> dict[str, Any]:
    """What every aiokafka client takes to reach the brokers. Raises `BadSettings`."""
    options: dict[str, Any] = {
        "bootstrap_servers": settings.bootstrap,
        "client_id": settings.app_id,
        "security_protocol": settings.kafka_security_protocol,
        "ssl_context": ssl_context(settings),
    }
    if settings.kafka_security_protocol.startswith("SASL"):
        username, password = settings.kafka_security_username, settings.kafka_security_password
        for name, value in (("USERNAME", username), ("PASSWORD", password)):
            if value is None:
                message = (
                    f"{PREFIX}KAFKA_SECURITY_{name} is not set, and {PREFIX}KAFKA_SECURITY_PROTOCOL is "
                    f"{settings.kafka_security_protocol}: set it, or choose PLAINTEXT or SSL"
                )
                raise BadSettings(message)
        options |= {
            "sasl_mechanism": settings.kafka_security_sasl_mechanism,
            "sasl_plain_username": username,
            "sasl_plain_password": password and password.get_secret_value(),
        }
    return options


def producer(settings: Settings, **options: Any) -> AIOKafkaProducer:  # noqa: ANN401 (aiokafka's own options)
    """A producer that lands a key on murmur2's partition and waits for all replicas; a retry is no second record.

    `options` win over that. Not started yet. Raises `BadSettings`.
    """
    return AIOKafkaProducer(
        **{**connection(settings), "acks": "all", "enable_idempotence": settings.kafka_transactions, **options}
    )


def consumer(settings: Settings, *topics: str, **options: Any) -> AIOKafkaConsumer:  # noqa: ANN401 (aiokafka's own)
    """A consumer of `topics` (full names) that sees committed records only. Not started yet. Raises `BadSettings`."""
    # A broker that holds a fetch for which it has nothing answers nothing else meanwhile, as after a seek.
    ours = {"isolation_level": "read_committed", "fetch_max_wait_ms": 100}
    return ClosingConsumer(*topics, **{**connection(settings), **ours, **options})


def admin(settings: Settings) -> AIOKafkaAdminClient:
    """A client for topics and their settings. Not started yet. Raises `BadSettings`."""
    return AIOKafkaAdminClient(**connection(settings))


async def unreachable(settings: Settings) -> str | None:
    """Why no broker can be used right now; None where one answers. Raises `BadSettings`."""
    options = connection(settings)
    reasons = [reason for address in settings.bootstrap if (reason := await _closed(address)) is not None]
    if len(reasons) == len(settings.bootstrap):
        return "; ".join(reasons)
    client = AIOKafkaClient(**options, request_timeout_ms=int(_CONNECT * 1000))
    try:
        await client.bootstrap()
    except (KafkaError, OSError, TimeoutError) as error:
        return f"{type(error).__name__}: check {PREFIX}KAFKA_SECURITY_*"
    finally:
        await client.close()
    return None


async def wait_for_broker(settings: Settings) -> None:
    """Return once a broker answers; says what it waits for until then. Raises `BadSettings`."""
    wait = _FIRST_WAIT
    while (reason := await unreachable(settings)) is not None:
        _log.warning("waiting for kafka", url=settings.kafka_url, reason=reason, next_try_seconds=wait)
        await asyncio.sleep(wait)
        wait = min(wait * 2, _LONGEST_WAIT)


async def _closed(address: str) -> str | None:
    # Looked at before aiokafka tries: it reports each refused connection as an error of its own.
    host, _, port = address.rpartition(":")
    try:
        async with asyncio.timeout(_CONNECT):
            _, writer = await asyncio.open_connection(host.strip("[]"), int(port))
    except TimeoutError:
        return f"{address} does not answer"
    except OSError as error:
        return f"{address}: {error.strerror or type(error).__name__}"
    writer.close()
    return None


def _unusable(name: str, error: OSError, fix: str) -> BadSettings:
    return BadSettings(f"{PREFIX}{name} cannot be used ({error.strerror or type(error).__name__}): {fix}")
