// FKS Bridge for NinjaTrader 8: when orders, positions and accounts are told to the bridge.

using System;
using System.Collections.Generic;
using System.Threading;
using NinjaTrader.Cbi;

namespace NinjaTrader.NinjaScript.AddOns.FKS
{
    /// <summary>
    /// Listens to every account of the platform, since a strategy's own events show only its own orders.
    /// Changes of orders and positions are told at once, figures of accounts at most once a second, and
    /// everything that stands after each welcome and once a minute, so that what was missed is mended.
    /// </summary>
    public sealed class AccountWatch : IDisposable
    {
        private const int LookMs = 1000;
        private static readonly TimeSpan AllEvery = TimeSpan.FromMinutes(1);

        private readonly object gate = new object();
        private readonly List<Account> watched = new List<Account>();
        private readonly HashSet<Account> changed = new HashSet<Account>();
        private readonly Action<string> log;
        private readonly Timer timer;
        private TimeSpan allAt = FKSClock.Running() + AllEvery;
        private bool isDisposed;

        public AccountWatch(Action<string> log)
        {
            this.log = log;
            Attach();
            timer = new Timer(Look, null, LookMs, LookMs);
        }

        /// <summary>Everything that stands, of all accounts.</summary>
        public void TellAll()
        {
            lock (gate)
            {
                allAt = FKSClock.Running() + AllEvery;
                lock (changed)
                    changed.Clear();
                watched.ForEach(Tell);
            }
        }

        public void Dispose()
        {
            timer.Dispose();
            lock (gate)
            {
                isDisposed = true;
                watched.ForEach(Detach);
                watched.Clear();
            }
        }

        private void Look(object state)
        {
            lock (gate)
            {
                // What stands is told after the next welcome anyway.
                if (isDisposed || !FKSHub.IsConnected)
                    return;
                try
                {
                    TellNews();
                }
                catch (Exception error)
                {
                    // What escapes a timer ends NinjaTrader; a defect of ours must not.
                    log("orders and accounts are not told any more; a defect, please report it: " + error);
                    Dispose();
                }
            }
        }

        private void TellNews()
        {
            Attach().ForEach(Tell);
            if (FKSClock.Running() >= allAt)
                TellAll();
            else
                Changed().ForEach(FKSTrades.Account);
        }

        /// <summary>Accounts come when their connection does, long after the platform's start.</summary>
        private List<Account> Attach()
        {
            List<Account> fresh;
            lock (Account.All)
                fresh = new List<Account>(Account.All).FindAll(delegate(Account each) { return !watched.Contains(each); });
            foreach (Account account in fresh)
            {
                account.OrderUpdate += OnOrder;
                account.ExecutionUpdate += OnExecution;
                account.PositionUpdate += OnPosition;
                account.AccountItemUpdate += OnItem;
            }
            watched.AddRange(fresh);
            return fresh;
        }

        private void Detach(Account account)
        {
            account.OrderUpdate -= OnOrder;
            account.ExecutionUpdate -= OnExecution;
            account.PositionUpdate -= OnPosition;
            account.AccountItemUpdate -= OnItem;
        }

        private List<Account> Changed()
        {
            lock (changed)
            {
                List<Account> taken = new List<Account>(changed);
                changed.Clear();
                return taken;
            }
        }

        private static void Tell(Account account)
        {
            List<Position> positions;
            List<Order> orders;
            // The lists get their number under NinjaTrader's locks: what is new is told after them.
            lock (account.Positions)
            {
                lock (account.Orders)
                {
                    positions = new List<Position>(account.Positions);
                    orders = new List<Order>(account.Orders).FindAll(FKSTrades.IsOpen);
                    FKSTrades.Account(account, positions, orders);
                }
            }
            positions.ForEach(FKSTrades.Position);
            orders.ForEach(FKSTrades.Order);
        }

        // Their threads are the platform's: nothing here waits for what another of ours may hold long.

        private static void OnOrder(object sender, OrderEventArgs e)
        {
            FKSTrades.Order(e);
        }

        private static void OnExecution(object sender, ExecutionEventArgs e)
        {
            // A fill that was not this platform's order, say after an assignment, has none.
            if (e.Execution.Order != null)
                FKSTrades.Execution(e.Execution);
        }

        private static void OnPosition(object sender, PositionEventArgs e)
        {
            FKSTrades.Position(e.Position, e.MarketPosition, e.Quantity, e.AveragePrice);
        }

        private void OnItem(object sender, AccountItemEventArgs e)
        {
            // With a position open these change with each tick.
            lock (changed)
                changed.Add(e.Account);
        }
    }
}
