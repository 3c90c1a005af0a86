// Calls that an indicator is refused (error 4014): here each stops the run.
#property indicator_chart_window

input string InpCase = "";

int OnInit()
{
   uchar body[];
   uchar answer[];
   string headers;
   MqlTradeRequest request;
   MqlTradeResult result;
   ZeroMemory(request);
   if(InpCase == "SocketCreate")
      SocketCreate();
   if(InpCase == "WebRequest")
      WebRequest("GET", "http://127.0.0.1", "", 1000, body, answer, headers);
   if(InpCase == "OrderSend" && OrderSend(request, result))
      Print("sent");
   if(InpCase == "Sleep")
      Sleep(1);
   return INIT_SUCCEEDED;
}
