// FKS Bridge for NinjaTrader 8: JSON, written the same on every Windows whatever its language.

using System;
using System.Collections.Generic;
using System.Globalization;
using System.Text;

namespace NinjaTrader.NinjaScript.AddOns.FKS
{
    /// <summary>Builds one JSON object. Numbers always carry a point, never a German comma.</summary>
    public sealed class JsonObject
    {
        private readonly StringBuilder text = new StringBuilder(160);

        public JsonObject Add(string name, string value)
        {
            return Raw(name, Json.Quote(value));
        }

        public JsonObject Add(string name, double value)
        {
            return Raw(name, Json.Number(value));
        }

        public JsonObject Add(string name, long value)
        {
            return Raw(name, value.ToString(CultureInfo.InvariantCulture));
        }

        public JsonObject Add(string name, bool value)
        {
            return Raw(name, value ? "true" : "false");
        }

        /// <summary>A value that is JSON already.</summary>
        public JsonObject Raw(string name, string value)
        {
            if (text.Length > 0)
                text.Append(',');
            text.Append(Json.Quote(name)).Append(':').Append(value);
            return this;
        }

        /// <summary>The fields without the braces.</summary>
        public string Fields
        {
            get { return text.ToString(); }
        }

        public override string ToString()
        {
            return "{" + text + "}";
        }
    }

    /// <summary>A line of the bridge that is not what the protocol says.</summary>
    public sealed class JsonException : Exception
    {
        public JsonException(string message)
            : base(message)
        {
        }
    }

    /// <summary>Writes and reads JSON values. Objects are read as Dictionary, arrays as List.</summary>
    public static class Json
    {
        private const int Deepest = 32;

        public static bool IsFinite(double value)
        {
            return !double.IsNaN(value) && !double.IsInfinity(value);
        }

        /// <summary>The shortest text that reads back as the same number.</summary>
        /// <exception cref="ArgumentException">for NaN and infinities, which JSON does not have</exception>
        public static string Number(double value)
        {
            if (!IsFinite(value))
                throw new ArgumentException("JSON has no " + value.ToString(CultureInfo.InvariantCulture));
            // "R" may be off by one bit on 64-bit .NET Framework; 17 digits never are.
            string brief = value.ToString("R", CultureInfo.InvariantCulture);
            double back = double.Parse(brief, CultureInfo.InvariantCulture);
            return back.Equals(value) ? brief : value.ToString("G17", CultureInfo.InvariantCulture);
        }

        public static string Quote(string value)
        {
            StringBuilder quoted = new StringBuilder(value.Length + 2).Append('"');
            for (int at = 0; at < value.Length; at++)
                Escape(quoted, value, at);
            return quoted.Append('"').ToString();
        }

        private static void Escape(StringBuilder quoted, string value, int at)
        {
            char letter = value[at];
            if (letter == '"' || letter == '\\')
                quoted.Append('\\').Append(letter);
            else if (letter < ' ' || IsLoneSurrogate(value, at))
                quoted.Append("\\u").Append(((int)letter).ToString("x4", CultureInfo.InvariantCulture));
            else
                quoted.Append(letter);
        }

        private static bool IsLoneSurrogate(string value, int at)
        {
            if (char.IsHighSurrogate(value[at]))
                return at + 1 >= value.Length || !char.IsLowSurrogate(value[at + 1]);
            return char.IsLowSurrogate(value[at]) && (at == 0 || !char.IsHighSurrogate(value[at - 1]));
        }

        /// <exception cref="JsonException">when the text is not exactly one JSON object</exception>
        public static Dictionary<string, object> ParseObject(string text)
        {
            Reader reader = new Reader(text);
            Dictionary<string, object> value = reader.Value(0) as Dictionary<string, object>;
            reader.End();
            if (value == null)
                throw new JsonException("not an object");
            return value;
        }

        private sealed class Reader
        {
            private readonly string text;
            private int at;

            public Reader(string text)
            {
                this.text = text;
            }

            public object Value(int depth)
            {
                if (depth > Deepest)
                    throw new JsonException("nested too deeply");
                char first = Peek();
                if (first == '{')
                    return Members(depth);
                if (first == '[')
                    return Elements(depth);
                if (first == '"')
                    return Text();
                return Word();
            }

            public void End()
            {
                Skip();
                if (at != text.Length)
                    throw new JsonException("text behind the value at " + at);
            }

            private Dictionary<string, object> Members(int depth)
            {
                Dictionary<string, object> members = new Dictionary<string, object>();
                at++;
                if (Took('}'))
                    return members;
                do
                {
                    if (Peek() != '"')
                        throw new JsonException("a name is expected at " + at);
                    string name = Text();
                    Take(':');
                    members[name] = Value(depth + 1);
                }
                while (Took(','));
                Take('}');
                return members;
            }

            private List<object> Elements(int depth)
            {
                List<object> elements = new List<object>();
                at++;
                if (Took(']'))
                    return elements;
                do
                    elements.Add(Value(depth + 1));
                while (Took(','));
                Take(']');
                return elements;
            }

            private string Text()
            {
                StringBuilder value = new StringBuilder();
                for (at++; at < text.Length && text[at] != '"'; at++)
                    value.Append(text[at] == '\\' ? Unescaped() : text[at]);
                if (at >= text.Length)
                    throw new JsonException("a string without an end");
                at++;
                return value.ToString();
            }

            private char Unescaped()
            {
                at++;
                int known = at < text.Length ? "\"\\/bfnrt".IndexOf(text[at]) : -1;
                if (known >= 0)
                    return "\"\\/\b\f\n\r\t"[known];
                int code;
                if (at + 4 < text.Length && text[at] == 'u' && int.TryParse(text.Substring(at + 1, 4),
                    NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out code))
                {
                    at += 4;
                    return (char)code;
                }
                throw new JsonException("an unknown escape at " + at);
            }

            private object Word()
            {
                int start = at;
                while (at < text.Length && ",]} \t\r\n".IndexOf(text[at]) < 0)
                    at++;
                string word = text.Substring(start, at - start);
                if (word == "true" || word == "false")
                    return word == "true";
                if (word == "null")
                    return null;
                return Number(word);
            }

            private static object Number(string word)
            {
                long whole;
                if (long.TryParse(word, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out whole))
                    return whole;
                double number;
                const NumberStyles Form = NumberStyles.AllowLeadingSign | NumberStyles.AllowDecimalPoint
                    | NumberStyles.AllowExponent;
                if (double.TryParse(word, Form, CultureInfo.InvariantCulture, out number) && IsFinite(number))
                    return number;
                throw new JsonException("not a value: " + word);
            }

            private char Peek()
            {
                Skip();
                if (at >= text.Length)
                    throw new JsonException("the text ends too early");
                return text[at];
            }

            private bool Took(char wanted)
            {
                bool isThere = Peek() == wanted;
                if (isThere)
                    at++;
                return isThere;
            }

            private void Take(char wanted)
            {
                if (!Took(wanted))
                    throw new JsonException(wanted + " is expected at " + at);
            }

            private void Skip()
            {
                while (at < text.Length && " \t\r\n".IndexOf(text[at]) >= 0)
                    at++;
            }
        }
    }
}
