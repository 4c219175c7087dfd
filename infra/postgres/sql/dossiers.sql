-- Orders with everything that hangs on them, as far as they have come to another version than is
-- known of them: many at once, as one answer to all who follow them.
-- $1 orders, $2 the version known of each, $3 users of whom the newest orders are wanted as well,
-- $4 how many of each user, $5 how many in all
WITH known AS (
    SELECT * FROM unnest($1::text[], $2::int[]) AS known(order_id, version)
), wanted AS (
    SELECT order_id FROM known
    UNION
    SELECT newest.order_id
    FROM unnest($3::text[]) AS followed(user_id) CROSS JOIN LATERAL (
        SELECT order_id FROM orders WHERE orders.user_id = followed.user_id
        ORDER BY order_id DESC LIMIT $4
    ) AS newest
), changed AS MATERIALIZED (
    SELECT orders.* FROM wanted JOIN orders USING (order_id) LEFT JOIN known USING (order_id)
    -- Not only a greater one: Postgres may have been put back to an earlier state.
    WHERE orders.version IS DISTINCT FROM known.version
    ORDER BY order_id LIMIT $5
)
SELECT changed.*,
       (SELECT json_agg(payment ORDER BY created_at, payment_id) FROM payments AS payment
        WHERE payment.order_id = changed.order_id) AS payments,
       (SELECT json_agg(refund ORDER BY refund_number) FROM refunds AS refund
        WHERE refund.order_id = changed.order_id) AS refunds,
       (SELECT json_agg(delivery ORDER BY kind) FROM deliveries AS delivery
        WHERE delivery.order_id = changed.order_id) AS deliveries,
       -- Not `event`, which would be the column of that name.
       (SELECT json_agg(told ORDER BY event_id) FROM (
            SELECT event_id, at, event, actor, detail FROM archived_order_events
            WHERE archived_order_events.order_id = changed.order_id
            UNION ALL
            SELECT event_id, at, event, actor, detail FROM order_events
            WHERE order_events.order_id = changed.order_id
        ) AS told) AS events
FROM changed
