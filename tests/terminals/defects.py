"""Do the tests bite? One-line defects, seeded one at a time; a test must fail for each.

    python -m tests.terminals.defects pine|ninjatrader|mql4|mql5 [number ...]

Prints a line for each defect and ends with 1 when one of them went unseen. Each runs only the test
that is to catch it, on a copy of the sources.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

from tests.e2e.bridge import PROJECT


@dataclass(frozen=True)
class Defect:
    """`old` in `file` becomes `new`; `caught_by` is a test's name, or the beginning of one.

    `test` is its file, where that is not the language's own.
    """

    file: str
    old: str
    new: str
    caught_by: str
    test: str = ""


_GAP = "test_what_the_ring_could_not_hold"
_STORY = "test_every_tick_arrives_once"
_CHARTS = "test_two_charts"
_CSV = "test_the_csv_holds"
_SIGNAL = "test_a_signal_is_drawn_once"
_BARS = "test_bars_stamped"
_SIGNED = "isChain && root.Thumbprint == ours.Thumbprint"
_PARSED = "double back = double.Parse(brief, CultureInfo.InvariantCulture);"
_WORDS = "test_pings_and_settings"
_KEPT = "test_ninjatrader_memory"
_SURVIVES = "test_what_was_not_acknowledged"
_RESTARTED = "test_a_gap_is_told_once"
_OLDER = "test_a_file_older_than"
_ANOTHERS = "test_what_another_client"
_SIGNS = "test_a_client_that_must_sign"
_EXPIRES = "test_a_signal_expires_by"
_WEEKEND = "test_a_day_with_a_weekend"
_NAMES = "test_a_certificate_is_for"
_GROWN = "test_the_file_is"
_LOCKED = "test_a_file_that_cannot"
_PAUSES = "test_pauses_between"
_LATE = "test_an_account_that_comes"
_STANDS = "test_what_stands_is_told"
_TO_ITS_THREAD = "TriggerCustomEvent(delegate { DrawWaiting(); }, null);"

NINJATRADER = [
    Defect("FKSJson.cs", _PARSED, 'brief = value.ToString("R"); double back = value;', _CSV),
    Defect("FKSJson.cs", "letter < ' '", "letter < '\\t'", _WORDS),
    Defect("FKSJson.cs", "depth > Deepest", "depth < 0", "test_a_line_that_cannot_be_read"),
    Defect("FKSJson.cs", "if (at != text.Length)", "if (at > text.Length)", "test_a_line_that"),
    Defect("FKSStream.cs", "cursor = wanted;", "", "test_a_session_begins", _KEPT),
    Defect("FKSStream.cs", "Free(1);\n                Dropped++;", "Free(1);", _GAP),
    Defect("FKSStream.cs", "long last = first - 1;", "long last = first;", _GAP),
    Defect("FKSStream.cs", "cursor = Math.Min(cursor, Math.Max(wanted, 1));", "", "test_missing"),
    Defect("FKSStream.cs", "row.Symbol != item.Symbol", "row.Symbol == null", _STORY),
    Defect("FKSClient.cs", "Keep(stream.Renumbered(false));", "", "test_a_bridge_that_knows_more"),
    Defect("FKSMessages.cs", "through > stream.Reached", "through < 0", "test_a_line_that_cannot"),
    Defect("FKSClient.cs", "reason != problem", "reason != problem + 1", "test_the_same_trouble"),
    Defect("FKSMessages.cs", " tls_required ", " ", "test_after_a_final_error"),
    Defect("FKSMessages.cs", "if (Rejected++ == 0)", "Rejected++;", "test_the_first_refusal"),
    Defect(
        "FKSSignals.cs", "known.IsConfirmed = false;\n                return false;", "", _SIGNAL
    ),
    Defect("FKSSignals.cs", 'life.State = "expired";', "", "test_lines_go"),
    Defect("FKSTrust.cs", "isOtherName || !", "isOtherName && !", "test_a_certificate"),
    Defect("FKSTrust.cs", _SIGNED, "isChain || root != null", "test_a_certificate"),
    Defect("FKSHub.cs", "return feeder == owner;", "return true;", _CHARTS),
    Defect("FKSHub.cs", "Feeders.Remove(what);", "Feeders[what] = what;", _CHARTS),
    Defect("FKSBars.cs", '"stamp", "close"', '"stamp", "open"', _BARS),
    Defect("FKSBars.cs", "TimeZoneInfo.ConvertTimeToUtc(plain, zone)", "plain", _STORY),
    Defect("FKSBridge.cs", "bid = ask = double.NaN;", "period = null;", "test_what_is_no_quote"),
    Defect("FKSBridge.cs", "FKSHub.Release(this);", "", _CHARTS),
    Defect("FKSBridge.cs", "bars >= SmaPeriod", "bars >= 0", _BARS),
    Defect("FKSBridge.cs", _TO_ITS_THREAD, "DrawWaiting();", _SIGNAL),
    Defect("FKSCsv.cs", "CutUnfinished(file);", "file.Position = file.Length;", _CSV),
    Defect("FKSCsv.cs", "file.Length < longest", "file.Length < 9 * longest", "test_a_full_csv"),
    Defect("FKSBridgeAddOn.cs", "closeMs > toMs", "closeMs < 0", "test_history_is_sent"),
    Defect("FKSBridgeAddOn.cs", "char.IsControl", "char.IsDigit", "test_a_command_that"),
    Defect("FKSStream.cs", 'Tell("item", item.Kind', 'Tell("it", item.Kind', _SURVIVES, _KEPT),
    Defect("FKSStream.cs", 'Tell("ack", Whole(through));', "", _RESTARTED, _KEPT),
    Defect("FKSStream.cs", 'Tell("gap", ', 'Tell("gape", ', _RESTARTED, _KEPT),
    Defect("FKSStream.cs", "wanted > reached + 1", "wanted > next", _OLDER, _KEPT),
    Defect("FKSStream.cs", "restoredThrough + 1)", "0 * restoredThrough)", _OLDER, _KEPT),
    Defect("FKSStream.cs", "head[1] == owner ?", "head[1] != null ?", _ANOTHERS, _KEPT),
    Defect("FKSStream.cs", "stream.reached = stream.next - 1;", "", _RESTARTED, _KEPT),
    Defect("FKSStream.cs", "Dropped -= rescued;", "", "test_a_number_that_was_dropped", _KEPT),
    Defect("FKSStream.cs", "            Dropped += held;\n", "", "test_of_a_damaged_file", _KEPT),
    Defect("FKSSpool.cs", "lines.RemoveAt(lines.Count - 1);", "", "test_of_a_damaged_file", _KEPT),
    Defect("FKSSpool.cs", "file != null && file.", "file == null && file.", _GROWN, _KEPT),
    Defect("FKSSpool.cs", "is UnauthorizedAccess", "is InvalidTimeZone", _LOCKED, _KEPT),
    Defect("FKSSigner.cs", '"x2"', '"x"', _SIGNS, _KEPT),
    Defect("FKSClient.cs", "Write(signer.Signed(message))", "Write(message)", _SIGNS, _KEPT),
    Defect("FKSClient.cs", "0.5 + chance / 2", "0.5", _PAUSES, _KEPT),
    Defect("FKSClient.cs", "Math.Min(LongestPauseMs, ", "Math.Max(0, ", _PAUSES, _KEPT),
    Defect("FKSClient.cs", "RunningMs + bridge", "0 * RunningMs + bridge", _EXPIRES, _KEPT),
    Defect("FKSClient.cs", "FromMilliseconds(StatusMs)", "FromHours(StatusMs)", _WEEKEND, _KEPT),
    Defect("FKSMessages.cs", "batch >= 1", "batch >= 10", "test_the_bridge_says_how", _KEPT),
    Defect("FKSSettings.cs", "            Key = key;\n", "", "test_a_key_that", _KEPT),
    Defect("FKSTrust.cs", "(length << 8) | names", "(length << 7) | names", _NAMES, _KEPT),
    Defect("FKSTrust.cs", 'dot > 0 ? "*"', 'dot > 0 ? name + "*"', _NAMES, _KEPT),
    Defect("FKSAccounts.cs", "Attach().ForEach(Tell);", "Attach();", _LATE),
    Defect("FKSAccounts.cs", ">= allAt", ">= allAt + AllEvery + AllEvery", _STANDS),
    Defect("FKSAccounts.cs", "watched.ForEach(Detach);", "", "test_a_bridge_that_takes_no"),
    Defect("FKSAccounts.cs", ".FindAll(FKSTrades.IsOpen)", "", _LATE),
    Defect("FKSTrades.cs", "? 0L : quantity", "? quantity : quantity", _LATE),
    Defect("FKSTrades.cs", "if (value != 0)", "if (value >= 0)", _STANDS),
    Defect("FKSTrades.cs", "quantity - filled", "quantity", _STANDS),
]  # fmt: skip

_STRATEGY = "fks_bridge_strategy.pine"
_DIGITS = "test_a_price_keeps_its_digits"
_ESCAPED = "test_text_of_the_user"
_WARM = "test_an_indicator_that_warms_up"
_PAUSE = "test_bars_of_five_seconds"
_COUNT = "test_what_does_not_fit"
_ORDER = "test_each_filled_order"
_QUOTES = r"""safe := str.replace_all(safe, "\"", "\\\"")"""
_BACKSLASHES = r"""safe := str.replace_all(safe, "\\", "\\\\")"""

PINE = [
    Defect("fks_bridge.pine", "not na(value) and math.abs(value) < 1e300", "true", _WARM),
    Defect("fks_bridge.pine", "and math.abs(value) < 1e300", "", "test_a_market_without"),
    Defect("fks_bridge.pine", 'places += "#####"', 'places += ""', _DIGITS),
    Defect("fks_bridge.pine", "-math.log10(magnitude)", "math.log10(magnitude)", _DIGITS),
    Defect("fks_bridge.pine", '"#.##########"', '"#.####"', _DIGITS),
    Defect("fks_bridge.pine", _QUOTES, "safe := safe", _ESCAPED),
    Defect("fks_bridge.pine", _BACKSLASHES, "safe := safe", _ESCAPED),
    Defect("fks_bridge.pine", "str.substring(words, 0, longest)", "words", "test_a_long_note"),
    Defect("fks_bridge.pine", '"user_" + name', "name", "test_a_users_field"),
    Defect("fks_bridge.pine", 'name == "" ? "" :', 'name == "?" ? "" :', "test_a_users_field"),
    Defect("fks_bridge.pine", 'count + "D"', '"D"', "test_the_timeframe"),
    Defect("fks_bridge.pine", "barstate.isrealtime and ", "", "test_by_default"),
    Defect("fks_bridge.pine", "or barstate.isconfirmed)", "or true)", "test_by_default"),
    Defect("fks_bridge.pine", "f_isNumber(close) and ", "", "test_a_bar_without"),
    Defect("fks_bridge.pine", "PAUSE_MS = 13300", "PAUSE_MS = 9000", _PAUSE),
    Defect("fks_bridge.pine", "        array.clear(waiting)\n", "", _PAUSE),
    Defect("fks_bridge.pine", "LONGEST = 3500", "LONGEST = 5000", _COUNT),
    Defect("fks_bridge.pine", "array.get(skipped, 0) + 1)", "1)", _COUNT),
    Defect("fks_bridge.pine", "            array.pop(waiting)\n", "", "test_of_a_bar_that_waits"),
    Defect("fks_bridge.pine", '? "" : "/" + f_whole(timenow)', '? "" : ""', "test_at_every_update"),
    Defect("fks_bridge.pine", "f_number(low)", "f_number(high)", "test_every_closed_bar"),
    Defect(_STRATEGY, "timeframe.in_seconds() < 60", "false", "test_a_strategy_refuses"),
    Defect(_STRATEGY, "f_level(entryPrice, -stop", "f_level(entryPrice, stop", _ORDER),
    Defect(_STRATEGY, '"/" + order', '""', _ORDER),
]  # fmt: skip

_EXPERT, _MEMORY, _RECORDS = "test_mt4_expert", "test_memory_messages", "test_shared_memory"
_DRAWN = "test_a_signal_is_drawn_once"
_EXECUTED = "test_a_signal_is_executed_once"
_CLOSED = "test_close_closes"
_LOOKED_UP = "test_after_a_crash_during"
_TOLD = "test_orders_positions_and"
_CLOCK = "test_a_jump_of_the_servers"
_ANY_LENGTH = "test_a_text_of_any_length"
_RELAY, _ORDERS = "Include/FKS/Relay.mqh", "Include/FKS/Orders.mqh"
_QUOTES, _SHM = "Include/FKS/Quotes.mqh", "Include/FKS/Memory.mqh"
_OWN = " && OrderSymbol() == symbol &&\n            OrderMagicNumber() == m_trade.magic)"

MQL4 = [
    Defect(_QUOTES, "!hasCome && ", "", "test_a_tick_carries", _EXPERT),
    Defect(_QUOTES, " && tick.ask == m_last.ask", "", "test_charts_and_their", _EXPERT),
    Defect(_QUOTES, "      m_last = tick;\n", "", "test_charts_and_their", _EXPERT),
    Defect(_QUOTES, "m_votes < FKS_OFFSET_VOTES", "m_votes < 1", "test_one_late_tick", _EXPERT),
    Defect(_QUOTES, "memory.SetOffset(clock.Offset());", "", _CLOCK, _EXPERT),
    Defect(_QUOTES, "apart == m_candidate ?", "m_votes >= 0 ?", "test_one_late_tick", _EXPERT),
    Defect(_QUOTES, "ArrayResize(m_name, FKS_SYMBOL_BYTES);", "", "test_a_tick_carries", _EXPERT),
    Defect(_SHM, "m_answered = StringToInteger(mark);", "", "test_a_fate_that", _EXPERT),
    Defect(_SHM, "return Write(line, 1);", "return Write(line, 0);", _TOLD, _EXPERT),
    Defect(_SHM, "fksbridge::BrClose(m_handle);", "", "test_a_tick_carries", _EXPERT),
    Defect(_SHM, "BrNowMs() + m_aheadMs", "BrNowMs() - 700000", _DRAWN, _EXPERT),
    Defect(_RELAY, "m_book.TellAll(m_memory);", "", "test_a_signal_is_executed", _EXPERT),
    Defect(_RELAY, "m_book.Confirm(m_memory.Answered());", "", "test_a_fate_that", _EXPERT),
    Defect(_RELAY, "SetTradesWanted(false);", "ShowState();", "test_refusals", _EXPERT),
    Defect(_RELAY, "m_book.Close();", "", "test_inputs_that", _EXPERT),
    Defect(_RELAY, "!OpenBook() || !OpenMemory()", "!OpenMemory()", "test_nothing_is", _EXPERT),
    Defect(_RELAY, "m_lock != INVALID_HANDLE;", "true;", "test_a_name_in_use", _EXPERT),
    Defect(_RELAY, "      Recall();\n", "", _LOOKED_UP, _EXPERT),
    Defect(_RELAY, "TendSignals(m_memory);", "", _DRAWN, _EXPERT),
    Defect(_ORDERS, "if(!m_book.Move(at, STAGE_SENDING))", "if(false)", "test_nothing_is", _EXPERT),
    Defect(_ORDERS, "!m_book.Move(at, STAGE_SENDING)", "false", _LOOKED_UP, _EXPERT),
    Defect(_ORDERS, "buys ? SYMBOL_ASK : SYMBOL_BID", "SYMBOL_BID", _EXECUTED, _EXPERT),
    Defect(_ORDERS, _OWN, " && OrderSymbol() == symbol)", _CLOSED, _EXPERT),
    Defect(_ORDERS, "ticket = OwnPosition(signal.symbol);\n      }", "ticket = 0;\n      }",
           _CLOSED, _EXPERT),
    Defect(_ORDERS, "OrderMagicNumber() == m_trade.magic && StringFind", "StringFind", _LOOKED_UP,
           _EXPERT),
    Defect(_ORDERS, "pool < 2", "pool < 1", _LOOKED_UP, _EXPERT),
    Defect(_ORDERS, "error == FKS_ERR_TRADE_TIMEOUT || ", "", "test_an_order_whose", _EXPERT),
    Defect(_ORDERS, " && OrderType() <= OP_SELL;", ";", _TOLD, _EXPERT),
    Defect("native/bridge.c", "head_of(h) + count, memory", "head_of(h) + 1, memory",
           "test_records_arrive", _RECORDS),
    Defect("native/bridge.c", "count <= h->capacity - used", "count <= h->capacity",
           "test_a_full_ring", _RECORDS),
    Defect("native/bridge.c", "index & (h->capacity - 1)", "index % 63", "test_a_full", _RECORDS),
    Defect("native/bridge.c", "    wake(h, h->role);", "    (void)h;", "test_whoever",
           _MEMORY),
    Defect("native/bridge.c", "is_alive(owner)) return", "0) return", "test_a_role", _RECORDS),
    Defect("native/bridge.c", "  forget_earlier(name, length, role);\n", "",
           "test_a_process_that_opens", _RECORDS),
    Defect("native/messages.c", "h->number += numbered ? 1 : 0;", "h->number += 1;", _ANY_LENGTH,
           _MEMORY),
    Defect("native/messages.c", "  h->number++;\n  if (!reserve(h, 1)) return 0;",
           "  if (!reserve(h, 1)) return 0;\n  h->number++;", "test_what_a_full", _EXPERT),
    Defect("native/messages.c", "+ MORE_BYTES - 1) / MORE", ") / MORE", _ANY_LENGTH, _MEMORY),
    Defect("native/messages.c", "    at += part;\n  }\n}", "    at += 55;\n  }\n}", _ANY_LENGTH,
           _MEMORY),
    Defect("native/messages.c", "BrTake(handle, least(count, there));", "BrTake(handle, there);",
           "test_a_text_that_does", _MEMORY),
    Defect("native/bridge.c", "h->stream = head_of(h);", "h->stream = 0;", "test_each_opening",
           _MEMORY),
]  # fmt: skip

_LANGUAGE, _OTHERS, _STORY5 = "test_mql_language", "test_mt5_others", "test_mt5_story"
_FEATURES = "test_every_language_feature"
_AGAIN = "test_what_the_bridge_has_not_kept"
_NATIVE = "stored_once_after_a_late_start_and_a_cut and over_sockets"
_WINSOCK = "stored_once_after_a_late_start_and_a_cut and as_indicator"
_BATCH, _PLAIN = "test_a_binary_batch", "test_without_an_agreement"
_RESEND, _NONSENSE = "test_a_resend_is_followed", "test_a_bridge_that_talks_nonsense"
_KEPT = "test_a_restart_goes_on"
_LIFE, _LOOKED = "test_a_signal_is_erased", "test_an_order_during_which"
_STATES, _MINUTE = "test_orders_positions_and", "test_the_account_is_told_at_each"
_FRAMES = "test_over_zeromq_ticks"
_SESSION5, _TRADE5 = "Include/FKS/Session.mqh", "Include/FKS/Trade.mqh"
_OUT = "Include/FKS/Outgoing.mqh"
_FEED, _RING = "Include/FKS/Feed.mqh", "Include/FKS/Ring.mqh"
_BRIDGE5, _TEXT5 = "Include/FKS/Bridge.mqh", "Include/FKS/Text.mqh"
_RECORDS5, _DESK = "Include/FKS/Records.mqh", "Include/FKS/Desk.mqh"
_BOOK, _SHARED = "Include/FKS/Signals.mqh", "Include/FKS/Execution.mqh"
_LINK, _WS2 = "Include/FKS/NativeLink.mqh", "Include/FKS/Socket.mqh"
_CRYPT, _PICTURE = "Include/FKS/Hmac.mqh", "Include/FKS/Drawing.mqh"
_MSC, _MAGIC = "(ulong)m_place.msc, (uint)(", "PositionGetInteger(POSITION_MAGIC) == m_trade.magic"

MQL5 = [
    Defect(_TEXT5, "      copied--;\n", "      copied += 0;\n", "test_a_signed_line"),
    Defect(_TEXT5, "MathMax(0, left), 4096", "MathMax(1, left), 4096", "test_pings_of_the_bridge"),
    Defect(_TEXT5, "while(StringGetCharacter(text, end - 1) == '0')", "if(true)",
           _PLAIN),
    Defect(_OUT, "m_cursor = resume;", "m_cursor = MathMax(m_cursor, resume);", _AGAIN),
    Defect(_SESSION5, "ArrayResize(m_in, 0);\n      Forget", "Forget",
           _AGAIN),
    Defect(_OUT, "m_ring.Ack(seq);", "m_ring.Ack(seq - 1);", _RESEND),
    Defect(_SESSION5, "if(seq > m_reached)", "if(seq > m_reached + 100)", _NONSENSE),
    Defect(_SESSION5, "if(resume > m_ring.Next())", "if(false)", _NONSENSE),
    Defect(_SESSION5, 'm_cursor = MathMin(m_cursor, message.Whole(0, "from"));', "m_cursor += 0;",
           _RESEND),
    Defect(_OUT, "m_cursor = end;", "m_cursor = end + 1;", _RESEND),
    Defect(_OUT, " && m_ring.At(seq).symbol == symbol", "", _BATCH),
    Defect(_SESSION5, 'return code == "auth" || code == "revoked"', 'return code == "auth"',
           "test_a_revoked"),
    Defect(_OUT, 'line + "\\thmac:"', 'line + " hmac:"', "test_a_signed_line"),
    Defect(_OUT, "head.count++;", "head.count += 3;", _BATCH),
    Defect(_OUT, "      m_numbers.Forget();\n", "", _NATIVE, _STORY5),
    Defect(_OUT, 'return m_who.secret == "" ?', 'return m_who.secret != "x" ?', _PLAIN),
    Defect(_RECORDS5, "NormalizeDouble(value, digits)", "value", _BATCH),
    Defect(_RECORDS5, "FKS_RECORD_BYTES * count", "31 * count", _FRAMES, _OTHERS),
    Defect(_FEED, "tick.time_msc * 1000", "tick.time_msc", _BATCH),
    Defect(_FEED, _MSC, "(ulong)m_place.msc + 1, (uint)(", _PLAIN),
    Defect(_FEED, "skip--;", "skip -= 0;", _PLAIN),
    Defect(_FEED, "iTime(m_symbol, m_period, 1)", "iTime(m_symbol, m_period, 0)",
           "test_closed_bars"),
    Defect(_FEED, "m_last + 1, closed", "m_last, closed", "test_closed_bars"),
    Defect(_RING, "m_dropped -= rescued;", "m_dropped -= 0;", _FEATURES, _LANGUAGE),
    Defect(_RING, "if(Room() <= 0)", "if(Room() < 0)", _FEATURES, _LANGUAGE),
    Defect(_BOOK, "      FileFlush(m_file);\n", "", _LOOKED),
    Defect(_BOOK, "!= 8)", "!= 9)", _LOOKED),
    Defect(_BRIDGE5, 'FileDelete(m_name + ".state");', "", "test_after_a_crash_a_new"),
    Defect(_BRIDGE5, "m_feeds[at].SetPlace(place);", "m_turn = place.sent;", _KEPT),
    Defect(_BRIDGE5, "tick.ask = StringToDouble(parts[5]);",
           "tick.ask = StringToDouble(parts[4]);", _KEPT),
    Defect(_BRIDGE5, "      m_book.Close();\n", "", _LIFE),
    Defect(_DESK, "drawn = true;", "drawn = false;", _LIFE),
    Defect(_DESK, "m_drawing.Erase(chart, life.signal.id);", "chart += 0;", _LIFE),
    Defect(_PICTURE, "StringSubstr(id, 0, 48)", "StringSubstr(id, 0, 4)", "test_each_action"),
    Defect(_SHARED, "if(!execute)", "if(false)", "test_nothing_is_executed_unless"),
    Defect(_SHARED, '(i > 0 ? "," : "")', '""', _MINUTE),
    Defect(_TRADE5, "if(!m_book.Move(at, STAGE_SENDING))", "if(false)",
           "test_nothing_is_executed_when"),
    Defect(_TRADE5, "request.sl = signal.stopLoss;", "", "test_a_signal_is_executed_once"),
    Defect(_TRADE5, f" && {_MAGIC})", ")", "test_a_close_closes"),
    Defect(_TRADE5, "!m_dirty && !begins && ", "!m_dirty && ", _MINUTE),
    Defect(_TRADE5, "GetTickCount64() - m_lookedMs < FKS_LOOK_MS", "m_lookedMs > 0", _MINUTE),
    Defect(_TRADE5, "type != TRADE_TRANSACTION_HISTORY_ADD",
           "type == TRADE_TRANSACTION_HISTORY_ADD",
           "test_an_order_that_is_filled_at_once"),
    Defect(_TRADE5, "m_ended[i] = 0;", "m_ended[i] += 0;", _STATES),
    Defect(_TRADE5, "return filled && hadVolume ?", "return filled || hadVolume ?", _STATES),
    Defect(_LINK, "CutFront(bytes, sent);", "ArrayResize(bytes, 0);", _NATIVE, _STORY5),
    Defect(_LINK, "SocketClose(m_socket);", "ResetLastError();", "test_a_silent_bridge"),
    Defect(_WS2, "CutFront(bytes, sent);", "ArrayResize(bytes, 0);", _WINSOCK, _STORY5),
    Defect(_CRYPT, "HmacPass(block, 0x36", "HmacPass(block, 0x35", _FEATURES, _LANGUAGE),
    Defect("Include/FKS/Zmq.mqh", "sent = end;", "sent = end - 1;", _FRAMES, _OTHERS),
    Defect("Include/FKS/HttpLink.mqh", 'moment + "."', 'moment + ","', "test_a_request_is_signed",
           _OTHERS),
]  # fmt: skip

_SETS = {"pine": PINE, "ninjatrader": NINJATRADER, "mql4": MQL4, "mql5": MQL5}


_CACHE = PROJECT / ".pytest_cache" / "defects"


def is_caught(language: str, defect: Defect) -> bool:
    """Whether the test fails on a copy of the sources with the defect in it."""
    with tempfile.TemporaryDirectory() as name:
        copy = Path(name) / language
        shutil.copytree(PROJECT / language, copy)
        file = copy / defect.file
        text = file.read_text("utf-8")
        assert text.count(defect.old), f"{defect.old!r} is not in {defect.file}"
        file.write_text(text.replace(defect.old, defect.new, 1), "utf-8")
        default = "mt5_expert" if language == "mql5" else language
        test = PROJECT / "tests/terminals" / f"{defect.test or 'test_' + default}.py"
        # What is compiled with a defect in it must not stay behind.
        command = [sys.executable, "-m", "pytest", "-q", "-x", str(test), "-k", defect.caught_by]
        command += ["-o", f"cache_dir={_CACHE}", "--timeout", "60"]
        environ = {**os.environ, f"{language.upper()}_SOURCES": str(copy)}
        done = subprocess.run(command, cwd=PROJECT, env=environ, capture_output=True, check=False)
    told = done.stdout.decode()
    # A defect that does not compile, or that no test is chosen for, shows nothing.
    assert done.returncode in (0, 1), told[-2000:]
    assert not any(words in told for words in ("CompileError", "error CS")), told[-2000:]
    return done.returncode == 1


def main(language: str, *numbers: str) -> int:
    chosen = [int(number) for number in numbers] or range(len(_SETS[language]))
    unseen = 0
    for number in chosen:
        defect = _SETS[language][number]
        caught = is_caught(language, defect)
        unseen += not caught
        told = "caught" if caught else "UNSEEN"
        print(
            f"{number:3} {told} {defect.file}: {defect.old.splitlines()[0].strip()[:60]}",
            flush=True,
        )
    shutil.rmtree(_CACHE, ignore_errors=True)
    print(f"{len(chosen) - unseen} of {len(chosen)} caught")
    return 1 if unseen else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
