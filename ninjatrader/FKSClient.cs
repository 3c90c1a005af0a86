// FKS Bridge for NinjaTrader 8: the session with the bridge, kept up for as long as the AddOn runs.

using System;
using System.Collections.Generic;
using System.IO;
using System.Threading;

namespace NinjaTrader.NinjaScript.AddOns.FKS
{
    /// <summary>
    /// Give it data from any thread; it sees to it that the bridge gets each item once. Nothing here
    /// blocks on the network but its own two threads: one reads, one writes.
    /// </summary>
    public sealed partial class FKSClient : IDisposable
    {
        private const int StatusMs = 5000;
        private const int FirstPauseMs = 200;
        private const int LongestPauseMs = 10000;
        private const string States = " order position account ";

        private readonly object gate = new object();
        private readonly Settings settings;
        private readonly Action<string> log;
        private readonly Queue<string> outgoing = new Queue<string>();
        private readonly SignalBook book = new SignalBook();
        private readonly Random jitter = new Random();
        private readonly Thread thread;
        private readonly Signer signer;
        private ItemStream stream;
        private Link link;
        private bool isOpen;
        private bool isClosing;
        private bool isStateRefused;
        private long pings;
        private TimeSpan pingedAt;
        private long? bridgeAheadMs;
        private double pingMs = -1;
        private string problem = "";

        public FKSClient(Settings settings, Action<string> log)
        {
            this.settings = settings;
            this.log = log;
            signer = new Signer(settings.Secret);
            if (settings.Keep)
                OpenSpool();
            else
                stream = new ItemStream(settings.Buffer);
            thread = new Thread(Run) { IsBackground = true, Name = "FKS Bridge" };
        }

        /// <summary>Each signal once, on the reading thread: a chart must hand it to its own.</summary>
        public event Action<Signal> SignalArrived;

        /// <summary>Signals that are over, on the writing thread.</summary>
        public event Action<Signal> SignalEnded;

        /// <summary>Does what the bridge asks and answers, now or later: whether it was done, and a detail.</summary>
        public Action<Command, Action<bool, string>> OnCommand { get; set; }

        /// <summary>Whether the platform is connected to its data and may trade; sent with each status.</summary>
        public Func<bool> IsPlatformConnected { get; set; }

        public bool IsOpen
        {
            get
            {
                lock (gate)
                    return isOpen;
            }
        }

        public int Sessions { get; private set; }

        public int Rejected { get; private set; }

        /// <summary>Begins after each welcome, on the reading thread: what the bridge should know anew.</summary>
        public Action OnWelcome { get; set; }

        /// <summary>The bridge's clock, as its last welcome told it; by that it means "expires".</summary>
        private long BridgeNowMs
        {
            get { return bridgeAheadMs.HasValue ? RunningMs + bridgeAheadMs.Value : FKSClock.WallMs; }
        }

        private static long RunningMs
        {
            get { return (long)FKSClock.Running().TotalMilliseconds; }
        }

        public void Start()
        {
            thread.Start();
        }

        /// <summary>Numbers and queues an item. With a full ring the oldest is given up.</summary>
        public void Append(Item item)
        {
            lock (gate)
            {
                if (isStateRefused && States.Contains(" " + item.Kind + " "))
                    return;
                stream.Append(item);
                if (spool != null && spool.IsLong)
                    OnDisk(delegate { spool.Replace(stream.Lines(settings.Client)); });
                Monitor.PulseAll(gate);
            }
        }

        /// <summary>A chart shows this signal.</summary>
        public void Shown(string id)
        {
            lock (gate)
            {
                if (book.Show(id))
                    Say(book.Tell(id, pings + 1));
            }
        }

        public List<Signal> Standing(string symbol)
        {
            lock (gate)
                return book.Standing(symbol, BridgeNowMs);
        }

        /// <summary>The "status" message of this moment.</summary>
        public string Status()
        {
            bool isConnected = IsPlatformConnected == null || IsPlatformConnected();
            lock (gate)
            {
                JsonObject status = new JsonObject().Add("type", "status").Add("produced", stream.Produced)
                    .Add("buffered", stream.Buffered).Add("dropped", stream.Dropped)
                    .Add("trade_allowed", false).Add("broker_connected", isConnected);
                if (pingMs >= 0)
                    status.Add("ping_ms", Math.Round(pingMs, 3));
                return status.ToString();
            }
        }

        /// <summary>Ends at once. What was not acknowledged waits in the file for the next start.</summary>
        public void Dispose()
        {
            lock (gate)
            {
                isClosing = true;
                if (link != null)
                    link.Dispose();
                if (spool != null)
                    spool.Dispose();
                spool = null;
                Monitor.PulseAll(gate);
            }
            if (thread.IsAlive && thread != Thread.CurrentThread)
                thread.Join(2000);
        }

        private void Run()
        {
            int failures = 0;
            while (!isClosing)
            {
                int before = Sessions;
                if (!OneSession())
                    return;
                failures = Sessions > before ? 0 : failures + 1;
                Pause(failures);
            }
        }

        /// <summary>One session to its end; false when there must not be another.</summary>
        private bool OneSession()
        {
            try
            {
                Converse();
                Note("the bridge closed the connection");
                return true;
            }
            catch (Exception error)
            {
                // What escapes a thread ends NinjaTrader; a defect of ours must not.
                return MayTryAgain(error);
            }
        }

        private bool MayTryAgain(Exception error)
        {
            if (error is RefusedException)
                log("stopped: " + error.Message + ". Mend " + Settings.FileName + " and save it.");
            else if (error is JsonException)
                Note("the bridge sent what cannot be read: " + error.Message);
            else
                Note(Link.WhyBroken(error) ?? "a defect, please report it: " + error);
            return !(error is RefusedException);
        }

        private void Note(string reason)
        {
            // The same trouble at each try is told once.
            if (!isClosing && reason != problem)
                log("not connected: " + reason);
            problem = reason;
        }

        /// <summary>Exponential with jitter, so that a restarted bridge is not met by all at once.</summary>
        private void Pause(int failures)
        {
            TimeSpan ends = FKSClock.Running() + PauseAfter(failures, jitter.NextDouble());
            lock (gate)
            {
                for (TimeSpan left = ends - FKSClock.Running(); !isClosing && left > TimeSpan.Zero; left = ends - FKSClock.Running())
                    Monitor.Wait(gate, left);
            }
        }

        /// <summary>200 ms, doubled for each failure up to 10 s; of that the second half by `chance`, 0 to 1.</summary>
        public static TimeSpan PauseAfter(int failures, double chance)
        {
            double longest = Math.Min(LongestPauseMs, FirstPauseMs * Math.Pow(2, Math.Min(failures, 20)));
            return TimeSpan.FromMilliseconds(longest * (0.5 + chance / 2));
        }

        private void Converse()
        {
            Thread writer = null;
            try
            {
                Link opened = Link.Open(settings);
                lock (gate)
                    link = opened;
                opened.Write(signer.Signed(Hello()));
                Begin(opened);
                Thread started = new Thread(Write) { IsBackground = true, Name = "FKS Bridge writer" };
                started.Start(opened);
                writer = started;
                for (string line = opened.Read(); line != null; line = opened.Read())
                    Handle(Json.ParseObject(line));
            }
            finally
            {
                Close();
                if (writer != null)
                    writer.Join();
            }
        }

        private void Close()
        {
            lock (gate)
            {
                isOpen = false;
                outgoing.Clear();
                if (link != null)
                    link.Dispose();
                link = null;
                Monitor.PulseAll(gate);
            }
        }

        private string Hello()
        {
            return new JsonObject().Add("type", "hello").Add("protocol", 1).Add("client", settings.Client)
                .Add("key", settings.Key).Add("platform", "ninjatrader").Add("stream", stream.Id)
                .Add("version", "1.0").Add("instance", Environment.MachineName).ToString();
        }

        private void Begin(Link opened)
        {
            string line = opened.Read();
            if (line == null)
                throw new IOException("the bridge closed the connection");
            Dictionary<string, object> welcome = Json.ParseObject(line);
            if (Fields.Text(welcome, "type") != "welcome")
            {
                Handle(welcome);
                throw new JsonException("no welcome came");
            }
            lock (gate)
            {
                if (!stream.Resume(Fields.Whole(welcome, "resume")))
                {
                    Keep(stream.Renumbered(false));
                    throw new JsonException("it knows another numbering; a new one begins");
                }
                bridgeAheadMs = Fields.Whole(welcome, "server_time_ms") - RunningMs;
                Configure(Fields.Value(welcome, "config"));
                Sessions++;
                isOpen = true;
                foreach (string id in book.Unconfirmed())
                    outgoing.Enqueue(book.Tell(id, pings + 1));
            }
            problem = "";
            log("connected to " + settings.Host + " as " + settings.Client);
            if (OnWelcome != null)
                OnWelcome();
        }

        // Writing.

        private void Write(object opened)
        {
            Link target = (Link)opened;
            TimeSpan statusAt = TimeSpan.MinValue;
            try
            {
                while (true)
                {
                    if (FKSClock.Running() >= statusAt)
                    {
                        Beat();
                        statusAt = FKSClock.Running() + TimeSpan.FromMilliseconds(StatusMs);
                    }
                    string message = Next(statusAt);
                    if (message == null)
                        return;
                    if (message.Length > 0)
                        target.Write(signer.Signed(message));
                }
            }
            catch (Exception error)
            {
                // Of a broken line the reader tells, whom this wakes.
                if (Link.WhyBroken(error) == null)
                    Note("a defect, please report it: " + error);
                target.Dispose();
            }
        }

        /// <summary>The next message; empty when it is time for a status; null when the session is over.</summary>
        private string Next(TimeSpan until)
        {
            lock (gate)
            {
                while (isOpen)
                {
                    if (outgoing.Count > 0)
                        return outgoing.Dequeue();
                    string message = stream.NextMessage();
                    if (message != null)
                        return message;
                    TimeSpan left = until - FKSClock.Running();
                    if (left <= TimeSpan.Zero)
                        return "";
                    Monitor.Wait(gate, left);
                }
                return null;
            }
        }

        private void Beat()
        {
            string status = Status();
            List<Signal> ended;
            lock (gate)
            {
                ended = book.Expire(BridgeNowMs);
                foreach (string id in book.Unconfirmed())
                    outgoing.Enqueue(book.Tell(id, pings + 1));
                outgoing.Enqueue(status);
                pings++;
                pingedAt = FKSClock.Running();
                outgoing.Enqueue(new JsonObject().Add("type", "ping").Add("t", pings).ToString());
            }
            Action<Signal> listeners = SignalEnded;
            if (listeners != null)
                ended.ForEach(listeners);
        }

        private void Say(string message)
        {
            lock (gate)
            {
                if (!isOpen)
                    return; // said anew after the next welcome
                outgoing.Enqueue(message);
                Monitor.PulseAll(gate);
            }
        }
    }
}
