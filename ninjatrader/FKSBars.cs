// FKS Bridge for NinjaTrader 8: bars and times as the bridge wants them.

using System;
using NinjaTrader.Data;

namespace NinjaTrader.NinjaScript.AddOns.FKS
{
    public static class FKSBars
    {
        private static readonly string[] Names = { "S1", "M1", "M5", "M15", "M30", "H1", "H4", "D1", "W1" };
        private static readonly BarsPeriodType[] Types =
        {
            BarsPeriodType.Second, BarsPeriodType.Minute, BarsPeriodType.Minute, BarsPeriodType.Minute,
            BarsPeriodType.Minute, BarsPeriodType.Minute, BarsPeriodType.Minute, BarsPeriodType.Day, BarsPeriodType.Week
        };

        private static readonly int[] Values = { 1, 1, 5, 15, 30, 60, 240, 1, 1 };

        /// <summary>The protocol's name of a period; null for one that it has no name for.</summary>
        public static string NameOf(BarsPeriod period)
        {
            for (int at = 0; at < Names.Length; at++)
            {
                if (Types[at] == period.BarsPeriodType && Values[at] == period.Value)
                    return Names[at];
            }
            return null;
        }

        /// <summary>The period of a protocol's name; null for an unknown one.</summary>
        public static BarsPeriod PeriodOf(string name)
        {
            int at = Array.IndexOf(Names, name);
            return at < 0 ? null : new BarsPeriod { BarsPeriodType = Types[at], Value = Values[at] };
        }

        /// <summary>
        /// NinjaTrader shows times in the zone of its options. An hour that the clock skips in spring
        /// exists in no zone; it is read as if the clock had not been moved yet.
        /// </summary>
        public static DateTime ToUtc(DateTime shown, TimeZoneInfo zone)
        {
            DateTime plain = DateTime.SpecifyKind(shown, DateTimeKind.Unspecified);
            if (zone.IsInvalidTime(plain))
                return DateTime.SpecifyKind(plain - zone.BaseUtcOffset, DateTimeKind.Utc);
            return TimeZoneInfo.ConvertTimeToUtc(plain, zone);
        }

        /// <summary>A bar's fields; NinjaTrader stamps a bar with the time of its close.</summary>
        public static JsonObject Message(string symbol, string period, DateTime closeUtc, double[] prices, double volume)
        {
            return new JsonObject().Add("symbol", symbol).Add("period", period).Add("time_ms", FKSClock.ToMs(closeUtc))
                .Add("open", prices[0]).Add("high", prices[1]).Add("low", prices[2]).Add("close", prices[3])
                .Add("volume", volume).Add("stamp", "close").Add("closed", true);
        }
    }
}
