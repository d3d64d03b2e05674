"""What a server needs and this machine does not have."""


class UnavailableError(Exception):
    """The server cannot run here; the text says what is missing and how to get it."""
