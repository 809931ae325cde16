"""Code lists that no dependency brings: currencies, chemical elements, time zones; and how ISO codes look."""

import re
from functools import cache
from zoneinfo import available_timezones

from django_countries.data import COUNTRIES as _COUNTRIES

COUNTRIES = frozenset(_COUNTRIES)

# ISO 4217, list one, without test and no-currency codes.
CURRENCIES = frozenset(
    (  # noqa: SIM905
        "AED AFN ALL AMD ANG AOA ARS AUD AWG AZN BAM BBD BDT BGN BHD BIF BMD BND BOB BOV BRL BSD BTN BWP BYN BZD CAD"
        " CDF CHE CHF CHW CLF CLP CNY COP COU CRC CUP CVE CZK DJF DKK DOP DZD EGP ERN ETB EUR FJD FKP GBP GEL GHS GIP"
        " GMD GNF GTQ GYD HKD HNL HTG HUF IDR ILS INR IQD IRR ISK JMD JOD JPY KES KGS KHR KMF KPW KRW KWD KYD KZT LAK"
        " LBP LKR LRD LSL LYD MAD MDL MGA MKD MMK MNT MOP MRU MUR MVR MWK MXN MXV MYR MZN NAD NGN NIO NOK NPR NZD OMR"
        " PAB PEN PGK PHP PKR PLN PYG QAR RON RSD RUB RWF SAR SBD SCR SDG SEK SGD SHP SLE SOS SRD SSP STN SVC SYP SZL"
        " THB TJS TMT TND TOP TRY TTD TWD TZS UAH UGX USD USN UYI UYU UYW UZS VED VES VND VUV WST XAF XAG XAU XCD XCG"
        " XDR XOF XPD XPF XPT XSU XUA YER ZAR ZMW ZWG"
    ).split()
)

ELEMENTS = frozenset(
    (  # noqa: SIM905
        "H He Li Be B C N O F Ne Na Mg Al Si P S Cl Ar K Ca Sc Ti V Cr Mn Fe Co Ni Cu Zn Ga Ge As Se Br Kr Rb Sr Y Zr"
        " Nb Mo Tc Ru Rh Pd Ag Cd In Sn Sb Te I Xe Cs Ba La Ce Pr Nd Pm Sm Eu Gd Tb Dy Ho Er Tm Yb Lu Hf Ta W Re Os Ir"
        " Pt Au Hg Tl Pb Bi Po At Rn Fr Ra Ac Th Pa U Np Pu Am Cm Bk Cf Es Fm Md No Lr Rf Db Sg Bh Hs Mt Ds Rg Cn Nh"
        " Fl Mc Lv Ts Og"
    ).split()
)

# BCP 47, as far as names need it: a language, perhaps a script and a region.
LANGUAGE_TAG = re.compile(r"[a-z]{2,3}(-[A-Za-z0-9]{2,4}){0,2}")


@cache
def timezones() -> frozenset[str]:
    """The IANA zones that this machine's time zone database knows."""
    return frozenset(available_timezones() - {"localtime", "Factory", "posixrules"})
