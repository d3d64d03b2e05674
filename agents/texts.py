"""The texts in use: those that ship, and over them those of the directory that the settings name."""

from agents.settings import Settings
from sinks import email, invitation
from sinks.slack import texts


def use(settings: Settings) -> None:
    """From now on take this process's texts from there. Raises `schemas.yaml_file.BadFile`."""
    email.use(settings.templates)
    invitation.use(settings.templates)
    texts.use(settings.templates)
