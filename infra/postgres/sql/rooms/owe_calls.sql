-- Who was called is owed a message, once for each number he was called under.
-- $1 sale, $2 SKU, then one array each of users and numbers
INSERT INTO room_messages (sale_id, sku_id, user_id, topic, number)
SELECT ticket.sale_id, ticket.sku_id, ticket.user_id, 'called', said.number
FROM unnest($3::text[], $4::int[]) AS said(user_id, number)
-- Not who was left out of the tickets.
JOIN room_tickets AS ticket
    ON ticket.sale_id = $1 AND ticket.sku_id = $2 AND ticket.user_id = said.user_id
ON CONFLICT DO NOTHING
