"""What a trading desk checks before an instruction leaves the house. Pure: no database."""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

TicketAction = Literal["BUY", "SELL", "CLOSE", "NONE"]

LONGEST_LIFE = timedelta(days=7)
LONGEST_NOTE = 300
FURTHEST_FROM_MARKET = 0.5
"""Share of the market price. A price further off than this is a slip of the finger, not a view."""

PRICES = ("entry", "stop_loss", "take_profit")


@dataclass(frozen=True, slots=True, kw_only=True)
class Ticket:
    """One instruction as somebody filled it in; `problems` says whether it may go out."""

    symbol: str
    action: TicketAction
    expires_at: datetime
    entry: float | None = None
    stop_loss: float | None = None
    take_profit: float | None = None
    confidence: float | None = None
    note: str = ""
    execute: bool = False

    @property
    def prices(self) -> dict[str, float]:
        """The prices that were given, by field."""
        given = {field: getattr(self, field) for field in PRICES}
        return {field: price for field, price in given.items() if price is not None}


Problems = dict[str, str]
"""Field of the ticket -> what is wrong with it, as a sentence for whoever filled it in."""


class TicketRefused(Exception):
    """The ticket may not go out. The operator mends the fields named in `problems`."""

    def __init__(self, problems: Problems) -> None:
        super().__init__(" ".join(problems.values()))
        self.problems = problems


def problems(ticket: Ticket, now: datetime, market_price: float | None = None) -> Problems:
    """Everything wrong at once, so that it is mended at once. Empty when the ticket may go out."""
    found = _wrong_words(ticket) | _wrong_life(ticket, now) | _wrong_numbers(ticket)
    if not found:
        found = _wrong_sides(ticket) | _far_from_market(ticket, market_price)
    return found


def _wrong_words(ticket: Ticket) -> Problems:
    found: Problems = {}
    if not ticket.symbol or len(ticket.symbol) > 64 or not ticket.symbol.isprintable():
        found["symbol"] = "Give the symbol, 64 characters at most."
    if ticket.action not in ("BUY", "SELL", "CLOSE", "NONE"):
        found["action"] = "The action is BUY, SELL, CLOSE or NONE."
    if len(ticket.note) > LONGEST_NOTE or not ticket.note.replace("\n", " ").isprintable():
        found["note"] = f"The note is plain text of {LONGEST_NOTE} characters at most."
    if ticket.execute and ticket.action == "NONE":
        found["execute"] = "There is nothing to execute in a signal without an action."
    return found


def _wrong_life(ticket: Ticket, now: datetime) -> Problems:
    if ticket.expires_at <= now:
        return {"expires_at": "The expiry lies in the past."}
    if ticket.expires_at - now > LONGEST_LIFE:
        return {"expires_at": f"A signal lives {LONGEST_LIFE.days} days at most."}
    return {}


def _wrong_numbers(ticket: Ticket) -> Problems:
    found: Problems = {}
    for field, price in ticket.prices.items():
        if not (math.isfinite(price) and price > 0):
            found[field] = f"The {_name(field)} must be a number above zero."
        elif ticket.action not in ("BUY", "SELL"):
            found[field] = f"A signal to {ticket.action} carries no {_name(field)}."
    confidence = ticket.confidence
    if confidence is not None and not 0 <= confidence <= 1:  # also refuses NaN
        found["confidence"] = "The confidence lies between 0 and 1."
    return found


def _wrong_sides(ticket: Ticket) -> Problems:
    """Stop, entry and target stand in the order of the trade: rising for BUY, else falling."""
    buying = ticket.action == "BUY"
    below, above = ("below", "above") if buying else ("above", "below")
    stop, entry, target = ticket.stop_loss, ticket.entry, ticket.take_profit
    found: Problems = {}
    if not _rises(stop, entry, buying):
        found["stop_loss"] = f"To {ticket.action}, the stop loss must lie {below} the entry."
    if not _rises(entry, target, buying):
        found["take_profit"] = f"To {ticket.action}, the take profit must lie {above} the entry."
    if not found and not _rises(stop, target, buying):
        found["stop_loss"] = f"To {ticket.action}, the stop loss must lie {below} the take profit."
    return found


def _rises(first: float | None, second: float | None, buying: bool) -> bool:
    if first is None or second is None:
        return True
    return first < second if buying else first > second


def _far_from_market(ticket: Ticket, market_price: float | None) -> Problems:
    if not market_price or market_price <= 0:
        return {}
    found: Problems = {}
    for field, price in ticket.prices.items():
        off = abs(price - market_price) / market_price
        if off > FURTHEST_FROM_MARKET:
            where = f"{off:.0%} away from the market ({market_price:g})"
            found[field] = f"The {_name(field)} {price:g} is {where}."
    return found


def _name(field: str) -> str:
    return field.replace("_", " ")
