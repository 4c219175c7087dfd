-- Whoever still has a place is owed the message that the room is over, once.
-- $1 sale, $2 SKU
INSERT INTO room_messages (sale_id, sku_id, user_id, topic, number)
SELECT sale_id, sku_id, user_id, 'room_over', 0 FROM room_tickets
WHERE sale_id = $1 AND sku_id = $2 AND state IN ('waiting', 'called', 'overdue', 'fetched')
ON CONFLICT DO NOTHING
