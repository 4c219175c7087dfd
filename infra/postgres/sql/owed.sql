-- An order with its deliveries in question and the money that earns points.
-- $1 order, $2 statuses of deliveries, $3 methods that earn points
SELECT orders.*, coalesce(title, sku_id) AS title,
       ARRAY(
           SELECT kind FROM deliveries WHERE order_id = $1 AND status = ANY($2::text[])
       ) AS kinds,
       ARRAY(
           -- Less what went back while the order goes on.
           SELECT amount - (
               SELECT coalesce(sum(flow.amount), 0)::bigint FROM payment_flows AS flow
               WHERE flow.order_id = $1 AND flow.payment_id = payments.payment_id
                 AND flow.kind = 'refunded'
           ) FROM payments
           WHERE order_id = $1 AND status = 'paid' AND method = ANY($3::text[])
       ) AS money
FROM orders LEFT JOIN sale_items USING (sale_id, sku_id)
WHERE order_id = $1
