"""Where somebody wanted to go before they signed in. Pure."""

from urllib.parse import urlsplit

_LONGEST = 2000


def safe(target: str | None) -> str:
    """`target` where it is a path of ours, else `/`: no link of another's leads through us to somewhere else."""
    if target is None or len(target) > _LONGEST or not target.startswith("/"):
        return "/"
    # A browser takes "//host", "/\host" and a tab or a line end in between for another site.
    if target.startswith(("//", "/\\")) or any(sign <= " " or sign == "\x7f" for sign in target):
        return "/"
    try:
        parts = urlsplit(target)
    except ValueError:
        return "/"
    return "/" if parts.scheme or parts.netloc else target
