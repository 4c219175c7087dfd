-- Messages that are due, calls first: they are nobody else's for so long. What would no longer be
-- true is forgotten instead.
-- $1 how many, $2 seconds
WITH due AS (
    SELECT sale_id, sku_id, user_id, topic, number FROM room_messages
    WHERE told_at IS NULL AND due_at <= clock_timestamp()
    ORDER BY topic, due_at
    LIMIT $1
    -- Another process takes the next ones instead of waiting for ours.
    FOR UPDATE SKIP LOCKED
), told_of AS (
    SELECT due.*, ticket.units, encode(ticket.leaf, 'hex') AS ticket, item.title,
        CASE due.topic
            WHEN 'called'
            THEN ticket.number = due.number AND ticket.state IN ('called', 'overdue', 'fetched')
            ELSE ticket.state IN ('waiting', 'called', 'overdue', 'fetched')
        END AS is_true
    FROM due
    JOIN room_tickets AS ticket USING (sale_id, sku_id, user_id)
    LEFT JOIN sale_items AS item USING (sale_id, sku_id)
), forgotten AS (
    DELETE FROM room_messages AS message USING told_of
    WHERE NOT is_true
        AND message.sale_id = told_of.sale_id AND message.sku_id = told_of.sku_id
        AND message.user_id = told_of.user_id AND message.topic = told_of.topic
        AND message.number = told_of.number
)
UPDATE room_messages AS message
SET tries = tries + 1, due_at = clock_timestamp() + $2 * interval '1 second'
FROM told_of
WHERE is_true
    AND message.sale_id = told_of.sale_id AND message.sku_id = told_of.sku_id
    AND message.user_id = told_of.user_id AND message.topic = told_of.topic
    AND message.number = told_of.number
RETURNING message.sale_id, message.sku_id, message.user_id, message.topic, message.number,
    message.tries, told_of.units, told_of.ticket, coalesce(told_of.title, message.sku_id) AS title
