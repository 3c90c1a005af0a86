// FKS Bridge for NinjaTrader 8: one connection, plain or TLS, that carries lines.

using System;
using System.Globalization;
using System.IO;
using System.Net.Security;
using System.Net.Sockets;
using System.Security.Authentication;
using System.Text;

namespace NinjaTrader.NinjaScript.AddOns.FKS
{
    /// <summary>A connection to the bridge. Read and Write belong to one thread each; Close to any.</summary>
    public sealed class Link : IDisposable
    {
        private const int ConnectMs = 5000;
        private const int SilenceMs = 30000;
        private const int LongestLine = 1024 * 1024;
        private static readonly UTF8Encoding Utf8 = new UTF8Encoding(false);

        private readonly TcpClient socket;
        private readonly Trust trust;
        private readonly byte[] chunk = new byte[16384];
        private readonly MemoryStream line = new MemoryStream();
        private Stream stream;
        private int filled;
        private int at;

        private Link(TcpClient socket, Trust trust)
        {
            this.socket = socket;
            this.trust = trust;
        }

        /// <exception cref="IOException">when nobody answers or the certificate is refused</exception>
        public static Link Open(Settings settings)
        {
            Link link = new Link(new TcpClient(), new Trust(settings.Host, settings.CaFile));
            try
            {
                link.Connect(settings);
                return link;
            }
            catch (Exception error)
            {
                throw link.Failed(settings, error);
            }
        }

        private void Connect(Settings settings)
        {
            IAsyncResult dialling = socket.BeginConnect(settings.Host, settings.Port, null, null);
            if (!dialling.AsyncWaitHandle.WaitOne(ConnectMs))
                throw new IOException("no answer in time");
            socket.EndConnect(dialling);
            socket.NoDelay = true;
            socket.SendTimeout = 10000;
            // The client asks for an answer every few seconds, so a line that is silent for long is dead.
            socket.ReceiveTimeout = SilenceMs;
            stream = socket.GetStream();
            if (!settings.Tls)
                return;
            SslStream secure = new SslStream(stream, false, trust.Check);
            stream = secure;
            secure.AuthenticateAsClient(settings.Host, null, SslProtocols.Tls12, false);
        }

        /// <summary>The next line without its end; null when the bridge has closed the connection.</summary>
        /// <exception cref="IOException">when the line broke, was silent for too long or never ends</exception>
        public string Read()
        {
            while (true)
            {
                int end = Array.IndexOf(chunk, (byte)'\n', at, filled - at);
                Keep(end < 0 ? filled : end);
                if (end >= 0)
                {
                    at++;
                    return Taken();
                }
                if (line.Length > LongestLine)
                    throw new IOException("the bridge sent a line without an end");
                filled = stream.Read(chunk, 0, chunk.Length);
                at = 0;
                if (filled == 0)
                    return null;
            }
        }

        private void Keep(int end)
        {
            line.Write(chunk, at, end - at);
            at = end;
        }

        private string Taken()
        {
            string text = Utf8.GetString(line.ToArray()).TrimEnd('\r');
            line.SetLength(0);
            return text;
        }

        /// <exception cref="IOException">when the line broke or the bridge does not read</exception>
        public void Write(string message)
        {
            byte[] bytes = Utf8.GetBytes(message + "\n");
            stream.Write(bytes, 0, bytes.Length);
        }

        public void Dispose()
        {
            // Closing the socket under a reader is what wakes it; closing SslStream would wait for it.
            socket.Close();
        }

        /// <summary>Why a line broke; null when the exception is of another kind. Mono's SslStream wraps it.</summary>
        public static string WhyBroken(Exception error)
        {
            Exception cause = error is AggregateException ? error.GetBaseException() : error;
            bool isBroken = cause is IOException || cause is SocketException || cause is ObjectDisposedException;
            return isBroken ? cause.Message : null;
        }

        private IOException Failed(Settings settings, Exception error)
        {
            Dispose();
            string reason = trust.Refusal ?? error.GetBaseException().Message;
            string place = settings.Host + ":" + settings.Port.ToString(CultureInfo.InvariantCulture);
            return new IOException("no bridge at " + place + ": " + reason, error);
        }
    }
}
