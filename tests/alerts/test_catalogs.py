"""Mails are wholly in the reader's language: no phrase is missing, and what Django reads is what people edited."""

import re

import polib
import pytest
from django.conf import settings
from django.test import Client

from alerts.mail.language import WRITTEN
from people.models import Language
from tests import catalogs
from tests.catalogs import CATALOGS

PLACE = re.compile(r"%\((\w+)\)[sd]|%[sd%]")
SAME = {"%(field)s %(value)s", "%(authority)s, %(number)s", "%(currency)s %(amount)s"}
"""Phrases of places alone."""


@pytest.fixture(params=CATALOGS.values(), ids=CATALOGS)
def path(request: pytest.FixtureRequest):
    return request.param


def test_there_is_a_catalog_for_every_language_that_a_user_may_have() -> None:
    assert set(WRITTEN) == set(Language.values)
    assert set(WRITTEN) == {"en", *CATALOGS}


def test_every_phrase_of_a_mail_is_translated_and_no_other(path) -> None:
    catalog = polib.pofile(str(path))
    assert catalogs.entries(catalog).keys() == set(catalogs.phrases())
    assert [entry.msgid for entry in catalog.untranslated_entries() + catalog.fuzzy_entries()] == []


def test_a_translation_has_the_same_places_as_the_phrase(path) -> None:
    for entry in polib.pofile(str(path)):
        said = entry.msgstr_plural[0] if entry.msgid_plural else entry.msgstr
        assert _places(said) == _places(entry.msgid), entry.msgid
        assert said.strip() == said, entry.msgid


def test_a_translation_is_in_its_own_script(path) -> None:
    """Of Latin letters there are units, codes and names, and how Django writes days."""
    for entry in polib.pofile(str(path)):
        if entry.msgctxt == "date format" or entry.msgid in SAME:
            continue
        said = entry.msgstr_plural[0] if entry.msgid_plural else entry.msgstr
        assert set(re.findall(r"[A-Za-z]{2,}", PLACE.sub("", said))) <= {"HS", "UTC", "Tocsin"}, entry.msgid


def test_what_django_reads_is_what_people_edited(path) -> None:
    assert path.with_suffix(".mo").read_bytes() == catalogs.compiled(path), "make catalogs"


def test_gathering_finds_phrases_wherever_they_stand() -> None:
    found = set(catalogs.phrases())
    assert ("date format", "j F Y", None) in found
    assert (None, "%(number)d contract may be terminated", "%(number)d contracts may be terminated") in found
    assert (None, "What is known, and from whom", None) in found  # a template
    assert (None, "... and %(number)s more", "... and %(number)s more") in found
    assert (None, "the policy change was withdrawn", None) in found  # a label
    assert (None, "no new contracts", None) not in found  # a label that mails do not quote


@pytest.mark.django_db
@pytest.mark.parametrize("language", ["ja", "zh-hans", "zh-CN"])
def test_pages_are_not_half_translated(client: Client, language: str) -> None:
    """The catalogs hold the words of mails alone; a browser that prefers another language gets English."""
    assert [code for code, _ in settings.LANGUAGES] == ["en"]
    page = client.get("/admin/login/", headers={"Accept-Language": language})
    assert page.status_code == 200
    assert page.headers["Content-Language"] == "en"
    assert re.search(r"[぀-ヿ一-鿿]", page.content.decode()) is None


def _places(text: str) -> list[str]:
    return sorted(place.group() for place in PLACE.finditer(text))
