-- An order with its deliveries in question and the money that earns points.
-- $1 order, $2 statuses of deliveries, $3 methods that earn points
SELECT orders.*, coalesce(title, sku_id) AS title,
       ARRAY(
           SELECT kind FROM deliveries WHERE order_id = $1 AND status = ANY($2::text[])
       ) AS kinds,
       money_that_earns($1, $3::text[]) AS money
FROM orders LEFT JOIN sale_items USING (sale_id, sku_id)
WHERE order_id = $1
