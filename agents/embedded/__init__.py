"""The servers that `csatwatch up` brings along, for a machine that has neither a Kafka nor a Postgres.

Both live as long as the process that started them and keep nothing: their topics and tables are gone at the end.
"""

from agents.embedded.broker import embedded_broker
from agents.embedded.postgres import embedded_postgres
from agents.embedded.process import ServerFailedError

__all__ = ["ServerFailedError", "embedded_broker", "embedded_postgres"]
