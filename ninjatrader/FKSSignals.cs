// FKS Bridge for NinjaTrader 8: signals as they came, and what has become of each.

using System;
using System.Collections.Generic;

namespace NinjaTrader.NinjaScript.AddOns.FKS
{
    /// <summary>A signal of the bridge. Prices are null when not given. NinjaTrader only draws it.</summary>
    public sealed class Signal
    {
        /// <exception cref="JsonException">when a field is missing or has another type</exception>
        public Signal(Dictionary<string, object> fields)
        {
            Id = Fields.Text(fields, "id");
            Symbol = Fields.Text(fields, "symbol");
            Action = Fields.Text(fields, "action");
            Entry = Fields.OptionalNumber(fields, "entry");
            StopLoss = Fields.OptionalNumber(fields, "stop_loss");
            TakeProfit = Fields.OptionalNumber(fields, "take_profit");
            ExpiresMs = Fields.OptionalNumber(fields, "expires_ms");
            Note = Fields.OptionalText(fields, "note");
        }

        public string Id { get; private set; }

        public string Symbol { get; private set; }

        public string Action { get; private set; }

        public double? Entry { get; private set; }

        public double? StopLoss { get; private set; }

        public double? TakeProfit { get; private set; }

        public double? ExpiresMs { get; private set; }

        public string Note { get; private set; }

        public bool HasExpired(long nowMs)
        {
            return ExpiresMs.HasValue && ExpiresMs.Value <= nowMs;
        }
    }

    /// <summary>
    /// The last thousand signals. Each id goes to the charts once, however often the bridge repeats it;
    /// a repeat is answered with what has become of it. Not thread-safe; FKSClient locks.
    /// </summary>
    public sealed class SignalBook
    {
        private const int Remembered = 1000;
        private readonly Dictionary<string, Life> lives = new Dictionary<string, Life>();
        private readonly Queue<string> order = new Queue<string>();

        private sealed class Life
        {
            public Signal Signal;
            public string State;
            public bool IsConfirmed;
            public long ToldBeforePing;
        }

        /// <summary>True when the charts should see it; false for a repeat or one that came too late.</summary>
        public bool Arrive(Signal signal, long nowMs)
        {
            Life known;
            if (lives.TryGetValue(signal.Id, out known))
            {
                known.IsConfirmed = false;
                return false;
            }
            bool isLate = signal.HasExpired(nowMs);
            lives[signal.Id] = new Life { Signal = signal, State = isLate ? "expired" : "received" };
            order.Enqueue(signal.Id);
            if (order.Count > Remembered)
                lives.Remove(order.Dequeue());
            return !isLate;
        }

        /// <summary>Notes that a chart shows it; false when it was noted before or is over.</summary>
        public bool Show(string id)
        {
            Life life;
            if (!lives.TryGetValue(id, out life) || life.State != "received")
                return false;
            life.State = "shown";
            life.IsConfirmed = false;
            return true;
        }

        /// <summary>Signals that end now; one that no chart has shown becomes "expired".</summary>
        public List<Signal> Expire(long nowMs)
        {
            List<Signal> ended = new List<Signal>();
            foreach (Life life in lives.Values)
            {
                if (life.Signal == null || !life.Signal.HasExpired(nowMs))
                    continue;
                ended.Add(life.Signal);
                life.Signal = null;
                if (life.State != "received")
                    continue;
                life.State = "expired";
                life.IsConfirmed = false;
            }
            return ended;
        }

        /// <summary>What a chart that opens now has to draw, oldest first.</summary>
        public List<Signal> Standing(string symbol, long nowMs)
        {
            List<Signal> standing = new List<Signal>();
            foreach (string id in order)
            {
                Signal signal = lives[id].Signal;
                if (signal != null && signal.Symbol == symbol && !signal.HasExpired(nowMs))
                    standing.Add(signal);
            }
            return standing;
        }

        /// <summary>The "signal_ack" of one signal, remembered as said before ping number `ping`.</summary>
        public string Tell(string id, long ping)
        {
            Life life = lives[id];
            life.ToldBeforePing = ping;
            return new JsonObject().Add("type", "signal_ack").Add("id", id).Add("state", life.State).ToString();
        }

        /// <summary>Ids whose latest state the bridge may not have heard.</summary>
        public List<string> Unconfirmed()
        {
            List<string> ids = new List<string>();
            foreach (string id in order)
            {
                if (!lives[id].IsConfirmed)
                    ids.Add(id);
            }
            return ids;
        }

        /// <summary>The bridge has answered this ping, so it has heard what was said before it.</summary>
        public void Confirm(long ping)
        {
            foreach (Life life in lives.Values)
            {
                if (life.ToldBeforePing > 0 && life.ToldBeforePing <= ping)
                    life.IsConfirmed = true;
            }
        }
    }

    /// <summary>Typed fields of a message of the bridge.</summary>
    public static class Fields
    {
        /// <exception cref="JsonException">when it is missing or no text</exception>
        public static string Text(Dictionary<string, object> fields, string name)
        {
            string text = Value(fields, name) as string;
            if (text == null)
                throw new JsonException(name + " must be a text");
            return text;
        }

        public static string OptionalText(Dictionary<string, object> fields, string name)
        {
            return Value(fields, name) as string ?? "";
        }

        /// <exception cref="JsonException">when it is missing or no whole number</exception>
        public static long Whole(Dictionary<string, object> fields, string name)
        {
            object value = Value(fields, name);
            if (!(value is long))
                throw new JsonException(name + " must be a whole number");
            return (long)value;
        }

        /// <exception cref="JsonException">when it is there and no number</exception>
        public static double? OptionalNumber(Dictionary<string, object> fields, string name)
        {
            object value = Value(fields, name);
            if (value == null)
                return null;
            if (value is long)
                return (long)value;
            if (value is double)
                return (double)value;
            throw new JsonException(name + " must be a number");
        }

        public static object Value(Dictionary<string, object> fields, string name)
        {
            object value;
            fields.TryGetValue(name, out value);
            return value;
        }
    }
}
