// FKS Bridge for NinjaTrader 8: the numbered items that the bridge has not acknowledged yet.

using System;
using System.Collections.Generic;
using System.Globalization;
using System.Text;

namespace NinjaTrader.NinjaScript.AddOns.FKS
{
    /// <summary>
    /// One datum, encoded once. With a Symbol it is a row of "ticks" and may travel in a batch; without
    /// one its Text is the whole message's fields.
    /// </summary>
    public struct Item
    {
        public readonly string Kind;
        public readonly string Symbol;
        public readonly string Text;

        public Item(string kind, string symbol, string text)
        {
            Kind = kind;
            Symbol = symbol;
            Text = text;
        }
    }

    /// <summary>
    /// One numbering, its ring of unacknowledged items, and the number that goes out next. An item leaves
    /// the ring when it is acknowledged or, oldest first, when there is no room: then the bridge is told
    /// by "gap". At every moment produced = acked + buffered + dropped. Not thread-safe; FKSClient locks.
    /// </summary>
    public sealed class ItemStream
    {
        public const int MaxBatch = 500;
        private const int MaxMessage = 60000;

        private readonly Item[] slots;
        private readonly List<long[]> told = new List<long[]>();
        private long first = 1;
        private long next = 1;
        private long cursor = 1;
        private long reached;
        private long ackedThrough;

        public ItemStream(int capacity)
        {
            if (capacity < 1)
                throw new ArgumentException("a ring needs room for at least one item");
            slots = new Item[capacity];
            Id = Guid.NewGuid().ToString("N", CultureInfo.InvariantCulture);
        }

        public string Id { get; private set; }

        public long Acked { get; private set; }

        public long Dropped { get; private set; }

        public long Produced
        {
            get { return next - 1; }
        }

        public long Buffered
        {
            get { return next - first; }
        }

        public long Reached
        {
            get { return reached; }
        }

        public void Append(Item item)
        {
            if (Buffered == slots.Length)
            {
                Free(1);
                Dropped++;
            }
            slots[next % slots.Length] = item;
            next++;
        }

        /// <summary>
        /// A session begins at the first number that the bridge does not have. False when it wants one
        /// that was never given out: then this numbering is not the one it knows.
        /// </summary>
        public bool Resume(long wanted)
        {
            if (wanted > next)
                return false;
            Ack(wanted - 1);
            cursor = wanted;
            reached = Math.Max(reached, wanted - 1);
            return true;
        }

        public void Rewind(long wanted)
        {
            cursor = Math.Min(cursor, Math.Max(wanted, 1));
        }

        public void Ack(long through)
        {
            if (through <= ackedThrough)
                return;
            long held = Math.Max(0, Math.Min(through, next - 1) - first + 1);
            // What was dropped after it had been sent, and was never given up, has arrived after all.
            long rescued = NeverGivenUp(Math.Min(through, first - 1));
            Free(held);
            Acked += held + rescued;
            Dropped -= rescued;
            ackedThrough = through;
            cursor = Math.Max(cursor, through + 1);
            told.RemoveAll(delegate(long[] span) { return span[1] <= through; });
        }

        /// <summary>The next numbered message or "gap"; null when everything has been sent.</summary>
        public string NextMessage()
        {
            if (cursor >= next)
                return null;
            return cursor < first ? Gap() : Data();
        }

        /// <summary>A new numbering that begins with whatever this one still holds.</summary>
        public ItemStream Renumbered()
        {
            ItemStream fresh = new ItemStream(slots.Length);
            for (long seq = first; seq < next; seq++)
                fresh.Append(slots[seq % slots.Length]);
            return fresh;
        }

        private string Gap()
        {
            long last = first - 1;
            GiveUp(Math.Max(cursor, ackedThrough + 1), last);
            string gap = new JsonObject().Add("type", "gap").Add("from", cursor).Add("to", last).ToString();
            reached = Math.Max(reached, last);
            cursor = first;
            return gap;
        }

        private string Data()
        {
            Item item = slots[cursor % slots.Length];
            long seq = cursor;
            string message;
            if (item.Symbol.Length == 0)
            {
                cursor++;
                message = "{\"type\":\"" + item.Kind + "\",\"seq\":" + Whole(seq) + "," + item.Text + "}";
            }
            else
            {
                message = "{\"type\":\"ticks\",\"seq\":" + Whole(seq) + ",\"symbol\":" + Json.Quote(item.Symbol)
                    + ",\"ticks\":[" + Rows(item) + "]}";
            }
            reached = Math.Max(reached, cursor - 1);
            return message;
        }

        private string Rows(Item item)
        {
            StringBuilder rows = new StringBuilder(item.Text);
            long end = Math.Min(next, cursor + MaxBatch);
            for (cursor++; cursor < end && rows.Length < MaxMessage; cursor++)
            {
                Item row = slots[cursor % slots.Length];
                if (row.Symbol != item.Symbol)
                    break;
                rows.Append(',').Append(row.Text);
            }
            return rows.ToString();
        }

        private void Free(long count)
        {
            for (long end = first + count; first < end; first++)
                slots[first % slots.Length] = new Item();
        }

        private void GiveUp(long from, long to)
        {
            foreach (long[] span in told.FindAll(delegate(long[] s) { return s[0] <= to + 1 && s[1] >= from - 1; }))
            {
                from = Math.Min(from, span[0]);
                to = Math.Max(to, span[1]);
                told.Remove(span);
            }
            told.Add(new[] { from, to });
        }

        private long NeverGivenUp(long through)
        {
            long begin = ackedThrough + 1;
            long count = Math.Max(0, through - begin + 1);
            foreach (long[] span in told)
                count -= Math.Max(0, Math.Min(span[1], through) - Math.Max(span[0], begin) + 1);
            return count;
        }

        private static string Whole(long value)
        {
            return value.ToString(CultureInfo.InvariantCulture);
        }
    }
}
