// The shared memory to the agent, by fksbridge.dll: ticks and words go out, words come in. Nothing
// here waits. Needs "Allow DLL imports" and the DLL in MQL4\Libraries.
#ifndef FKS_MEMORY_MQH
#define FKS_MEMORY_MQH

#include <FKS/Text.mqh>
#include <FKS/Voice.mqh>

#import "fksbridge.dll"
int BrOpen(string name, uint capacity, int role);
void BrClose(int handle);
int BrTick(int handle, const uchar &symbol[], uint timeS, long receivedMs, double bid, double ask);
int BrSay(int handle, const uchar &text[], uint size, int numbered);
int BrHear(int handle, uchar &text[], uint most);
void BrUtcOffset(int handle, int seconds);
int BrAbout(int handle, const uchar &text[], uint size);
long BrNowMs();
uint BrDropped(int handle);
uint BrWaiting(int handle);
int BrPeerAlive(int handle);
int BrSystemError();
#import

#define FKS_TERMINAL_ROLE 0
#define FKS_SYMBOL_BYTES 12
#define FKS_TEXT_BYTES 65536
#define FKS_BR_E_ARGUMENT -1
#define FKS_BR_E_SYSTEM -2
#define FKS_BR_E_LAYOUT -3
#define FKS_BR_E_TAKEN -4

class CMemory : public CVoice
{
private:
   int m_handle;
   uchar m_text[];
   long m_aheadMs;   // the bridge's clock minus this machine's
   string m_run;     // in front of each ping's mark
   long m_pings;
   long m_answered;

   string WhyNot(const int result) const
   {
      if(result == FKS_BR_E_ARGUMENT)
         return "InpName must have 1 to 100 characters, InpCapacity must be a power of two from 2 to 1048576";
      if(result == FKS_BR_E_SYSTEM)
         return "Windows gave no shared memory (error " + IntegerToString(fksbridge::BrSystemError()) +
                "): close other programs, or lower InpCapacity";
      if(result == FKS_BR_E_LAYOUT)
         return "the agent has another --capacity than InpCapacity, or another release: make them the same";
      if(result == FKS_BR_E_TAKEN)
         return "another terminal uses this InpName: give this one another";
      return "over 64 programs use the DLL in this terminal: remove some";
   }

   bool Write(const string line, const int numbered)
   {
      ArrayResize(m_text, 0, FKS_TEXT_BYTES);
      int size = AppendUtf8(line, m_text);
      return fksbridge::BrSay(m_handle, m_text, (uint)size, numbered) == 1;
   }

public:
   CMemory() : m_handle(0), m_aheadMs(0), m_run(""), m_pings(0), m_answered(0) {}

   // Returns the problem with its remedy, or "".
   string Open(const string name, const int capacity)
   {
      m_handle = fksbridge::BrOpen(name, (uint)capacity, FKS_TERMINAL_ROLE);
      // The memory may still hold answers to pings of a program that has died. Short: one record a ping.
      m_run = IntegerToString(fksbridge::BrNowMs() % 100000000) + ".";
      m_pings = 0;
      m_answered = 0;
      return m_handle > 0 ? "" : WhyNot(m_handle);
   }

   void Close()
   {
      fksbridge::BrClose(m_handle);
      m_handle = 0;
   }

   // A JSON object of at most 127 bytes, for whoever reads the memory.
   void SayAbout(const string text)
   {
      ArrayResize(m_text, 0, FKS_TEXT_BYTES);
      int size = AppendUtf8(text, m_text);
      fksbridge::BrAbout(m_handle, m_text, (uint)size);
   }

   // Numbers a tick; false when the memory is full, and then the tick is lost and counted. `symbol` has
   // FKS_SYMBOL_BYTES bytes.
   bool Tick(const uchar &symbol[], const datetime time, const long receivedMs, const double bid, const double ask)
   {
      return fksbridge::BrTick(m_handle, symbol, (uint)time, receivedMs, bid, ask) == 1;
   }

   // Numbers any other datum, a whole message of the protocol.
   bool Append(const string line)
   {
      return Write(line, 1);
   }

   virtual bool Say(const string line)
   {
      return Write(line, 0);
   }

   // The next message of the agent; false when there is none.
   bool Hear(string &line)
   {
      ArrayResize(m_text, FKS_TEXT_BYTES);
      int size = fksbridge::BrHear(m_handle, m_text, FKS_TEXT_BYTES);
      line = TextOf(m_text, 0, size);
      return size > 0;
   }

   bool Ping()
   {
      m_pings++;
      return Say("{\"type\":\"ping\",\"t\":\"" + m_run + IntegerToString(m_pings) + "\"}");
   }

   // The bridge has answered a ping: whatever was said before it is heard.
   void Pong(const string mark)
   {
      if(StringFind(mark, m_run) == 0)
         m_answered = StringToInteger(StringSubstr(mark, StringLen(m_run)));
   }

   void SetAhead(const long ms) { m_aheadMs = ms; }
   void SetOffset(const int seconds) { fksbridge::BrUtcOffset(m_handle, seconds); }
   virtual long Pings() const { return m_pings; }
   virtual long BridgeNowMs() const { return fksbridge::BrNowMs() + m_aheadMs; }
   long NowMs() const { return fksbridge::BrNowMs(); }
   long Answered() const { return m_answered; }
   long Waiting() const { return fksbridge::BrWaiting(m_handle); }
   long Dropped() const { return fksbridge::BrDropped(m_handle); }
   bool AgentRuns() const { return fksbridge::BrPeerAlive(m_handle) == 1; }
};

#endif
