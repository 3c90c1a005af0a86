// As much of NinjaTrader 8 as the client touches, for tests on mono. Stricter than NinjaTrader where its
// rules are easy to break: drawing off the instrument's thread throws, an index beyond a series throws,
// TriggerCustomEvent does nothing once the script has ended. Names and signatures follow NinjaTrader's
// documentation; what they mean was not tried on a real one (docs/terminals/checklist.md does that).

using System;
using System.Collections.Concurrent;
using System.Collections.Generic;
using System.Threading;

namespace System.Windows.Media
{
    public class Brush
    {
        public readonly string Name;

        public Brush(string name)
        {
            Name = name;
        }
    }

    public static class Brushes
    {
        public static readonly Brush LimeGreen = new Brush("LimeGreen");
        public static readonly Brush Red = new Brush("Red");
        public static readonly Brush Gold = new Brush("Gold");
    }
}

namespace NinjaTrader.Core
{
    public class GeneralOptions
    {
        public TimeZoneInfo TimeZoneInfo { get; set; }
    }

    public static class Globals
    {
        public static string UserDataDir;
        public static readonly GeneralOptions GeneralOptions = new GeneralOptions { TimeZoneInfo = TimeZoneInfo.Utc };
    }
}

namespace NinjaTrader.Code
{
    public static class Output
    {
        public static event Action<string> Printed;

        public static void Process(string message, NinjaTrader.NinjaScript.PrintTo tab)
        {
            Printed(message);
        }
    }
}

namespace NinjaTrader.Cbi
{
    public enum ConnectionStatus { Connected, Disconnected }
    public enum ErrorCode { NoError, Panic }
    public enum OrderState { Submitted, Accepted, Working, PartFilled, Filled, Cancelled, Rejected, ChangeSubmitted }
    public enum OrderAction { Buy, BuyToCover, Sell, SellShort }
    public enum OrderType { Market, Limit, StopMarket, StopLimit, MIT }
    public enum MarketPosition { Flat, Long, Short }
    public enum AccountItem { CashValue, NetLiquidation, InitialMargin, ExcessInitialMargin, BuyingPower }
    public enum Currency { UsDollar, Euro, SwedishKrona }

    public class Connection
    {
        public static readonly List<Connection> Connections = new List<Connection>();
        public ConnectionStatus Status { get; set; }
    }

    public class Instrument
    {
        public static readonly Dictionary<string, Instrument> Known = new Dictionary<string, Instrument>();

        public Instrument(string name)
        {
            FullName = name;
            Known[name] = this;
        }

        public string FullName { get; private set; }

        public static Instrument GetInstrument(string name)
        {
            Instrument found;
            Known.TryGetValue(name, out found);
            return found;
        }
    }

    public class Order
    {
        public string OrderId;
        public Instrument Instrument;
        public Account Account;
        public OrderAction OrderAction;
        public OrderType OrderType;
        public OrderState OrderState;
        public int Quantity;
        public int Filled;
        public double LimitPrice;
        public double StopPrice;
        public double AverageFillPrice;
        public DateTime Time;
        public string Name;

        public static bool IsTerminalState(OrderState state)
        {
            return state == OrderState.Filled || state == OrderState.Cancelled || state == OrderState.Rejected;
        }
    }

    public class Execution
    {
        public string ExecutionId;
        public Order Order;
        public double Price;
        public int Quantity;
        public DateTime Time;
    }

    public class Position
    {
        public Instrument Instrument;
        public Account Account;
        public MarketPosition MarketPosition;
        public int Quantity;
        public double AveragePrice;
    }

    public class OrderEventArgs : EventArgs
    {
        public Order Order;
        public OrderState OrderState;
        public int Quantity;
        public int Filled;
        public double AverageFillPrice;
        public double LimitPrice;
        public double StopPrice;
        public DateTime Time;
    }

    public class ExecutionEventArgs : EventArgs
    {
        public Execution Execution;
    }

    public class PositionEventArgs : EventArgs
    {
        public Position Position;
        public MarketPosition MarketPosition;
        public int Quantity;
        public double AveragePrice;
    }

    public class AccountItemEventArgs : EventArgs
    {
        public Account Account;
        public AccountItem AccountItem;
        public Currency Currency;
        public double Value;
    }

    public class Account
    {
        public static readonly List<Account> All = new List<Account>();
        public readonly List<Order> Orders = new List<Order>();
        public readonly List<Position> Positions = new List<Position>();
        public readonly Dictionary<AccountItem, double> Items = new Dictionary<AccountItem, double>();
        public string Name;
        public Currency Denomination;

        public double Get(AccountItem item, Currency currency)
        {
            if (currency != Denomination || Name == "Broken")
                throw new InvalidOperationException("this account is kept in " + Denomination);
            double value;
            return Items.TryGetValue(item, out value) ? value : 0;
        }

        public event EventHandler<OrderEventArgs> OrderUpdate;
        public event EventHandler<ExecutionEventArgs> ExecutionUpdate;
        public event EventHandler<PositionEventArgs> PositionUpdate;
        public event EventHandler<AccountItemEventArgs> AccountItemUpdate;

        public bool IsWatched
        {
            get { return OrderUpdate != null || ExecutionUpdate != null || PositionUpdate != null || AccountItemUpdate != null; }
        }

        public void Raise(EventArgs e)
        {
            if (e is OrderEventArgs && OrderUpdate != null)
                OrderUpdate(this, (OrderEventArgs)e);
            if (e is ExecutionEventArgs && ExecutionUpdate != null)
                ExecutionUpdate(this, (ExecutionEventArgs)e);
            if (e is PositionEventArgs && PositionUpdate != null)
                PositionUpdate(this, (PositionEventArgs)e);
            if (e is AccountItemEventArgs && AccountItemUpdate != null)
                AccountItemUpdate(this, (AccountItemEventArgs)e);
        }
    }
}

namespace NinjaTrader.Data
{
    using NinjaTrader.Cbi;

    public enum BarsPeriodType { Tick, Volume, Second, Minute, Day, Week }
    public enum MarketDataType { Ask, Bid, Last, DailyHigh }

    public class BarsPeriod
    {
        public BarsPeriodType BarsPeriodType { get; set; }
        public int Value { get; set; }
    }

    public class MarketDataEventArgs : EventArgs
    {
        public MarketDataType MarketDataType;
        public double Price;
        public long Volume;
        public DateTime Time;
        public bool IsReset;
    }

    public struct Bar
    {
        public DateTime Time;
        public double Open, High, Low, Close;
        public long Volume;
    }

    public class Bars
    {
        public readonly List<Bar> List = new List<Bar>();
        public int Count { get { return List.Count; } }
        public DateTime GetTime(int at) { return List[at].Time; }
        public double GetOpen(int at) { return List[at].Open; }
        public double GetHigh(int at) { return List[at].High; }
        public double GetLow(int at) { return List[at].Low; }
        public double GetClose(int at) { return List[at].Close; }
        public long GetVolume(int at) { return List[at].Volume; }
    }

    public class BarsRequest : IDisposable
    {
        public static Func<Instrument, BarsPeriod, DateTime, DateTime, Bars> History;
        public static int Open;
        private readonly Instrument instrument;
        private readonly DateTime from;
        private readonly DateTime to;

        public BarsRequest(Instrument instrument, DateTime from, DateTime to)
        {
            this.instrument = instrument;
            this.from = from;
            this.to = to;
            Interlocked.Increment(ref Open);
        }

        public BarsPeriod BarsPeriod { get; set; }
        public Bars Bars { get; private set; }

        public void Request(Action<BarsRequest, ErrorCode, string> done)
        {
            Bars = History(instrument, BarsPeriod, from, to);
            ThreadPool.QueueUserWorkItem(delegate
            {
                done(this, Bars == null ? ErrorCode.Panic : ErrorCode.NoError, Bars == null ? "no data" : "");
            });
        }

        public void Dispose()
        {
            Interlocked.Decrement(ref Open);
        }
    }
}

namespace NinjaTrader.NinjaScript
{
    using NinjaTrader.Cbi;
    using NinjaTrader.Data;

    public enum State { SetDefaults, Configure, Active, DataLoaded, Historical, Transition, Realtime, Terminated }
    public enum Calculate { OnBarClose, OnEachTick, OnPriceChange }
    public enum PrintTo { OutputTab1 }

    public class Series
    {
        private readonly List<double> values = new List<double>();
        public double this[int ago]
        {
            get
            {
                if (ago < 0 || ago >= values.Count)
                    throw new ArgumentOutOfRangeException("ago", "there are " + values.Count + " bars");
                return values[values.Count - 1 - ago];
            }
        }

        public int Count { get { return values.Count; } }
        public void Add(double value) { values.Add(value); }
    }

    public class TimeSeries
    {
        private readonly List<DateTime> values = new List<DateTime>();
        public DateTime this[int ago] { get { return values[values.Count - 1 - ago]; } }
        public void Add(DateTime value) { values.Add(value); }
    }

    public abstract class NinjaScriptBase
    {
        public State State { get; private set; }
        public string Name { get; set; }
        public string Description { get; set; }

        protected abstract void OnStateChange();

        public void Enter(State state)
        {
            State = state;
            OnStateChange();
        }

        protected void Print(object message)
        {
            NinjaTrader.Code.Output.Process(message.ToString(), PrintTo.OutputTab1);
        }
    }

    public abstract class AddOnBase : NinjaScriptBase
    {
    }

    /// <summary>A chart script. Its thread runs what the platform and TriggerCustomEvent give it.</summary>
    public abstract class IndicatorBase : NinjaScriptBase
    {
        public readonly Dictionary<string, string> Drawn = new Dictionary<string, string>();
        public readonly List<string> DrawingLog = new List<string>();
        private readonly BlockingCollection<Action> work = new BlockingCollection<Action>();
        private Thread thread;

        public readonly Series Open = new Series();
        public readonly Series High = new Series();
        public readonly Series Low = new Series();
        public readonly Series Close = new Series();
        public readonly Series Volume = new Series();
        public readonly TimeSeries Time = new TimeSeries();

        public Calculate Calculate { get; set; }
        public bool IsOverlay { get; set; }
        public bool IsSuspendedWhileInactive { get; set; }
        public Instrument Instrument { get; set; }
        public BarsPeriod BarsPeriod { get; set; }
        public double TickSize { get { return 0.25; } }
        public bool IsFirstTickOfBar { get; set; }
        public int CurrentBar { get { return Close.Count - 1; } }

        protected virtual void OnBarUpdate()
        {
        }

        protected virtual void OnMarketData(MarketDataEventArgs e)
        {
        }

        protected void TriggerCustomEvent(Action<object> handler, object state)
        {
            if (State == State.SetDefaults || State == State.Configure)
                throw new InvalidOperationException("TriggerCustomEvent before DataLoaded");
            if (State != State.Terminated)
                work.Add(delegate { handler(state); });
        }

        protected void RemoveDrawObject(string tag)
        {
            CheckThread();
            Drawn.Remove(tag);
        }

        public void Note(string tag, string what)
        {
            CheckThread();
            Drawn[tag] = what;
            DrawingLog.Add(tag);
        }

        private void CheckThread()
        {
            if (Thread.CurrentThread != thread)
                throw new InvalidOperationException("drawing off the instrument's thread");
        }

        // The platform's side.

        public void Begin()
        {
            thread = new Thread(delegate()
            {
                foreach (Action each in work.GetConsumingEnumerable())
                    each();
            }) { IsBackground = true };
            thread.Start();
        }

        /// <summary>Runs on the instrument's thread and waits; an exception comes back here.</summary>
        public void OnThread(Action action)
        {
            Exception failure = null;
            using (ManualResetEvent done = new ManualResetEvent(false))
            {
                work.Add(delegate
                {
                    try
                    {
                        action();
                    }
                    catch (Exception error)
                    {
                        failure = error;
                    }
                    done.Set();
                });
                done.WaitOne();
            }
            if (failure != null)
                throw new InvalidOperationException(failure.ToString());
        }

        public void Market(MarketDataEventArgs e)
        {
            OnThread(delegate { OnMarketData(e); });
        }

        public void AddBar(Bar bar)
        {
            OnThread(delegate
            {
                Open.Add(bar.Open);
                High.Add(bar.High);
                Low.Add(bar.Low);
                Close.Add(bar.Close);
                Volume.Add(bar.Volume);
                Time.Add(bar.Time);
                OnBarUpdate();
            });
        }
    }
}

namespace NinjaTrader.NinjaScript.Indicators
{
    /// <summary>Values as NinjaTrader's own indicator of that name gives them: also before there are bars enough.</summary>
    public abstract class Reckoned
    {
        protected readonly Series Input;
        protected readonly int Period;

        protected Reckoned(Series input, int period)
        {
            Input = input;
            Period = period;
        }

        public abstract double this[int ago] { get; }

        protected double Mean(int ago)
        {
            int count = Math.Min(Period, Input.Count - ago);
            double sum = 0;
            for (int n = 0; n < count; n++)
                sum += Input[ago + n];
            return sum / count;
        }
    }

    public class SMA : Reckoned
    {
        public SMA(Series input, int period) : base(input, period) { }
        public override double this[int ago] { get { return Mean(ago); } }
    }

    public class StdDev : Reckoned
    {
        public StdDev(Series input, int period) : base(input, period) { }
        public override double this[int ago]
        {
            get
            {
                int count = Math.Min(Period, Input.Count - ago);
                double mean = Mean(ago), sum = 0;
                for (int n = 0; n < count; n++)
                    sum += (Input[ago + n] - mean) * (Input[ago + n] - mean);
                return Math.Sqrt(sum / count);
            }
        }
    }

    public class RSI : Reckoned
    {
        public RSI(Series input, int period) : base(input, period) { }
        public override double this[int ago]
        {
            get
            {
                double up = 0, down = 0;
                for (int n = Input.Count - 2; n >= ago; n--)
                {
                    double change = Input[n] - Input[n + 1];
                    int seen = Input.Count - 1 - n;
                    double weight = Math.Min(seen, Period);
                    up = (up * (weight - 1) + Math.Max(change, 0)) / weight;
                    down = (down * (weight - 1) + Math.Max(-change, 0)) / weight;
                }
                return down == 0 ? 50 : 100 - 100 / (1 + up / down);
            }
        }
    }

    public abstract class Indicator : IndicatorBase
    {
        protected SMA SMA(int period) { return new SMA(Close, period); }
        protected RSI RSI(int period, int smooth) { return new RSI(Close, period); }
        protected StdDev StdDev(int period) { return new StdDev(Close, period); }
    }
}

namespace NinjaTrader.NinjaScript.DrawingTools
{
    using System.Windows.Media;

    public static class Draw
    {
        public static void ArrowUp(IndicatorBase owner, string tag, bool isAutoScale, int barsAgo, double y, Brush brush)
        {
            owner.Note(tag, "arrow up " + brush.Name);
        }

        public static void ArrowDown(IndicatorBase owner, string tag, bool isAutoScale, int barsAgo, double y, Brush brush)
        {
            owner.Note(tag, "arrow down " + brush.Name);
        }

        public static void Diamond(IndicatorBase owner, string tag, bool isAutoScale, int barsAgo, double y, Brush brush)
        {
            owner.Note(tag, "diamond " + brush.Name);
        }

        public static void HorizontalLine(IndicatorBase owner, string tag, double y, Brush brush)
        {
            owner.Note(tag, "line " + y.ToString(System.Globalization.CultureInfo.InvariantCulture));
        }

        public static void Text(IndicatorBase owner, string tag, string text, int barsAgo, double y, Brush brush)
        {
            owner.Note(tag, "text " + text);
        }
    }
}
