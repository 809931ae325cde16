"""The catalogs of what mails say: gathered, compared and compiled without GNU gettext.

`python -m tests.catalogs` brings the .po files up to date with the phrases in the code (new ones are left without a
translation, unused ones are dropped) and writes the .mo files that Django reads.
"""

import ast
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import polib
from django.template import Engine
from django.template.base import Origin, Template
from django.templatetags.i18n import BlockTranslateNode, TranslateNode

ROOT = Path(__file__).parents[1]
CATALOGS = {
    language: ROOT / "locale" / locale / "LC_MESSAGES" / "django.po"
    for language, locale in (("ja", "ja"), ("zh-hans", "zh_Hans"))
}
SPEAKING = ("alerts/digests", "alerts/escalation", "alerts/mail", "alerts/reminders")
"""Packages whose phrases are in mails."""
MODULES = [
    *(path for package in SPEAKING for path in sorted((ROOT / package).glob("*.py"))),
    ROOT / "alerts/writing.py",
]
TEMPLATES = [
    *sorted((ROOT / "alerts" / "templates" / "alerts" / "mail").iterdir()),
    ROOT / "alerts/templates/alerts/acknowledge.html",
]
LABELS = {
    ROOT / "alerts" / "models" / "flags.py": "ClosedBecause",
    ROOT / "alerts" / "models" / "actions.py": "Because",
}
"""Choices whose labels mails quote."""
CALLS = {  # which argument is the context, the phrase, the plural
    "_": (None, 0, None),
    "gettext": (None, 0, None),
    "gettext_lazy": (None, 0, None),
    "ngettext": (None, 0, 1),
    "pgettext": (0, 1, None),
    "pgettext_lazy": (0, 1, None),
    "npgettext": (0, 1, 2),
}


class Phrase(NamedTuple):
    """What a catalog has an entry for."""

    context: str | None
    text: str
    plural: str | None = None


def phrases() -> list[Phrase]:
    """Every phrase that a mail, or the page behind its link, may hold, in the order in which the code has them."""
    found = [phrase for path in MODULES for phrase in _of_source(_parsed(path))]
    found += [phrase for path in TEMPLATES for phrase in _of_template(path)]
    for path, name in LABELS.items():
        quoted = next(n for n in ast.walk(_parsed(path)) if isinstance(n, ast.ClassDef) and n.name == name)
        found += _of_source(quoted)
    return list(dict.fromkeys(found))


def _parsed(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"))


def _of_source(node: ast.AST) -> Iterator[Phrase]:
    calls = [call for call in ast.walk(node) if isinstance(call, ast.Call)]
    for call in sorted(calls, key=lambda call: (call.lineno, call.col_offset)):
        if isinstance(call.func, ast.Name) and call.func.id in CALLS:
            yield Phrase(*(None if at is None else ast.literal_eval(call.args[at]) for at in CALLS[call.func.id]))


def _of_template(path: Path) -> Iterator[Phrase]:
    engine = Engine(libraries={"i18n": "django.templatetags.i18n"})
    template = Template(path.read_text(encoding="utf-8"), Origin(str(path)), engine=engine)
    for node in template.nodelist.get_nodes_by_type(TranslateNode):
        context = node.message_context.var if node.message_context else None
        yield Phrase(context, node.filter_expression.var.literal)
    for node in template.nodelist.get_nodes_by_type(BlockTranslateNode):
        plural = node.render_token_list(node.plural)[0] if node.plural else None
        yield Phrase(None, node.render_token_list(node.singular)[0], plural)


def entries(catalog: polib.POFile) -> dict[Phrase, polib.POEntry]:
    return {Phrase(one.msgctxt, one.msgid, one.msgid_plural or None): one for one in catalog if not one.obsolete}


def compiled(path: Path) -> bytes:
    """What the .mo file beside the .po file has to hold."""
    content: bytes = polib.pofile(str(path)).to_binary()
    return content


def update(path: Path) -> None:
    catalog = polib.pofile(str(path), wrapwidth=110)
    known = entries(catalog)
    catalog.clear()
    for phrase in phrases():
        new = polib.POEntry(msgctxt=phrase.context, msgid=phrase.text, msgid_plural=phrase.plural or "")
        if phrase.plural:
            new.msgstr_plural = {0: ""}
        if "%(" in phrase.text:
            new.flags.append("python-format")
        catalog.append(known.get(phrase, new))
    catalog.save()
    path.with_suffix(".mo").write_bytes(compiled(path))


if __name__ == "__main__":
    for one in CATALOGS.values():
        update(one)
        print(f"{one.relative_to(ROOT)}: {len(polib.pofile(str(one)).untranslated_entries())} without a translation")
