"""The mail server of the settings."""

import ssl

from agents.settings import PREFIX, BadSettings, Settings
from sinks.smtp import Smtp, server


def smtp(settings: Settings) -> Smtp | None:
    """The server; None where none is set. Connects to nothing. Raises `BadSettings`."""
    if settings.smtp_url is None:
        return None
    try:
        chosen = server(settings.smtp_url.get_secret_value())
    except ValueError as error:
        raise BadSettings(f"{PREFIX}SMTP_URL: {error}") from None
    try:
        return Smtp(chosen, timeout=settings.smtp_timeout_seconds, ca_file=settings.smtp_ca_file)
    except (OSError, ssl.SSLError) as error:
        reason = error.strerror or type(error).__name__
        raise BadSettings(
            f"{PREFIX}SMTP_CA_FILE is {settings.smtp_ca_file}: it cannot be used ({reason}): "
            "name a PEM file of the authority's certificates"
        ) from None
