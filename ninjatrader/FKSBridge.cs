// FKS Bridge for NinjaTrader 8: the indicator that sends a chart's ticks, bars and indicator values and
// draws the bridge's signals. It needs the AddOn, which holds the link.

#region Using declarations
using System;
using System.Collections.Concurrent;
using System.ComponentModel.DataAnnotations;
using System.Windows.Media;
using NinjaTrader.Data;
using NinjaTrader.NinjaScript.AddOns.FKS;
using NinjaTrader.NinjaScript.DrawingTools;
#endregion

namespace NinjaTrader.NinjaScript.Indicators
{
    public class FKSBridge : Indicator
    {
        private readonly ConcurrentQueue<Signal> arrived = new ConcurrentQueue<Signal>();
        private readonly ConcurrentQueue<Signal> ended = new ConcurrentQueue<Signal>();
        private string symbol;
        private string period;
        private double bid = double.NaN;
        private double ask = double.NaN;
        private bool isListening;
        private SMA sma;
        private RSI rsi;
        private StdDev volatility;

        [Range(1, 5000), Display(Name = "SMA period", GroupName = "Indicator values", Order = 1)]
        public int SmaPeriod { get; set; }

        [Range(2, 5000), Display(Name = "RSI period", GroupName = "Indicator values", Order = 2)]
        public int RsiPeriod { get; set; }

        [Range(2, 5000), Display(Name = "Volatility period", GroupName = "Indicator values", Order = 3)]
        public int VolatilityPeriod { get; set; }

        [Display(Name = "Draw signals", GroupName = "Signals", Order = 1)]
        public bool DrawSignals { get; set; }

        protected override void OnStateChange()
        {
            if (State == State.SetDefaults)
                SetDefaults();
            else if (State == State.DataLoaded)
                Load();
            else if (State == State.Realtime)
                Listen();
            else if (State == State.Terminated)
                Leave();
        }

        private void SetDefaults()
        {
            Name = "FKSBridge";
            Description = "Sends ticks, bars and indicator values to FKS Bridge; draws its signals.";
            Calculate = Calculate.OnBarClose;
            IsOverlay = true;
            // A chart in a background tab must go on sending.
            IsSuspendedWhileInactive = false;
            SmaPeriod = 14;
            RsiPeriod = 14;
            VolatilityPeriod = 20;
            DrawSignals = true;
        }

        private void Load()
        {
            symbol = Instrument.FullName;
            period = FKSBars.NameOf(BarsPeriod);
            if (period == null)
                Print("FKS Bridge: " + symbol + ": bars of this kind have no name in the protocol; ticks are sent");
            sma = SMA(SmaPeriod);
            rsi = RSI(RsiPeriod, 3);
            volatility = StdDev(VolatilityPeriod);
        }

        private void Listen()
        {
            isListening = true;
            if (!DrawSignals)
                return;
            FKSHub.SignalArrived += OnSignal;
            FKSHub.SignalEnded += OnSignalEnd;
            FKSHub.Standing(symbol).ForEach(OnSignal);
        }

        private void Leave()
        {
            // Opening the list of indicators makes instances that end without ever having begun.
            if (!isListening)
                return;
            isListening = false;
            FKSHub.SignalArrived -= OnSignal;
            FKSHub.SignalEnded -= OnSignalEnd;
            FKSHub.Release(this);
        }

        // Out: ticks, bars, values.

        protected override void OnMarketData(MarketDataEventArgs e)
        {
            if (State != State.Realtime)
                return;
            // After a reset, and at first, a side is unknown, and the hub takes no such quote.
            if (e.IsReset)
                bid = ask = double.NaN;
            else if (e.MarketDataType == MarketDataType.Bid)
                bid = e.Price;
            else if (e.MarketDataType == MarketDataType.Ask)
                ask = e.Price;
            if (e.IsReset || !IsOurs(e.MarketDataType) || !FKSHub.MayFeed(symbol + " ticks", this))
                return;
            DateTime utc = FKSBars.ToUtc(e.Time, Core.Globals.GeneralOptions.TimeZoneInfo);
            if (e.MarketDataType == MarketDataType.Last)
                FKSHub.Trade(symbol, utc, bid, ask, e.Price, e.Volume);
            else
                FKSHub.Quote(symbol, utc, bid, ask);
        }

        private static bool IsOurs(MarketDataType type)
        {
            return type == MarketDataType.Bid || type == MarketDataType.Ask || type == MarketDataType.Last;
        }

        protected override void OnBarUpdate()
        {
            DrawWaiting();
            // A user may set Calculate to something else: then the bar before the first tick has closed.
            int ago = Calculate == Calculate.OnBarClose ? 0 : 1;
            if (State != State.Realtime || period == null || CurrentBar < ago || (ago == 1 && !IsFirstTickOfBar))
                return;
            if (!FKSHub.MayFeed(symbol + " " + period, this))
                return;
            DateTime close = FKSBars.ToUtc(Time[ago], Core.Globals.GeneralOptions.TimeZoneInfo);
            double[] prices = { Open[ago], High[ago], Low[ago], Close[ago] };
            if (!Array.TrueForAll(prices, Json.IsFinite))
                return;
            FKSHub.State("bar", FKSBars.Message(symbol, period, close, prices, Volume[ago]));
            SendValues(close, ago);
        }

        private void SendValues(DateTime close, int ago)
        {
            // NinjaTrader's averages give a value before they have bars enough for it.
            int bars = CurrentBar - ago + 1;
            if (bars >= SmaPeriod)
                FKSHub.Value(symbol, "sma_" + SmaPeriod, sma[ago], close);
            if (bars > RsiPeriod)
                FKSHub.Value(symbol, "rsi_" + RsiPeriod, rsi[ago], close);
            if (bars >= VolatilityPeriod)
                FKSHub.Value(symbol, "volatility_" + VolatilityPeriod, volatility[ago], close);
        }

        // In: signals. They come on the link's thread; a chart may be drawn on by its own only.

        private void OnSignal(Signal signal)
        {
            if (signal.Symbol != symbol)
                return;
            arrived.Enqueue(signal);
            TriggerCustomEvent(delegate { DrawWaiting(); }, null);
        }

        private void OnSignalEnd(Signal signal)
        {
            if (signal.Symbol != symbol)
                return;
            ended.Enqueue(signal);
            TriggerCustomEvent(delegate { DrawWaiting(); }, null);
        }

        private void DrawWaiting()
        {
            Signal signal;
            while (CurrentBar >= 0 && arrived.TryDequeue(out signal))
            {
                DrawSignal(signal);
                FKSHub.Shown(signal.Id);
            }
            while (ended.TryDequeue(out signal))
            {
                foreach (string part in new[] { " entry", " stop", " target", " text" })
                    RemoveDrawObject(TagOf(signal) + part);
            }
        }

        private void DrawSignal(Signal signal)
        {
            Brush brush = signal.Action == "BUY" ? Brushes.LimeGreen
                : signal.Action == "SELL" ? Brushes.Red : Brushes.Gold;
            string tag = TagOf(signal);
            double price = signal.Entry ?? Close[0];
            if (signal.Action == "BUY")
                Draw.ArrowUp(this, tag, false, 0, Low[0] - 4 * TickSize, brush);
            else if (signal.Action == "SELL")
                Draw.ArrowDown(this, tag, false, 0, High[0] + 4 * TickSize, brush);
            else
                Draw.Diamond(this, tag, false, 0, price, brush);
            Line(tag + " entry", signal.Entry, brush);
            Line(tag + " stop", signal.StopLoss, Brushes.Red);
            Line(tag + " target", signal.TakeProfit, Brushes.LimeGreen);
            Draw.Text(this, tag + " text", (signal.Action + " " + signal.Note).Trim(), 0, price, brush);
        }

        private void Line(string tag, double? price, Brush brush)
        {
            if (price.HasValue)
                Draw.HorizontalLine(this, tag, price.Value, brush);
        }

        private static string TagOf(Signal signal)
        {
            return "FKS " + signal.Id;
        }
    }
}
