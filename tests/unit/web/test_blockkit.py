from typing import Any

from web.blockkit import render

_HOSTILE = '<img src=x onerror="alert(1)">'


def _plain(text: str) -> dict[str, str]:
    return {"type": "plain_text", "text": text}


def _mrkdwn(text: str) -> dict[str, str]:
    return {"type": "mrkdwn", "text": text}


def test_each_block_type_of_ours_is_shown() -> None:
    blocks: list[dict[str, Any]] = [
        {"type": "header", "text": _plain(":warning: Head")},
        {"type": "section", "text": _mrkdwn("*Bold*")},
        {"type": "section", "fields": [_mrkdwn("left"), _plain("right")]},
        {"type": "section", "text": _plain("beside"), "accessory": {"type": "button", "text": _plain("Press")}},
        {"type": "divider"},
        {"type": "context", "elements": [_mrkdwn("small"), {"type": "image", "image_url": "https://example.com/a"}]},
        {
            "type": "actions",
            "elements": [
                {"type": "button", "style": "primary", "text": _plain("Send"), "url": "https://example.com"},
                {"type": "overflow", "options": [{"text": _plain("Snooze"), "value": "snooze:1"}]},
            ],
        },
    ]
    html = render(blocks)
    for shown in (
        "⚠️ Head",
        "<strong>Bold</strong>",
        "left",
        "right",
        "Press",
        "<hr",
        "small",
        "Send",
        "<li>Snooze</li>",
    ):
        assert shown in html
    assert "example.com" not in html, "nothing leads or loads from elsewhere"
    assert "is not shown here" not in html


def test_buttons_do_nothing() -> None:
    html = render([{"type": "actions", "elements": [{"type": "button", "text": _plain("Send")}]}])
    assert "<button" not in html
    assert "<a " not in html


def test_hostile_text_is_harmless_in_every_place() -> None:
    hostile = [_plain(_HOSTILE), _mrkdwn(_HOSTILE)]
    blocks: list[dict[str, Any]] = [{"type": _HOSTILE}, {"type": "section", "fields": hostile}]
    for text in hostile:
        blocks += [
            {"type": "header", "text": text},
            {"type": "section", "text": text, "accessory": {"type": _HOSTILE}},
            {"type": "context", "elements": [text]},
            {"type": "actions", "elements": [{"type": "button", "style": _HOSTILE, "text": text}]},
            {"type": "actions", "elements": [{"type": "overflow", "options": [{"text": text}]}]},
        ]
    assert "<img" not in render(blocks)


def test_an_unknown_block_is_named() -> None:
    assert "“video” is not shown" in render([{"type": "video"}])
