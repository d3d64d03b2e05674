"""An Apache Kafka as a company has it: TLS with client certificates, SCRAM, and nothing allowed that is not said."""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Self

import trustme
from confluent_kafka.admin import (  # type: ignore[attr-defined]  # it re-exports them without saying so
    AclBinding,
    AclOperation,
    AclPermissionType,
    AdminClient,
    ResourcePatternType,
    ResourceType,
)
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)

from streams.access import Resource, Right
from tests.servers.kafka import KafkaServer
from tests.servers.ports import free_ports

_KINDS = {
    Resource.TOPIC: ResourceType.TOPIC,
    Resource.GROUP: ResourceType.GROUP,
    Resource.TRANSACTIONAL_ID: ResourceType.TRANSACTIONAL_ID,
}
_OPERATIONS = {
    "Read": AclOperation.READ,
    "Write": AclOperation.WRITE,
    "Describe": AclOperation.DESCRIBE,
    "DescribeConfigs": AclOperation.DESCRIBE_CONFIGS,
    "Create": AclOperation.CREATE,
    "Alter": AclOperation.ALTER,
}


class SecureKafka:
    """A broker with a listener for `users`, who may do nothing yet, and one for the test, which may do everything."""

    def __init__(self, directory: Path, users: Mapping[str, str]) -> None:
        """Raises UnavailableError where Java or Kafka's jars cannot be had."""
        directory.mkdir(parents=True)
        self._users = dict(users)
        self._directory = directory
        authority = trustme.CA()
        self._ca = directory / "ca.pem"
        authority.cert_pem.write_to_path(self._ca)
        server = self._certificate(authority.issue_cert("127.0.0.1"), "server")
        self._client = self._certificate(authority.issue_cert("csatwatch@example.org"), "client")
        plain, controller, self._port = free_ports(3)
        listeners = f"PLAINTEXT://127.0.0.1:{plain},SECURE://127.0.0.1:{self._port}"
        # Kafka takes a key and its certificates out of one file.
        both = directory / "server-both.pem"
        both.write_text("".join(path.read_text() for path in server))
        self._server = KafkaServer(
            directory / "kafka",
            {
                "listeners": f"{listeners},CONTROLLER://127.0.0.1:{controller}",
                "advertised.listeners": listeners,
                "controller.quorum.voters": f"1@127.0.0.1:{controller}",
                "listener.security.protocol.map": "PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT,SECURE:SASL_SSL",
                "sasl.enabled.mechanisms": "SCRAM-SHA-512",
                "listener.name.secure.scram-sha-512.sasl.jaas.config": (
                    "org.apache.kafka.common.security.scram.ScramLoginModule required;"
                ),
                "listener.name.secure.ssl.client.auth": "required",
                "ssl.keystore.type": "PEM",
                "ssl.keystore.location": str(both),
                "ssl.truststore.type": "PEM",
                "ssl.truststore.location": str(self._ca),
                "authorizer.class.name": "org.apache.kafka.metadata.authorizer.StandardAuthorizer",
                "super.users": "User:ANONYMOUS",
            },
            users=users,
        )
        self._server.port = plain

    def __enter__(self) -> Self:
        """Start."""
        self._server.start()
        return self

    def __exit__(self, *_: object) -> None:
        """Stop."""
        self._server.stop()

    @property
    def bootstrap(self) -> str:
        """`host:port` where everything is allowed."""
        return self._server.bootstrap

    def settings(self, user: str) -> dict[str, str]:
        """What csatwatch is told to come in as this user."""
        certificate, key = self._client[1], self._client[0]
        return {
            "CSATWATCH_KAFKA_URL": f"kafka://127.0.0.1:{self._port}",
            "CSATWATCH_KAFKA_SECURITY_PROTOCOL": "SASL_SSL",
            "CSATWATCH_KAFKA_SECURITY_CA_FILE": str(self._ca),
            "CSATWATCH_KAFKA_SECURITY_CERT_FILE": str(certificate),
            "CSATWATCH_KAFKA_SECURITY_KEY_FILE": str(key),
            "CSATWATCH_KAFKA_SECURITY_USERNAME": user,
            "CSATWATCH_KAFKA_SECURITY_PASSWORD": self._users[user],
        }

    def allow(self, user: str, rights: Iterable[Right]) -> None:
        """Let a user do this, and no more than before beside it. Blocks."""
        bindings = [
            AclBinding(
                _KINDS[right.resource],
                right.name,
                ResourcePatternType.PREFIXED if right.prefixed else ResourcePatternType.LITERAL,
                f"User:{user}",
                "*",
                _OPERATIONS[operation],
                AclPermissionType.ALLOW,
            )
            for right in rights
            for operation in right.operations
        ]
        client = AdminClient({"bootstrap.servers": self.bootstrap})
        for done in client.create_acls(bindings).values():
            done.result(30)

    def _certificate(self, leaf: trustme.LeafCert, name: str) -> tuple[Path, Path]:
        """The files of a key, in the one format that Kafka reads, and of its certificates."""
        key = load_pem_private_key(leaf.private_key_pem.bytes(), None)
        paths = self._directory / f"{name}-key.pem", self._directory / f"{name}.pem"
        paths[0].write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
        paths[1].write_bytes(b"".join(blob.bytes() for blob in leaf.cert_chain_pems))
        return paths
