-- Money of the plain case: an order that waits takes the whole amount of a payment that is open.
-- Everything else is left to the order's workflow. A notice stays unhandled; it is the workflow
-- that handles it.
-- $1 orders, $2 payments, $3 trade numbers, $4 amounts, $5 paid at, $6 methods, $7 notices,
-- $8 kinds of deliveries
WITH news AS (
    SELECT * FROM unnest($1::text[], $2::text[], $3::text[], $4::bigint[], $5::timestamptz[],
                         $6::text[], $7::text[])
        AS news(order_id, payment_id, trade_no, amount, paid_at, method, notice_id)
), waiting AS (
    SELECT news.* FROM news JOIN orders USING (order_id) JOIN sales USING (sale_id)
    WHERE orders.status = 'pending_payment' AND sales.status <> 'cancelled'
    ORDER BY news.order_id
    FOR NO KEY UPDATE OF orders
), plain AS (
    SELECT news.* FROM waiting AS news
    JOIN payments AS payment USING (order_id, payment_id)
    WHERE payment.status = 'created' AND payment.amount = news.amount
      AND payment.method = news.method
      -- Nothing of it has gone back.
      AND NOT EXISTS (SELECT FROM refunds WHERE refunds.payment_id = news.payment_id)
      AND NOT EXISTS (
          SELECT FROM payment_flows AS flow
          WHERE flow.order_id = news.order_id AND flow.payment_id = news.payment_id
            AND flow.kind = 'refunded'
      )
      -- The trade is on the ledger for nobody else.
      AND NOT EXISTS (
          SELECT FROM payment_flows AS flow
          WHERE flow.method = news.method AND flow.kind = 'received'
            AND flow.reference = news.trade_no AND flow.payment_id <> news.payment_id
      )
      AND (news.notice_id IS NULL OR EXISTS (
          SELECT FROM payment_notices AS notice
          WHERE notice.notice_id = news.notice_id AND notice.payment_id = news.payment_id
            AND notice.verdict = 'accepted' AND notice.kind = 'payment'
      ))
    ORDER BY payment.payment_id
    FOR NO KEY UPDATE OF payment
), paid AS (
    UPDATE orders SET status = 'paid', version = orders.version + 1
    FROM plain
    WHERE orders.order_id = plain.order_id AND orders.status = 'pending_payment'
    RETURNING orders.order_id, orders.sale_id, orders.sku_id, orders.user_id, orders.version,
              plain.payment_id, plain.trade_no, plain.amount, plain.paid_at, plain.method
), settled AS (
    UPDATE payments SET status = 'paid', trade_no = paid.trade_no, paid_at = paid.paid_at
    FROM paid WHERE payments.payment_id = paid.payment_id
), ledger AS (
    -- Its own row may stand. Anybody else's that has just come must fail this, not be passed over.
    INSERT INTO payment_flows (order_id, payment_id, method, kind, reference, amount)
    SELECT order_id, payment_id, method, 'received', trade_no, amount FROM paid
    WHERE NOT EXISTS (
        SELECT FROM payment_flows AS flow
        WHERE flow.method = paid.method AND flow.kind = 'received'
          AND flow.reference = paid.trade_no
    )
), told AS (
    INSERT INTO order_events (order_id, event, actor, detail)
    SELECT order_id, 'paid', 'provider:' || method, 'trade ' || trade_no FROM paid
), owed AS (
    INSERT INTO deliveries (order_id, kind, status)
    SELECT order_id, kind, 'pending' FROM paid, unnest($8::text[]) AS kind
    ON CONFLICT DO NOTHING
), moved AS (
    INSERT INTO stock_movements (sale_id, sku_id, order_id, kind, quantity)
    SELECT hold.sale_id, hold.sku_id, hold.order_id, 'sell', hold.quantity
    FROM paid JOIN stock_movements AS hold ON hold.order_id = paid.order_id AND hold.kind = 'hold'
    ON CONFLICT DO NOTHING
    RETURNING sale_id, sku_id, quantity
), sold AS (
    UPDATE sale_items AS item
    SET held = item.held - moved.units, sold = item.sold + moved.units
    FROM (
        SELECT sale_id, sku_id, sum(quantity)::int AS units FROM moved GROUP BY sale_id, sku_id
    ) AS moved
    WHERE (item.sale_id, item.sku_id) = (moved.sale_id, moved.sku_id)
)
SELECT order_id, payment_id, trade_no, user_id, version FROM paid
