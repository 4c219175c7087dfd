-- Money that has paid its order before, by whoever settled it: its workflow has heard of it now.
-- $1 order, $2 payment, $3 trade number, $4 amount, $5 notice
WITH taken AS (
    SELECT orders.status FROM orders JOIN payments AS payment USING (order_id)
    WHERE order_id = $1 AND payment_id = $2 AND trade_no = $3 AND payment.amount = $4
      AND payment.status IN ('paid', 'refunded')
), heard AS (
    UPDATE payment_notices SET handled_at = now(), handled_as = 'received'
    FROM taken WHERE notice_id = $5 AND handled_at IS NULL
)
SELECT status FROM taken
