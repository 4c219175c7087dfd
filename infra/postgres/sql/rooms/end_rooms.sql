-- Rooms whose sale is over for so long that whatever became of their tickets is written down.
-- $1 seconds
UPDATE rooms SET ended_at = clock_timestamp()
FROM sales
WHERE sales.sale_id = rooms.sale_id AND rooms.ended_at IS NULL
    AND sales.ends_at < clock_timestamp() - $1 * interval '1 second'
RETURNING rooms.sale_id, rooms.sku_id
