// A ZeroMQ DEALER by libzmq.dll (4.x, 64 bit): one frame is one message. Needs "Allow DLL imports"
// and the DLL in MQL5\Libraries.
#ifndef FKS_ZMQ_MQH
#define FKS_ZMQ_MQH

#include <FKS/Link.mqh>
#include <FKS/Records.mqh>

// Contexts and sockets are pointers, lengths are size_t: both have 64 bits here.
#import "libzmq.dll"
long zmq_ctx_new();
int zmq_ctx_term(long context);
long zmq_socket(long context, int kind);
int zmq_close(long handle);
int zmq_setsockopt(long handle, int option, const uchar &value[], ulong length);
int zmq_connect(long handle, const uchar &endpoint[]);
int zmq_send(long handle, const uchar &data[], ulong length, int flags);
int zmq_recv(long handle, uchar &data[], ulong length, int flags);
int zmq_errno();
int zmq_curve_keypair(uchar &publicKey[], uchar &secretKey[]);
#import

#define FKS_ZMQ_DEALER 5
#define FKS_ZMQ_DONTWAIT 1
#define FKS_ZMQ_LINGER 17
#define FKS_ZMQ_SNDHWM 23
#define FKS_ZMQ_CURVE_PUBLICKEY 48
#define FKS_ZMQ_CURVE_SECRETKEY 49
#define FKS_ZMQ_CURVE_SERVERKEY 50
#define FKS_ZMQ_EAGAIN 11
#define FKS_ZMQ_FRAME_BYTES 1048576

class CZmqLink : public CLink
{
private:
   string m_endpoint;
   string m_serverKey;   // Z85, 40 characters; "" for no encryption
   long m_context;
   long m_socket;
   uchar m_frame[];

   LinkState Fail(const string problem)
   {
      m_problem = problem + " (error " + IntegerToString(libzmq::zmq_errno()) + ")";
      Close();
      return LINK_CLOSED;
   }

   // What libzmq takes as text ends in a zero.
   void TextArgument(const string text, uchar &bytes[]) const
   {
      ArrayResize(bytes, 0);
      int size = AppendUtf8(text, bytes);
      ArrayResize(bytes, size + 1);
      bytes[size] = 0;
   }

   bool SetNumber(const int option, const int value) const
   {
      uchar bytes[];
      ArrayResize(bytes, 4);
      for(int i = 0; i < 4; i++)
         bytes[i] = (uchar)((value >> (8 * i)) & 255);
      return libzmq::zmq_setsockopt(m_socket, option, bytes, 4) == 0;
   }

   // A key pair of this connection's own: who the terminal is, its key says.
   bool SetCurve() const
   {
      uchar publicKey[];
      uchar secretKey[];
      uchar serverKey[];
      ArrayResize(publicKey, 41);
      ArrayResize(secretKey, 41);
      TextArgument(m_serverKey, serverKey);
      return ArraySize(serverKey) == 41 && libzmq::zmq_curve_keypair(publicKey, secretKey) == 0 &&
             libzmq::zmq_setsockopt(m_socket, FKS_ZMQ_CURVE_SERVERKEY, serverKey, 41) == 0 &&
             libzmq::zmq_setsockopt(m_socket, FKS_ZMQ_CURVE_PUBLICKEY, publicKey, 41) == 0 &&
             libzmq::zmq_setsockopt(m_socket, FKS_ZMQ_CURVE_SECRETKEY, secretKey, 41) == 0;
   }

public:
   CZmqLink() : m_endpoint(""), m_serverKey(""), m_context(0), m_socket(0) {}

   void Configure(const string endpoint, const string serverKey)
   {
      m_endpoint = endpoint;
      m_serverKey = serverKey;
   }

   virtual LinkState Open() override
   {
      uchar endpoint[];
      TextArgument(m_endpoint, endpoint);
      ArrayResize(m_frame, FKS_ZMQ_FRAME_BYTES);
      if(m_context == 0)
         m_context = libzmq::zmq_ctx_new();
      m_socket = libzmq::zmq_socket(m_context, FKS_ZMQ_DEALER);
      if(m_socket == 0)
         return Fail("libzmq gave no socket");
      // Without a linger of 0 closing would wait for a bridge that is away.
      SetNumber(FKS_ZMQ_LINGER, 0);
      if(m_serverKey != "" && !SetCurve())
         return Fail("InpServerKey is not a CURVE key of 40 characters, or this libzmq.dll has no CURVE");
      if(libzmq::zmq_connect(m_socket, endpoint) != 0)
         return Fail("InpEndpoint must be like tcp://127.0.0.1:5555");
      m_problem = "";
      return LINK_OPEN;
   }

   virtual LinkState State() override
   {
      return m_socket == 0 ? LINK_CLOSED : LINK_OPEN;
   }

   // libzmq connects and queues by itself; a full queue is no loss, the rest is sent later. What is worse
   // is found by Receive.
   virtual int Send(uchar &bytes[]) override
   {
      int sent = 0;
      int size = 0;
      for(int end = MessageEnd(bytes, 0, size); end >= 0; end = MessageEnd(bytes, sent, size))
      {
         uchar frame[];
         ArrayCopy(frame, bytes, 0, sent, size);
         if(libzmq::zmq_send(m_socket, frame, (ulong)ArraySize(frame), FKS_ZMQ_DONTWAIT) < 0)
            break;
         sent = end;
      }
      if(sent > 0)
         CutFront(bytes, sent);
      return sent;
   }

   virtual bool Receive(uchar &bytes[]) override
   {
      while(true)
      {
         int got = libzmq::zmq_recv(m_socket, m_frame, FKS_ZMQ_FRAME_BYTES, FKS_ZMQ_DONTWAIT);
         if(got < 0)
            return libzmq::zmq_errno() == FKS_ZMQ_EAGAIN;
         ArrayCopy(bytes, m_frame, ArraySize(bytes), 0, MathMin(got, FKS_ZMQ_FRAME_BYTES));
         AppendUtf8("\n", bytes);
      }
      return false;
   }

   virtual void Close() override
   {
      if(m_socket != 0)
         libzmq::zmq_close(m_socket);
      m_socket = 0;
   }

   // At the program's end, after Close: the terminal's other programs have contexts of their own.
   void Release()
   {
      if(m_context != 0)
         libzmq::zmq_ctx_term(m_context);
      m_context = 0;
   }
};

#endif
