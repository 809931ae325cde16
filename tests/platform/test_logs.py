"""What logs must not say."""

import pytest

from config.logs import hide_keys


@pytest.mark.parametrize(
    ("said", "kept"),
    [
        ("GET /calendar/kEy-_1.ics", "GET /calendar/....ics"),
        ("POST /acknowledge/4.pVsG:9-_x HTTP/1.1", "POST /acknowledge/... HTTP/1.1"),
        ("Not Found: /acknowledge/4.pVsG?next=1", "Not Found: /acknowledge/...?next=1"),
        ("GET /api/v1/flags/7/acknowledge", "GET /api/v1/flags/7/acknowledge"),
    ],
)
def test_addresses_that_are_keys_are_cut(said, kept):
    assert hide_keys(None, "", {"event": said, "code": 200}) == {"event": kept, "code": 200}
