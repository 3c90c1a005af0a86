// FKS Bridge for NinjaTrader 8: proof of who sent a message.

using System.Globalization;
using System.Security.Cryptography;
using System.Text;

namespace NinjaTrader.NinjaScript.AddOns.FKS
{
    /// <summary>Appends the HMAC-SHA256 of the message's bytes under the client's signing secret.</summary>
    public sealed class Signer
    {
        private static readonly UTF8Encoding Utf8 = new UTF8Encoding(false);
        private readonly byte[] secret;

        /// <summary>An empty secret signs nothing.</summary>
        public Signer(string secret)
        {
            this.secret = Utf8.GetBytes(secret);
        }

        public string Signed(string message)
        {
            if (secret.Length == 0)
                return message;
            StringBuilder signed = new StringBuilder(message).Append("\thmac:");
            using (HMACSHA256 hmac = new HMACSHA256(secret))
            {
                foreach (byte each in hmac.ComputeHash(Utf8.GetBytes(message)))
                    signed.Append(each.ToString("x2", CultureInfo.InvariantCulture));
            }
            return signed.ToString();
        }
    }
}
