// An instrument's page: tabs, our chart, TradingView's widget.

import "./elements/chart.js";
import "./elements/widget.js";
import { startTabs } from "./ui/tabs.js";

startTabs();
