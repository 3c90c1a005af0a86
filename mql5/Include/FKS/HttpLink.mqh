// A session over POST /api/data: what is to be sent goes out in one request, and its answer is read
// as if the messages had come over a socket. For Expert Advisors and scripts.
#ifndef FKS_HTTPLINK_MQH
#define FKS_HTTPLINK_MQH

#include <FKS/Hmac.mqh>
#include <FKS/Json.mqh>
#include <FKS/Link.mqh>

class CHttpLink : public CLink
{
private:
   string m_url;
   string m_key;
   string m_secret;
   int m_timeoutMs;
   int m_intervalMs;
   bool m_open;
   bool m_welcomed;
   string m_hello;      // every request begins with it
   string m_answers;    // lines for Receive
   ulong m_postedMs;

   string Headers(const uchar &body[]) const
   {
      string headers = "Content-Type: application/json\r\nAuthorization: Bearer " + m_key + "\r\n";
      if(m_secret == "")
         return headers;
      string moment = IntegerToString(TimeGMT());
      uchar proof[];
      AppendUtf8(moment + ".", proof);
      ArrayCopy(proof, body, ArraySize(proof));
      return headers + "X-Bridge-Signature: t=" + moment + ",hmac=" + HmacSha256Hex(m_secret, proof) + "\r\n";
   }

   string WhyNot(const int error) const
   {
      if(error == ERR_FUNCTION_NOT_ALLOWED)
         return "MetaTrader does not allow requests to " + m_url +
                ": add it under Tools > Options > Expert Advisors > Allow WebRequest for listed URL " +
                "(in the Strategy Tester there are none)";
      if(error == ERR_WEBREQUEST_TIMEOUT)
         return "the bridge did not answer in time";
      return "no answer from " + m_url + " (error " + IntegerToString(error) +
             "): is the bridge running there, and does a firewall let it through?";
   }

   void AddLine(const string line)
   {
      m_answers += line + "\n";
   }

   void AddAll(const CJson &answer, const string key)
   {
      for(int node = answer.First(answer.Find(0, key)); node >= 0; node = answer.Next(node))
         AddLine(answer.Raw(node));
   }

   void Translate(const CJson &answer, const bool pinged)
   {
      string resume = answer.Name(0, "resume");
      if(!m_welcomed)
         AddLine("{\"type\":\"welcome\",\"session\":\"http\",\"resume\":" + resume + ",\"server_time_ms\":" +
                 IntegerToString(TimeGMT() * 1000) + "}");
      m_welcomed = true;
      AddAll(answer, "rejects");
      if(answer.Name(0, "ack") != "")
         AddLine("{\"type\":\"ack\",\"seq\":" + answer.Name(0, "ack") + "}");
      AddAll(answer, "resend");
      AddAll(answer, "signals");
      if(pinged)
         AddLine("{\"type\":\"pong\"}");
   }

   // One request; `asks` when it may carry a ping of the session's. A signature is taken once, so no two
   // requests may be alike. False when nothing is known of what became of it.
   bool Post(const string lines, const bool asks)
   {
      uchar body[];
      uchar result[];
      string headers;
      AppendUtf8(m_hello + "\n" + lines, body);
      m_postedMs = GetTickCount64();
      ResetLastError();
      int status = WebRequest("POST", m_url + "/api/data", Headers(body), m_timeoutMs, body, result, headers);
      if(status == -1)
         return Fail(WhyNot(GetLastError()));
      CJson answer;
      bool readable = answer.Parse(TextOf(result, 0, ArraySize(result)));
      if(status == 200 && readable)
         Translate(answer, asks && StringFind(lines, "\"type\":\"ping\"") >= 0);
      else if(readable && answer.Text(0, "code") != "" && status != 503)
         AddLine("{\"type\":\"error\",\"code\":" + JsonQuoted(answer.Text(0, "code")) + ",\"reason\":" +
                 JsonQuoted(answer.Text(0, "message")) + "}");
      else
         return Fail("the bridge answered " + IntegerToString(status));
      return true;
   }

   bool Fail(const string problem)
   {
      m_problem = problem;
      m_open = false;
      return false;
   }

public:
   CHttpLink() : m_url(""), m_key(""), m_secret(""), m_timeoutMs(3000), m_intervalMs(1000), m_open(false),
                 m_welcomed(false), m_hello(""), m_answers(""), m_postedMs(0) {}

   // `url` without a path. Signals come in answers, so without data there is a request every second
   // interval, too.
   void Configure(const string url, const string key, const string secret, const int intervalMs, const int timeoutMs)
   {
      m_url = url;
      m_key = key;
      m_secret = secret;
      m_intervalMs = intervalMs;
      m_timeoutMs = timeoutMs;
   }

   virtual LinkState Open() override
   {
      m_open = true;
      m_problem = "";
      m_welcomed = false;
      m_hello = "";
      m_answers = "";
      return LINK_OPEN;
   }

   virtual LinkState State() override
   {
      return m_open ? LINK_OPEN : LINK_CLOSED;
   }

   virtual int Send(uchar &bytes[]) override
   {
      int size = ArraySize(bytes);
      string lines = TextOf(bytes, 0, size);
      if(m_hello == "")
      {
         int end = StringFind(lines, "\n");
         m_hello = StringSubstr(lines, 0, end);
         lines = StringSubstr(lines, end + 1);
      }
      if(!Post(lines, true))
         return -1;
      ArrayResize(bytes, 0);
      return size;
   }

   virtual bool Receive(uchar &bytes[]) override
   {
      if(m_open && m_welcomed && m_answers == "" && GetTickCount64() - m_postedMs >= (ulong)m_intervalMs * 2)
         Post("{\"type\":\"ping\",\"t\":" + IntegerToString((long)GetTickCount64()) + "}\n", false);
      AppendUtf8(m_answers, bytes);
      m_answers = "";
      return m_open;
   }

   virtual void Close() override
   {
      m_open = false;
   }
};

#endif
