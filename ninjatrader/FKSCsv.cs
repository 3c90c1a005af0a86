// FKS Bridge for NinjaTrader 8: ticks in files, the second way when no connection is possible.

using System;
using System.Collections.Generic;
using System.Globalization;
using System.IO;
using System.Text;

namespace NinjaTrader.NinjaScript.AddOns.FKS
{
    /// <summary>
    /// One csv file per instrument, appended to for as long as NinjaTrader runs: `agent tail` follows it,
    /// `manage.py import_history` reads it. A line is written whole in one call; a new file appears whole,
    /// header included; a line that a crash left unfinished is cut off at the next start.
    /// </summary>
    public sealed class CsvFiles : IDisposable
    {
        private const string Header = "time_utc,bid,ask,last,volume\n";
        private readonly object gate = new object();
        private readonly string folder;
        private readonly long longest;
        private readonly Dictionary<string, FileStream> files = new Dictionary<string, FileStream>();

        public CsvFiles(string folder, int megabytes)
        {
            this.folder = folder;
            longest = megabytes * 1048576L;
        }

        /// <summary>Bid, ask, last and volume; the latter two are NaN where only the quote has changed.</summary>
        /// <exception cref="IOException">when the file cannot be written</exception>
        public void Append(string symbol, DateTime utc, double[] values)
        {
            string line = string.Join(",", new[]
            {
                utc.ToString("yyyy-MM-dd'T'HH:mm:ss.fff'Z'", CultureInfo.InvariantCulture),
                Cell(values[0]), Cell(values[1]), Cell(values[2]), Cell(values[3])
            });
            byte[] bytes = Encoding.ASCII.GetBytes(line + "\n");
            lock (gate)
            {
                FileStream file = Opened(symbol);
                file.Write(bytes, 0, bytes.Length);
                file.Flush();
            }
        }

        public void Dispose()
        {
            lock (gate)
            {
                foreach (FileStream file in files.Values)
                    file.Dispose();
                files.Clear();
            }
        }

        private static string Cell(double value)
        {
            return double.IsNaN(value) ? "" : Json.Number(value);
        }

        private FileStream Opened(string symbol)
        {
            FileStream file;
            string path = Path.Combine(folder, FileName(symbol) + ".csv");
            if (!files.TryGetValue(symbol, out file))
                file = files[symbol] = Open(path);
            if (file.Length < longest)
                return file;
            file.Dispose();
            files.Remove(symbol);
            Retire(path);
            return files[symbol] = Open(path);
        }

        /// <summary>"ES 12-26" keeps its name; what Windows allows in no file name becomes a line.</summary>
        private static string FileName(string symbol)
        {
            StringBuilder name = new StringBuilder(symbol);
            foreach (char forbidden in "<>:\"/\\|?*")
                name.Replace(forbidden, '_');
            return name.ToString();
        }

        private static FileStream Open(string path)
        {
            if (!File.Exists(path))
            {
                string draft = path + ".new";
                File.WriteAllText(draft, Header, new ASCIIEncoding());
                File.Move(draft, path);
            }
            FileStream file = new FileStream(path, FileMode.Open, FileAccess.ReadWrite,
                FileShare.Read | FileShare.Delete, 4096);
            CutUnfinished(file);
            return file;
        }

        private static void CutUnfinished(FileStream file)
        {
            long end = file.Length;
            for (; end > 0; end--)
            {
                file.Position = end - 1;
                if (file.ReadByte() == '\n')
                    break;
            }
            file.SetLength(end);
            file.Position = end;
        }

        /// <summary>The full file gets the time in its name; readers that have it open keep it.</summary>
        private static void Retire(string path)
        {
            string time = DateTime.UtcNow.ToString("yyyyMMdd'T'HHmmssfffffff", CultureInfo.InvariantCulture);
            File.Move(path, path.Substring(0, path.Length - 4) + "." + time + ".csv");
        }
    }
}
