"""From the values of an organization, stored or in a bundle, to what screening knows of it."""

from collections.abc import Mapping
from datetime import date
from typing import Any

from suppliers.facts import OrganizationFacts, Stake


def organization_facts(values: Mapping[str, Any]) -> OrganizationFacts:
    """The facts of an organization; owners in order of reference and first day."""
    stakes = (
        Stake(
            owner=owner["owner"],
            percent=owner.get("percent"),
            controls=owner.get("controls"),
            from_on=owner.get("from_on"),
            until_on=owner.get("until_on"),
        )
        for owner in values.get("owners") or ()
    )
    return OrganizationFacts(
        reference=values["reference"],
        country=values.get("country"),
        kind=values.get("kind"),
        owners=tuple(sorted(stakes, key=lambda stake: (stake.owner, stake.from_on or date.min))),
        owners_complete=values.get("owners_complete"),
    )
