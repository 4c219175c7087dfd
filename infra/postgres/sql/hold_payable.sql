-- The order's row, if a payment may be begun or handed out: nobody ends, closes or settles it then.
-- $1 order, $2 now
SELECT order_id FROM orders
WHERE order_id = $1 AND status = 'pending_payment' AND closing_at IS NULL AND pay_deadline > $2
  -- All at once: to mark each of its orders would take a large sale too long.
  AND NOT EXISTS (SELECT FROM sales WHERE sales.sale_id = orders.sale_id
                  AND sales.status = 'cancelled')
FOR NO KEY UPDATE
