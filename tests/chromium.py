"""Headless Chromium, for the tests of pages; a test that asks for `browser` is skipped where it is not installed."""

from __future__ import annotations

import json
import shutil

import pytest

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
CHROMEDRIVER = shutil.which("chromedriver")
needs_chromium = pytest.mark.skipif(
    CHROMIUM is None or CHROMEDRIVER is None,
    reason="Chromium or its driver is not installed: no browser to open the page",
)


@pytest.fixture(scope="module")
def browser():
    """A browser that logs what pages say and ask for."""
    webdriver = pytest.importorskip("selenium.webdriver", reason="selenium is not installed: it drives the browser")
    from selenium.webdriver.chrome.service import Service

    options = webdriver.ChromeOptions()
    options.binary_location = CHROMIUM
    for argument in ("--headless=new", "--no-sandbox", "--disable-dev-shm-usage", "--window-size=1280,900"):
        options.add_argument(argument)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
    driver = webdriver.Chrome(options=options, service=Service(CHROMEDRIVER))
    yield driver
    driver.quit()


def dark(browser, on):
    """Let the system say that it is dark, or light, and wait until the page's listeners have heard it.

    A page hears of it when its next frame is drawn, before that frame's callbacks are called.
    """
    feature = {"name": "prefers-color-scheme", "value": "dark" if on else "light"}
    browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": [feature]})
    browser.execute_async_script(
        "const heard = arguments[0]; requestAnimationFrame(() => requestAnimationFrame(() => heard()))"
    )


def requests_of(browser, url):
    """Open a page, and return the addresses that it asked for, its own included."""
    browser.get_log("performance")
    browser.get(url)
    events = [json.loads(entry["message"])["message"] for entry in browser.get_log("performance")]
    return [each["params"]["request"]["url"] for each in events if each["method"] == "Network.requestWillBeSent"]
