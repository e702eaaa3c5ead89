"""What kind of device an answer comes from."""

from __future__ import annotations

import pytest

from cats4ml.review.devices import device_of
from cats4ml.review.models import Device

CHROME = "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0 Safari/537.36"
ANDROID = (
    "Mozilla/5.0 (Linux; Android 14; Pixel 8) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0 Mobile Safari/537.36"
)
IPHONE = "Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) AppleWebKit/605.1.15 Version/18.0 Mobile/15E148"
IPAD = "Mozilla/5.0 (iPad; CPU OS 12_2 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Mobile/15E148"
TAB = "Mozilla/5.0 (Linux; Android 13; SM-X700) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0 Safari/537.36"


@pytest.mark.parametrize(
    ("told", "user_agent", "device"),
    [
        ("phone", CHROME, Device.PHONE),
        ("tablet", "", Device.TABLET),
        ("desktop", IPHONE, Device.DESKTOP),
        ("", CHROME, Device.DESKTOP),
        ("", ANDROID, Device.PHONE),
        ("", IPHONE, Device.PHONE),
        ("", IPAD, Device.TABLET),
        ("", TAB, Device.TABLET),
        ("", "", Device.UNKNOWN),
        ("", "curl/8.5", Device.UNKNOWN),
        ("api", CHROME, Device.DESKTOP),
        ("\x00", CHROME, Device.DESKTOP),
    ],
)
def test_the_page_tells_it_and_else_the_browsers_name(told, user_agent, device) -> None:
    assert device_of(told, user_agent) == device
