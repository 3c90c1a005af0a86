// FKS Bridge for NinjaTrader 8: whether the bridge's certificate is to be believed.

using System;
using System.IO;
using System.Net;
using System.Net.Security;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using System.Text;

namespace NinjaTrader.NinjaScript.AddOns.FKS
{
    /// <summary>
    /// With a CA file only certificates that this CA has signed are believed; without one those that
    /// Windows believes. The name in the certificate must be the host's in both cases.
    /// </summary>
    public sealed class Trust
    {
        private readonly string host;
        private readonly string caFile;

        public Trust(string host, string caFile)
        {
            this.host = host;
            this.caFile = caFile;
        }

        /// <summary>Why the certificate was refused, for the user; null when it was not.</summary>
        public string Refusal { get; private set; }

        /// <summary>A RemoteCertificateValidationCallback.</summary>
        public bool Check(object sender, X509Certificate certificate, X509Chain chain, SslPolicyErrors errors)
        {
            Refusal = Reason(certificate, errors);
            return Refusal == null;
        }

        private string Reason(X509Certificate certificate, SslPolicyErrors errors)
        {
            if (certificate == null)
                return "the bridge showed no certificate";
            X509Certificate2 theirs = new X509Certificate2(certificate);
            bool isOtherName = (errors & SslPolicyErrors.RemoteCertificateNameMismatch) != 0;
            if (isOtherName || !CertificateNames.Include(theirs, host))
                return "its certificate is for another name than the host in the settings";
            DateTime now = FKSClock.Wall().ToLocalTime();
            if (now < theirs.NotBefore || now > theirs.NotAfter)
                return "its certificate is not valid at this time";
            if (caFile.Length == 0)
                return errors == SslPolicyErrors.None ? null : "Windows does not trust its certificate; set ca_file";
            try
            {
                return IsSignedByOurs(theirs) ? null
                    : "its certificate was not signed by the CA in " + caFile;
            }
            catch (CryptographicException error)
            {
                return "ca_file cannot be read: " + error.Message;
            }
        }

        private bool IsSignedByOurs(X509Certificate2 certificate)
        {
            if (!File.Exists(caFile))
                throw new CryptographicException("there is no file " + caFile);
            X509Certificate2 ours = new X509Certificate2(caFile);
            X509Chain chain = new X509Chain();
            chain.ChainPolicy.RevocationMode = X509RevocationMode.NoCheck;
            chain.ChainPolicy.VerificationFlags = X509VerificationFlags.AllowUnknownCertificateAuthority;
            chain.ChainPolicy.ExtraStore.Add(ours);
            bool isChain = chain.Build(certificate) && chain.ChainElements.Count > 1;
            // An unknown authority is allowed above, so it must be shown to be ours here.
            X509Certificate2 root = chain.ChainElements[chain.ChainElements.Count - 1].Certificate;
            return isChain && root.Thumbprint == ours.Thumbprint;
        }
    }

    /// <summary>
    /// The names a certificate is for. The platform checks them, too, but not everywhere when the host is
    /// an address: Mono takes any name for it.
    /// </summary>
    public static class CertificateNames
    {
        private const string AlternativeNames = "2.5.29.17";
        private const byte Sequence = 0x30;
        private const byte DnsName = 0x82;
        private const byte Address = 0x87;

        public static bool Include(X509Certificate2 certificate, string host)
        {
            X509Extension names = certificate.Extensions[AlternativeNames];
            return names != null && IsAmong(names.RawData, host);
        }

        /// <summary>RFC 5280, 4.2.1.6: a sequence of names, each a tag, a length and the bytes.</summary>
        private static bool IsAmong(byte[] names, string host)
        {
            int at = 0;
            if (names.Length < 2 || names[at++] != Sequence)
                return false;
            Length(names, ref at);
            while (at + 1 < names.Length)
            {
                byte tag = names[at++];
                int length = Length(names, ref at);
                if (length < 0 || at + length > names.Length)
                    return false;
                byte[] value = new byte[length];
                Array.Copy(names, at, value, 0, length);
                at += length;
                if (IsName(tag, value, host))
                    return true;
            }
            return false;
        }

        private static int Length(byte[] names, ref int at)
        {
            int length = names[at++];
            if (length < 0x80)
                return length;
            int bytes = length & 0x7f;
            for (length = 0; bytes > 0 && at < names.Length; bytes--)
                length = (length << 8) | names[at++];
            return length;
        }

        private static bool IsName(byte tag, byte[] value, string host)
        {
            IPAddress address;
            if (IPAddress.TryParse(host, out address))
                return tag == Address && (value.Length == 4 || value.Length == 16) && new IPAddress(value).Equals(address);
            if (tag != DnsName)
                return false;
            string name = Encoding.ASCII.GetString(value);
            // A star stands for exactly one label.
            int dot = host.IndexOf('.');
            string compared = name.StartsWith("*.", StringComparison.Ordinal) && dot > 0 ? "*" + host.Substring(dot) : host;
            return string.Equals(name, compared, StringComparison.OrdinalIgnoreCase);
        }
    }
}
