-- What the buyer is to do, written only while the payment is neither paid nor closed.
-- $1 payment, $2 action, $3 expires at, $4 actor
WITH offered AS (
    UPDATE payments SET action = coalesce($2::jsonb, action), expires_at = $3
    WHERE payment_id = $1 AND status = 'created'
    RETURNING order_id, method
)
INSERT INTO order_events (order_id, event, actor, detail)
SELECT order_id, 'payment_begun', $4, method FROM offered
RETURNING order_id
