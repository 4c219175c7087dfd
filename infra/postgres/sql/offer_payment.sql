-- What the buyer is to do, written only while the payment is neither paid nor closed.
-- $1 payment, $2 action, $3 expires at, $4 actor
WITH grown AS (
    -- The order before the payment, as everywhere: no deadlock.
    UPDATE orders SET version = orders.version + 1
    FROM (SELECT order_id FROM payments WHERE payment_id = $1 AND status = 'created') AS asked
    WHERE orders.order_id = asked.order_id
    RETURNING orders.order_id, orders.user_id, orders.version
), offered AS (
    UPDATE payments SET action = coalesce($2::jsonb, action), expires_at = $3
    FROM grown
    WHERE payment_id = $1 AND status = 'created'
    RETURNING payments.order_id, method
), told AS (
    INSERT INTO order_events (order_id, event, actor, detail)
    SELECT order_id, 'payment_begun', $4, method FROM offered
)
SELECT order_id, user_id, version FROM grown JOIN offered USING (order_id)
