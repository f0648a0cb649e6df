"""E-mail addresses in a file become one form, whatever they were exported from."""

import pytest

from tests.raw.test_casting import customers

ANN = "ann@shop.example"
FIRST_OF_TWO = [
    f"{ANN}{mark}bob@shop.example" for mark in ("; ", ";", ", ", ",", " / ", "/", "\n", " or ", " ", "|", "、")
]
DRESSED = [
    f"mailto:{ANN}",
    f"MAILTO: {ANN}?subject=Hello",
    f"Ann <{ANN}>",
    f"Smith, Ann <{ANN}>",
    f"<{ANN}>",
    f"< {ANN} >",
    f"'{ANN}'",
    f"'{ANN}' <{ANN}>",
    f"“{ANN}”",
    f"({ANN})",
    f"[{ANN}](mailto:{ANN})",
    f"E-mail: {ANN}",
    f"{ANN}.",
    f"{ANN},",
    f"{ANN};",
    f"; {ANN}",
    f"none; {ANN}",
    " Ann @ Shop.example ",
    "ann @shop.example",
    f"\u200b{ANN}\u2060",
    "ann\u200b@sh\u00adop.exam\ufeffple",
    "\u202aann@shop.example\u202c",
    "".join(chr(ord(sign) + 0xFEE0) for sign in ANN),
    f"Ann\uff1c{ANN}\uff1e",
    f"\u00a0{ANN}\u3000",
    "ANN@SHOP.EXAMPLE",
]
OWN = [
    "o'brien+news@mail.shop.example",
    "a/b@shop.example",
    "josé@müller.example",
    "用户@例子.公司",
    "_x-1%y@a-b.example",
]
NO_ADDRESS = [
    # The second word alone would be the address of somebody else.
    ("Ann Smith@shop.example", "ann smith@shop.example"),
    ("ann@bob@shop.example", "ann@bob@shop.example"),
    ("ann@shop.example@mail.example", "ann@shop.example@mail.example"),
    ("root@localhost", "root@localhost"),
    ("ann@shop..example", "ann@shop..example"),
    ("@shop.example", "@shop.example"),
    ("N/A", "n/a"),
    ("Call Me", "call me"),
]


@pytest.mark.parametrize("text", [*FIRST_OF_TWO, *(text.replace('"', '""') for text in DRESSED)])
def test_the_first_address_of_a_field_counts_however_it_is_dressed(shop, text):
    assert customers(shop, "email", text) == [ANN]


def test_what_belongs_to_an_address_stays_in_it(shop):
    assert customers(shop, "email", *OWN) == OWN


def test_what_holds_no_address_stays_and_is_not_quarantined(shop):
    texts, kept = zip(*NO_ADDRESS, strict=True)
    assert customers(shop, "email", *texts) == list(kept)
    assert shop.quarantine() == []


def test_a_field_of_signs_that_nobody_sees_is_empty(shop):
    assert customers(shop, "email", "\u200b", "\ufeff \u2060") == [None, None]
    assert shop.quarantine() == []
