import ssl

from infra.trusted_roots import trusted_roots


def test_certificates_are_checked_and_so_are_their_names() -> None:
    roots = trusted_roots()

    assert roots.verify_mode is ssl.CERT_REQUIRED
    assert roots.check_hostname
    assert roots.get_ca_certs() or roots.cert_store_stats()["x509_ca"]


def test_they_are_loaded_once() -> None:
    assert trusted_roots() is trusted_roots()
