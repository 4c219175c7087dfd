-- Points, entitlement and what else was delivered, and the order's end if nothing else is owed.
-- $1 order, $2 kinds delivered, $3 what to say of each, $4 award in points, $5 whether to fulfil,
-- $6 the money that the award is for, $7 methods that earn points
WITH still AS (
    SELECT order_id, user_id, sale_id, sku_id, quantity, status FROM orders
    WHERE order_id = $1 AND status IN ('paid', 'fulfilled')
    -- A refund waits for this lock, and then takes back what is given here.
    FOR UPDATE
), done AS (
    UPDATE deliveries SET status = 'done', detail = delivered.detail, done_at = now()
    FROM still, unnest($2::text[], $3::text[]) AS delivered(kind, detail)
    WHERE deliveries.order_id = still.order_id AND deliveries.kind = delivered.kind
      AND deliveries.status IN ('pending', 'failed')
      -- Asked once the lock is there: a part may have gone back since the award was worked out.
      AND (deliveries.kind <> 'points' OR money_that_earns(still.order_id, $7::text[]) = $6)
    RETURNING deliveries.kind, deliveries.status, deliveries.detail
), others AS (
    -- All parts see the tables as they were before any of them wrote: `done` is still open here.
    SELECT kind, status, detail FROM deliveries
    WHERE order_id = $1 AND kind NOT IN (SELECT kind FROM done)
), account AS (
    INSERT INTO points_accounts (user_id, balance)
    SELECT user_id, $4 FROM still JOIN done ON kind = 'points' WHERE $4::bigint > 0
    ON CONFLICT (user_id) DO UPDATE SET balance = points_accounts.balance + excluded.balance
    RETURNING user_id, balance
), award AS (
    INSERT INTO points_entries (user_id, order_id, kind, amount, balance_after, note)
    SELECT user_id, $1, 'award', $4, balance, 'thank you for your order' FROM account
), entitled AS (
    INSERT INTO entitlements (order_id, user_id, sale_id, sku_id, quantity)
    SELECT order_id, user_id, sale_id, sku_id, quantity
    FROM still JOIN done ON kind = 'entitlement'
    ON CONFLICT DO NOTHING
), ends AS (
    SELECT $5 AND still.status = 'paid'
           AND NOT EXISTS (SELECT FROM others WHERE status IN ('pending', 'failed')) AS fulfils
    FROM still
), grown AS (
    UPDATE orders
    SET version = orders.version + 1,
        status = CASE WHEN fulfils THEN 'fulfilled' ELSE orders.status END,
        closed_at = CASE WHEN fulfils THEN now() ELSE orders.closed_at END
    FROM still, ends
    WHERE orders.order_id = still.order_id AND (fulfils OR EXISTS (SELECT FROM done))
    RETURNING orders.order_id, orders.user_id, orders.version, fulfils
), told AS (
    INSERT INTO order_events (order_id, event, actor, detail)
    SELECT order_id, 'fulfilled', 'system', (
        SELECT string_agg(kind || ' ' || status || ': ' || detail, '; ' ORDER BY kind)
        FROM (TABLE done UNION ALL TABLE others) AS owed
    )
    FROM grown WHERE fulfils
)
SELECT order_id, user_id, version, fulfils FROM grown
