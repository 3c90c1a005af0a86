"""Symbols are exactly themselves until an operator says otherwise; then their feeds move."""

from __future__ import annotations

import json
from io import StringIO
from typing import Any

import pytest
import redis
from django.core.management import CommandError, call_command
from django.db import transaction

from audit.models import AuditEntry
from bridge_ingest.actions import ActionRefused
from bridge_ingest.models import Source
from market import adopt, matching, queries, store
from market.match_prices import checks
from market.models import Feed, Instrument, SymbolMatch
from market.queries import Window
from tests.market.conftest import NOON_US, Terminal

pytestmark = pytest.mark.django_db
MINUTE_US = 60_000_000


@pytest.fixture(autouse=True)
def clean(redis_client: redis.Redis) -> redis.Redis:
    """Orders to gateways go to a Redis that is empty."""
    return redis_client


def write(batch: Any) -> None:
    with transaction.atomic():
        store.write_ticks(batch, adopt.feeds_for(batch), "0")


def minutes(terminal: Terminal, symbol: str, mid: float, count: int = 10) -> None:
    """A tick in each of so many minutes."""
    write(terminal.ticks(symbol, [mid] * count, step_us=MINUTE_US, spread=0.0))


def source_of(terminal: Terminal, symbol: str) -> Source:
    return Source.objects.get(client=terminal.client, symbol=symbol)


def match(terminal: Terminal, symbol: str, target: str, **how: Any) -> SymbolMatch:
    found = matching.match(
        source_of(terminal, symbol), target, actor=None, through="command", **how
    )
    adopt.forget()
    return found


def instruments() -> dict[str, str]:
    """Client and symbol of each feed -> its instrument."""
    feeds = Feed.objects.select_related("source__client", "instrument")
    return {f"{f.source.client.name} {f.source.symbol}": f.instrument.symbol for f in feeds}


def offers(terminal: Terminal) -> list[tuple[str, str, str]]:
    """Symbol, suggested instrument, verdict of the prices, of everything that waits."""
    return [
        (each.feed.source.symbol, offer.target, offer.check.verdict)
        for each in matching.standings(terminal.client)
        if each.is_open
        for offer in each.offers
    ]


def test_only_an_exact_name_is_matched_without_anybodys_word(
    oanda: Terminal, fxcm: Terminal
) -> None:
    for symbol in ("EURUSD", "GBP/USD", "EURUSD.m"):
        minutes(oanda, symbol, 1.1)
    for symbol in ("EURUSDm", "eurusd", "EURUSD.m"):
        minutes(fxcm, symbol, 1.1)
    assert instruments() == {
        "OANDA EURUSD": "EURUSD", "OANDA GBP/USD": "GBPUSD", "OANDA EURUSD.m": "EURUSD.m",
        "FXCM EURUSDm": "EURUSDm", "FXCM eurusd": "eurusd", "FXCM EURUSD.m": "EURUSD.m",
    }  # fmt: skip
    own = Instrument.objects.get(symbol="EURUSD.m")
    assert (own.kind, own.pip_size, own.session) == ("fx", 0.0001, "24x5")


def test_a_suggestion_is_held_against_the_prices_of_what_it_suggests(
    oanda: Terminal, fxcm: Terminal
) -> None:
    minutes(oanda, "EURUSD", 1.1)
    minutes(oanda, "XAUUSD", 2000.0)
    minutes(fxcm, "EURUSD.m", 1.10002)
    minutes(fxcm, "EURUSDc", 110.0)
    minutes(fxcm, "#EURUSD", 1.25)
    minutes(fxcm, "GOLD", 2000.5)
    minutes(fxcm, "SILVER", 25.0)  # nobody quotes silver otherwise
    minutes(fxcm, "GBPUSD.m", 1.3)
    assert offers(fxcm) == [
        ("#EURUSD", "EURUSD", "other"),
        ("EURUSD.m", "EURUSD", "same"),
        ("EURUSDc", "EURUSD", "scaled"),
        ("GBPUSD.m", "GBPUSD", "unknown"),
        ("GOLD", "XAUUSD", "same"),
    ]
    assert offers(oanda) == []


def test_a_matched_feed_takes_its_history_along(oanda: Terminal, fxcm: Terminal) -> None:
    minutes(oanda, "EURUSD", 1.1)
    minutes(fxcm, "EURUSD.m", 1.1)
    match(fxcm, "EURUSD.m", "EURUSD")
    minutes(fxcm, "EURUSD.m", 1.1, count=1)
    assert [(quote.client, quote.ticks) for quote in queries.quotes("EURUSD")] == [
        ("FXCM", 11), ("OANDA", 10),
    ]  # fmt: skip
    assert queries.bars(fxcm.source("EURUSD.m"), 60, Window()).size == 10
    assert offers(fxcm) == []


def test_a_match_is_undone_and_open_again(oanda: Terminal, fxcm: Terminal) -> None:
    minutes(oanda, "EURUSD", 1.1)
    minutes(fxcm, "EURUSD.m", 1.1)
    match(fxcm, "EURUSD.m", "EURUSD")
    matching.undo(source_of(fxcm, "EURUSD.m"), actor=None, through="command")
    assert instruments()["FXCM EURUSD.m"] == "EURUSD.m"
    assert offers(fxcm) == [("EURUSD.m", "EURUSD", "same")]
    assert [entry.action for entry in AuditEntry.objects.order_by("id")] == [
        "symbol.match", "symbol.undo",
    ]  # fmt: skip
    entry = AuditEntry.objects.order_by("id")[0]
    assert (entry.object_name, entry.before, entry.after) == (
        "FXCM EURUSD.m", {"instrument": "EURUSD.m"}, {"instrument": "EURUSD"},
    )  # fmt: skip


def test_a_refused_suggestion_stays_away_until_it_is_undone(fxcm: Terminal) -> None:
    minutes(fxcm, "EURUSD.m", 1.1)
    matching.keep_apart(source_of(fxcm, "EURUSD.m"), actor=None, through="command")
    assert (offers(fxcm), instruments()) == ([], {"FXCM EURUSD.m": "EURUSD.m"})
    matching.undo(source_of(fxcm, "EURUSD.m"), actor=None, through="command")
    assert offers(fxcm) == [("EURUSD.m", "EURUSD", "unknown")]


def test_what_was_matched_can_be_matched_with_another(oanda: Terminal, fxcm: Terminal) -> None:
    minutes(oanda, "EURUSD", 1.1)
    minutes(oanda, "EURUSD.x", 1.1)
    minutes(fxcm, "EURUSD.m", 1.1)
    match(fxcm, "EURUSD.m", "EURUSD")
    match(fxcm, "EURUSD.m", "EURUSD.x")
    assert instruments()["FXCM EURUSD.m"] == "EURUSD.x"
    assert SymbolMatch.objects.count() == 1


def test_an_instrument_that_nobody_quotes_yet_is_made_when_it_is_suggested(fxcm: Terminal) -> None:
    minutes(fxcm, "EURUSD.m", 1.1)
    match(fxcm, "EURUSD.m", "EURUSD")
    made = Instrument.objects.get(symbol="EURUSD")
    assert (made.kind, made.pip_size) == ("fx", 0.0001)


@pytest.mark.parametrize("target", ["NONSENSE", "eurusd", "", "GBPUSD"])
def test_an_instrument_that_is_not_there_is_refused(fxcm: Terminal, target: str) -> None:
    minutes(fxcm, "EURUSD.m", 1.1)
    with pytest.raises(ActionRefused, match="no instrument"):
        match(fxcm, "EURUSD.m", target)
    assert not SymbolMatch.objects.exists()


def test_prices_that_differ_are_refused_unless_a_person_insists(
    oanda: Terminal, fxcm: Terminal
) -> None:
    minutes(oanda, "EURUSD", 1.1)
    minutes(fxcm, "EURUSDc", 110.0)
    with pytest.raises(ActionRefused, match="100 times theirs, as if in another unit"):
        match(fxcm, "EURUSDc", "EURUSD")
    match(fxcm, "EURUSDc", "EURUSD", anyway=True)
    assert instruments()["FXCM EURUSDc"] == "EURUSD"


def test_nothing_can_be_undone_where_nothing_was_decided(fxcm: Terminal) -> None:
    minutes(fxcm, "EURUSD.m", 1.1)
    with pytest.raises(ActionRefused, match="Nothing was decided"):
        matching.undo(source_of(fxcm, "EURUSD.m"), actor=None, through="command")


def test_a_symbol_matched_before_its_first_tick_never_has_an_instrument_of_its_own(
    fxcm: Terminal,
) -> None:
    fxcm.match("EURUSD.m", "EURUSD")
    minutes(fxcm, "EURUSD.m", 1.1)
    assert instruments() == {"FXCM EURUSD.m": "EURUSD"}
    assert not Instrument.objects.filter(symbol="EURUSD.m").exists()


def test_a_feed_of_before_names_were_asked_about_is_matched_and_can_be_undone(
    oanda: Terminal, fxcm: Terminal
) -> None:
    minutes(oanda, "EURUSD", 1.1)
    minutes(fxcm, "EURUSD.m", 1.1)
    Feed.objects.update(instrument=Instrument.objects.get(symbol="EURUSD"))
    (each,) = matching.standings(fxcm.client)
    assert (each.is_matched, each.is_open, each.decision) == (True, False, None)
    matching.undo(each.feed.source, actor=None, through="command")
    assert instruments()["FXCM EURUSD.m"] == "EURUSD.m"


def test_workers_hear_of_every_move_and_of_nothing_else(oanda: Terminal, fxcm: Terminal) -> None:
    minutes(oanda, "EURUSD", 1.1)
    minutes(fxcm, "EURUSD.m", 1.1)
    source, steps = source_of(fxcm, "EURUSD.m"), [matching.generation()]
    matching.keep_apart(source, actor=None, through="command")
    steps.append(matching.generation())
    matching.match(source, "EURUSD", actor=None, through="command")
    steps.append(matching.generation())
    matching.match(source, "EURUSD", actor=None, through="command")
    steps.append(matching.generation())
    assert steps == [0, 0, 1, 1]


def test_a_feed_goes_to_the_shard_of_the_others(
    oanda: Terminal, fxcm: Terminal, django_capture_on_commit_callbacks: Any,
    redis_client: redis.Redis,
) -> None:  # fmt: skip
    minutes(oanda, "XAUUSD", 2000.0)
    minutes(fxcm, "GOLD", 2000.0)
    Source.objects.filter(client=oanda.client).update(shard=1)
    heard = redis_client.pubsub(ignore_subscribe_messages=True)  # type: ignore[no-untyped-call]
    heard.subscribe("fks:control")
    heard.get_message(timeout=5)  # the subscription itself, which is passed over as None
    with django_capture_on_commit_callbacks(execute=True):
        match(fxcm, "GOLD", "XAUUSD")
    assert source_of(fxcm, "GOLD").shard == 1
    (info,) = adopt.feeds_of({source_of(fxcm, "GOLD").pk: ()}).values()
    assert info.shard == 1
    order = heard.get_message(timeout=5)
    heard.close()
    assert order
    assert json.loads(order["data"]) == {"op": "reload", "client": fxcm.client.pk}


def test_prices_are_compared_over_common_minutes_else_at_their_last_quotes(
    oanda: Terminal, fxcm: Terminal
) -> None:
    minutes(oanda, "EURUSD", 1.1)
    minutes(fxcm, "EURUSD.m", 1.1001)
    eurusd = Instrument.objects.get(symbol="EURUSD")
    pair = (fxcm.source("EURUSD.m"), eurusd.pk, "fx")
    check = checks([pair])[pair[:2]]
    assert (check.verdict, check.minutes) == ("same", 10)
    assert check.off_bps == pytest.approx(0.909, abs=0.001)
    assert check.words == "0.9 bps apart over 10 minutes"
    # An hour later by its own clock, but received together: a clock that is off.
    write(fxcm.ticks("EURUSD.z", [1.1001], start_us=NOON_US + 9 * MINUTE_US, spread=0.0))
    other = (fxcm.source("EURUSD.z"), eurusd.pk, "fx")
    check = checks([other])[other[:2]]
    assert (check.verdict, check.minutes) == ("same", 0)
    assert checks([]) == {}


def run(*arguments: str) -> str:
    out = StringIO()
    call_command("match_symbol", *arguments, stdout=out)
    adopt.forget()
    return out.getvalue().strip()


def test_the_command_lists_decides_and_undoes(oanda: Terminal, fxcm: Terminal) -> None:
    minutes(oanda, "EURUSD", 1.1)
    minutes(fxcm, "EURUSD.m", 1.1)
    (waiting,) = json.loads(run("--open", "--json"))
    assert waiting == {
        "client": "FXCM", "symbol": "EURUSD.m", "instrument": "EURUSD.m", "decided": False,
        "suggestions": [
            {"instrument": "EURUSD", "exists": True, "why": "it has .m behind the name",
             "price": "same", "off_bps": 0.0, "minutes": 10},
        ],
    }  # fmt: skip
    assert run("--client", "FXCM") == (
        "FXCM  EURUSD.m  is EURUSD.m, may be EURUSD (it has .m behind the name; "
        "0.0 bps apart over 10 minutes)"
    )
    (matched,) = json.loads(run("--client", "FXCM", "EURUSD.m", "--to", "EURUSD", "--json"))
    assert (matched["instrument"], matched["decided"]) == ("EURUSD", True)
    assert run("--open") == "No symbol waits."
    (undone,) = json.loads(run("--client", "FXCM", "EURUSD.m", "--undo", "--json"))
    assert (undone["instrument"], undone["decided"]) == ("EURUSD.m", False)
    (apart,) = json.loads(run("--client", "FXCM", "EURUSD.m", "--apart", "--json"))
    assert (apart["instrument"], apart["decided"]) == ("EURUSD.m", True)


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (("--client", "NOBODY"), "no client NOBODY"),
        (("EURUSD.m", "--to", "EURUSD"), "which --client"),
        (("--client", "FXCM", "eurusd.M", "--apart"), "case-sensitive"),
        (("--client", "FXCM", "EURUSD.m", "--to", "NONE"), "no instrument"),
        (("--client", "FXCM", "EURUSD.m", "--undo"), "Nothing was decided"),
    ],
)
def test_the_command_says_what_it_can_not_do(
    fxcm: Terminal, arguments: tuple[str, ...], reason: str
) -> None:
    minutes(fxcm, "EURUSD.m", 1.1)
    with pytest.raises(CommandError, match=reason):
        run(*arguments)
