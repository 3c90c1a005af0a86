"""One canonical name for what every terminal names in its own way.

Pure and free of tables, because the gateway needs it before anything is stored: all feeds of one
instrument must meet in one shard, those that an operator may match some day among them. A name is
only translated where no second meaning exists; anything else stands for itself, in capitals. What
differs in price stays apart: a perpetual (`BTCUSDT.P`) is not the spot pair, one stablecoin is not
the other, one expiry is not the next.
"""

from __future__ import annotations

import re
import zlib
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal

Family = Literal["fx", "metal", "crypto", "index", "energy", "future", "stock", "other"]


def _names(text: str) -> frozenset[str]:
    return frozenset(text.split())


FIAT = _names(
    "AED AUD BRL CAD CHF CLP CNH CNY COP CZK DKK EUR GBP HKD HUF IDR ILS INR JPY KRW MXN MYR "
    "NOK NZD PHP PLN RON RUB SAR SEK SGD THB TRY TWD USD ZAR"
)
METALS = _names("XAG XAU XPD XPT")
STABLECOINS = _names("BUSD DAI FDUSD TUSD USDC USDT")
COINS = _names(
    "AAVE ADA ALGO APT ARB ATOM AVAX BCH BNB BTC DOGE DOT ETC ETH FIL HBAR ICP INJ LINK LTC "
    "MATIC NEAR OP PEPE POL SHIB SOL SUI TON TRX UNI XBT XLM XMR XRP XTZ ZEC"
)
COIN_QUOTES = _names("BNB BTC ETH XBT")
INDICES = _names(
    "AUS200 CHINA50 CN50 DAX40 DE30 DE40 DJ30 DJI ESP35 EU50 EUSTX50 FRA40 GER30 GER40 HK50 "
    "IT40 JP225 JPN225 NAS100 NDX NETH25 SPA35 SPX SPX500 STOXX50 SWI20 UK100 US100 US2000 US30 "
    "US500 USTEC VIX WS30"
)
ENERGIES = _names("BRENT UKOIL USOIL WTI XBRUSD XNGUSD XTIUSD")
FUTURE_ROOTS = _names(
    "6A 6B 6C 6E 6J 6N 6S BTC CL ES ETH FDAX FDXM FESX FGBL GC HG M2K MBT MCL MES MGC MNQ MYM "
    "NG NQ PA PL QM RB RTY SI UB YM ZB ZC ZF ZL ZM ZN ZS ZT ZW"
)
STOCK_EXCHANGES = _names("AMEX ARCA BATS NASDAQ NYSE NYSEARCA XNAS XNYS")

_CRUDE_OIL = _names("CL MCL QM")
_MONTHS = "FGHJKMNQUVXZ"
"""CME's letters for January to December."""

# Account types that brokers append: EURUSD.m, EURUSDpro, EURUSD_i. All quote the same instrument.
_WORDS = "cash|cent|ecn|fx|mini|micro|prime|pro|raw|spot|std|stp|vip"
_DECORATION = re.compile(rf"[._+#!-]|[._-]?(?i:{_WORDS})|[._-][A-Za-z]|[a-z]")
_FORWARD = re.compile(r"[._-]?[Ff]")
_PERPETUAL = re.compile(r"\.P|[._-]?PERP|-SWAP|:[A-Z]{3,5}")
_PREFIX = re.compile(r"(?:[A-Za-z][\w-]*:)+(?=.)")
_DATED = re.compile(r"([A-Z0-9]{1,8}) (0[1-9]|1[0-2])-(\d\d)")


def _any_of(names: frozenset[str]) -> str:
    return "|".join(sorted(names, key=lambda name: (-len(name), name)))


_PAIR = re.compile(
    rf"[#.!]?({_any_of(FIAT | METALS | COINS | STABLECOINS)})[/_ -]?"
    rf"({_any_of(FIAT | STABLECOINS | COIN_QUOTES)})(.*)"
)
_NAMED = re.compile(rf"[#.!]?({_any_of(INDICES | ENERGIES)})(.*)")
_CODED = re.compile(rf"({_any_of(FUTURE_ROOTS)})([{_MONTHS}])(?:20)?(\d\d)")
_CONTINUOUS = re.compile(rf"({_any_of(FUTURE_ROOTS)})(\d!| ##-##)")


@dataclass(frozen=True, slots=True)
class Parsed:
    """A symbol understood. `base` is a pair's base or a future's root, `quote` a pair's quote."""

    canonical: str
    family: Family
    base: str = ""
    quote: str = ""

    @property
    def allows_nonpositive(self) -> bool:
        """Whether zero and negative prices are real: crude oil closed at -37.63 in April 2020."""
        return self.family == "energy" or self.base in _CRUDE_OIL


@lru_cache(maxsize=8192)
def parse(symbol: str) -> Parsed:
    """Understand a terminal's symbol. Never fails: the unknown belongs to the family `other`."""
    text = " ".join(symbol.split())
    prefix = _PREFIX.match(text)
    exchange = ""
    if prefix:
        exchange = prefix[0][:-1].upper()
        text = text[prefix.end() :].strip()
    capitals = text.upper() if text.isascii() else text
    known = _known(text) or _known(capitals)
    if known:
        return known
    return Parsed(capitals, "stock" if exchange in STOCK_EXCHANGES else "other")


_SEPARATED = re.compile(r"([A-Z]{3,5})[/_ -]([A-Z]{3,5})")


def own_name(symbol: str) -> str:
    """The instrument that a symbol is without anybody's word: exact, case-sensitive.

    Only a pair's separator is mere spelling: `EUR/USD` is `EURUSD`. `EURUSD.m` and `eurusd` are
    instruments of their own until an operator has matched them.
    """
    text = " ".join(symbol.split())
    parts = _SEPARATED.fullmatch(text)
    if parts and parse(text).canonical == parts[1] + parts[2]:
        return parts[1] + parts[2]
    return text


def canonical(symbol: str) -> str:
    """The instrument that a name most likely means: `EURUSD.m` and `OANDA:EURUSD` mean `EURUSD`.

    A guess, good enough to look something up and to choose a shard; feeds are matched by people.
    """
    return parse(symbol).canonical


def shard_of(symbol: str, shards: int) -> int:
    """The shard of a symbol's instrument: the same in every process and on every machine."""
    return zlib.crc32(canonical(symbol).encode()) % shards


def allows_nonpositive(symbol: str) -> bool:
    """Whether zero and negative prices of this symbol are real."""
    return parse(symbol).allows_nonpositive


def _known(text: str) -> Parsed | None:
    return _future(text) or _pair(text) or _named(text)


def _future(text: str) -> Parsed | None:
    """`ES 12-26` as NinjaTrader writes it, and the exchange's `ESZ26` or `ESZ2026`.

    `ESZ6` stays as it is: its decade is not known.
    """
    if dated := _DATED.fullmatch(text):
        return Parsed(text, "future", base=dated[1])
    if coded := _CODED.fullmatch(text):
        month = _MONTHS.index(coded[2]) + 1
        return Parsed(f"{coded[1]} {month:02d}-{coded[3]}", "future", base=coded[1])
    if continuous := _CONTINUOUS.fullmatch(text):
        return Parsed(text, "future", base=continuous[1])
    return None


def _pair(text: str) -> Parsed | None:
    match = _PAIR.fullmatch(text)
    if match is None or match[1] == match[2]:
        return None
    base, quote = (_coin(name) for name in match.group(1, 2))
    family = _pair_family(base, quote)
    if not match[3]:
        return Parsed(base + quote, family, base, quote)
    if family == "crypto" and _PERPETUAL.fullmatch(match[3]):
        return Parsed(f"{base}{quote}.P", family, base, quote)
    if _DECORATION.fullmatch(match[3]):
        return Parsed(base + quote, family, base, quote)
    return None


def _coin(name: str) -> str:
    return "BTC" if name == "XBT" else name


def _pair_family(base: str, quote: str) -> Family:
    if base in METALS:
        return "metal"
    return "fx" if base in FIAT and quote in FIAT else "crypto"


def _named(text: str) -> Parsed | None:
    match = _NAMED.fullmatch(text)
    if match is None or (match[2] and not _DECORATION.fullmatch(match[2])):
        return None
    if _FORWARD.fullmatch(match[2]):  # `US500.f` follows the future, some points off the cash index
        return None
    return Parsed(match[1], "index" if match[1] in INDICES else "energy", base=match[1])
