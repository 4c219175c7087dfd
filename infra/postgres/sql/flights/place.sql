-- Writes orders of one item and holds their stock, all or none: a refusal is an error, which undoes
-- everything. Answers with those it wrote; one that stands already is left alone.
-- $1 sale, $2 SKU, $3 orders, $4 buyers, $5 quantities, $6 placed at,
-- $7 statuses whose units count against the buyer's limit,
-- $8 share of the window over which deadlines are spread, $9 seconds they are spread at most
WITH terms AS (
    SELECT sale_id, sku_id, price, currency, pay_window_seconds,
           least(pay_window_seconds * $8::float, $9::float) AS spread
    FROM sales JOIN sale_items USING (sale_id)
    WHERE sale_id = $1 AND sku_id = $2 AND status <> 'cancelled'
    -- Whoever cancels the sale waits for this, or this for him, and then finds it cancelled.
    FOR SHARE OF sales
), wanted AS (
    SELECT order_id, user_id, quantity, place, count(*) OVER () AS together
    FROM unnest($3::text[], $4::text[], $5::int[]) WITH ORDINALITY
        AS wanted(order_id, user_id, quantity, place)
), placed AS (
    INSERT INTO orders (order_id, sale_id, sku_id, user_id, quantity, amount, currency, status,
                        created_at, pay_deadline, ahead)
    SELECT order_id, sale_id, sku_id, user_id, quantity, price * quantity, currency,
           'pending_payment', $6::timestamptz,
           -- Spread, or thousands would expire in one second and all wait for the item's row.
           $6::timestamptz
               + make_interval(secs => pay_window_seconds + spread * (place - 1) / together),
           true
    FROM terms, wanted
    ORDER BY place
    ON CONFLICT DO NOTHING
    RETURNING *
), told AS (
    INSERT INTO order_events (order_id, event, actor, detail)
    SELECT order_id, 'placed', 'system',
           to_char(pay_deadline AT TIME ZONE 'UTC', '"pay by "YYYY-MM-DD HH24:MI:SS" UTC"')
    FROM placed
), moved AS (
    INSERT INTO stock_movements (sale_id, sku_id, order_id, kind, quantity)
    SELECT sale_id, sku_id, order_id, 'hold', quantity FROM placed
    RETURNING quantity
), held AS (
    -- The item's row comes last, and once for all of them.
    UPDATE sale_items AS item
    SET available = item.available - moved.units, held = item.held + moved.units
    FROM (SELECT sum(quantity)::int AS units FROM moved) AS moved
    WHERE item.sale_id = $1 AND item.sku_id = $2 AND item.available >= moved.units
    RETURNING item.title, item.points_price, item.per_user_limit
), fit AS MATERIALIZED (
    SELECT title, points_price,
           CASE WHEN title IS NULL THEN refuse_placing('sold_out')
                -- Asked once the item's row is locked; see `place.sql`.
                WHEN a_buyer_has_more($1, $2, (SELECT array_agg(DISTINCT user_id) FROM placed), $7,
                                      per_user_limit)
                THEN refuse_placing('limit_reached')
           END AS refused
    FROM (SELECT FROM placed LIMIT 1) AS any_placed LEFT JOIN held ON true
)
SELECT placed.*, title, points_price, refused FROM placed, fit
