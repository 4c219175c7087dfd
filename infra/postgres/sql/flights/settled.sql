-- What became of orders and payments.
-- $1 orders, $2 payments
SELECT wanted.order_id, wanted.payment_id, orders.status, payment.status AS payment_status,
       payment.trade_no
FROM unnest($1::text[], $2::text[]) AS wanted(order_id, payment_id)
JOIN orders USING (order_id)
LEFT JOIN payments AS payment USING (order_id, payment_id)
