"""The page of a backtest in Chromium: whole in itself, on a phone and on a desk, and true to the figures."""

from pathlib import Path
from typing import TYPE_CHECKING, Literal

import pytest

from tests.figures import figures
from web.backtest import page as html

if TYPE_CHECKING:
    from playwright.async_api import Page

PHONE, DESK = (390, 844), (1280, 900)

# The charts' bars: alerts by severity, from the heights drawn and the scale beside them.
_DRAWN = """() => [...document.querySelectorAll("figure.bars")].map(figure => {
  const most = Number(figure.querySelector(".scale span").textContent);
  return [...figure.querySelectorAll("g")].map(bar => Object.fromEntries(
    [...bar.querySelectorAll(".part")].map(part => [
      part.classList[1], Math.round(part.height.baseVal.value * most / 100)])));
})"""


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("size", [PHONE, DESK], ids=["phone", "desk"])
@pytest.mark.parametrize("policies", [1, 2])
async def test_it_fits_and_asks_for_nothing(
    page: "Page", tmp_path: Path, policies: int, size: tuple[int, int], scheme: Literal["light", "dark"]
) -> None:
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    said: list[str] = []
    page.on("console", lambda message: said.append(message.text))
    await page.set_viewport_size({"width": size[0], "height": size[1]})
    await page.emulate_media(color_scheme=scheme)
    file = tmp_path / "page.html"
    file.write_text(html(figures(policies)), encoding="utf-8")
    await page.goto(file.as_uri())
    assert asked == [file.as_uri()]
    assert said == []
    assert await page.evaluate("document.documentElement.scrollWidth") == size[0]
    cut = """() => [...document.querySelectorAll("th, td, h1, h2, dd, figcaption")].filter(
        each => each.scrollWidth > each.clientWidth + 1 && each.clientWidth > 0).map(each => each.textContent)"""
    assert await page.evaluate(cut) == []
    assert await page.locator("figure.bars svg").count() == 2 * policies


async def test_the_bars_are_the_weeks(page: "Page") -> None:
    found = figures(2)
    await page.set_content(html(found))
    drawn = await page.evaluate(_DRAWN)
    expected = [
        [{name: n for name, n in week.alerts[kind].items() if n} for week in policy.weeks]
        for kind in ("poor_rating", "declining_trend")
        for policy in found.policies
    ]
    assert drawn == expected
    tops = await page.evaluate(
        "() => [...document.querySelectorAll('.part')].map(part => part.getBBox()).filter(box => box.y < -0.01 "
        "|| box.y + box.height > 100.01).length"
    )
    assert tops == 0


async def test_a_bar_says_its_week_and_its_figures(page: "Page") -> None:
    await page.set_content(html(figures(1)))
    titles = await page.locator("figure.bars").first.locator("title").all_text_contents()
    assert titles[0] == "week of 5 Jan 2026: 2, high 2"
    assert titles[3] == "week of 26 Jan 2026: 11, critical 9, high 2"


async def test_a_long_history_has_several_weeks_in_a_bar(page: "Page") -> None:
    await page.set_content(html(figures(1, weeks=157)))
    titles = await page.locator("figure.bars").first.locator("title").all_text_contents()
    assert len(titles) == 53
    assert titles[0] == "3 weeks from 5 Jan 2026: 5.0, critical 3.0, high 2.0"


async def test_names_are_text(page: "Page") -> None:
    found = figures(1)
    (policy,) = found.policies
    name = "<img src=x onerror=alert(1)>"
    fields = {each: getattr(policy, each) for each in policy.__struct_fields__}
    top = [type(policy.customers[0])("6f0e9c3e-5d0b-4a0e-9a53-0f6d0c5a7a11", name, None, 3)]
    changed = type(policy)(**{**fields, "policy": "<b>mine</b>", "customers": top})
    await page.set_content(html(type(found)(found.history, found.within_days, [changed])))
    assert name in await page.locator("main").inner_text()
    assert "<b>mine</b> 1" in await page.locator("h1").inner_text()
    assert await page.locator("img, h1 b").count() == 0


async def test_it_prints_on_paper(page: "Page", tmp_path: Path) -> None:
    file = tmp_path / "page.html"
    file.write_text(html(figures(2)), encoding="utf-8")
    await page.goto(file.as_uri())
    await page.emulate_media(media="print", color_scheme="dark")
    await page.set_viewport_size({"width": 720, "height": 1000})
    assert await page.evaluate("document.documentElement.scrollWidth") == 720
    assert await page.evaluate("getComputedStyle(document.body).color") == "rgb(26, 29, 35)"
