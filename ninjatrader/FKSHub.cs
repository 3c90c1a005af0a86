// FKS Bridge for NinjaTrader 8: where charts and the AddOn meet. There is one link for all charts.

using System;
using System.Collections.Generic;
using System.Globalization;

namespace NinjaTrader.NinjaScript.AddOns.FKS
{
    /// <summary>
    /// What an indicator may call from any thread, also while no AddOn runs: then nothing happens. Other
    /// indicators publish values of their own with Value; FKSDeltaExample.cs shows how.
    /// </summary>
    public static class FKSHub
    {
        private static readonly object Gate = new object();
        private static readonly Dictionary<string, object> Feeders = new Dictionary<string, object>();
        private static FKSClient client;
        private static CsvFiles csv;
        private static Action<string> log = delegate { };

        public static event Action<Signal> SignalArrived;

        public static event Action<Signal> SignalEnded;

        public static void Open(Settings settings, Action<string> logger,
            Action<Command, Action<bool, string>> onCommand, Func<bool> isConnected, Action onWelcome)
        {
            FKSClient opened = new FKSClient(settings, logger);
            opened.OnCommand = onCommand;
            opened.OnWelcome = onWelcome;
            opened.IsPlatformConnected = isConnected;
            opened.SignalArrived += delegate(Signal signal) { Raise(SignalArrived, signal); };
            opened.SignalEnded += delegate(Signal signal) { Raise(SignalEnded, signal); };
            lock (Gate)
            {
                log = logger;
                client = opened;
                csv = settings.CsvFolder.Length > 0 ? new CsvFiles(settings.CsvFolder, settings.CsvMegabytes) : null;
            }
            opened.Start();
        }

        public static void Close()
        {
            FKSClient closing;
            lock (Gate)
            {
                closing = client;
                client = null;
                if (csv != null)
                    csv.Dispose();
                csv = null;
            }
            if (closing != null)
                closing.Dispose();
        }

        /// <summary>
        /// True for one owner of a stream of data, say "ES 12-26 ticks": with two charts of an instrument
        /// only the first sends, until it releases.
        /// </summary>
        public static bool MayFeed(string what, object owner)
        {
            lock (Gate)
            {
                object feeder;
                if (!Feeders.TryGetValue(what, out feeder))
                    Feeders[what] = feeder = owner;
                return feeder == owner;
            }
        }

        public static void Release(object owner)
        {
            lock (Gate)
            {
                foreach (string what in new List<string>(Feeders.Keys))
                {
                    if (Feeders[what] == owner)
                        Feeders.Remove(what);
                }
            }
        }

        /// <summary>The best bid or ask has changed.</summary>
        public static void Quote(string symbol, DateTime utc, double bid, double ask)
        {
            if (!Json.IsFinite(bid) || !Json.IsFinite(ask))
                return;
            string row = "[" + Whole(FKSClock.ToMs(utc)) + "," + Json.Number(bid) + "," + Json.Number(ask) + ",0]";
            Append(new Item("ticks", symbol, row));
            Export(symbol, utc, new[] { bid, ask, double.NaN, double.NaN });
        }

        /// <summary>A trade, with the quote in force.</summary>
        public static void Trade(string symbol, DateTime utc, double bid, double ask, double last, double volume)
        {
            if (!Json.IsFinite(bid) || !Json.IsFinite(ask) || !Json.IsFinite(last) || !Json.IsFinite(volume))
                return;
            State("tick", new JsonObject().Add("symbol", symbol).Add("bid", bid).Add("ask", ask)
                .Add("last", last).Add("volume", volume).Add("time_ms", FKSClock.ToMs(utc)));
            Export(symbol, utc, new[] { bid, ask, last, volume });
        }

        /// <summary>A value computed in NinjaTrader, under a name of up to 64 characters.</summary>
        public static void Value(string symbol, string name, double value, DateTime utc)
        {
            if (Json.IsFinite(value))
                State("indicator", new JsonObject().Add("symbol", symbol).Add("name", name).Add("value", value)
                    .Add("time_ms", FKSClock.ToMs(utc)));
        }

        /// <summary>Any other numbered message: a bar, an order, a position, an account.</summary>
        public static void State(string kind, JsonObject fields)
        {
            Append(new Item(kind, "", fields.Fields));
        }

        public static bool IsConnected
        {
            get
            {
                FKSClient present = Present();
                return present != null && present.IsOpen;
            }
        }

        public static void Shown(string id)
        {
            FKSClient present = Present();
            if (present != null)
                present.Shown(id);
        }

        /// <summary>The signals that a chart which opens now has to draw.</summary>
        public static List<Signal> Standing(string symbol)
        {
            FKSClient present = Present();
            return present == null ? new List<Signal>() : present.Standing(symbol);
        }

        /// <summary>The counts of this moment, as they are told to the bridge.</summary>
        public static string Status()
        {
            FKSClient present = Present();
            return present == null ? "{}" : present.Status();
        }

        private static FKSClient Present()
        {
            lock (Gate)
                return client;
        }

        private static void Append(Item item)
        {
            FKSClient present = Present();
            if (present != null)
                present.Append(item);
        }

        private static void Export(string symbol, DateTime utc, double[] values)
        {
            lock (Gate)
            {
                if (csv == null)
                    return;
                string refusal = Disk.Refusal(delegate { csv.Append(symbol, utc, values); });
                if (refusal == null)
                    return;
                csv.Dispose();
                csv = null;
                log("csv export stopped: " + refusal);
            }
        }

        private static void Raise(Action<Signal> listeners, Signal signal)
        {
            if (listeners != null)
                listeners(signal);
        }

        private static string Whole(long value)
        {
            return value.ToString(CultureInfo.InvariantCulture);
        }
    }
}
