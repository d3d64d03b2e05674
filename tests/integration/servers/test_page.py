from playwright.async_api import Page


async def test_a_page_runs_its_scripts(page: Page) -> None:
    await page.set_content("<p id=out></p><script>document.getElementById('out').textContent = 6 * 7</script>")
    assert await page.inner_text("#out") == "42"


async def test_the_browser_has_a_tab_a_test(page: Page) -> None:
    assert page.url == "about:blank"
