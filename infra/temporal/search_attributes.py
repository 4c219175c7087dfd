"""The names workflows are searched by and their types, for who starts a Temporal and needs no
client of it: loading one takes longer than all else a command of the stack does."""

SEARCH_TYPES = {
    "SaleId": "Keyword",
    "SkuId": "Keyword",
    "UserId": "Keyword",
    "OrderStatus": "Keyword",
    "PaymentMethod": "Keyword",
    "SaleStatus": "Keyword",
    "NeedsAttention": "Bool",
}
