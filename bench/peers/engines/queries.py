"""The tables of a peer, and its statements: order, stock, payment, points and message, no more.

Each statement may be repeated: what it did once it finds done.
"""

SCHEMA = """
CREATE TABLE IF NOT EXISTS items (
  sale_id text, sku_id text, price bigint NOT NULL, total int NOT NULL,
  available int NOT NULL CHECK (available >= 0), held int NOT NULL DEFAULT 0 CHECK (held >= 0),
  sold int NOT NULL DEFAULT 0 CHECK (sold >= 0), pay_seconds int NOT NULL DEFAULT 1800,
  CHECK (total = available + held + sold), PRIMARY KEY (sale_id, sku_id)) WITH (fillfactor = 50);
CREATE TABLE IF NOT EXISTS orders (
  order_id varchar(26) PRIMARY KEY, sale_id text NOT NULL, sku_id text NOT NULL,
  user_id text NOT NULL, quantity int NOT NULL, amount bigint NOT NULL, status varchar(20) NOT NULL,
  created_at timestamptz NOT NULL DEFAULT now(), pay_deadline timestamptz NOT NULL,
  closed_at timestamptz, UNIQUE (sale_id, sku_id, user_id)) WITH (fillfactor = 70);
CREATE INDEX IF NOT EXISTS due ON orders (pay_deadline) WHERE status = 'pending_payment';
CREATE TABLE IF NOT EXISTS payments (
  payment_id varchar(32) PRIMARY KEY, order_id varchar(26) NOT NULL UNIQUE REFERENCES orders,
  method text NOT NULL, amount bigint NOT NULL, trade_no text NOT NULL,
  paid_at timestamptz NOT NULL);
CREATE TABLE IF NOT EXISTS points_entries (
  entry_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, user_id text NOT NULL,
  order_id varchar(26) NOT NULL UNIQUE, amount bigint NOT NULL,
  at timestamptz NOT NULL DEFAULT now());
CREATE TABLE IF NOT EXISTS messages (
  message_number bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  order_id varchar(26) NOT NULL UNIQUE, user_id text NOT NULL, body jsonb NOT NULL,
  sent_at timestamptz NOT NULL DEFAULT now());
"""

# A row that all orders of an item change comes last in its statement. What does not fit into the
# stock breaks the row's check, which undoes the whole statement.
PLACE = """
WITH placed AS (
  INSERT INTO orders
    (order_id, sale_id, sku_id, user_id, quantity, amount, status, pay_deadline)
  SELECT o.order_id, sale_id, sku_id, o.user_id, o.quantity, price * o.quantity,
         'pending_payment', now() + make_interval(secs => pay_seconds)
  FROM unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::int[])
       AS o(order_id, sale_id, sku_id, user_id, quantity) JOIN items USING (sale_id, sku_id)
  ON CONFLICT (order_id) DO NOTHING RETURNING sale_id, sku_id, quantity
), sums AS (
  SELECT sale_id, sku_id, sum(quantity)::int AS quantity FROM placed GROUP BY 1, 2
)
UPDATE items SET available = available - sums.quantity, held = held + sums.quantity
FROM sums WHERE (items.sale_id, items.sku_id) = (sums.sale_id, sums.sku_id)
"""

# Answers which of the orders there are: money for one that is not placed yet must come again.
SETTLE = """
WITH paid AS (
  UPDATE orders SET status = 'paid', closed_at = now()
  FROM unnest($1::text[], $2::text[]) AS notice(order_id, trade_no)
  WHERE orders.order_id = notice.order_id AND status = 'pending_payment'
  RETURNING orders.order_id, sale_id, sku_id, user_id, quantity, amount, trade_no
), payment AS (
  INSERT INTO payments (payment_id, order_id, method, amount, trade_no, paid_at)
  SELECT 'p' || order_id, order_id, 'alipay', amount, trade_no, now() FROM paid
), points AS (
  INSERT INTO points_entries (user_id, order_id, amount)
  SELECT user_id, order_id, amount / 100 FROM paid
), message AS (
  INSERT INTO messages (order_id, user_id, body)
  SELECT order_id, user_id,
         jsonb_build_object('topic', 'order_paid', 'sku', sku_id, 'amount', amount)
  FROM paid
), sums AS (
  SELECT sale_id, sku_id, sum(quantity)::int AS quantity FROM paid GROUP BY 1, 2
), stock AS (
  UPDATE items SET held = held - sums.quantity, sold = sold + sums.quantity
  FROM sums WHERE (items.sale_id, items.sku_id) = (sums.sale_id, sums.sku_id)
)
SELECT order_id FROM orders WHERE order_id = ANY($1::text[])
"""

RELEASE = """
WITH undone AS (
  UPDATE orders SET status = 'timed_out', closed_at = now()
  WHERE order_id = $1 AND status = 'pending_payment' RETURNING sale_id, sku_id, quantity
)
UPDATE items SET available = available + undone.quantity, held = held - undone.quantity
FROM undone WHERE (items.sale_id, items.sku_id) = (undone.sale_id, undone.sku_id)
"""

DUE = """
SELECT order_id, sale_id, sku_id, user_id, quantity FROM orders
WHERE status = 'pending_payment' AND pay_deadline < now() ORDER BY pay_deadline LIMIT 500
"""

PUT_ON_SALE = """
INSERT INTO items (sale_id, sku_id, price, total, available) VALUES ($1, $2, 9900, $3, $3)
"""

PROGRESS = """
SELECT count(*) AS placed, count(*) FILTER (WHERE status = 'paid') AS paid
FROM orders WHERE sale_id = $1
"""

ENDED_AS = """
SELECT (SELECT count(*) FROM payments JOIN orders USING (order_id) WHERE sale_id = $1) AS payments,
       (SELECT count(*) FROM points_entries JOIN orders USING (order_id) WHERE sale_id = $1)
         AS points,
       (SELECT count(*) FROM messages JOIN orders USING (order_id) WHERE sale_id = $1) AS messages,
       held, sold
FROM items WHERE sale_id = $1
"""
