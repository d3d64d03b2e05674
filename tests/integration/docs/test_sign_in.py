"""The page on signing in: its settings make a provider, with the roles that it says."""

from pathlib import Path

import pytest

from agents.settings import load_settings
from agents.sign_in import sign_in
from tests.integration.docs.blocks import ROOT, blocks
from web.signin.people import Roles


@pytest.mark.runs("docs/sign-in.md", "settings")
def test_the_settings_make_a_provider(tmp_path: Path) -> None:
    (block,) = blocks(ROOT / "docs" / "sign-in.md")
    (tmp_path / ".env").write_text(block.text)
    made = sign_in(load_settings({}, tmp_path / ".env"))
    assert made.link is None
    assert made.cookies.secure
    assert made.provider is not None
    assert made.provider._client.roles == Roles(
        claim="groups",
        managers=frozenset({"support-leads", "lea@example.com"}),
        operators=frozenset({"csatwatch-operators"}),
    )
