from html import unescape
from html.parser import HTMLParser

import pytest
from hypothesis import given
from hypothesis import strategies as st

from web.mrkdwn import mrkdwn, plain

_TAGS = {"strong", "em", "s", "code", "pre", "blockquote", "span"}


class _Read(HTMLParser):
    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.attributes: set[str] = set()
        self.feed(html)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.attributes |= {name for name, _ in attrs}


@pytest.mark.parametrize(
    ("text", "html"),
    [
        ("*bold* and _italic_ and ~gone~", "<strong>bold</strong> and <em>italic</em> and <s>gone</s>"),
        ("a `x < y` b", "a <code>x &lt; y</code> b"),
        ("2*3*4 and snake_case_name", "2*3*4 and snake_case_name"),
        (":disappointed: :no_such_thing:", "😞 :no_such_thing:"),
        ("AT&amp;T &lt;b&gt;", "AT&amp;T &lt;b&gt;"),
        (
            "<https://example.com/a?b=1&amp;c=2|the ticket>",
            '<span class="slack-link" title="https://example.com/a?b=1&amp;c=2">the ticket</span>',
        ),
        ("<@U123>", '<span class="slack-mention">@U123</span>'),
        ("<#C1|support>", '<span class="slack-mention">#support</span>'),
        ("before\n&gt; one\n&gt; two\nafter", "before<blockquote>one\ntwo</blockquote>after"),
        ("```a\nb```", "<pre>a\nb</pre>"),
    ],
)
def test_markup_is_shown_as_slack_shows_it(text: str, html: str) -> None:
    assert mrkdwn(text) == html


def test_a_link_to_a_script_stays_text() -> None:
    assert mrkdwn("<javascript:alert(1)|click>") == "&lt;javascript:alert(1)|click&gt;"


@given(st.text() | st.text(alphabet="<>&;*_~`|@#!:/\"'=abc \nlgtamp", max_size=60))
def test_no_text_becomes_other_markup(text: str) -> None:
    read = _Read(mrkdwn(text))
    assert read.tags <= _TAGS
    assert read.attributes <= {"class", "title"}


@given(st.text(alphabet=st.characters(exclude_characters="&:", exclude_categories=["Cs"])))
def test_plain_text_is_shown_as_it_is(text: str) -> None:
    assert not _Read(plain(text)).tags
    assert unescape(plain(text)) == unescape(text)
