-- Payment, order, stock, ledger and what is owed to the buyer, if the order waits for this payment.
-- $1 order, $2 payment, $3 trade number, $4 amount, $5 paid at, $6 method, $7 notice,
-- $8 kinds of deliveries
WITH paid AS (
    -- Compare and set: a cancel of the same moment waits for this row, and then finds it paid.
    UPDATE orders SET status = 'paid', version = orders.version + 1
    FROM payments AS payment
    WHERE orders.order_id = $1 AND orders.status = 'pending_payment'
      AND payment.payment_id = $2 AND payment.order_id = $1 AND payment.amount = $4
    RETURNING orders.order_id, orders.sale_id, orders.sku_id, orders.user_id, orders.version
), settled AS (
    UPDATE payments SET status = 'paid', trade_no = $3, paid_at = $5
    FROM paid WHERE payment_id = $2
), ledger AS (
    INSERT INTO payment_flows (order_id, payment_id, method, kind, reference, amount)
    SELECT order_id, $2, $6, 'received', $3, $4 FROM paid
    ON CONFLICT DO NOTHING
), noticed AS (
    UPDATE payment_notices SET handled_at = now(), handled_as = 'received'
    FROM paid WHERE notice_id = $7 AND handled_at IS NULL
), told AS (
    INSERT INTO order_events (order_id, event, actor, detail)
    SELECT order_id, 'paid', 'provider:' || $6, 'trade ' || $3 FROM paid
), owed AS (
    INSERT INTO deliveries (order_id, kind, status)
    SELECT order_id, unnest($8::text[]), 'pending' FROM paid
    ON CONFLICT DO NOTHING
), moved AS (
    INSERT INTO stock_movements (sale_id, sku_id, order_id, kind, quantity)
    SELECT hold.sale_id, hold.sku_id, hold.order_id, 'sell', hold.quantity
    FROM paid JOIN stock_movements AS hold ON hold.order_id = paid.order_id AND hold.kind = 'hold'
    ON CONFLICT DO NOTHING
    RETURNING sale_id, sku_id, quantity
), sold AS (
    -- Last, for the same reason as when it was placed: all orders of the sale wait for this row.
    UPDATE sale_items AS item
    SET held = item.held - moved.quantity, sold = item.sold + moved.quantity
    FROM moved WHERE (item.sale_id, item.sku_id) = (moved.sale_id, moved.sku_id)
)
SELECT order_id, user_id, version FROM paid
