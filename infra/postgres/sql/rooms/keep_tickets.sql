-- Writes what became of tickets of one room. Later versions win, and moments stay. Answers with who
-- was left out, because another has his index: that was given away twice.
-- $1 sale, $2 SKU, then one array each of what a ticket is, and of the moments of its changes
WITH said AS (
    SELECT * FROM unnest(
        $3::text[], $4::int[], $5::int[], $6::int[], $7::text[], $8::int[], $9::int[], $10::text[],
        $11::bigint[], $12::bigint[], $13::bytea[], $14::bytea[], $15::timestamptz[],
        $16::timestamptz[], $17::timestamptz[], $18::timestamptz[], $19::timestamptz[],
        $20::timestamptz[]
    ) AS said(
        user_id, index, number, units, state, version, lapses, order_id, expires_at_ms, at_ms,
        leaf, nonce, joined_at, called_at, fetched_at, lapsed_at, used_at, left_at
    )
), left_out AS (
    SELECT said.user_id FROM said
    JOIN room_tickets AS other
        ON other.sale_id = $1 AND other.sku_id = $2 AND other.index = said.index
        AND other.user_id <> said.user_id
), kept AS (
    INSERT INTO room_tickets AS kept (
        sale_id, sku_id, user_id, index, number, units, state, version, lapses, order_id,
        expires_at_ms, at_ms, leaf, nonce, joined_at, called_at, fetched_at, lapsed_at, used_at,
        left_at
    )
    SELECT $1, $2, said.* FROM said WHERE user_id NOT IN (SELECT user_id FROM left_out)
    ON CONFLICT (sale_id, sku_id, user_id) DO UPDATE SET
        -- His index and his leaf are the first he had, which the list of the draw goes by.
        number = excluded.number, units = excluded.units, state = excluded.state,
        version = excluded.version, lapses = excluded.lapses, order_id = excluded.order_id,
        expires_at_ms = excluded.expires_at_ms, at_ms = excluded.at_ms,
        joined_at = coalesce(kept.joined_at, excluded.joined_at),
        called_at = coalesce(excluded.called_at, kept.called_at),
        fetched_at = coalesce(excluded.fetched_at, kept.fetched_at),
        lapsed_at = coalesce(excluded.lapsed_at, kept.lapsed_at),
        used_at = coalesce(excluded.used_at, kept.used_at),
        left_at = coalesce(excluded.left_at, kept.left_at)
    WHERE excluded.version > kept.version
)
SELECT user_id FROM left_out
