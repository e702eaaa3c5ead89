"""What kind of device an answer comes from, no finer: enough to see whether small screens answer otherwise."""

from __future__ import annotations

from cats4ml.review.models import Device

TOLD = {device.value: device for device in (Device.DESKTOP, Device.TABLET, Device.PHONE)}


def device_of(told: str, user_agent: str) -> Device:
    """What the page's script told by pointer and viewport; else what the browser's name says; else unknown."""
    return TOLD.get(told) or _by_name(user_agent)


def _by_name(user_agent: str) -> Device:
    name = user_agent.lower()
    if not name.startswith(("mozilla", "opera")):
        return Device.UNKNOWN
    if "ipad" in name or "tablet" in name or ("android" in name and "mobi" not in name):
        return Device.TABLET
    if "mobi" in name or "iphone" in name:
        return Device.PHONE
    return Device.DESKTOP
