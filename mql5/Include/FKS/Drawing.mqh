// Signals on the chart: an arrow, lines for entry, stop and target, and a text; gone when expired.
#ifndef FKS_DRAWING_MQH
#define FKS_DRAWING_MQH

#include <FKS/Signals.mqh>

#define FKS_PREFIX "FKS_"

class CDrawing
{
private:
   color ColorOf(const string action) const
   {
      if(action == "BUY")
         return clrDodgerBlue;
      return action == "SELL" ? clrTomato : clrGray;
   }

   ENUM_OBJECT ArrowOf(const string action) const
   {
      if(action == "BUY")
         return OBJ_ARROW_BUY;
      if(action == "SELL")
         return OBJ_ARROW_SELL;
      return action == "CLOSE" ? OBJ_ARROW_STOP : OBJ_ARROW_CHECK;
   }

   // An object's name has at most 63 characters.
   string Name(const string id, const string part) const
   {
      return FKS_PREFIX + StringSubstr(id, 0, 48) + "_" + part;
   }

   // False when it is there already.
   bool Create(const long chart, const string name, const ENUM_OBJECT type, const datetime from, const double price,
               const datetime to, const color shade, const string tooltip)
   {
      if(ObjectFind(chart, name) >= 0 || !ObjectCreate(chart, name, type, 0, from, price, to, price))
         return false;
      ObjectSetInteger(chart, name, OBJPROP_COLOR, shade);
      ObjectSetInteger(chart, name, OBJPROP_SELECTABLE, 0);
      ObjectSetString(chart, name, OBJPROP_TOOLTIP, tooltip);
      return true;
   }

   void Line(const long chart, const Signal &signal, const string part, const datetime from, const double price,
             const datetime to, const color shade, const int style)
   {
      if(price <= 0)
         return;
      string name = Name(signal.id, part);
      if(!Create(chart, name, OBJ_TREND, from, price, to, shade, part + " " + NumberText(price)))
         return;
      ObjectSetInteger(chart, name, OBJPROP_STYLE, style);
      ObjectSetInteger(chart, name, OBJPROP_RAY_RIGHT, 0);
   }

   string TextOn(const Signal &signal) const
   {
      string text = signal.action;
      if(signal.confidence > 0)
         text += StringFormat(" %.0f%%", signal.confidence * 100);
      if(signal.note != "")
         text += " " + signal.note;
      return StringSubstr(text, 0, 63);
   }

public:
   // Draws on one chart. `price` stands for an entry that the signal does not name.
   void Draw(const long chart, const Signal &signal, const datetime now, const int seconds, const double price)
   {
      double at = signal.entry > 0 ? signal.entry : price;
      color shade = ColorOf(signal.action);
      datetime to = now + seconds;
      string from = signal.source == "" ? "FKS Bridge" : signal.source;
      Create(chart, Name(signal.id, "arrow"), ArrowOf(signal.action), now, at, 0, shade, from + ": " + TextOn(signal));
      Line(chart, signal, "entry", now, signal.entry, to, shade, STYLE_SOLID);
      Line(chart, signal, "stop", now, signal.stopLoss, to, clrFireBrick, STYLE_DASH);
      Line(chart, signal, "target", now, signal.takeProfit, to, clrSeaGreen, STYLE_DASH);
      string text = Name(signal.id, "text");
      if(Create(chart, text, OBJ_TEXT, now, at, 0, shade, from))
      {
         ObjectSetString(chart, text, OBJPROP_TEXT, TextOn(signal));
         ObjectSetInteger(chart, text, OBJPROP_ANCHOR, ANCHOR_LEFT_UPPER);
      }
      ChartRedraw(chart);
   }

   void Erase(const long chart, const string id)
   {
      if(ObjectsDeleteAll(chart, Name(id, "")) > 0)
         ChartRedraw(chart);
   }
};

#endif
