// FKS Bridge for NinjaTrader 8: the settings file.

using System;
using System.Collections.Generic;
using System.Globalization;
using System.IO;
using System.Text;

namespace NinjaTrader.NinjaScript.AddOns.FKS
{
    /// <summary>The settings cannot be used; the message says which line and what to do.</summary>
    public sealed class SettingsException : Exception
    {
        public SettingsException(string message)
            : base(message)
        {
        }
    }

    /// <summary>What the user wrote into FKSBridge.ini: lines of `name = value`, `#` begins a comment.</summary>
    public sealed class Settings
    {
        public const string FileName = "FKSBridge.ini";

        private const string Template =
            "# FKS Bridge. Fill in client and key (the bridge's page Clients shows both), then save:\r\n"
            + "# the AddOn reads this file again within five seconds.\r\n"
            + "host = 127.0.0.1\r\nport = 8888\r\n"
            + "# TLS is needed from any machine but the bridge's own; its port is 8889.\r\n"
            + "tls = no\r\n"
            + "# The bridge's own CA; leave it empty for a certificate that Windows trusts.\r\n"
            + "ca_file =\r\n"
            + "client =\r\nkey =\r\n"
            + "# The client's signing secret, where the bridge wants every message signed.\r\n"
            + "secret =\r\n"
            + "# Ticks that are kept while the bridge cannot be reached; also in a file beside this one.\r\n"
            + "buffer = 100000\r\nkeep = yes\r\n"
            + "# Orders, positions and account figures, too.\r\n"
            + "orders = yes\r\n"
            + "# A folder for one csv file of ticks per instrument; empty writes none.\r\n"
            + "csv_folder =\r\n"
            + "csv_megabytes = 64\r\n";

        private Settings()
        {
            Host = "127.0.0.1";
            Port = 8888;
            CaFile = "";
            Client = "";
            Key = "";
            Secret = "";
            Keep = true;
            Buffer = 100000;
            Orders = true;
            CsvFolder = "";
            CsvMegabytes = 64;
        }

        public string Host { get; private set; }

        public int Port { get; private set; }

        public bool Tls { get; private set; }

        public string CaFile { get; private set; }

        public string Client { get; private set; }

        public string Key { get; private set; }

        public string Secret { get; private set; }

        /// <summary>The folder of the file, for what else belongs beside it.</summary>
        public string Folder { get; private set; }

        /// <summary>Whether unacknowledged items outlive NinjaTrader in a file.</summary>
        public bool Keep { get; private set; }

        public int Buffer { get; private set; }

        public bool Orders { get; private set; }

        public string CsvFolder { get; private set; }

        public int CsvMegabytes { get; private set; }

        /// <summary>Reads the file; writes one to fill in when there is none.</summary>
        /// <exception cref="SettingsException">when it cannot be used yet</exception>
        public static Settings Load(string path)
        {
            string[] lines = null;
            string refusal = Disk.Refusal(delegate
            {
                if (!File.Exists(path))
                {
                    Directory.CreateDirectory(Path.GetDirectoryName(path));
                    File.WriteAllText(path, Template, new UTF8Encoding(false));
                }
                lines = File.ReadAllLines(path);
            });
            if (refusal != null)
                throw new SettingsException(path + " cannot be read: " + refusal);
            return Parse(lines, path);
        }

        private static Settings Parse(string[] lines, string path)
        {
            Settings settings = new Settings { Folder = Path.GetDirectoryName(path) };
            for (int at = 0; at < lines.Length; at++)
            {
                string line = lines[at].Trim();
                if (line.Length == 0 || line[0] == '#')
                    continue;
                int sign = line.IndexOf('=');
                string name = sign < 0 ? line : line.Substring(0, sign).Trim().ToLowerInvariant();
                if (sign < 0 || !settings.Take(name, line.Substring(sign + 1).Trim()))
                    throw new SettingsException(path + " line " + (at + 1) + ": " + line + " is not understood");
            }
            if (settings.Client.Length == 0 || settings.Key.Length == 0)
                throw new SettingsException("fill in client and key in " + path);
            return settings;
        }

        /// <summary>Another key from now on, in the file, too; the rest of the file stays as it is.</summary>
        /// <exception cref="IOException">when the file cannot be written</exception>
        public void ReplaceKey(string key)
        {
            string path = Path.Combine(Folder, FileName);
            string[] lines = Array.ConvertAll(File.ReadAllLines(path), delegate(string line)
            {
                return line.Split('=')[0].Trim().ToLowerInvariant() == "key" ? "key = " + key : line;
            });
            string draft = path + ".new";
            File.WriteAllLines(draft, lines, new UTF8Encoding(false));
            File.Replace(draft, path, null);
            Key = key;
        }

        private bool Take(string name, string value)
        {
            switch (name)
            {
                case "host": Host = value; return value.Length > 0;
                case "port": return Whole(value, 1, 65535, delegate(int n) { Port = n; });
                case "tls": return YesNo(value, delegate(bool yes) { Tls = yes; });
                case "ca_file": CaFile = value; return true;
                case "client": Client = value; return true;
                case "key": Key = value; return true;
                case "secret": Secret = value; return true;
                case "keep": return YesNo(value, delegate(bool yes) { Keep = yes; });
                case "buffer": return Whole(value, 1, 10000000, delegate(int n) { Buffer = n; });
                case "orders": return YesNo(value, delegate(bool yes) { Orders = yes; });
                case "csv_folder": CsvFolder = value; return true;
                case "csv_megabytes": return Whole(value, 1, 100000, delegate(int n) { CsvMegabytes = n; });
                default: return false;
            }
        }

        private static bool Whole(string value, int least, int most, Action<int> set)
        {
            int number;
            bool isGood = int.TryParse(value, NumberStyles.None, CultureInfo.InvariantCulture, out number)
                && number >= least && number <= most;
            if (isGood)
                set(number);
            return isGood;
        }

        private static bool YesNo(string value, Action<bool> set)
        {
            bool isYes = string.Equals(value, "yes", StringComparison.OrdinalIgnoreCase);
            set(isYes);
            return isYes || string.Equals(value, "no", StringComparison.OrdinalIgnoreCase);
        }
    }
}
