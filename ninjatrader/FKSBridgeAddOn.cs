// FKS Bridge for NinjaTrader 8: the AddOn that holds the link for all charts.
// Installation, settings and every message it can print: docs/terminals/ninjatrader.md.

#region Using declarations
using System;
using System.IO;
using System.Threading;
using NinjaTrader.Cbi;
using NinjaTrader.Data;
using NinjaTrader.NinjaScript.AddOns.FKS;
#endregion

namespace NinjaTrader.NinjaScript.AddOns
{
    public class FKSBridgeAddOn : AddOnBase
    {
        private const int LookMs = 5000;
        private readonly object gate = new object();
        private Timer timer;
        private AccountWatch accounts;
        private Settings settings;
        private DateTime settingsOf = DateTime.MinValue;
        private bool isActive;

        private static string SettingsPath
        {
            get { return Path.Combine(Path.Combine(Core.Globals.UserDataDir, "FKSBridge"), Settings.FileName); }
        }

        protected override void OnStateChange()
        {
            if (State == State.SetDefaults)
            {
                Name = "FKS Bridge";
                Description = "Holds the link to FKS Bridge for all charts.";
            }
            else if (State == State.Active)
            {
                isActive = true;
                Look(null);
                timer = new Timer(Look, null, LookMs, LookMs);
            }
            else if (State == State.Terminated && isActive)
            {
                // NinjaTrader also makes instances that never become active: those have nothing to end.
                isActive = false;
                timer.Dispose();
                Stop();
            }
        }

        /// <summary>Starts, and starts anew whenever the settings file has been saved.</summary>
        private void Look(object state)
        {
            lock (gate)
            {
                DateTime saved = File.GetLastWriteTimeUtc(SettingsPath);
                if (!isActive || (saved == settingsOf && File.Exists(SettingsPath)))
                    return;
                Stop();
                try
                {
                    settings = Settings.Load(SettingsPath);
                    accounts = settings.Orders ? new AccountWatch(Print) : null;
                    Action tellAll = delegate { };
                    FKSHub.Open(settings, Print, Obey, IsConnected, accounts != null ? accounts.TellAll : tellAll);
                }
                catch (Exception error)
                {
                    // What escapes a timer ends NinjaTrader; a defect of ours must not.
                    Print(error is SettingsException ? error.Message : "a defect, please report it: " + error);
                }
                settingsOf = File.GetLastWriteTimeUtc(SettingsPath);
            }
        }

        private void Stop()
        {
            lock (gate)
            {
                if (accounts != null)
                    accounts.Dispose();
                accounts = null;
                FKSHub.Close();
            }
        }

        private static void Print(string message)
        {
            Code.Output.Process("FKS Bridge: " + message, PrintTo.OutputTab1);
        }

        private static bool IsConnected()
        {
            lock (Connection.Connections)
            {
                foreach (Connection connection in Connection.Connections)
                {
                    if (connection.Status == ConnectionStatus.Connected)
                        return true;
                }
            }
            return false;
        }

        // What the bridge asks for.

        private void Obey(Command command, Action<bool, string> answer)
        {
            try
            {
                switch (command.Name)
                {
                    case "backfill": Backfill(command, answer); break;
                    case "rotate_key": Rotate(Fields.Text(command.Arguments, "key"), answer); break;
                    case "resubscribe": answer(true, "each chart subscribes by itself"); break;
                    default: throw new JsonException("NinjaTrader does not know the command " + command.Name);
                }
            }
            catch (JsonException error)
            {
                answer(false, error.Message);
            }
        }

        /// <summary>Used from the next hello on; the file that has it is not read anew for that.</summary>
        private void Rotate(string key, Action<bool, string> answer)
        {
            if (key.Length == 0 || key.Trim() != key || Array.Exists(key.ToCharArray(), char.IsControl))
                throw new JsonException("key is not one that a line of the settings can hold");
            lock (gate)
            {
                string refusal = Disk.Refusal(delegate { settings.ReplaceKey(key); });
                settingsOf = File.GetLastWriteTimeUtc(SettingsPath);
                answer(refusal == null, refusal == null ? "" : "the key cannot be written down: " + refusal);
            }
        }

        private static void Backfill(Command command, Action<bool, string> answer)
        {
            string symbol = Fields.Text(command.Arguments, "symbol");
            string period = Fields.Text(command.Arguments, "period");
            long fromMs = Fields.Whole(command.Arguments, "from_ms");
            long toMs = Fields.Whole(command.Arguments, "to_ms");
            Instrument instrument = Instrument.GetInstrument(symbol);
            BarsPeriod wanted = FKSBars.PeriodOf(period);
            if (instrument == null)
                throw new JsonException("there is no instrument " + symbol);
            if (wanted == null || fromMs < 0 || toMs < fromMs || toMs > FKSClock.WallMs)
                throw new JsonException("period, from_ms or to_ms is out of range");
            BarsRequest request = new BarsRequest(instrument, Shown(fromMs), Shown(toMs)) { BarsPeriod = wanted };
            request.Request(delegate(BarsRequest done, ErrorCode code, string reason)
            {
                if (code == ErrorCode.NoError)
                    answer(true, History(done.Bars, fromMs, toMs, delegate(DateTime close, double[] prices, long volume)
                    {
                        FKSHub.State("bar", FKSBars.Message(symbol, period, close, prices, volume)
                            .Add("backfill", command.Id));
                    }) + " bars");
                else
                    answer(false, "history of " + symbol + " is not to be had: " + reason);
                done.Dispose();
            });
        }

        private static DateTime Shown(long ms)
        {
            return TimeZoneInfo.ConvertTimeFromUtc(FKSClock.OfMs(ms), Core.Globals.GeneralOptions.TimeZoneInfo);
        }

        /// <summary>Bars that closed within the span; NinjaTrader gives whole local days. Returns how many.</summary>
        private static int History(Bars bars, long fromMs, long toMs, Action<DateTime, double[], long> send)
        {
            int count = 0;
            for (int at = 0; at < bars.Count; at++)
            {
                DateTime close = FKSBars.ToUtc(bars.GetTime(at), Core.Globals.GeneralOptions.TimeZoneInfo);
                long closeMs = FKSClock.ToMs(close);
                double[] prices = { bars.GetOpen(at), bars.GetHigh(at), bars.GetLow(at), bars.GetClose(at) };
                if (closeMs < fromMs || closeMs > toMs || !Array.TrueForAll(prices, Json.IsFinite))
                    continue;
                send(close, prices, bars.GetVolume(at));
                count++;
            }
            return count;
        }
    }
}
