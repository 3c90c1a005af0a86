"""Which instrument a broker's spelling may mean. Pure: names in, suggestions out.

Brokers put marks before and behind a name for the type of account: `EURUSD.m`, `EURUSDpro`,
`#EURUSD`, `EURUSD_i`. TradingView puts the exchange before it, NinjaTrader and the exchanges write
expiries in their own ways. Nothing here is certain enough to be acted on: an operator confirms.
What differs in price is never suggested: a perpetual for the spot pair, one expiry for the next,
a micro future for the large one, one stablecoin for the other.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import lru_cache

from bridge_ingest.symbols import (
    COINS,
    FIAT,
    FUTURE_ROOTS,
    METALS,
    STABLECOINS,
    canonical,
    own_name,
    parse,
)

MOST = 4
"""Suggestions for one symbol, the likeliest first."""

_SYNONYMS = (
    "XAUUSD GOLD GOLDUSD GOLDSPOT XAUSPOT",
    "XAGUSD SILVER SILVERUSD SILVERSPOT",
    "BTCUSD XBTUSD BITCOIN",
    "ETHUSD ETHEREUM",
    "US30 DJ30 WS30 DJI DOW30 USA30 WALLSTREET30 US30USD DJUSD",
    "US500 SPX500 SPX SP500 USA500 S&P500 US500USD SPX500USD SPXUSD USSPX500",
    "US100 NAS100 USTEC NDX NASDAQ100 USATEC USA100 NAS100USD NDXUSD UT100 USTECH USTECH100",
    "US2000 RUSSELL2000 RUS2000 US2000USD RTY2000",
    "DE40 GER40 DAX40 DAX DE30 GER30 DE40EUR DE30EUR GERMANY40 GDAXI GERTEC40 DEU40",
    "UK100 FTSE100 FTSE UK100GBP UKX GBR100",
    "FRA40 FR40 F40 CAC40 CAC FRANCE40 FR40EUR FRA40EUR",
    "EU50 STOXX50 EUSTX50 ESTX50 EU50EUR EUR50 EUROSTOXX50",
    "ESP35 SPA35 ES35 IBEX35 ESP35EUR SPAIN35",
    "JP225 JPN225 NIKKEI225 NI225 JP225USD NIKKEI N225 JAP225",
    "AUS200 AU200 ASX200 AU200AUD AUS200AUD SPI200",
    "HK50 HSI HSI50 HKG50 HK33 HK33HKD HANGSENG50",
    "USOIL WTI XTIUSD CRUDOIL CRUDEOIL WTICOUSD OILWTI USCRUDE WTIUSD OILUSD USOUSD",
    "UKOIL BRENT XBRUSD BCOUSD OILBRENT UKCRUDE BRENTUSD UKOUSD BRENTOIL",
    "XNGUSD NATGAS NGAS NATGASUSD NATURALGAS NGUSD",
)
_GROUPS = {name: group.split() for group in _SYNONYMS for name in group.split()}

_WORDS = (
    "CASH|CENT|CLASSIC|CT|ECN|FX|FIX|LMX|MICRO|MINI|NANO|OTN|PREMIUM|PRIME|PRO|PROCENT|RAW|SB|SPOT|"
    "SPREAD|STD|STANDARD|STP|SWAPFREE|ULTRA|VAR|VIP|ZERO|ISLAMIC|LIVE|DEMO|CFD"
)
_BEHIND = re.compile(
    rf"[.\-_+#!*^$~](?i:{_WORDS}|[A-Z]{{1,4}}\d?|\d{{1,2}})?"  # EURUSD.m EURUSD-5 EURUSD#
    rf"|[.\-_]\W{{1,2}}"  # EURUSD.£
    rf"|(?i:{_WORDS})[.+#]?"  # EURUSDpro EURUSDMICRO
    r"|[a-z]{1,3}[.+#]?"  # EURUSDm EURUSDxx
    r"|[MCZRK]"  # EURUSDM, where a broker writes all in capitals
    r"|[.\-_][A-Za-z]{1,6}[.\-_][A-Za-z]{1,6}"  # EURUSD.raw.pro
)
_BEFORE = re.compile(r"[#.!$&@^*~_-]{1,2}|(?i:fx|forex|cfd|spot|mt[45])[._-]?|[a-z]{1,2}[._-]?")
_EXCHANGE = re.compile(r"(?:[A-Za-z][\w-]*:)+(?=.)")
_DERIVED = re.compile(
    r"\.P|\.F|[._-]?(?i:PERP|SWAP|FUT|QUARTER)|[._-]?\d{4,}|[._-][FGHJKMNQUVXZ]\d"
)

_BASES = "|".join(sorted(FIAT | METALS | COINS, key=lambda name: (-len(name), name)))
_QUOTES = "|".join(sorted(FIAT | STABLECOINS | {"BTC", "ETH"}, key=lambda n: (-len(n), n)))
_PAIR = re.compile(rf"(?:{_BASES})[/_ .-]?(?:{_QUOTES})", re.IGNORECASE)
_ROOTS = "|".join(sorted(FUTURE_ROOTS, key=lambda name: (-len(name), name)))
_MONTHS = "FGHJKMNQUVXZ"
_ABBREVIATED = (
    "JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC",
)  # fmt: skip
_CODED = re.compile(rf"[/@#]?({_ROOTS})[ _-]?([{_MONTHS}])(\d{{1,4}})(?:[._-][A-Z]{{2,6}})?")
_NAMED = re.compile(rf"[/@#]?({_ROOTS})[ _-]?({'|'.join(_ABBREVIATED)})[ _-]?(?:20)?(\d\d)")
_FORWARD = re.compile(r"[._-]?[Ff]")
_MARKED = re.compile(
    r"[#.!$&@^*~_-]{0,2}([A-Za-z0-9][^.#]*?)"
    rf"([.#][A-Za-z]{{0,6}}|[_-](?i:{_WORDS}))?"
)
"""`AAPL.US`, `#AAPL`, `WIDGET_pro`."""


@dataclass(frozen=True, slots=True)
class Suggestion:
    """An instrument's name and why. `certain`: worth asking though no such instrument is there."""

    target: str
    why: str
    certain: bool


@lru_cache(maxsize=8192)
def suggestions(symbol: str, year: int) -> tuple[Suggestion, ...]:
    """What `symbol` may mean besides itself, the likeliest first, four at most.

    `year`: of now; `ESZ6` is the December that is nearest to it.
    """
    own = own_name(symbol)
    found: dict[str, Suggestion] = {}
    for each in _all(own, year):
        target = own_name(each.target)  # a mark behind a pair may hide its separator
        if target != own and target not in found:
            found[target] = replace(each, target=target)
    return tuple(found.values())[:MOST]


def _all(own: str, year: int) -> Iterator[Suggestion]:
    text, exchange = own, ""
    if prefix := _EXCHANGE.match(own):
        exchange, text = prefix[0], own[prefix.end() :].strip()
    of_exchange = f"the exchange {exchange} stands before it" if exchange else ""
    yield from _futures(text, year, of_exchange)
    meant = parse(own)
    if meant.family != "other" and meant.canonical != own:
        why = of_exchange or _difference(own, meant.canonical)
        yield Suggestion(meant.canonical, why, certain=True)
    yield from _decorated(text)
    yield from _synonyms(text)
    yield from _plain(own, text)


def _difference(own: str, target: str) -> str:
    """In words: what stands before or behind the name, or that only capitals differ."""
    at = own.upper().find(target)
    if own.upper() == target:
        return "only capitals differ"
    if at < 0:
        return "the same, written otherwise"
    before, behind = own[:at], own[at + len(target) :]
    marks = [f"{mark} {where}" for mark, where in ((before, "before"), (behind, "behind")) if mark]
    return f"it has {' and '.join(marks)} the name"


def _futures(text: str, year: int, of_exchange: str) -> Iterator[Suggestion]:
    """`ESZ26`, `ESZ6`, `/ESZ26`, `ES DEC26`: NinjaTrader's `ES 12-26`."""
    capitals = text.upper()
    if named := _NAMED.fullmatch(capitals):
        root, month, digits = named[1], _ABBREVIATED.index(named[2]) + 1, named[3]
    elif coded := _CODED.fullmatch(capitals):
        root, month, digits = coded[1], _MONTHS.index(coded[2]) + 1, coded[3]
    else:
        return
    expiry = _year(digits, year)
    if expiry is not None:
        why = of_exchange or "the exchange's code of that expiry"
        yield Suggestion(f"{root} {month:02d}-{expiry % 100:02d}", why, certain=True)


def _year(digits: str, now: int) -> int | None:
    """`26`, `2026`, or `6`, which is the one within five years of now."""
    match len(digits):
        case 1:
            near = now - now % 10 + int(digits)
            return min((near - 10, near, near + 10), key=lambda year: abs(year - now))
        case 2:
            return 2000 + int(digits)
        case 4 if digits.startswith("20"):
            return int(digits)
    return None


def _decorated(text: str) -> Iterator[Suggestion]:
    """A pair with marks before or behind it that `bridge_ingest.symbols` does not know."""
    if own_name(text) == canonical(text) and parse(text).family != "other":
        return
    for match in _PAIR.finditer(text):
        before, behind = text[: match.start()], text[match.end() :]
        if before and not _BEFORE.fullmatch(before):
            continue
        if behind and (_DERIVED.fullmatch(behind) or not _BEHIND.fullmatch(behind)):
            continue
        meant = parse(match[0].replace(".", ""))
        if meant.family != "other":
            yield Suggestion(meant.canonical, _difference(text, meant.canonical), certain=True)


def _synonyms(text: str) -> Iterator[Suggestion]:
    """Another house's name of the same market: `GOLD` is `XAUUSD`, `DAX40` is `GER40` or `DE40`.

    Always towards the front of the list, so that two instruments are not each other's suggestion.
    """
    for stem in _stems(text):
        group = _GROUPS[stem]
        for name in group[: group.index(stem)]:
            yield Suggestion(name, f"another name of {stem}", certain=False)
        if stem != text:
            yield Suggestion(stem, _difference(text, stem), certain=False)


def _stems(text: str) -> list[str]:
    """Names of houses within the text, in capitals; what stands around them is a broker's mark."""
    if parse(text).canonical == text and parse(text).family != "other":
        return [text] if text in _GROUPS else []
    found = []
    for start in {0, mark.end() if (mark := _BEFORE.match(text)) else 0}:
        for end in range(len(text), start + 1, -1):
            stem, behind = text[start:end].upper(), text[end:]
            if stem in _GROUPS and (not behind or _is_mark(behind)):
                found.append(stem)
    return found


def _is_mark(behind: str) -> bool:
    """`US500.f` follows the future, some points off the cash index."""
    is_other = _DERIVED.fullmatch(behind) or _FORWARD.fullmatch(behind)
    return _BEHIND.fullmatch(behind) is not None and not is_other


def _plain(own: str, text: str) -> Iterator[Suggestion]:
    """A name that says nothing, without its marks, should there be an instrument of that name."""
    if parse(text).family != "other":
        return
    if match := _MARKED.fullmatch(text):
        name, behind = match[1].upper(), match[2] or ""
        if not (_DERIVED.fullmatch(behind) or _FORWARD.fullmatch(behind)):
            yield Suggestion(name, _difference(own, name), certain=False)
