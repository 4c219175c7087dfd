-- Ends orders that wait for their payment: closes their payments and frees what they hold. The
-- caller has locked the orders by a query of its own, so that this one sees every payment.
-- $1 orders, $2 ends, $3 reasons as the buyer reads them, $4 actors, $5 what the events say,
-- $6 payments that are known to be closed, $7 orders that are ended whatever payment is open
WITH wanted AS (
    SELECT * FROM unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::text[])
        AS wanted(order_id, end_status, reason, actor, detail)
), unknown AS (
    -- Money may still arrive by a payment whose beginning nobody remembers.
    SELECT order_id FROM payments
    WHERE order_id = ANY($1) AND status = 'created' AND payment_id <> ALL($6::text[])
      AND order_id <> ALL($7::text[])
), ended AS (
    UPDATE orders SET status = end_status, closed_at = now(), reason = wanted.reason,
                      version = orders.version + 1
    FROM wanted
    WHERE orders.order_id = wanted.order_id AND orders.status = 'pending_payment'
      AND NOT EXISTS (SELECT FROM unknown WHERE unknown.order_id = orders.order_id)
    RETURNING orders.order_id, orders.user_id, orders.version, end_status, actor, detail
), closed AS (
    UPDATE payments SET status = 'closed',
        -- Nobody has closed it at its provider, or its provider may hear of it only after that.
        ask_at = CASE WHEN payments.method <> 'points'
                       AND (payments.action IS NULL OR payments.payment_id <> ALL($6::text[]))
                 THEN now() + interval '1 minute' END
    FROM ended WHERE payments.order_id = ended.order_id AND payments.status = 'created'
), told AS (
    INSERT INTO order_events (order_id, event, actor, detail)
    SELECT order_id, end_status, actor, detail FROM ended
), moved AS (
    INSERT INTO stock_movements (sale_id, sku_id, order_id, kind, quantity)
    SELECT hold.sale_id, hold.sku_id, hold.order_id, 'release', hold.quantity
    FROM ended JOIN stock_movements AS hold
        ON hold.order_id = ended.order_id AND hold.kind = 'hold'
    ON CONFLICT DO NOTHING
    RETURNING sale_id, sku_id, quantity
), freed AS (
    UPDATE sale_items AS item
    SET held = item.held - moved.units, available = item.available + moved.units
    FROM (
        SELECT sale_id, sku_id, sum(quantity)::int AS units FROM moved GROUP BY sale_id, sku_id
    ) AS moved
    WHERE (item.sale_id, item.sku_id) = (moved.sale_id, moved.sku_id)
)
SELECT order_id, user_id, version FROM ended
