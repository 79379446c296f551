"""The leaderboard page in headless Chromium: it opens from a file, fetches nothing, works by keyboard, in the dark, on a phone."""

from __future__ import annotations

import pytest
from chromium import dark, needs_chromium, requests_of
from test_leaderboard import board_of, hand_in
from waiting import within

from solvers import make_solver
from solvers.leaderboard.page import write_page
from solvers.methods.random_search import RandomSearch

pytestmark = needs_chromium
HOSTILE = "<img src=x onerror=document.title='owned'>"


@pytest.fixture(scope="module")
def url(tmp_path_factory):
    """A class of a usual participant, one with a name that is HTML, and a refused one."""
    place = tmp_path_factory.mktemp("class")
    hand_in(place / "alice", RandomSearch())
    hand_in(
        place / HOSTILE, make_solver("evolution", population=8), label="</td><script>document.title='owned'</script>"
    )
    hand_in(place / "dora", RandomSearch(), seeds=(0,))
    page = write_page(place / "leaderboard.html", board_of(place, seeds=(0, 1)))
    return page.as_uri()


@pytest.fixture
def page(browser, url):
    browser.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})
    dark(browser, False)
    browser.get(url)
    return browser


def texts(page, selector):
    return [each.text for each in page.find_elements("css selector", selector)]


def test_it_opens_without_an_error_or_a_request(page, url):
    page.get_log("browser")
    assert requests_of(page, url) == [url]
    assert page.get_log("browser") == []
    assert page.title == "Leaderboard of tiny/balanced"


def test_the_ranking_is_there_and_names_stay_text(page):
    assert set(texts(page, "tbody th")) == {"alice", HOSTILE}
    assert texts(page, "tbody td:nth-of-type(1)") == ["1", "2"]
    assert texts(page, "dl.refused dt") == ["dora: mine"]
    assert "there is no run of seed 1" in texts(page, "dl.refused dd")[0]
    assert page.execute_script("return document.images.length + document.scripts.length") == 0


def test_the_keyboard_reaches_the_ranking_and_a_wide_table_scrolls(page):
    from selenium.webdriver import Keys

    page.execute_cdp_cmd(
        "Emulation.setDeviceMetricsOverride", {"width": 360, "height": 700, "deviceScaleFactor": 1, "mobile": True}
    )
    skip = page.switch_to.active_element
    skip.send_keys(Keys.TAB)
    assert page.switch_to.active_element.text == "Skip to the ranking"
    page.switch_to.active_element.send_keys(Keys.ENTER)
    focus_at_main = "return document.activeElement.id === 'main'"
    assert within(lambda: page.execute_script(focus_at_main)), "the browser moves it when it draws its next frame"
    page.switch_to.active_element.send_keys(Keys.TAB)
    table = page.switch_to.active_element
    assert table.get_attribute("aria-label") == "Ranking"
    width = "return document.documentElement.scrollWidth <= document.documentElement.clientWidth"
    assert page.execute_script(width), "the table scrolls, not the page"


def test_it_is_dark_where_the_system_is(page):
    ink = "return getComputedStyle(document.body).color"
    light = page.execute_script(ink)
    dark(page, True)
    assert page.execute_script(ink) != light
