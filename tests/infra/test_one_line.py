import pytest

from infra.one_line import in_one_line
from infra.settings import UnusableSetting


@pytest.mark.parametrize("error", [UnusableSetting("set it"), OSError("away")])
def test_what_is_expected_ends_the_command_with_its_message(
    error: Exception, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended, in_one_line(OSError):
        raise error

    assert ended.value.code == 1
    assert capsys.readouterr().err == f"{error}\n"


def test_what_is_not_expected_keeps_its_trace() -> None:
    with pytest.raises(KeyError), in_one_line(OSError):
        raise KeyError("a bug")
