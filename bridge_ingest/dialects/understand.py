"""From named values to an alert: what the mapping says, else what the names say.

Nothing is half understood: what must be there and is not, or is there and makes no sense, refuses
the whole body. A value that no target claims becomes an indicator when it is a number, else it is
listed as unread.
"""

from __future__ import annotations

from bridge_ingest import symbols
from bridge_ingest.dialects import names, values
from bridge_ingest.dialects.alert import Alert, BarValues
from bridge_ingest.dialects.fields import Fields, Reading, Value
from bridge_ingest.dialects.mapping import NOTHING, Mapping
from bridge_ingest.dialects.names import BAR_PARTS
from bridge_ingest.dialects.recognise import read
from bridge_ingest.protocol import rules
from bridge_ingest.protocol.errors import Refused
from bridge_ingest.protocol.messages import PERIODS_S

_NEEDED = frozenset({"symbol", "price", "time", "action", *BAR_PARTS})
"""Targets that refuse the body when their mapped path is not there; others are then just empty."""
_NOTE_MAX, _TEXT_MAX = 300, 128


def understand(body: bytes, mapping: Mapping, received_us: int, content_type: str = "") -> Alert:
    """What a body says. Raises Refused with a reason that names the field."""
    reading = read(body, mapping, content_type)
    return _Understanding(reading, mapping, received_us).alert()


class _Understanding:
    """One reading under way: which values have been claimed, and by whom."""

    def __init__(self, reading: Reading, mapping: Mapping, received_us: int) -> None:
        self._dialect, self._fields = reading.dialect, reading.fields
        self._named = names.by_name(reading.fields)
        self._mapping = mapping
        self._received_us = received_us
        self._claimed: set[str] = set()

    def alert(self) -> Alert:
        symbol = self._symbol()
        nonpositive = symbols.allows_nonpositive(symbol)
        bar_at = self._bar_paths()
        price = self._price(nonpositive, bar_at)
        stamped_us = self._bar_time_us(bar_at)
        event_us, states_time = self._time(stamped_us)
        position = self._text("position", _TEXT_MAX)
        action = self._action(position)
        if stamped_us is None and states_time:
            stamped_us = event_us
        bar = self._bar(bar_at, nonpositive, stamped_us)
        return Alert(
            dialect=self._dialect,
            symbol=symbol,
            price=price,
            event_us=event_us,
            states_time=states_time,
            action=action,
            bar=bar,
            exchange=self._text("exchange", 64),
            period=bar.period if bar else self._period() or "",
            volume=bar.volume if bar else self._amount("volume"),
            stop_loss=self._level("stop_loss", nonpositive),
            take_profit=self._level("take_profit", nonpositive),
            quantity=self._amount("quantity"),
            confidence=self._amount("confidence"),
            position=position,
            note=self._text("note", _NOTE_MAX),
            alert_id=self._text("alert_id", _TEXT_MAX),
            repeat_value=self._value_at(self._mapping.repeat_path),
            secret=self._value_at(self._mapping.secret_path),
            indicators=self._indicators(),
            unread=self._unread(),
        )

    # Where a target stands.

    def _path(self, target: str) -> str | None:
        """The path of a target's value, or None when there is none."""
        mapped = self._mapping.paths.get(target)
        if mapped == NOTHING:
            return None
        if mapped:
            if self._fields.get(mapped) not in (None, ""):
                return mapped
            _refuse_absent(target, mapped)
            return None
        return names.find(self._fields, self._named, names.NAMES.get(target, (target,)))

    def _claim(self, target: str) -> tuple[str, Value] | None:
        path = self._path(target)
        if path is None:
            return None
        self._claimed.add(path)
        return path, self._fields[path]

    # What must be there.

    def _symbol(self) -> str:
        found = self._claim("symbol")
        if found is not None:
            return values.symbol(*found)
        if self._mapping.symbol:
            return values.symbol("symbol", self._mapping.symbol)
        raise Refused("missing", "symbol", f"No symbol: which market is this about? {self._hint()}")

    def _price(self, nonpositive: bool, bar_at: dict[str, str]) -> float:
        found = self._claim("price")
        if found is None and "close" in bar_at:
            found = bar_at["close"], self._fields[bar_at["close"]]
        if found is None:
            raise Refused("missing", "price", f"No price, so no signal at a price. {self._hint()}")
        price = values.number(*found)
        rules.check_price(price, found[0], nonpositive=nonpositive)
        return price

    def _hint(self) -> str:
        """What a trader can do about a value that is not there."""
        if self._dialect == "text":
            return (
                "TradingView's default text has none (the figure after @ counts contracts): write "
                "the message as JSON, with {{ticker}} and {{close}} or {{strategy.order.price}}."
            )
        if self._dialect in ("csv", "pipes"):
            return "Columns have no names: say on the mapping screen which column is which."
        return "Add it to the alert's message, or say on the mapping screen where it stands."

    def _time(self, stamped_us: int | None) -> tuple[int, bool]:
        """The alert's own moment, else its bar's, else that of receipt, which it did not state."""
        found = self._claim("time")
        if found is None:
            return (stamped_us or self._received_us), stamped_us is not None
        return self._moment_us(*found), True

    def _moment_us(self, path: str, value: Value) -> int:
        moment = values.moment_us(path, value)
        rules.check_moment(moment, self._received_us, path)
        return moment

    def _bar_time_us(self, bar_at: dict[str, str]) -> int | None:
        """A bar's own time stands beside it, unless the mapping says which time counts."""
        if not bar_at or "time" in self._mapping.paths:
            return None
        prefix = bar_at["open"][: -len(names.leaf(bar_at["open"]))]
        beside: Fields = {
            path: value
            for path, value in self._fields.items()
            if path.startswith(prefix) and "." not in path[len(prefix) :]
        }
        path = names.find(beside, names.by_name(beside), names.NAMES["time"])
        if path is None:
            return None
        self._claimed.add(path)
        return self._moment_us(path, self._fields[path])

    # What may be there.

    def _bar_paths(self) -> dict[str, str]:
        """Where open, high, low and close stand; empty when they do not all."""
        if not any(part in self._mapping.paths for part in BAR_PARTS):
            found = names.bar_paths(self._fields)
        else:
            paths = {part: self._path(part) for part in BAR_PARTS}
            found = {part: path for part, path in paths.items() if path is not None}
        whole = found if len(found) == len(BAR_PARTS) else {}
        self._claimed.update(whole.values())
        return whole

    def _bar(
        self, at: dict[str, str], nonpositive: bool, stamped_us: int | None
    ) -> BarValues | None:
        if not at:
            return None
        if stamped_us is None:
            reason = "time is missing: a bar needs the moment of its opening. Add {{time}}."
            raise Refused("missing", "time", reason)
        open_, high, low, close = (values.number(at[part], self._fields[at[part]]) for part in at)
        rules.check_ohlc(open_, high, low, close, nonpositive)
        period = self._period() or self._mapping.period
        if period not in PERIODS_S:
            reason = f"The period is {period[:20]!r}; bars can be {', '.join(PERIODS_S)}."
            raise Refused("period", "period", reason)
        volume = self._amount("volume") or 0.0
        return BarValues(
            period, stamped_us, open_, high, low, close, volume, closed=self._is_closed()
        )

    def _is_closed(self) -> bool:
        """A bar counts as closed unless the alert says that it is not."""
        path = names.find(self._fields, self._named, names.BAR_CLOSED)
        if path is None:
            return True
        self._claimed.add(path)
        return values.simple(self._fields[path]) not in ("false", "0", "no")

    def _period(self) -> str | None:
        found = self._claim("period")
        if found is None:
            return None
        return values.period(found[1]) or str(found[1])[:16]

    def _action(self, position: str) -> str:
        """The order's action. One that leaves the market position flat closes, whichever side."""
        found = self._claim("action")
        if found is not None:
            action = values.action(found[1])
            if action is None:
                reason = f"{found[0]} is {str(found[1])[:40]!r}; use buy, sell, close or none."
                raise Refused("action", found[0], reason)
        else:
            action = self._action_elsewhere()
        closes = values.simple(position) == "flat" and action in ("BUY", "SELL")
        return "CLOSE" if closes else action

    def _action_elsewhere(self) -> str:
        if "action" in self._mapping.paths:
            return ""
        for name in names.MAYBE_ACTION:
            path = names.find(self._fields, self._named, (name,))
            if path is not None and (action := values.action(self._fields[path])):
                self._claimed.add(path)
                return action
        return ""

    def _level(self, target: str, nonpositive: bool) -> float | None:
        """A price that protects or ends a trade; 0 is how platforms write that there is none."""
        found = self._claim(target)
        if found is None:
            return None
        level = values.number(*found)
        if level == 0:
            return None
        rules.check_price(level, found[0], nonpositive=nonpositive)
        return level

    def _amount(self, target: str) -> float | None:
        """A number beside the point of the alert: text in its place is unread, unless mapped."""
        path = self._path(target)
        if path is None:
            return None
        value = self._fields[path]
        if not values.is_number(value) and target not in self._mapping.paths:
            return None
        self._claimed.add(path)
        found = values.number(path, value)
        if found < 0:
            raise Refused("range", path, f"{path} is {found:g}; it can't be below zero.")
        return found

    def _text(self, target: str, longest: int) -> str:
        found = self._claim(target)
        return "" if found is None else str(found[1])[:longest]

    def _value_at(self, path: str) -> str:
        value = self._fields.get(path)
        return "" if value is None else str(value)

    # The rest.

    def _indicators(self) -> dict[str, float]:
        return {
            path: values.number(path, value)
            for path, value in self._fields.items()
            if self._is_left(path) and values.is_number(value) and path.isprintable()
        }

    def _unread(self) -> list[str]:
        return [
            path
            for path, value in self._fields.items()
            if self._is_left(path) and value not in (None, "") and not values.is_number(value)
        ]

    def _is_left(self, path: str) -> bool:
        is_secret = names.is_secret(path) or path == self._mapping.secret_path
        return path not in self._claimed and not is_secret


def _refuse_absent(target: str, path: str) -> None:
    if target in _NEEDED:
        named = target.replace("_", " ")
        reason = f"{path} is missing; the mapping says that the {named} stands there."
        raise Refused("missing", path, reason)
