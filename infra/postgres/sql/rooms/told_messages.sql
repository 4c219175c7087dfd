-- $1 to $5: one array each of what names a message; $6 whether it was told, $7 seconds till the
-- next try where it was not
UPDATE room_messages AS message SET
    told_at = CASE WHEN said.told THEN clock_timestamp() END,
    due_at = clock_timestamp() + said.pause * interval '1 second'
FROM unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::int[], $6::bool[], $7::float8[])
    AS said(sale_id, sku_id, user_id, topic, number, told, pause)
WHERE message.sale_id = said.sale_id AND message.sku_id = said.sku_id
    AND message.user_id = said.user_id AND message.topic = said.topic
    AND message.number = said.number AND message.told_at IS NULL
