-- Orders as they stand, and where one does not, whether its sale still takes any.
-- $1 sale, $2 SKU, $3 orders
SELECT wanted.order_id AS asked_for, orders.*, item.title, item.points_price,
       coalesce(sales.status = 'cancelled', false) AS is_cancelled
FROM unnest($3::text[]) AS wanted(order_id)
LEFT JOIN orders ON orders.order_id = wanted.order_id
LEFT JOIN sales ON sales.sale_id = $1
LEFT JOIN sale_items AS item ON item.sale_id = $1 AND item.sku_id = $2
