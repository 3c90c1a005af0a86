// Where signals and their fates are told: a session, or whatever passes it on.
#ifndef FKS_VOICE_MQH
#define FKS_VOICE_MQH

class CVoice
{
public:
   // Says a line without a number; false when it was not taken, and then it is not kept.
   virtual bool Say(const string line) = 0;

   // How many pings were said so far.
   virtual long Pings() const = 0;

   // The bridge's clock, milliseconds since 1970 UTC.
   virtual long BridgeNowMs() const = 0;
};

#endif
