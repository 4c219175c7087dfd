-- Writes the order and holds its stock, or answers with the order that stands, which was mostly
-- placed ahead. A refusal is an error, which undoes all of it.
-- $1 order, $2 sale, $3 SKU, $4 buyer, $5 quantity, $6 placed at,
-- $7 statuses whose units count against the buyer's limit
WITH standing AS (
    SELECT * FROM orders WHERE order_id = $1
), terms AS (
    SELECT price, currency, pay_window_seconds
    FROM sales JOIN sale_items USING (sale_id)
    WHERE sale_id = $2 AND sku_id = $3 AND status <> 'cancelled'
      AND NOT EXISTS (SELECT FROM standing)
    -- Whoever cancels the sale waits for this, or this for him, and then finds it cancelled.
    FOR SHARE OF sales
), placed AS (
    INSERT INTO orders (order_id, sale_id, sku_id, user_id, quantity, amount, currency, status,
                        created_at, pay_deadline, ahead)
    SELECT $1, $2, $3, $4, $5::int, price * $5::int, currency, 'pending_payment',
           $6::timestamptz, $6::timestamptz + make_interval(secs => pay_window_seconds),
           -- Whoever wrote it: a workflow that runs this asks here what is open when it closes.
           true
    FROM terms
    ON CONFLICT DO NOTHING
    RETURNING *
), told AS (
    INSERT INTO order_events (order_id, event, actor, detail)
    SELECT order_id, 'placed', 'system',
           to_char(pay_deadline AT TIME ZONE 'UTC', '"pay by "YYYY-MM-DD HH24:MI:SS" UTC"')
    FROM placed
), moved AS (
    INSERT INTO stock_movements (sale_id, sku_id, order_id, kind, quantity)
    SELECT sale_id, sku_id, order_id, 'hold', quantity FROM placed
    RETURNING sale_id, sku_id, quantity
), held AS (
    -- The item's row comes last: every order of the sale waits for its lock.
    UPDATE sale_items AS item
    SET available = item.available - moved.quantity, held = item.held + moved.quantity
    FROM moved
    WHERE (item.sale_id, item.sku_id) = (moved.sale_id, moved.sku_id)
      AND item.available >= moved.quantity
    RETURNING item.title, item.points_price, item.per_user_limit
)
SELECT placed.*, true AS is_new, title, points_price, false AS has_payments,
       CASE WHEN title IS NULL THEN refuse_placing('sold_out')
            -- Asked once the item's row is locked: before, two orders of one buyer, placed at one
            -- moment, would not see each other.
            WHEN units_of_buyer(sale_id, sku_id, user_id, $7) > per_user_limit
            THEN refuse_placing('limit_reached')
       END AS refused
FROM placed LEFT JOIN held ON true
UNION ALL
SELECT standing.*, false, item.title, item.points_price,
       EXISTS (SELECT FROM payments WHERE payments.order_id = $1), NULL::boolean
FROM standing LEFT JOIN sale_items AS item USING (sale_id, sku_id)
