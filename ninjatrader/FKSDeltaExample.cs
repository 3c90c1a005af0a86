// FKS Bridge for NinjaTrader 8: how any indicator publishes a value of its own, by the example of a bar's
// delta (volume traded at the ask less volume traded at the bid). Order-flow packages such as MZpack do
// the same from the place where their value is ready: one call of FKSHub.Value.

#region Using declarations
using System;
using NinjaTrader.Data;
using NinjaTrader.NinjaScript.AddOns.FKS;
#endregion

namespace NinjaTrader.NinjaScript.Indicators
{
    public class FKSDeltaExample : Indicator
    {
        private double bid;
        private double ask;
        private double delta;

        protected override void OnStateChange()
        {
            if (State == State.SetDefaults)
            {
                Name = "FKSDeltaExample";
                Calculate = Calculate.OnBarClose;
                IsSuspendedWhileInactive = false;
            }
            else if (State == State.Terminated)
            {
                FKSHub.Release(this);
            }
        }

        protected override void OnMarketData(MarketDataEventArgs e)
        {
            if (State != State.Realtime || e.IsReset)
                return;
            if (e.MarketDataType == MarketDataType.Bid)
                bid = e.Price;
            else if (e.MarketDataType == MarketDataType.Ask)
                ask = e.Price;
            else if (e.MarketDataType == MarketDataType.Last && ask > 0 && e.Price >= ask)
                delta += e.Volume;
            else if (e.MarketDataType == MarketDataType.Last && e.Price <= bid)
                delta -= e.Volume;
        }

        protected override void OnBarUpdate()
        {
            string symbol = Instrument.FullName;
            if (State == State.Realtime && FKSHub.MayFeed(symbol + " delta", this))
                FKSHub.Value(symbol, "delta", delta, FKSBars.ToUtc(Time[0], Core.Globals.GeneralOptions.TimeZoneInfo));
            delta = 0;
        }
    }
}
