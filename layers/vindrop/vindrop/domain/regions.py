"""World regions and countries of the first two characters (ISO 3780), as allocated today.

The allocation is kept by the Society of Automotive Engineers for ISO. The ranges are those of
`vininfo` 1.11 (BSD-3-Clause), corrected where newer allocations or NHTSA's vPIC show otherwise:
7A to 7E is New Zealand and only 7F to 70 the United States; R1 to R8 is Hong Kong; MY to M0 and
P5 to P0 are India; UA to UG is Spain; VX to V2 is France; 84 is Costa Rica, 86 El Salvador.
34 is Nicaragua, no part of the United States. PE is the Philippines: Ford built there under PE1 and PE3.
"""

from __future__ import annotations

import functools
from typing import Final

SECOND: Final = "ABCDEFGHJKLMNPRSTUVWXYZ1234567890"
"""The order in which ISO 3780 counts second characters."""

_REGIONS: Final = {
    **dict.fromkeys("ABCDEFG", "Africa"),
    **dict.fromkeys("HJKLMNPR", "Asia"),
    **dict.fromkeys("STUVWXYZ", "Europe"),
    **dict.fromkeys("123457", "North America"),
    "6": "Oceania",
    **dict.fromkeys("89", "South America"),
}
_NEW_ZEALAND_AT_7: Final = "ABCDE"

_COUNTRIES: Final = """
A AH South Africa; JK Ivory Coast; LM Lesotho; NP Botswana; RS Namibia; TU Madagascar; VW Mauritius;
A XY Tunisia; Z1 Cyprus; 23 Zimbabwe; 45 Mozambique
B AB Angola; CC Ethiopia; FG Kenya; HH Rwanda; LL Nigeria; RR Algeria; UU Uganda; 34 Libya
C AB Egypt; FG Morocco; LM Zambia
D AE Egypt
H A0 China
J A0 Japan
K FH Israel; LR South Korea; ST Jordan; UU South Korea; 13 South Korea; 55 Kyrgyzstan
L A0 China
M AE India; FK Indonesia; LR Thailand; SS Myanmar; UU Mongolia; XX Kazakhstan; Y0 India
N AE Iran; FG Pakistan; JJ Iraq; LR Turkey; ST Uzbekistan; UV Azerbaijan; XX Tajikistan; YY Armenia
N 15 Iran; 78 Turkey
P AC Philippines; EE Philippines; FG Singapore; LR Malaysia; ST Bangladesh; VV Cambodia; 50 India
R AB United Arab Emirates; FK Taiwan; LN Vietnam; PP Laos; ST Saudi Arabia; UW Russia; 18 Hong Kong
S AM United Kingdom; NT Germany; UZ Poland; 12 Latvia; 33 Georgia; 44 Iceland
T AH Switzerland; JP Czechia; RV Hungary; W2 Portugal; 35 Serbia; 66 Andorra; 78 Netherlands
U AG Spain; HM Denmark; NR Ireland; UX Romania; 12 North Macedonia; 57 Slovakia
U 80 Bosnia and Herzegovina
V AE Austria; FR France; SW Spain; X2 France; 35 Croatia; 68 Estonia
W A0 Germany
X AC Bulgaria; DE Russia; FH Greece; JK Russia; LR Netherlands; SW Russia; XY Luxembourg; Z0 Russia
Y AE Belgium; FK Finland; NN Malta; SW Sweden; X2 Norway; 35 Belarus; 68 Ukraine
Z AU Italy; XZ Slovenia; 11 San Marino; 35 Lithuania; 60 Russia
1 A0 United States
2 A5 Canada
3 AX Mexico; 44 Nicaragua; 55 Dominican Republic; 66 Honduras; 77 Panama; 89 Puerto Rico
4 A0 United States
5 A0 United States
6 AX Australia; Y1 New Zealand
7 AE New Zealand; F0 United States
8 AE Argentina; FG Chile; LN Ecuador; ST Peru; XZ Venezuela; 22 Bolivia; 44 Costa Rica; 66 El Salvador
9 AE Brazil; FG Colombia; LL Paraguay; SV Uruguay; 29 Brazil
"""
"""First character, then ranges of second characters with the country they were given to."""


def region(vin: str) -> str | None:
    """Return the world region of a VIN's first two characters, or None if unassigned."""
    if vin[0] == "7" and vin[1] in _NEW_ZEALAND_AT_7:
        return "Oceania"
    return _REGIONS.get(vin[0])


def country(vin: str) -> str | None:
    """Return the country that a VIN's first two characters were given to, or None.

    It is the country of the maker's register, not of the factory.

    >>> country("7SAYGDEE2NF000000"), country("HJRPBGJB1RF000001")
    ('United States', 'China')
    """
    return _countries().get(vin[:2])


@functools.cache
def _countries() -> dict[str, str]:
    found: dict[str, str] = {}
    for line in _COUNTRIES.strip().splitlines():
        first, _, allocations = line.partition(" ")
        for allocation in allocations.strip("; ").split("; "):
            span, _, name = allocation.partition(" ")
            for second in SECOND[SECOND.index(span[0]) : SECOND.index(span[1]) + 1]:
                found[first + second] = name
    return found
