// FKS Bridge for NinjaTrader 8: the file in which unacknowledged items outlive NinjaTrader.

using System;
using System.Collections.Generic;
using System.IO;
using System.Text;

namespace NinjaTrader.NinjaScript.AddOns.FKS
{
    public static class Disk
    {
        /// <summary>Does the work. Returns why the system refused it, or null.</summary>
        public static string Refusal(Action work)
        {
            try
            {
                work();
                return null;
            }
            catch (Exception error)
            {
                // The latter two: a name that Windows allows no file to have.
                if (error is IOException || error is UnauthorizedAccessException
                    || error is ArgumentException || error is NotSupportedException)
                    return error.Message;
                throw;
            }
        }
    }

    /// <summary>
    /// Lines that say how a numbering has changed, each with the system before what it says can be
    /// sent: so whatever ends NinjaTrader, the next start knows every number that the bridge may know.
    /// When the file has grown it is replaced, in one step, by one that holds only the present state.
    /// Not thread-safe; FKSClient locks.
    /// </summary>
    public sealed class Spool : IDisposable
    {
        private const long Slack = 4 * 1048576;
        private static readonly UTF8Encoding Utf8 = new UTF8Encoding(false);

        private readonly string path;
        private readonly long slack;
        private FileStream file;
        private long sizeOfState;

        public Spool(string path, long slack = Slack)
        {
            this.path = path;
            this.slack = slack;
        }

        /// <summary>Twice the present state and some more: then the file is worth replacing.</summary>
        public bool IsLong
        {
            get { return file != null && file.Length > 2 * sizeOfState + slack; }
        }

        /// <summary>The lines of the file; the last one only when it was written to its end.</summary>
        /// <exception cref="IOException">when the file cannot be read</exception>
        public List<string> Read()
        {
            List<string> lines = new List<string>();
            if (!File.Exists(path) && !Directory.Exists(path))
                return lines;
            string text = Utf8.GetString(File.ReadAllBytes(path));
            lines.AddRange(text.Split('\n'));
            lines.RemoveAt(lines.Count - 1); // what stands behind the last end of line is unfinished
            return lines;
        }

        /// <summary>The file holds these lines and nothing else, from now on or not at all.</summary>
        /// <exception cref="IOException">when the file cannot be written</exception>
        public void Replace(IEnumerable<string> lines)
        {
            Dispose();
            string draft = path + ".new";
            using (FileStream fresh = new FileStream(draft, FileMode.Create))
            {
                foreach (string line in lines)
                    Write(fresh, line);
                fresh.Flush(true);
            }
            if (File.Exists(path))
                File.Replace(draft, path, null);
            else
                File.Move(draft, path);
            file = new FileStream(path, FileMode.Append, FileAccess.Write, FileShare.Read);
            sizeOfState = file.Length;
        }

        /// <exception cref="IOException">when the disk is full or gone</exception>
        public void Add(string line)
        {
            Write(file, line);
            file.Flush();
        }

        public void Dispose()
        {
            if (file != null)
                file.Dispose();
            file = null;
        }

        private static void Write(FileStream to, string line)
        {
            byte[] bytes = Utf8.GetBytes(line + "\n");
            to.Write(bytes, 0, bytes.Length);
        }
    }
}
