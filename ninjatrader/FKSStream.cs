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
    /// by "gap". At every moment produced = acked + buffered + dropped. Each change is told to Changed as
    /// a line, and Restored makes the same numbering of those lines. Not thread-safe; FKSClient locks.
    /// </summary>
    public sealed class ItemStream
    {
        private const int MaxMessage = 60000;

        private readonly Item[] slots;
        private readonly List<long[]> told = new List<long[]>();
        private long first = 1;
        private long next = 1;
        private long cursor = 1;
        private long reached;
        private long ackedThrough;
        private long restoredThrough;

        public ItemStream(int capacity)
        {
            slots = new Item[capacity];
            Id = Guid.NewGuid().ToString("N", CultureInfo.InvariantCulture);
            Batch = 500;
        }

        public string Id { get; private set; }

        /// <summary>The most ticks in one message.</summary>
        public int Batch { get; set; }

        /// <summary>Is told each change as a line, before anything of it can be sent.</summary>
        public Action<string> Changed { get; set; }

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
            Tell("item", item.Kind, item.Symbol, item.Text);
        }

        /// <summary>
        /// A session begins at the first number that the bridge does not have. False when it wants one
        /// that was never sent: then this numbering is not the one it knows, or what was written down of it
        /// is older than what the bridge has.
        /// </summary>
        public bool Resume(long wanted)
        {
            if (wanted > reached + 1)
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
            Tell("ack", Whole(through));
        }

        /// <summary>The next numbered message or "gap"; null when everything has been sent.</summary>
        public string NextMessage()
        {
            if (cursor >= next)
                return null;
            return cursor < first ? Gap() : Data();
        }

        /// <summary>
        /// A new numbering that begins with whatever this one still holds. What it was restored with is
        /// left out where the bridge knows higher numbers: then it has that already.
        /// </summary>
        public ItemStream Renumbered(bool withRestored)
        {
            ItemStream fresh = new ItemStream(slots.Length) { Batch = Batch };
            for (long seq = withRestored ? first : Math.Max(first, restoredThrough + 1); seq < next; seq++)
                fresh.Append(slots[seq % slots.Length]);
            return fresh;
        }

        // Lines: how a numbering outlives the platform.

        /// <summary>What Restored needs to make this numbering anew.</summary>
        public IEnumerable<string> Lines(string owner)
        {
            yield return string.Join("\t", new[]
            {
                "stream", owner, Id, Whole(first), Whole(Acked), Whole(Dropped), Whole(ackedThrough)
            });
            foreach (long[] span in told)
                yield return string.Join("\t", new[] { "gap", Whole(span[0]), Whole(span[1]) });
            for (long seq = first; seq < next; seq++)
            {
                Item item = slots[seq % slots.Length];
                yield return string.Join("\t", new[] { "item", item.Kind, item.Symbol, item.Text });
            }
        }

        /// <summary>
        /// The numbering that these lines tell of, up to the first that makes no sense; a new one when
        /// they tell of none. Another owner's items are numbered anew: the bridge counts by owner.
        /// </summary>
        public static ItemStream Restored(int capacity, IList<string> lines, string owner)
        {
            ItemStream stream = new ItemStream(capacity);
            string[] head = lines.Count > 0 ? lines[0].Split('\t') : new string[0];
            if (head.Length != 7 || !stream.Begin(head))
                return stream;
            for (int at = 1; at < lines.Count && stream.Take(lines[at].Split('\t')); at++)
                continue;
            stream.restoredThrough = stream.next - 1;
            stream.reached = stream.next - 1; // all of it may have been sent
            return head[1] == owner ? stream : stream.Renumbered(true);
        }

        private bool Begin(string[] parts)
        {
            long begin, acked, dropped, through;
            if (parts[0] != "stream" || !Whole(parts[3], out begin) || !Whole(parts[4], out acked)
                || !Whole(parts[5], out dropped) || !Whole(parts[6], out through))
                return false;
            Id = parts[2];
            first = next = cursor = begin;
            Acked = acked;
            Dropped = dropped;
            ackedThrough = through;
            return true;
        }

        private bool Take(string[] parts)
        {
            long from, to;
            if (parts.Length == 4 && parts[0] == "item")
                Append(new Item(parts[1], parts[2], parts[3]));
            else if (parts.Length == 2 && parts[0] == "ack" && Whole(parts[1], out to))
                Ack(to);
            else if (parts.Length == 3 && parts[0] == "gap" && Whole(parts[1], out from) && Whole(parts[2], out to))
                Forget(from, to);
            else
                return false;
            return true;
        }

        /// <summary>What was given up stays so in a ring that has become larger since.</summary>
        private void Forget(long from, long to)
        {
            long held = Math.Max(0, Math.Min(to, next - 1) - first + 1);
            Free(held);
            Dropped += held;
            GiveUp(from, to);
        }

        private void Tell(params string[] parts)
        {
            if (Changed != null)
                Changed(string.Join("\t", parts));
        }

        // Messages.

        private string Gap()
        {
            long last = first - 1;
            GiveUp(Math.Max(cursor, ackedThrough + 1), last);
            Tell("gap", Whole(Math.Max(cursor, ackedThrough + 1)), Whole(last));
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
            long end = Math.Min(next, cursor + Batch);
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

        private static bool Whole(string text, out long value)
        {
            return long.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out value);
        }
    }
}
