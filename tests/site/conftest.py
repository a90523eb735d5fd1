"""The built site, a server for it, and a browser to look at it with."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, sync_playwright

from site_helpers import BROWSER_FLAGS, Site, Visits, find_browser, find_site, serve


@pytest.fixture(scope="session")
def site() -> Site:
    return find_site()


# Playwright keeps an event loop running in the test's own thread, and others, which execute
# notebooks, start loops of their own: so the browser closes with the module that needs it.
@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    program = find_browser()
    with sync_playwright() as playwright:
        # Each launch makes itself a new, empty user-data folder.
        browser = playwright.chromium.launch(
            executable_path=program,
            args=BROWSER_FLAGS,
            # Playwright hides scrollbars, which readers on Linux and Windows see.
            ignore_default_args=["--hide-scrollbars"],
        )
        yield browser
        browser.close()


@pytest.fixture(scope="module")
def visits(site: Site, browser: Browser) -> Iterator[Visits]:
    with serve(site.folder) as address:
        yield Visits(browser, site, address)
