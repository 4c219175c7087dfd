-- The order as it stands, with its item's name and price in points.
-- $1 order
SELECT standing.*, false AS is_new, item.title, item.points_price,
       EXISTS (SELECT FROM payments WHERE payments.order_id = $1) AS has_payments
FROM orders AS standing LEFT JOIN sale_items AS item USING (sale_id, sku_id)
WHERE order_id = $1
