"""What a page says when the server does not answer."""

from __future__ import annotations

from typing import Any

from playwright.sync_api import BrowserContext, expect


def test_a_picture_without_an_answer_is_kept_and_told(
    context: BrowserContext, site: Any, hostile_model: tuple[str, str]
) -> None:
    page = context.new_page()
    url = f"{site.url}/models/{hostile_model[1]}/test"
    page.goto(url)
    page.route(url, lambda route: route.abort())
    page.set_input_files("#image", next(site.test_pictures.rglob("*.png")))
    expect(page.locator(".toast")).to_contain_text("There was no answer")
    expect(page.locator("#classify")).to_be_enabled()
    page.unroute(url)
    page.click("#classify")  # the picture is still chosen
    expect(page.locator("#results article").first).to_be_visible()
