// MetaTrader's own sockets, plain or TLS. For Expert Advisors and scripts; an indicator is refused
// them (error 4014) and uses Socket.mqh.
#ifndef FKS_NATIVELINK_MQH
#define FKS_NATIVELINK_MQH

#include <FKS/Link.mqh>
#include <FKS/Text.mqh>

#define FKS_READ_BYTES 65536

class CNativeLink : public CLink
{
private:
   string m_host;
   uint m_port;
   bool m_tls;
   uint m_timeoutMs;
   int m_socket;

   LinkState Fail(const string problem)
   {
      m_problem = problem;
      Close();
      return LINK_CLOSED;
   }

   string WhyNotConnected(const int error) const
   {
      string place = m_host + ":" + IntegerToString(m_port);
      if(error == ERR_FUNCTION_NOT_ALLOWED)
         return "MetaTrader does not allow connections to " + m_host +
                ": add it under Tools > Options > Expert Advisors > Allow WebRequest for listed URL";
      return "no connection to " + place + " (error " + IntegerToString(error) +
             "): is the bridge running there, and does a firewall let it through?";
   }

   bool Shake()
   {
      // On port 443 MetaTrader has made the TLS handshake by itself.
      if(!m_tls || m_port == 443)
         return true;
      return SocketTlsHandshake(m_socket, m_host);
   }

   int ReadOnce(uchar &part[])
   {
      if(m_tls)
         return SocketTlsReadAvailable(m_socket, part, FKS_READ_BYTES);
      uint there = SocketIsReadable(m_socket);
      if(there == 0)
         return SocketIsConnected(m_socket) ? 0 : -1;
      return SocketRead(m_socket, part, MathMin(there, FKS_READ_BYTES), 1000);
   }

public:
   CNativeLink() : m_host(""), m_port(0), m_tls(false), m_timeoutMs(1000), m_socket(INVALID_HANDLE) {}

   void Configure(const string host, const int port, const bool tls, const int timeoutMs)
   {
      m_host = host;
      m_port = (uint)port;
      m_tls = tls;
      m_timeoutMs = (uint)timeoutMs;
   }

   virtual LinkState Open() override
   {
      ResetLastError();
      m_socket = SocketCreate();
      if(m_socket == INVALID_HANDLE || !SocketConnect(m_socket, m_host, m_port, m_timeoutMs))
         return Fail(WhyNotConnected(GetLastError()));
      SocketTimeouts(m_socket, 1000, 1000);
      if(!Shake())
         return Fail("TLS with " + m_host + " failed (error " + IntegerToString(GetLastError()) +
                     "): the certificate must name this host and come from an authority that Windows trusts");
      m_problem = "";
      return LINK_OPEN;
   }

   virtual LinkState State() override
   {
      return m_socket == INVALID_HANDLE ? LINK_CLOSED : LINK_OPEN;
   }

   virtual int Send(uchar &bytes[]) override
   {
      if(!SocketIsWritable(m_socket))
         return SocketIsConnected(m_socket) ? 0 : -1;
      uint size = (uint)ArraySize(bytes);
      int sent = m_tls ? SocketTlsSend(m_socket, bytes, size) : SocketSend(m_socket, bytes, size);
      if(sent > 0)
         CutFront(bytes, sent);
      return sent;
   }

   virtual bool Receive(uchar &bytes[]) override
   {
      uchar part[];
      int got = ReadOnce(part);
      if(got > 0)
         ArrayCopy(bytes, part, ArraySize(bytes), 0, got);
      return got >= 0;
   }

   virtual void Close() override
   {
      if(m_socket != INVALID_HANDLE)
         SocketClose(m_socket);
      m_socket = INVALID_HANDLE;
   }
};

#endif
