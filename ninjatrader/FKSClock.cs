// FKS Bridge for NinjaTrader 8: the two clocks that the client goes by.

using System;
using System.Diagnostics;

namespace NinjaTrader.NinjaScript.AddOns.FKS
{
    /// <summary>
    /// What must happen after a while is timed on Running, so that a machine's clock which is set, or
    /// jumps, neither hurries nor stops anything. Tests put clocks of their own here.
    /// </summary>
    public static class FKSClock
    {
        private static readonly DateTime Epoch = new DateTime(1970, 1, 1, 0, 0, 0, DateTimeKind.Utc);
        private static readonly Stopwatch Watch = Stopwatch.StartNew();

        static FKSClock()
        {
            Wall = delegate { return DateTime.UtcNow; };
            Running = delegate { return Watch.Elapsed; };
        }

        /// <summary>The machine's clock, UTC.</summary>
        public static Func<DateTime> Wall { get; set; }

        /// <summary>Time since the platform started; it never goes back.</summary>
        public static Func<TimeSpan> Running { get; set; }

        public static long WallMs
        {
            get { return ToMs(Wall()); }
        }

        public static long ToMs(DateTime utc)
        {
            return (utc.Ticks - Epoch.Ticks) / TimeSpan.TicksPerMillisecond;
        }

        public static DateTime OfMs(long ms)
        {
            return Epoch.AddMilliseconds(ms);
        }
    }
}
