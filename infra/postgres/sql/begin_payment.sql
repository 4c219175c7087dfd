-- Answers with the payment of this id that stands already, else with this one.
-- $1 payment, $2 order, $3 method, $4 scene, $5 status, $6 amount, $7 currency, $8 expires at,
-- $9 created at, $10 action, $11 actor, $12 when a round asks after it
WITH grown AS (
    -- The order before the payment, as everywhere: no deadlock with who holds the order to begin one.
    UPDATE orders SET version = version + 1
    WHERE order_id = $2 AND NOT EXISTS (SELECT FROM payments WHERE payment_id = $1)
    RETURNING user_id, version
), begun AS (
    INSERT INTO payments (payment_id, order_id, method, scene, status, amount, currency,
                          expires_at, created_at, action, ask_at)
    SELECT $1, $2, $3, $4, $5, $6, $7, $8::timestamptz, $9::timestamptz, $10::jsonb,
           $12::timestamptz
    FROM (SELECT count(*) FROM grown) AS first
    -- Changes nothing; DO NOTHING would not answer with the row that stands. xmax is 0 in a row
    -- that is new.
    ON CONFLICT (payment_id) DO UPDATE SET payment_id = excluded.payment_id
    RETURNING *, xmax = 0 AS is_new
), told AS (
    INSERT INTO order_events (order_id, event, actor, detail)
    SELECT order_id, 'payment_begun', $11, method FROM begun WHERE is_new AND action IS NOT NULL
)
SELECT begun.*, grown.user_id, grown.version FROM begun LEFT JOIN grown ON true
