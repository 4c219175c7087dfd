-- The order's row, if a payment may be begun or handed out: nobody ends, closes or settles it then.
-- $1 order, $2 now
SELECT order_id FROM orders
WHERE order_id = $1 AND status = 'pending_payment' AND closing_at IS NULL AND pay_deadline > $2
FOR NO KEY UPDATE
