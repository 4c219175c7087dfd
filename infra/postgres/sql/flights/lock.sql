-- Orders that nobody else changes until the transaction ends, always locked in one order.
-- $1 orders
SELECT order_id, status FROM orders WHERE order_id = ANY($1::text[])
ORDER BY order_id
FOR NO KEY UPDATE
