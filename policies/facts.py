"""What screening knows of policy: measures and their scopes, party lists, licences. Plain values, no database."""

import datetime
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from typing import Literal

Effect = Literal["ban", "new_contracts_refused", "termination_considered", "licence_required", "watch"]
Formality = Literal["official", "oral", "reported"]
Status = Literal["draft", "published", "withdrawn"]
Role = Literal["supplier", "buyer", "end_user"]
ROLES: tuple[Role, ...] = ("supplier", "buyer", "end_user")


@dataclass(frozen=True, slots=True)
class Period:
    """A stretch of a measure's timeline; both days inclusive, `until_on` None = open."""

    status: Literal["in_force", "suspended"]
    from_on: date
    until_on: date | None = None


@dataclass(frozen=True, slots=True)
class MinValueShare:
    """Content of `origin` of at least `share` (0 to 1) of the value."""

    share: Decimal
    origin: str


@dataclass(frozen=True, slots=True)
class CommodityEntry:
    """One entry of a commodity criterion: all stated facets must match; an empty or None facet is not stated.

    `hs` and the codes in `tariff` ((country, codes) pairs in order of country) are digits without dots.
    """

    hs: tuple[str, ...] = ()
    tariff: tuple[tuple[str, tuple[str, ...]], ...] = ()
    control_codes: tuple[str, ...] = ()
    elements: tuple[str, ...] = ()
    min_purity: Decimal | None = None
    min_value_share: MinValueShare | None = None


@dataclass(frozen=True, slots=True)
class Affiliates:
    """From which holding on an organization counts as an affiliate; `min_percent` in percent."""

    min_percent: Decimal
    operator: Literal["gte", "gt"]
    aggregate: bool


@dataclass(frozen=True, slots=True)
class Parties:
    """Organizations that are listed or named, in one of the roles; `affiliates` None: no affiliates rule."""

    roles: tuple[Role, ...]
    lists: tuple[str, ...] = ()
    named: tuple[str, ...] = ()
    affiliates: Affiliates | None = None


@dataclass(frozen=True, slots=True)
class Grandfathering:
    """Contracts concluded before `date` (midnight at its start in the authority's zone) are exempt."""

    date: datetime.date
    performed_by: datetime.date | None = None
    lost_by_amendment_after: datetime.date | None = None


@dataclass(frozen=True, slots=True)
class Scope:
    """The criteria of a measure; an empty or None criterion is not stated and holds for everything."""

    commodities: tuple[CommodityEntry, ...] = ()
    except_commodities: tuple[CommodityEntry, ...] = ()
    origin_countries: tuple[str, ...] = ()
    supplier_countries: tuple[str, ...] = ()
    buyer_countries: tuple[str, ...] = ()
    destination_countries: tuple[str, ...] = ()
    end_uses: tuple[str, ...] = ()
    supplier_controlled_by_state: str | None = None
    parties: Parties | None = None
    contracts: tuple[str, ...] = ()
    exempt_concluded_before: Grandfathering | None = None


@dataclass(frozen=True, slots=True)
class MeasureFacts:
    """A clause of a policy change, with what it takes from its change. Every date is a whole day in `timezone`."""

    change: str
    key: str
    effect: Effect
    timezone: str
    timeline: tuple[Period, ...]
    formality: Formality | None = None
    status: Status | None = None
    announced_on: date | None = None
    scope: Scope = field(default_factory=Scope)

    @property
    def name(self) -> str:
        return f"{self.change}/{self.key}"


@dataclass(frozen=True, slots=True)
class ListEntry:
    """An organization on a party list; both days inclusive in the list's zone, None = open."""

    organization: str
    from_on: date | None = None
    until_on: date | None = None


@dataclass(frozen=True, slots=True)
class PartyListFacts:
    reference: str
    timezone: str
    entries: tuple[ListEntry, ...] = ()


@dataclass(frozen=True, slots=True)
class LicenceFacts:
    """An export licence. `measures` are `REFERENCE` or `REFERENCE/KEY`; none named, and none of `commodities`
    stated, covers nothing; `valid_until` None covers nothing, `valid_from` None is an open beginning."""

    reference: str
    exporter: str
    consignee: str | None = None
    end_user: str | None = None
    measures: tuple[str, ...] = ()
    commodities: tuple[CommodityEntry, ...] = ()
    valid_from: date | None = None
    valid_until: date | None = None
