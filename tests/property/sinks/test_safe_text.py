import re

from hypothesis import given
from hypothesis import strategies as st

from sinks.safe_text import clean, cut, one_line
from sinks.slack.escape import mrkdwn, plain, unescape

WORDS = st.text() | st.text(alphabet="<>&@!channelhere\u202e\u2066\x00\r\n `*_~")
_CONTROL = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\u2028\u2029]")


@given(WORDS, st.integers(60, 400))
def test_what_slack_gets_is_escaped_short_and_without_control_characters(text: str, most: int) -> None:
    shown = mrkdwn(text, most)
    assert len(shown) <= most
    assert not re.search(r"[<>]|&(?!amp;|lt;|gt;)", shown)
    assert not re.search(r"@(channel|here|everyone)\b", shown, re.IGNORECASE)
    assert not _CONTROL.search(shown)


@given(st.text(alphabet="ab<>& &amp;lt;\n", max_size=50))
def test_what_people_see_is_what_was_written(text: str) -> None:
    assert unescape(mrkdwn(text, 1000)) == text.strip()


@given(WORDS)
def test_cleaning_twice_is_cleaning_once(text: str) -> None:
    assert clean(clean(text)) == clean(text)
    assert not _CONTROL.search(clean(text))


@given(WORDS)
def test_a_line_is_one_line(text: str) -> None:
    assert len(one_line(text).splitlines()) <= 1
    assert not re.search("[<>]", plain(text))


@given(WORDS, st.integers(1, 50))
def test_a_cut_text_fits(text: str, most: int) -> None:
    assert len(cut(text, most)) <= most
