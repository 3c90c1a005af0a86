// Plays NinjaTrader for the client under test: one command a line on stdin, one JSON answer a line on
// stdout. Times are ms UTC; the script sees them in the zone that was set, as NinjaTrader shows them.

using System;
using System.Collections.Generic;
using System.Globalization;
using System.IO;
using System.Threading;
using NinjaTrader.Cbi;
using NinjaTrader.Core;
using NinjaTrader.Data;
using NinjaTrader.NinjaScript;
using NinjaTrader.NinjaScript.AddOns;
using NinjaTrader.NinjaScript.AddOns.FKS;
using NinjaTrader.NinjaScript.Indicators;

public static class Driver
{
    private static readonly Dictionary<string, Indicator> Charts = new Dictionary<string, Indicator>();
    private static readonly List<string> Printed = new List<string>();
    private static readonly List<string> Failures = new List<string>();
    private static FKSBridgeAddOn addOn;
    private static Account account;
    private static Thread player;
    private static TimeSpan wallAhead;
    private static TimeSpan runningAhead;

    public static int Main()
    {
        NinjaTrader.Code.Output.Printed += delegate(string line) { lock (Printed) Printed.Add(line); };
        AppDomain.CurrentDomain.UnhandledException += delegate(object sender, UnhandledExceptionEventArgs e)
        {
            Console.WriteLine("{\"error\":" + Json.Quote(e.ExceptionObject.ToString()) + "}");
        };
        BarsRequest.History = History;
        Func<DateTime> wall = FKSClock.Wall;
        Func<TimeSpan> running = FKSClock.Running;
        FKSClock.Wall = delegate { return wall() + wallAhead; };
        FKSClock.Running = delegate { return running() + runningAhead; };
        for (string line = Console.ReadLine(); line != null; line = Console.ReadLine())
        {
            string answer;
            try
            {
                answer = Do(line.Split('\t'));
            }
            catch (Exception error)
            {
                answer = "{\"error\":" + Json.Quote(error.ToString()) + "}";
            }
            Console.WriteLine(answer);
        }
        if (addOn != null && addOn.State != State.Terminated)
            addOn.Enter(State.Terminated); // as NinjaTrader does when it is closed
        return 0;
    }

    private static string Do(string[] words)
    {
        switch (words[0])
        {
            case "culture": return Json.Quote(CultureInfo.CurrentCulture.Name + " " + 1.5);
            case "zone": Globals.GeneralOptions.TimeZoneInfo = TimeZoneInfo.FindSystemTimeZoneById(words[1]); return "{}";
            case "start": return Start(words[1]);
            case "chart": return Chart(words);
            case "close": Charts[words[1]].Enter(State.Terminated); Charts.Remove(words[1]); return "{}";
            case "market": Market(words[1], words[2], Number(words[3]), (long)Number(words[4]), long.Parse(words[5])); return "{}";
            case "market_at": MarketAt(words[1], words[2], Number(words[3]), words[4]); return "{}";
            case "reset": Charts[words[1]].Market(new MarketDataEventArgs { IsReset = true }); return "{}";
            case "play": return Play(words[1], words[2], int.Parse(words[3]), false);
            case "live": return Play(words[1], words[2], 0, true);
            case "played": player.Join(); return Failures.Count == 0 ? "{}" : "{\"error\":" + Json.Quote(Failures[0]) + "}";
            case "bar": return AddBar(words);
            case "status": return FKSHub.Status();
            case "sessions": return Printed.FindAll(delegate(string s) { return s.Contains("connected to"); }).Count.ToString();
            case "printed": lock (Printed) return "[" + string.Join(",", Printed.ConvertAll(Json.Quote).ToArray()) + "]";
            case "drawn": return Drawn(Charts[words[1]]);
            case "order": return OrderStory();
            case "wall": wallAhead = TimeSpan.FromMilliseconds(Number(words[1])); return "{}";
            case "pass": runningAhead += TimeSpan.FromMilliseconds(Number(words[1])); return "{}";
            case "pause": return Number(FKSClient.PauseAfter(int.Parse(words[1]), Number(words[2])).TotalMilliseconds);
            case "values": return Values(words[1], int.Parse(words[2]));
            case "stand": return Stand(words[1]);
            case "item": return ItemChanged(words[1], Number(words[2]));
            case "planted": return Disk.Refusal(delegate { throw new TimeZoneNotFoundException("planted"); });
            case "nan": return Json.Number(double.NaN);
            case "unshown": return Unshown();
            case "names": return NamesInclude(words[1], words[2]);
            case "watched": return account.IsWatched ? "true" : "false";
            case "requests": return BarsRequest.Open.ToString();
            case "faulty": Plant(); return "{}";
            case "connection":
                Connection.Connections.Add(new Connection { Status = ConnectionStatus.Disconnected });
                Connection.Connections.Add(new Connection { Status = ConnectionStatus.Connected }); return "{}";
            case "unused": return Unused();
            case "stop": addOn.Enter(State.Terminated); return "{}";
            default: throw new ArgumentException("unknown: " + words[0]);
        }
    }

    private static string Start(string folder)
    {
        Globals.UserDataDir = folder;
        account = new Account { Name = "Sim101" };
        account.Items[AccountItem.CashValue] = account.Items[AccountItem.NetLiquidation] = 100000.5;
        account.Items[AccountItem.InitialMargin] = double.NaN; // as before the broker has told
        Account.All.Add(account);
        addOn = new FKSBridgeAddOn();
        addOn.Enter(State.SetDefaults);
        addOn.Enter(State.Active);
        return "{}";
    }

    /// <summary>What opening NinjaTrader's lists does: instances that end without having begun.</summary>
    private static string Unused()
    {
        NinjaScriptBase[] instances = { new FKSBridge(), new FKSBridgeAddOn(), new FKSDeltaExample() };
        foreach (NinjaScriptBase each in instances)
        {
            each.Enter(State.SetDefaults);
            each.Enter(State.Terminated);
        }
        return "{}";
    }

    private static string Chart(string[] words)
    {
        Indicator chart = words[5] == "delta" ? (Indicator)new FKSDeltaExample() : new FKSBridge();
        chart.Enter(State.SetDefaults);
        chart.Instrument = Instrument.GetInstrument(words[2]) ?? new Instrument(words[2]);
        chart.BarsPeriod = new BarsPeriod
        {
            BarsPeriodType = (BarsPeriodType)Enum.Parse(typeof(BarsPeriodType), words[3]),
            Value = int.Parse(words[4])
        };
        if (words[5] == "each_tick")
            chart.Calculate = Calculate.OnEachTick;
        if (words[5] == "undrawn")
            ((FKSBridge)chart).DrawSignals = false;
        chart.Begin();
        foreach (State state in new[] { State.Configure, State.DataLoaded, State.Historical, State.Transition, State.Realtime })
        {
            chart.Enter(state);
            if (state == State.Historical) // too early to count
                chart.Market(new MarketDataEventArgs { MarketDataType = MarketDataType.Bid, Price = 1 });
        }
        Charts[words[1]] = chart;
        return "{}";
    }

    private static void Market(string chart, string kind, double price, long volume, long ms)
    {
        Charts[chart].Market(new MarketDataEventArgs
        {
            MarketDataType = (MarketDataType)Enum.Parse(typeof(MarketDataType), kind),
            Price = price, Volume = volume, Time = Shown(ms)
        });
    }

    /// <summary>Listeners with a defect, as another indicator may have.</summary>
    private static void Plant()
    {
        FKSHub.SignalArrived += delegate { throw new InvalidOperationException("planted in arrival"); };
        FKSHub.SignalEnded += delegate { throw new InvalidOperationException("planted in end"); };
    }

    /// <summary>At a moment as the platform's clock shows it, also one that summer time skips.</summary>
    private static void MarketAt(string chart, string kind, double price, string shown)
    {
        Charts[chart].Market(new MarketDataEventArgs
        {
            MarketDataType = (MarketDataType)Enum.Parse(typeof(MarketDataType), kind), Price = price,
            Time = DateTime.Parse(shown, CultureInfo.InvariantCulture)
        });
    }

    /// <summary>
    /// Lines of ms,kind,price,volume, with a pause of a millisecond after every so many. With clocks,
    /// theirs stands at each line's moment, and as much time has passed as between two lines.
    /// </summary>
    private static string Play(string chart, string path, int pauseEvery, bool withClocks)
    {
        string[] lines = File.ReadAllLines(path);
        player = new Thread(delegate()
        {
            try
            {
                for (int at = 0; at < lines.Length; at++)
                {
                    string[] cells = lines[at].Split(',');
                    if (withClocks)
                        MoveClocks(long.Parse(cells[0]));
                    Market(chart, cells[1], Number(cells[2]), (long)Number(cells[3]), long.Parse(cells[0]));
                    if (pauseEvery > 0 && at % pauseEvery == 0)
                        Thread.Sleep(1);
                }
            }
            catch (Exception error)
            {
                Failures.Add(error.ToString());
            }
        });
        player.Start();
        return "{}";
    }

    private static void MoveClocks(long ms)
    {
        TimeSpan before = wallAhead;
        wallAhead = new DateTime(1970, 1, 1, 0, 0, 0, DateTimeKind.Utc).AddMilliseconds(ms) - DateTime.UtcNow;
        if (before != TimeSpan.Zero && wallAhead > before)
            runningAhead += wallAhead - before;
    }

    private static string AddBar(string[] words)
    {
        Charts[words[1]].IsFirstTickOfBar = true;
        Charts[words[1]].AddBar(new Bar
        {
            Time = Shown(long.Parse(words[2])), Open = Number(words[3]), High = Number(words[4]),
            Low = Number(words[5]), Close = Number(words[6]), Volume = (long)Number(words[7])
        });
        return "{}";
    }

    /// <summary>Minutes of the whole local days of the span, as NinjaTrader gives them.</summary>
    private static Bars History(Instrument instrument, BarsPeriod period, DateTime from, DateTime to)
    {
        if (instrument.FullName == "NONE")
            return null;
        Bars bars = new Bars();
        for (DateTime close = from.Date; close < to.Date.AddDays(1); close = close.AddMinutes(1))
        {
            int at = bars.List.Count;
            bars.List.Add(new Bar { Time = close, Open = 10 + at, High = 12 + at, Low = 9 + at, Close = 11 + at, Volume = at });
        }
        return bars;
    }

    private static string OrderStory()
    {
        Instrument instrument = Instrument.GetInstrument("ES 12-26");
        Order order = new Order { OrderId = "o1", Instrument = instrument, Account = account, OrderAction = OrderAction.BuyToCover,
            OrderType = OrderType.Limit, Quantity = 2, Filled = 2, OrderState = OrderState.Filled };
        DateTime now = TimeZoneInfo.ConvertTimeFromUtc(DateTime.UtcNow, Globals.GeneralOptions.TimeZoneInfo);
        foreach (OrderType type in Enum.GetValues(typeof(OrderType)))
        {
            Order other = new Order { OrderId = "o0", Instrument = instrument, Account = account, OrderAction = OrderAction.SellShort, OrderType = type };
            account.Raise(new OrderEventArgs { Order = other, OrderState = OrderState.Submitted, Quantity = 1, AverageFillPrice = double.NaN, Time = now });
        }
        foreach (OrderState state in Enum.GetValues(typeof(OrderState)))
            account.Raise(new OrderEventArgs { Order = order, OrderState = state, Quantity = 2, Filled = 1, LimitPrice = 5000.25, Time = now });
        account.Raise(new ExecutionEventArgs { Execution = new Execution { ExecutionId = "x1", Order = order, Price = 5000.25, Quantity = 2, Time = now } });
        account.Raise(new ExecutionEventArgs { Execution = new Execution { ExecutionId = "x2", Time = now } });
        account.Raise(new PositionEventArgs { Position = new Position { Instrument = instrument, Account = account },
            MarketPosition = MarketPosition.Long, Quantity = 2, AveragePrice = 5000.25 });
        foreach (AccountItem item in Enum.GetValues(typeof(AccountItem)))
            account.Raise(new AccountItemEventArgs { Account = account, AccountItem = item, Value = 100000.5 });
        return "{}";
    }

    /// <summary>A short position and orders of each state, in an account that comes with its connection.</summary>
    private static string Stand(string name)
    {
        Account late = new Account { Name = name, Denomination = name == "Odd" ? Currency.SwedishKrona : Currency.Euro };
        late.Items[AccountItem.CashValue] = 2000.25;
        Instrument instrument = Instrument.GetInstrument("ES 12-26");
        foreach (MarketPosition side in new[] { MarketPosition.Short, MarketPosition.Flat })
            late.Positions.Add(new Position { Account = late, Instrument = instrument, MarketPosition = side, Quantity = 3, AveragePrice = 5001.25 });
        foreach (OrderState state in Enum.GetValues(typeof(OrderState)))
            late.Orders.Add(new Order { OrderId = "o " + state, Instrument = instrument, Account = late, OrderState = state,
                OrderType = OrderType.StopLimit, Quantity = 3, Filled = 1, LimitPrice = 4999.5, StopPrice = 5000.5,
                AverageFillPrice = 5000.25, Name = "Entry", Time = Shown(1795235490323) });
        lock (Account.All)
            Account.All.Add(late);
        return "{}";
    }

    private static string ItemChanged(string item, double value)
    {
        AccountItem changed = (AccountItem)Enum.Parse(typeof(AccountItem), item);
        account.Items[changed] = value;
        account.Raise(new AccountItemEventArgs { Account = account, AccountItem = changed, Value = value });
        return "{}";
    }

    /// <summary>Values of an indicator, from this thread.</summary>
    private static string Values(string name, int count)
    {
        DateTime utc = DateTime.UtcNow;
        for (int at = 0; at < count; at++)
            FKSHub.Value("ES 12-26", name, at, utc.AddMilliseconds(at - count));
        return "{}";
    }

    /// <summary>What the client says of a bridge that shows no certificate.</summary>
    private static string Unshown()
    {
        Trust trust = new Trust("127.0.0.1", "");
        trust.Check(null, null, null, System.Net.Security.SslPolicyErrors.RemoteCertificateNotAvailable);
        return Json.Quote(trust.Refusal);
    }

    /// <summary>Whether a certificate (a file) is for a host, as the client reads its names.</summary>
    private static string NamesInclude(string file, string host)
    {
        return CertificateNames.Include(new System.Security.Cryptography.X509Certificates.X509Certificate2(file), host) ? "true" : "false";
    }

    private static string Drawn(Indicator chart)
    {
        JsonObject drawn = new JsonObject();
        chart.OnThread(delegate
        {
            foreach (KeyValuePair<string, string> each in chart.Drawn)
                drawn.Add(each.Key, each.Value);
            drawn.Raw("log", "[" + string.Join(",", chart.DrawingLog.ConvertAll(Json.Quote).ToArray()) + "]");
        });
        return drawn.ToString();
    }

    private static DateTime Shown(long ms)
    {
        DateTime utc = new DateTime(1970, 1, 1, 0, 0, 0, DateTimeKind.Utc).AddMilliseconds(ms);
        return TimeZoneInfo.ConvertTimeFromUtc(utc, Globals.GeneralOptions.TimeZoneInfo);
    }

    private static string Number(double value)
    {
        return value.ToString("R", CultureInfo.InvariantCulture);
    }

    private static double Number(string text)
    {
        if (text == "nan" || text == "inf")
            return text == "nan" ? double.NaN : double.PositiveInfinity;
        return double.Parse(text, CultureInfo.InvariantCulture);
    }
}
