// FKS Bridge for NinjaTrader 8: what the bridge says, and what the client does about it.

using System;
using System.Collections.Generic;
using System.Globalization;
using System.IO;
using System.Threading;

namespace NinjaTrader.NinjaScript.AddOns.FKS
{
    /// <summary>A request of the bridge, answered with command_ack.</summary>
    public sealed class Command
    {
        public Command(string id, string name, Dictionary<string, object> arguments)
        {
            Id = id;
            Name = name;
            Arguments = arguments;
        }

        public string Id { get; private set; }

        public string Name { get; private set; }

        public Dictionary<string, object> Arguments { get; private set; }
    }

    /// <summary>The bridge has ended the session and trying again with the same settings cannot help.</summary>
    public sealed class RefusedException : Exception
    {
        public RefusedException(string message)
            : base(message)
        {
        }
    }

    public sealed partial class FKSClient
    {
        private const string FinalCodes = " auth revoked expired ip tls_required protocol superseded ";

        private void Handle(Dictionary<string, object> message)
        {
            switch (Fields.Text(message, "type"))
            {
                case "ack": Acknowledged(Fields.Whole(message, "seq")); break;
                case "resend": Resend(Fields.Whole(message, "from")); break;
                case "reject": Reject(message); break;
                case "error": Fail(Fields.Text(message, "code"), Fields.OptionalText(message, "reason")); break;
                case "signal": Arrived(new Signal(message)); break;
                case "config": Configure(message); Say(Answer("config_ack", message).ToString()); break;
                case "command": Obey(message); break;
                case "ping": Say("{\"type\":\"pong\",\"t\":" + Echo(Fields.Value(message, "t")) + "}"); break;
                case "pong": Answered(Fields.Value(message, "t")); break;
                default: break; // a newer bridge may say more than this client knows
            }
        }

        /// <summary>Of the settings a bridge may give only "batch" means something here: charts choose the rest.</summary>
        private void Configure(object given)
        {
            Dictionary<string, object> config = given as Dictionary<string, object>;
            if (config == null)
                return;
            Configure(Fields.Value(config, "settings"));
            double? batch = Fields.OptionalNumber(config, "batch");
            lock (gate)
            {
                if (batch >= 1)
                    stream.Batch = (int)Math.Min(batch.Value, 1000);
            }
        }

        private void Acknowledged(long through)
        {
            lock (gate)
            {
                if (through > stream.Reached)
                    throw new JsonException("number " + through + " is acknowledged and was never sent");
                stream.Ack(through);
            }
        }

        private void Resend(long from)
        {
            lock (gate)
            {
                stream.Rewind(from);
                Monitor.PulseAll(gate);
            }
        }

        private void Reject(Dictionary<string, object> message)
        {
            string code = Fields.Text(message, "code");
            // A bridge that takes no orders or accounts is sent no more of them.
            lock (gate)
                isStateRefused |= code == "unsupported";
            // The first is told; the bridge keeps all of them for its operator.
            if (Rejected++ == 0)
                log("the bridge refused an item: " + code + " " + Fields.OptionalText(message, "reason"));
        }

        private void Fail(string code, string reason)
        {
            string told = code + ", " + reason;
            if (FinalCodes.Contains(" " + code + " "))
                throw new RefusedException(told);
            throw new IOException("the bridge ended the session: " + told);
        }

        private void Arrived(Signal signal)
        {
            bool isFresh;
            lock (gate)
            {
                isFresh = book.Arrive(signal, BridgeNowMs);
                Say(book.Tell(signal.Id, pings + 1));
            }
            Action<Signal> listeners = SignalArrived;
            if (isFresh && listeners != null)
                listeners(signal);
        }

        private void Obey(Dictionary<string, object> message)
        {
            Dictionary<string, object> arguments = Fields.Value(message, "args") as Dictionary<string, object>;
            Command command = new Command(Fields.Text(message, "id"), Fields.Text(message, "name"),
                arguments ?? new Dictionary<string, object>());
            OnCommand(command, delegate(bool isDone, string detail)
            {
                Say(Answer("command_ack", message).Add("ok", isDone).Add("detail", detail).ToString());
            });
        }

        private static JsonObject Answer(string type, Dictionary<string, object> message)
        {
            JsonObject answer = new JsonObject().Add("type", type);
            string id = Fields.OptionalText(message, "id");
            return id.Length > 0 ? answer.Add("id", id) : answer;
        }

        private static string Echo(object value)
        {
            if (value is double)
                return Json.Number((double)value);
            string text = value as string;
            return text == null ? Convert.ToString(value ?? "null", CultureInfo.InvariantCulture).ToLowerInvariant()
                : Json.Quote(text);
        }

        private void Answered(object t)
        {
            lock (gate)
            {
                if (!(t is long) || (long)t != pings)
                    return;
                pingMs = (FKSClock.Running() - pingedAt).TotalMilliseconds;
                book.Confirm(pings);
            }
        }
    }
}
