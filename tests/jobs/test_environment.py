from __future__ import annotations

from gradus.jobs.environment import worker_environment


def test_a_worker_sees_how_the_web_is_reached_but_no_password() -> None:
    given = {
        "https_proxy": "http://proxy.test:3128", "HTTP_PROXY": "http://me:secret@proxy.test:3128",
        "NO_PROXY": "inside.test", "SSL_CERT_FILE": "/etc/own.pem", "AWS_SECRET_ACCESS_KEY": "secret",
        "GRADUS_TOKEN": "secret",
    }  # fmt: skip
    kept = worker_environment(given)
    assert kept["https_proxy"] == "http://proxy.test:3128"
    assert kept["NO_PROXY"] == "inside.test"
    assert kept["SSL_CERT_FILE"] == "/etc/own.pem"
    assert "secret" not in "".join(kept.values())
