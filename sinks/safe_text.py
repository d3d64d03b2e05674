"""Text that people outside wrote, made harmless for where it is shown."""

import re

_GONE = dict.fromkeys(
    [
        *range(0x09),
        0x0B,
        0x0C,
        *range(0x0E, 0x20),
        *range(0x7F, 0xA0),
        0x200B,  # zero-width space
        *range(0x202A, 0x202F),  # bidi embeddings and overrides: they reorder what stands around them
        0x2060,
        *range(0x2066, 0x206A),  # bidi isolates
        0xFEFF,
        *range(0xFFF9, 0xFFFC),  # interlinear annotations
        *range(0xE0000, 0xE0080),  # invisible tags
    ]
)
_LINE_ENDS = re.compile(r"\r\n|[\r\u0085\u2028\u2029]")


def clean(text: str) -> str:
    """`text` without control characters, invisible ones and bidi overrides; its line ends are all newlines."""
    return _LINE_ENDS.sub("\n", text).translate(_GONE)


def one_line(text: str) -> str:
    """`text`, clean, on one line, each run of white space as one space."""
    return " ".join(clean(text).split())


def cut(text: str, most: int) -> str:
    """`text` in at most `most` characters, an ellipsis at its end where some are missing."""
    return text if len(text) <= most else text[: most - 1].rstrip() + "…"
