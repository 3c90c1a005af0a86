// FKS Bridge for NinjaTrader 8: orders, executions, positions and accounts, as they change.

using System;
using System.Collections.Generic;
using NinjaTrader.Cbi;

namespace NinjaTrader.NinjaScript.AddOns.FKS
{
    /// <summary>
    /// Listens to every account of the platform. A strategy's own events show only its own orders, so the
    /// accounts are asked instead.
    /// </summary>
    public sealed class AccountWatch : IDisposable
    {
        private readonly List<Account> watched = new List<Account>();

        public AccountWatch()
        {
            lock (Account.All)
                watched.AddRange(Account.All);
            foreach (Account account in watched)
            {
                account.OrderUpdate += OnOrder;
                account.ExecutionUpdate += OnExecution;
                account.PositionUpdate += OnPosition;
                account.AccountItemUpdate += OnItem;
            }
        }

        public void Dispose()
        {
            foreach (Account account in watched)
            {
                account.OrderUpdate -= OnOrder;
                account.ExecutionUpdate -= OnExecution;
                account.PositionUpdate -= OnPosition;
                account.AccountItemUpdate -= OnItem;
            }
        }

        private static void OnOrder(object sender, OrderEventArgs e)
        {
            string change = EventOf(e.OrderState);
            JsonObject order = OrderFields(e.Order, e.Time).Add("state", e.OrderState.ToString())
                .Add("volume", (long)e.Quantity).Add("volume_left", (long)(e.Quantity - e.Filled));
            Price(order, "price", e.AverageFillPrice);
            Price(order, "limit_price", e.LimitPrice);
            Price(order, "stop_price", e.StopPrice);
            FKSHub.State("order", change == null ? order : order.Add("event", change));
        }

        private static void OnExecution(object sender, ExecutionEventArgs e)
        {
            Execution execution = e.Execution;
            if (execution.Order == null)
                return; // a fill that was not this platform's order, say after an assignment
            bool isDone = execution.Order.Filled >= execution.Order.Quantity;
            JsonObject order = OrderFields(execution.Order, execution.Time)
                .Add("state", execution.Order.OrderState.ToString())
                .Add("volume", (long)execution.Order.Quantity)
                .Add("volume_left", (long)(execution.Order.Quantity - execution.Order.Filled))
                .Add("execution_id", execution.ExecutionId).Add("execution_volume", (long)execution.Quantity)
                .Add("event", isDone ? "filled" : "part_filled");
            Price(order, "execution_price", execution.Price);
            FKSHub.State("order", order);
        }

        private static void OnPosition(object sender, PositionEventArgs e)
        {
            JsonObject position = new JsonObject().Add("symbol", e.Position.Instrument.FullName)
                .Add("account", e.Position.Account.Name).Add("side", e.MarketPosition.ToString().ToLowerInvariant())
                .Add("volume", (long)e.Quantity).Add("time_ms", FKSClient.NowMs);
            Price(position, "price", e.AveragePrice);
            FKSHub.State("position", position);
        }

        private static void OnItem(object sender, AccountItemEventArgs e)
        {
            if (e.AccountItem != AccountItem.CashValue && e.AccountItem != AccountItem.NetLiquidation)
                return;
            JsonObject account = new JsonObject().Add("account", e.Account.Name)
                .Add("currency", e.Currency.ToString()).Add("time_ms", FKSClient.NowMs);
            Price(account, e.AccountItem == AccountItem.CashValue ? "balance" : "equity", e.Value);
            FKSHub.State("account", account);
        }

        private static JsonObject OrderFields(Order order, DateTime shown)
        {
            DateTime utc = FKSBars.ToUtc(shown, Core.Globals.GeneralOptions.TimeZoneInfo);
            return new JsonObject().Add("symbol", order.Instrument.FullName).Add("account", order.Account.Name)
                .Add("ticket", order.OrderId).Add("side", SideOf(order.OrderAction))
                .Add("kind", KindOf(order.OrderType)).Add("time_ms", FKSClient.ToMs(utc));
        }

        private static void Price(JsonObject fields, string name, double value)
        {
            if (Json.IsFinite(value))
                fields.Add(name, value);
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
