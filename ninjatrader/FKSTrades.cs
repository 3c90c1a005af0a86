// FKS Bridge for NinjaTrader 8: orders, executions, positions and accounts as the bridge wants them.

using System;
using System.Collections.Generic;
using NinjaTrader.Cbi;

namespace NinjaTrader.NinjaScript.AddOns.FKS
{
    /// <summary>
    /// Each message is a snapshot of one order, position or account, under the names that MetaTrader's
    /// programs use (docs/protocol.md) where NinjaTrader has the same thing.
    /// </summary>
    public static class FKSTrades
    {
        private static readonly Dictionary<string, string> Currencies = new Dictionary<string, string>
        {
            { "UsDollar", "USD" }, { "Euro", "EUR" }, { "BritishPound", "GBP" }, { "JapaneseYen", "JPY" },
            { "SwissFranc", "CHF" }, { "AustralianDollar", "AUD" }, { "CanadianDollar", "CAD" }
        };

        public static bool IsOpen(Order order)
        {
            return !Cbi.Order.IsTerminalState(order.OrderState);
        }

        /// <summary>An order as it stands.</summary>
        public static void Order(Order order)
        {
            FKSHub.State("order", Of(order, order.OrderState, order.Quantity, order.Filled, order.Time,
                order.LimitPrice, order.StopPrice, order.AverageFillPrice));
        }

        /// <summary>A change of an order. The event is right at its moment; the order may have moved on.</summary>
        public static void Order(OrderEventArgs e)
        {
            JsonObject order = Of(e.Order, e.OrderState, e.Quantity, e.Filled, e.Time, e.LimitPrice, e.StopPrice,
                e.AverageFillPrice);
            string change = EventOf(e.OrderState);
            FKSHub.State("order", change == null ? order : order.Add("event", change));
        }

        public static void Execution(Execution execution)
        {
            Order order = execution.Order;
            bool isDone = order.Filled >= order.Quantity;
            JsonObject fields = Of(order, order.OrderState, order.Quantity, order.Filled, execution.Time,
                order.LimitPrice, order.StopPrice, order.AverageFillPrice);
            fields.Add("execution_id", execution.ExecutionId).Add("execution_volume", (long)execution.Quantity);
            Price(fields, "execution_price", execution.Price);
            FKSHub.State("order", fields.Add("event", isDone ? "filled" : "part_filled"));
        }

        /// <summary>A position as it stands.</summary>
        public static void Position(Position position)
        {
            Position(position, position.MarketPosition, position.Quantity, position.AveragePrice);
        }

        /// <summary>NinjaTrader holds one position for each account and instrument: they are its ticket.</summary>
        public static void Position(Position position, MarketPosition side, int quantity, double price)
        {
            JsonObject fields = new JsonObject().Add("ticket", TicketOf(position))
                .Add("symbol", position.Instrument.FullName).Add("account", position.Account.Name);
            if (side != MarketPosition.Flat)
                Price(fields.Add("side", side == MarketPosition.Long ? "buy" : "sell"), "price", price);
            fields.Add("volume", side == MarketPosition.Flat ? 0L : quantity);
            FKSHub.State("position", fields.Add("time_ms", FKSClock.WallMs));
        }

        /// <summary>Figures, and all that stands: what the lists leave out is over, whoever missed its end.</summary>
        public static void Account(Account account, List<Position> positions, List<Order> orders)
        {
            List<Position> open = positions.FindAll(delegate(Position each) { return each.MarketPosition != MarketPosition.Flat; });
            FKSHub.State("account", Figures(account).Raw("orders", Listed(orders.ConvertAll(TicketOf)))
                .Raw("positions", Listed(open.ConvertAll(TicketOf))));
        }

        public static void Account(Account account)
        {
            FKSHub.State("account", Figures(account));
        }

        private static JsonObject Figures(Account account)
        {
            JsonObject fields = new JsonObject().Add("login", account.Name)
                .Add("currency", CodeOf(account.Denomination));
            Amount(fields, "balance", account.Get(AccountItem.CashValue, account.Denomination));
            Amount(fields, "equity", account.Get(AccountItem.NetLiquidation, account.Denomination));
            Amount(fields, "margin", account.Get(AccountItem.InitialMargin, account.Denomination));
            Amount(fields, "free_margin", account.Get(AccountItem.ExcessInitialMargin, account.Denomination));
            return fields.Add("time_ms", FKSClock.WallMs);
        }

        private static string Listed(List<string> tickets)
        {
            return "[" + string.Join(",", tickets.ConvertAll(Json.Quote).ToArray()) + "]";
        }

        private static string TicketOf(Order order)
        {
            return order.OrderId ?? ""; // the broker has yet to give it one
        }

        private static string TicketOf(Position position)
        {
            return position.Account.Name + " " + position.Instrument.FullName;
        }

        private static JsonObject Of(Order order, OrderState state, int quantity, int filled, DateTime shown,
            double limit, double stop, double fill)
        {
            DateTime utc = FKSBars.ToUtc(shown, Core.Globals.GeneralOptions.TimeZoneInfo);
            JsonObject fields = new JsonObject().Add("ticket", TicketOf(order))
                .Add("symbol", order.Instrument.FullName).Add("account", order.Account.Name)
                .Add("side", SideOf(order.OrderAction)).Add("kind", KindOf(order.OrderType))
                .Add("state", state.ToString()).Add("volume", (long)quantity)
                .Add("volume_left", (long)(quantity - filled)).Add("comment", order.Name ?? "");
            // NinjaTrader writes 0 where an order has no such price.
            Price(fields, "price", stop != 0 ? stop : limit);
            Price(fields, "limit_price", limit);
            Price(fields, "stop_price", stop);
            Price(fields, "fill_price", fill);
            return fields.Add("time_ms", FKSClock.ToMs(utc));
        }

        private static void Price(JsonObject fields, string name, double value)
        {
            if (value != 0)
                Amount(fields, name, value);
        }

        private static void Amount(JsonObject fields, string name, double value)
        {
            if (Json.IsFinite(value))
                fields.Add(name, value);
        }

        private static string CodeOf(Currency currency)
        {
            string code;
            return Currencies.TryGetValue(currency.ToString(), out code) ? code : currency.ToString();
        }

        private static string SideOf(OrderAction action)
        {
            return action == OrderAction.Buy || action == OrderAction.BuyToCover ? "buy" : "sell";
        }

        private static string KindOf(OrderType type)
        {
            switch (type)
            {
                case OrderType.Market: return "market";
                case OrderType.Limit: return "limit";
                case OrderType.StopMarket: return "stop";
                case OrderType.StopLimit: return "stop_limit";
                default: return type.ToString().ToLowerInvariant();
            }
        }

        private static string EventOf(OrderState state)
        {
            switch (state)
            {
                case OrderState.Accepted:
                case OrderState.Working: return "placed";
                case OrderState.PartFilled: return "part_filled";
                case OrderState.Filled: return "filled";
                case OrderState.Cancelled: return "cancelled";
                case OrderState.Rejected: return "rejected";
                case OrderState.ChangeSubmitted: return "modified";
                default: return null;
            }
        }
    }
}
