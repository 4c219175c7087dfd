"""What the API needs before it starts."""

from typing import Any

import pytest

from api.app import create_app
from infra.settings import Settings


@pytest.mark.parametrize("changes", [{"jwt_secret": ""}, {"jwt_secret": "", "dev_login": False}])
def test_an_api_that_could_check_no_token_does_not_start(changes: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="SECKILL_JWT"):
        create_app(Settings(**changes))
