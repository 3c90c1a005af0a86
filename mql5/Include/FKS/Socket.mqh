// Windows sockets for indicators, which are refused MetaTrader's own. Nothing here ever waits: all
// indicators of a symbol share one thread. Plain TCP only, so for a bridge, or the agent's tunnel to
// one, on this machine. Needs "Allow DLL imports".
#ifndef FKS_SOCKET_MQH
#define FKS_SOCKET_MQH

#include <FKS/Link.mqh>
#include <FKS/Text.mqh>

// 64-bit terminals: a SOCKET is as wide as a pointer.
#import "ws2_32.dll"
int WSAStartup(ushort version, uchar &data[]);
int WSACleanup();
ulong socket(int family, int kind, int protocol);
int connect(ulong handle, const uchar &address[], int length);
int send(ulong handle, const uchar &data[], int length, int flags);
int recv(ulong handle, uchar &data[], int length, int flags);
int closesocket(ulong handle);
int ioctlsocket(ulong handle, int command, uint &argument);
int setsockopt(ulong handle, int level, int option, const uchar &value[], int length);
int WSAGetLastError();
#import

#define FKS_NO_SOCKET 0xFFFFFFFFFFFFFFFF
#define FKS_FIONBIO (-2147195266)
#define FKS_WOULD_BLOCK 10035
#define FKS_ALREADY 10037
#define FKS_IS_CONNECTED 10056
#define FKS_INVALID 10022
#define FKS_WSADATA_BYTES 512

class CWinsockLink : public CLink
{
private:
   string m_host;
   int m_port;
   ulong m_socket;
   bool m_connected;
   bool m_started;

   LinkState Fail(const string problem)
   {
      m_problem = problem;
      Close();
      return LINK_CLOSED;
   }

   // sockaddr_in of an IPv4 address in digits; false when it is none.
   bool AddressOf(uchar &address[]) const
   {
      string parts[];
      if(StringSplit(m_host, '.', parts) != 4)
         return false;
      ArrayResize(address, 16);
      ArrayInitialize(address, (uchar)0);
      address[0] = 2;   // AF_INET
      address[2] = (uchar)(m_port / 256);
      address[3] = (uchar)(m_port % 256);
      for(int i = 0; i < 4; i++)
      {
         long part = StringToInteger(parts[i]);
         if(part < 0 || part > 255 || IntegerToString(part) != parts[i])
            return false;
         address[4 + i] = (uchar)part;
      }
      return true;
   }

   // Without Nagle's delay a small line leaves at once.
   void SetOptions() const
   {
      uchar on[];
      ArrayResize(on, 4);
      ArrayInitialize(on, (uchar)0);
      on[0] = 1;
      ws2_32::setsockopt(m_socket, 6, 1, on, 4);
      uint yes = 1;
      ws2_32::ioctlsocket(m_socket, FKS_FIONBIO, yes);
   }

   LinkState Advance()
   {
      uchar address[];
      AddressOf(address);
      if(ws2_32::connect(m_socket, address, 16) == 0)
         m_connected = true;
      int error = m_connected ? FKS_IS_CONNECTED : ws2_32::WSAGetLastError();
      if(error == FKS_IS_CONNECTED)
      {
         m_connected = true;
         return LINK_OPEN;
      }
      if(error == FKS_WOULD_BLOCK || error == FKS_ALREADY || error == FKS_INVALID)
         return LINK_OPENING;
      return Fail("no connection to " + m_host + ":" + IntegerToString(m_port) + " (error " + IntegerToString(error) +
                  "): is the bridge running there?");
   }

public:
   CWinsockLink() : m_host(""), m_port(0), m_socket(FKS_NO_SOCKET), m_connected(false), m_started(false) {}

   void Configure(const string host, const int port)
   {
      m_host = host;
      m_port = port;
   }

   virtual LinkState Open() override
   {
      uchar data[];
      ArrayResize(data, FKS_WSADATA_BYTES);
      if(!m_started && ws2_32::WSAStartup(0x0202, data) != 0)
         return Fail("Windows' sockets can't be started");
      m_started = true;
      uchar address[];
      if(!AddressOf(address))
         return Fail("InpHost must be an IPv4 address in digits, such as 127.0.0.1");
      m_socket = ws2_32::socket(2, 1, 6);
      if(m_socket == FKS_NO_SOCKET)
         return Fail("Windows gave no socket (error " + IntegerToString(ws2_32::WSAGetLastError()) + ")");
      SetOptions();
      m_problem = "";
      return Advance();
   }

   virtual LinkState State() override
   {
      return m_connected ? LINK_OPEN : Advance();
   }

   virtual int Send(uchar &bytes[]) override
   {
      int sent = ws2_32::send(m_socket, bytes, ArraySize(bytes), 0);
      if(sent > 0)
         CutFront(bytes, sent);
      if(sent < 0 && ws2_32::WSAGetLastError() == FKS_WOULD_BLOCK)
         return 0;
      return sent;
   }

   virtual bool Receive(uchar &bytes[]) override
   {
      uchar part[];
      ArrayResize(part, 16384);
      int got = ws2_32::recv(m_socket, part, 16384, 0);
      if(got > 0)
         ArrayCopy(bytes, part, ArraySize(bytes), 0, got);
      return got > 0 || (got < 0 && ws2_32::WSAGetLastError() == FKS_WOULD_BLOCK);
   }

   virtual void Close() override
   {
      if(m_socket != FKS_NO_SOCKET)
         ws2_32::closesocket(m_socket);
      m_socket = FKS_NO_SOCKET;
      m_connected = false;
   }

   // At the program's end, after Close.
   void Release()
   {
      if(m_started)
         ws2_32::WSACleanup();
      m_started = false;
   }
};

#endif
