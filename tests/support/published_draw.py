"""The draw whose every byte stands in docs/draw.md, as it would be published."""

import json

from verifying.draw import Published

USERS = ("ada", "bob", "cyd", "dan", "eve")
NONCES = tuple(bytes.fromhex(digit * 32) for digit in "01234")
SEED = bytes(range(32))
COMMITMENT = bytes.fromhex("630dcd2966c4336691125448bbb25b4ff412a49c732db2c8abc1b8581bd710dd")
LEAVES = tuple(
    bytes.fromhex(leaf)
    for leaf in (
        "2111ae0cf8f2fd26a88b3c35fc5c6e86f7969377a5c7e94a562302287eb20023",
        "c94e74f382c4fd950d0e4a87121e79493700939f275d94d70b9f51be40ae76e2",
        "675dcd526cf31520b80201d88a006140ef6ad1a5fa699f9b4627cd9ec6726d5e",
        "17c4f5ad175fa4a77fce3cf30cf473272ff68862c1423cc75723290854f00c0f",
        "0706dfb2786e58e47acb80c01820691257752c2b2e504fd32de48499968051be",
    )
)
DIGEST = bytes.fromhex("0232b1830321da7ff2fc92a271356d6b93c9e0471ea13d99ef15ad27eac54785")
PLACES = (4, 3, 2, 1, 5)
PLACES_WITH_BEACON = (4, 2, 3, 5, 1)
BEACON = "drand 4242"
PUBLISHED = Published(
    commitment=COMMITMENT,
    seed=SEED,
    beacon=b"",
    digest=DIGEST,
    pool_size=5,
    leaves=LEAVES,
    places=PLACES,
    noted_commitment=COMMITMENT,
)


def room_answer(**members: object) -> str:
    """As the API's answer about the room says it."""
    said = {
        "mode": "draw",
        "seed_commitment": COMMITMENT.hex(),
        "seed": SEED.hex(),
        "pool_size": 5,
        "digest": DIGEST.hex(),
        "beacon": None,
    }
    return json.dumps(said | members)


def list_answer(leaves: tuple[bytes, ...] = LEAVES) -> str:
    return "".join(leaf.hex() + "\n" for leaf in leaves)


def places_answer(places: tuple[int, ...] = PLACES) -> str:
    return "".join(f"{place}\n" for place in places)
