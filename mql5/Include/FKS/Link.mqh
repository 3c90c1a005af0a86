// What a session needs of a connection. Nothing here may wait longer than Open's own time limit.
#ifndef FKS_LINK_MQH
#define FKS_LINK_MQH

enum LinkState
{
   LINK_CLOSED,
   LINK_OPENING,
   LINK_OPEN
};

class CLink
{
protected:
   string m_problem;

public:
   // The last failure, as a sentence with its remedy.
   string Problem() const { return m_problem; }

   // Begins to connect. The state is then LINK_OPEN, LINK_OPENING (ask State again) or LINK_CLOSED.
   virtual LinkState Open() = 0;
   virtual LinkState State() = 0;

   // Takes what it can from the front of `bytes` and returns how many that were; -1 when the
   // connection is lost. Bytes are whole messages: lines ended by LF, or binary batches.
   virtual int Send(uchar &bytes[]) = 0;

   // Appends what has arrived; false when the connection is lost.
   virtual bool Receive(uchar &bytes[]) = 0;

   virtual void Close() = 0;
};

#endif
