// What a terminal answers to settings and commands of the bridge, and what it makes of a refusal.
#ifndef FKS_ANSWERS_MQH
#define FKS_ANSWERS_MQH

#include <FKS/Json.mqh>

// Where the settings of a config message stand.
int SettingsOf(const CJson &message)
{
   int settings = message.Find(0, "settings");
   return settings >= 0 ? settings : 0;
}

string ConfigAck(const CJson &message)
{
   string id = message.Name(0, "id");
   return id == "" ? "{\"type\":\"config_ack\"}" : "{\"type\":\"config_ack\",\"id\":" + JsonQuoted(id) + "}";
}

string CommandAck(const string id, const bool done, const string detail)
{
   return "{\"type\":\"command_ack\",\"id\":" + JsonQuoted(id) + ",\"ok\":" + FlagText(done) + ",\"detail\":" +
          JsonQuoted(detail) + "}";
}

// Whether an item was refused since the bridge does not take its kind.
bool IsUnsupported(const CJson &message)
{
   return message.Text(0, "code") == "unsupported" && message.Find(0, "seq") >= 0;
}

// Into the journal; `count` is that of all refusals, and of a flood only some are noted.
void NoteRefusal(const CJson &message, const long count)
{
   if(count <= 20 || count % 1000 == 0)
      Print("FKS Bridge refused item ", message.Name(0, "seq"), ": ", message.Text(0, "reason"), " (",
            message.Text(0, "code"), " ", message.Text(0, "field"), ")");
}

#endif
