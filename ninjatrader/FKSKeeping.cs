// FKS Bridge for NinjaTrader 8: how the client's numbering outlives NinjaTrader.

using System;
using System.Collections.Generic;
using System.IO;
using System.Threading;

namespace NinjaTrader.NinjaScript.AddOns.FKS
{
    public sealed partial class FKSClient
    {
        private const string SpoolName = "FKSBridge.unsent";
        private Spool spool;

        private void OpenSpool()
        {
            List<string> lines = new List<string>();
            spool = new Spool(Path.Combine(settings.Folder, SpoolName));
            // After a compile in the editor the instance before may still hold the file for a moment.
            for (int tries = 0; tries < 10 && Disk.Refusal(delegate { spool.Read(); }) != null; tries++)
                Thread.Sleep(200);
            OnDisk(delegate { lines = spool.Read(); });
            Keep(ItemStream.Restored(settings.Buffer, lines, settings.Client));
        }

        private void Keep(ItemStream kept)
        {
            stream = kept;
            if (spool == null)
                return;
            OnDisk(delegate { spool.Replace(stream.Lines(settings.Client)); });
            stream.Changed = delegate(string line) { OnDisk(delegate { spool.Add(line); }); };
        }

        /// <summary>A disk that fails ends the keeping, not the sending.</summary>
        private void OnDisk(Action toSpool)
        {
            string refusal = spool == null ? null : Disk.Refusal(toSpool);
            if (refusal == null)
                return;
            log("unsent items are kept in memory only: " + refusal);
            spool.Dispose();
            spool = null;
        }
    }
}
